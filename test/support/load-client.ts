/**
 * Buyers by the dozen: each reserves, confirms, releases and reads in turn, one call at a time, and writes down in a
 * `RequestLedger` what it asked and heard. They go on until they are stopped or their server is gone.
 */
import type { Agent } from 'node:http'
import { type Answer, type CallOutcome, callServer, keptConnections } from './http-call.ts'
import type { Held, RequestLedger } from './request-ledger.ts'
import { adminKey, pause, type ServerProcess } from './server-process.ts'

export type LoadOptions = {
  readonly connections?: number
  readonly products: readonly string[]
  readonly seed: number
  /** Distinct customers; a reservation names one. */
  readonly customers?: number
  /** Longest quantity of one reservation. */
  readonly quantityMax?: number
  /** Share of calls that reserve; the rest settle or read. */
  readonly reserveShare?: number
  /** Bytes of the reference that come behind the tag, to fill segments sooner. */
  readonly padding?: number
  /** Pause after an answer that turned the caller away. */
  readonly turnedAwayMs?: number
}

/** Answers by status, and calls that were cut or never got through. */
export type LoadCounts = Map<string, number>

const CONNECTIONS = 16
/** Beyond it a buyer settles what it has. */
const OWN_MAX = 40

export class LoadClient {
  readonly counts: LoadCounts = new Map()
  /** Whatever answer came last, for each status. */
  readonly samples = new Map<string, Answer>()
  readonly #server: ServerProcess
  readonly #ledger: RequestLedger
  readonly #options: LoadOptions
  readonly #agent: Agent
  readonly #done: Promise<unknown>
  #isStopped = false

  constructor(server: ServerProcess, ledger: RequestLedger, options: LoadOptions) {
    this.#server = server
    this.#ledger = ledger
    this.#options = options
    const { connections = CONNECTIONS } = options
    this.#agent = keptConnections(connections)
    const found = ledger.settleable().filter(({ productId }) => options.products.includes(productId))
    const buyers = Array.from({ length: connections }, (_, i) => {
      const own = found.filter((_, j) => j % connections === i).slice(-OWN_MAX)
      return this.#buy(randomFrom(options.seed * 1_000 + i), own)
    })
    this.#done = Promise.all(buyers)
  }

  /** Ends when every buyer has heard the answer to its last call. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.ended()
  }

  /** Resolves when the server is gone and all have noticed, or after `stop`. */
  async ended(): Promise<void> {
    await this.#done
    this.#agent.destroy()
  }

  count(what: string): number {
    return this.counts.get(what) ?? 0
  }

  async #buy(random: () => number, own: Held[]): Promise<void> {
    const { reserveShare = 0.6, turnedAwayMs = 20 } = this.#options
    while (!this.#isStopped && !this.#server.hasExited) {
      const dice = random()
      let outcome: CallOutcome
      if (dice < reserveShare && own.length < OWN_MAX) outcome = await this.#reserve(random, own)
      else if (dice < 0.95 && own.length > 0) outcome = await this.#settle(random, own)
      else outcome = await this.#read(random)
      this.#count(outcome)
      const isTurnedAway = outcome.type !== 'answered' || outcome.status === 503
      if (isTurnedAway && !this.#server.hasExited) await pause(turnedAwayMs)
    }
  }

  async #reserve(random: () => number, own: Held[]): Promise<CallOutcome> {
    const { products, customers = 20, quantityMax = 3, padding = 0 } = this.#options
    const productId = products[Math.floor(random() * products.length)] as string
    const quantity = 1 + Math.floor(random() * quantityMax)
    const customerId = `customer-${Math.floor(random() * customers)}`
    const asked = this.#ledger.reserve(productId, quantity, customerId)
    const reference = asked.tag.padEnd(padding, ' ')
    const outcome = await this.#call(['POST', '/v1/reservations'], {
      items: [{ productId, quantity }],
      customerId,
      reference,
    })
    const held = this.#ledger.answeredReserve(asked, outcome)
    // Who only reserves keeps no list of it, which would fill up.
    if (held !== undefined && this.#options.reserveShare !== 1) own.push(held)
    return outcome
  }

  async #settle(random: () => number, own: Held[]): Promise<CallOutcome> {
    const index = Math.floor(random() * own.length)
    const held = own[index] as Held
    const { reservationId, productId } = held
    const kind = random() < 0.5 ? 'confirm' : 'release'
    const isPart = held.quantity > 1 && random() < 0.5
    const quantity = isPart ? 1 : held.quantity
    const asked = this.#ledger.settle(kind, reservationId, quantity)
    const body = isPart ? { items: [{ productId, quantity }] } : undefined
    const outcome = await this.#call(['POST', `/v1/reservations/${reservationId}/${kind}`], body)
    this.#ledger.answeredSettlement(asked, outcome)
    const remains = kind === 'release' && isPart && asked.known === 'acknowledged'
    if (remains) held.quantity -= quantity
    // Turned away without any effect, it can be tried again; in doubt, nobody may touch it.
    else if (asked.known !== 'refused' || this.#wasResolved(outcome)) own.splice(index, 1)
    return outcome
  }

  #wasResolved(outcome: CallOutcome): boolean {
    return outcome.type === 'answered' && outcome.status === 409
  }

  #read(random: () => number): Promise<CallOutcome> {
    const { products } = this.#options
    return this.#call(['GET', `/v1/products/${products[Math.floor(random() * products.length)]}/stock`])
  }

  #call(target: readonly [method: string, path: string], body?: unknown): Promise<CallOutcome> {
    return callServer(this.#server.port, target, { agent: this.#agent, token: adminKey, body })
  }

  #count(outcome: CallOutcome): void {
    const what = outcome.type === 'answered' ? String(outcome.status) : outcome.type
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
    if (outcome.type === 'answered') this.samples.set(what, outcome)
  }
}

/** Numbers in [0, 1) that a seed repeats (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

/** Gives products stock, each by one adjustment that the ledger knows. */
export async function deliver(
  server: ServerProcess,
  ledger: RequestLedger,
  deliveries: readonly (readonly [productId: string, units: number])[],
): Promise<void> {
  for (const [productId, delta] of deliveries) {
    const asked = ledger.adjust(productId, delta)
    const path = `/v1/products/${productId}/stock/adjustments`
    const answer = await server.request('POST', path, { delta, reason: asked.tag })
    ledger.answeredAdjustment(asked, answer)
    if (answer.status !== 200) throw new Error(`the delivery failed: ${JSON.stringify(answer.body)}`)
  }
}
