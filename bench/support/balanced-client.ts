/**
 * A client behind a load balancer that knows what `/readyz` has said lately, and no more: requests go in turn to the nodes that
 * were ready then. One that fails is sent once more, to another node, after the seconds it was told to wait and with the same
 * idempotency key, as clients should.
 */
import type { Nodes } from './nodes.ts'

export type Answer = {
  /** 0 where the connection broke. */
  readonly status: number
  /** Of the problem, where it was one. */
  readonly code: string | undefined
  readonly retryAfterMs: number
}

export type Told = Answer & {
  /** From when it was sent first, to its last answer. */
  readonly ms: number
  /** What it was told at first, where it was sent twice. */
  readonly before: Answer | undefined
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

  constructor(nodes: Nodes) {
    this.#nodes = nodes
  }

  async start(): Promise<void> {
    await this.#look()
    this.#looking = this.#lookOn()
  }

  async reserve(productId: string, customerId: string): Promise<Told> {
    const sentMs = performance.now()
    const first = await this.#send(productId, customerId)
    const { status, retryAfterMs } = first
    const answered = { ...first, ms: performance.now() - sentMs, before: undefined }
    if (status !== BROKEN && status < 500) return answered
    await new Promise((resolve) => setTimeout(resolve, retryAfterMs))
    const second = await this.#send(productId, customerId)
    return { ...second, ms: performance.now() - sentMs, before: first }
  }

  async close(): Promise<void> {
    this.#hasEnded = true
    await this.#looking
  }

  async #send(productId: string, customerId: string): Promise<Answer> {
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
      const { code } = (await response.json()) as { readonly code?: string }
      const retryAfterMs = Number(response.headers.get('retry-after') ?? 0) * 1_000
      return { status: response.status, code, retryAfterMs }
    } catch (error) {
      // The connection was refused or broke, or nobody answered: whatever it was, a client only sees that.
      return { status: BROKEN, code: String((error as Error).cause ?? error), retryAfterMs: 0 }
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
