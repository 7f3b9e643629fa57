/**
 * A client behind a load balancer that knows what `/readyz` has said lately, and no more: requests go in turn to the nodes that
 * were ready then. One that fails is sent once more, to another node, with the same idempotency key, as clients should.
 */
import type { Nodes } from './nodes.ts'

export type Told = {
  readonly status: number
  /** From when it was sent first, to its last answer. */
  readonly ms: number
  readonly wasRepeated: boolean
}

const LOOK_EVERY_MS = 100
const GIVEN_UP_MS = 30_000
const BROKEN = 0

export class BalancedClient {
  readonly #nodes: Nodes
  #ready: readonly string[] = []
  #next = 0
  #hasEnded = false
  #looking: Promise<void> = Promise.resolve()

  private constructor(nodes: Nodes) {
    this.#nodes = nodes
  }

  static async start(nodes: Nodes): Promise<BalancedClient> {
    const client = new BalancedClient(nodes)
    await client.#look()
    client.#looking = client.#lookOn()
    return client
  }

  async reserve(productId: string, customerId: string): Promise<Told> {
    const sentMs = performance.now()
    const first = await this.#send(productId, customerId)
    const isFailed = first === BROKEN || first >= 500
    const status = isFailed ? await this.#send(productId, customerId) : first
    return { status, ms: performance.now() - sentMs, wasRepeated: isFailed }
  }

  async close(): Promise<void> {
    this.#hasEnded = true
    await this.#looking
  }

  async #send(productId: string, customerId: string): Promise<number> {
    const url = this.#ready[this.#next++ % this.#ready.length]
    try {
      const response = await fetch(`${url}/v1/reservations`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${this.#nodes.key}`,
          'content-type': 'application/json',
          'idempotency-key': customerId,
        },
        body: JSON.stringify({ items: [{ productId, quantity: 1 }], customerId }),
        signal: AbortSignal.timeout(GIVEN_UP_MS),
      })
      await response.arrayBuffer()
      return response.status
    } catch {
      // The connection was refused or broke, or nobody answered: whatever it was, a client only sees that.
      return BROKEN
    }
  }

  async #lookOn(): Promise<void> {
    while (!this.#hasEnded) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
      await this.#look()
    }
  }

  async #look(): Promise<void> {
    const urls = this.#nodes.running.map(({ url }) => url)
    const answers = await Promise.all(
      urls.map(async (url) => {
        const reply = await fetch(`${url}/readyz`).catch(() => undefined)
        await reply?.arrayBuffer()
        return reply?.ok === true ? [url] : []
      }),
    )
    const ready = answers.flat()
    if (ready.length > 0) this.#ready = ready
  }
}
