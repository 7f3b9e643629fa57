/**
 * Buyers by the dozen: each reserves, confirms, releases and reads in turn, one call at a time, and writes down in a
 * `RequestLedger` what it asked and heard. They go on until they are stopped or their server is gone.
 *
 * Where they use idempotency keys, they begin by asking again for what an earlier server did not answer, and now and then
 * ask again for what it did.
 */
import { type Answer, type CallOutcome, callServer, keptConnections } from './http-call.ts'
import type { AskedReserve, AskedSettlement, Doubtful, Held, Line, RequestLedger } from './request-ledger.ts'
import { adminKey, pause, type ServerProcess } from './server-process.ts'

/** Whoever the buyers buy from. */
export type Shop = {
  /** Nobody answers here any more. */
  readonly hasExited: boolean
  call(target: readonly [method: string, path: string], request: ShopRequest): Promise<CallOutcome>
  /** What a buyer does who was turned away. */
  pause(ms: number): Promise<void>
  /** When all buyers have gone. */
  close(): void
}
export type ShopRequest = { readonly body?: unknown; readonly idempotencyKey?: string | undefined }

/** A real server's, over so many connections that are kept. */
function shopOf(server: ServerProcess, connections: number): Shop {
  const agent = keptConnections(connections)
  return {
    get hasExited() {
      return server.hasExited
    },
    call: (target, request) => callServer(server.port, target, { agent, token: adminKey, ...request }),
    pause,
    close: () => agent.destroy(),
  }
}

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
  /** Share of reservations that are of several products. */
  readonly severalShare?: number
  /** Share of requests that carry an idempotency key. */
  readonly keyedShare?: number
  /** Pause after an answer that turned the caller away. */
  readonly turnedAwayMs?: number
}

/** Answers by status, and calls that were cut or never got through. */
export type LoadCounts = Map<string, number>

const CONNECTIONS = 16
/** Beyond it a buyer settles what it has. */
const OWN_MAX = 40
const PRODUCTS_TOGETHER_MAX = 4
/** Of what one buyer made under a key, as much as it may ask for again. */
const REPEATABLE_MAX = 20

/** What one buyer has, and what it is still to ask. */
type Bag = {
  readonly random: () => number
  readonly own: Held[]
  readonly doubtful: Doubtful[]
  readonly keyed: AskedReserve[]
}

export class LoadClient {
  readonly counts: LoadCounts = new Map()
  /** Whatever answer came last, for each status. */
  readonly samples = new Map<string, Answer>()
  readonly #shop: Shop
  readonly #ledger: RequestLedger
  readonly #options: LoadOptions
  readonly #done: Promise<unknown>
  #isStopped = false

  constructor(seller: ServerProcess | Shop, ledger: RequestLedger, options: LoadOptions) {
    this.#ledger = ledger
    this.#options = options
    const { connections = CONNECTIONS } = options
    this.#shop = 'call' in seller ? seller : shopOf(seller, connections)
    const isOurs = ({ productId }: { readonly productId: string }) => options.products.includes(productId)
    const found = ledger.settleable().filter(({ lines }) => lines.every(isOurs))
    const doubtful = options.keyedShare === undefined ? [] : ledger.doubtful()
    const buyers = Array.from({ length: connections }, (_, i) => {
      const share = <T>(all: readonly T[]) => all.filter((_, j) => j % connections === i)
      const random = randomFrom(options.seed * 1_000 + i)
      return this.#buy({ random, own: share(found).slice(-OWN_MAX), doubtful: share(doubtful), keyed: [] })
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
    this.#shop.close()
  }

  count(what: string): number {
    return this.counts.get(what) ?? 0
  }

  async #buy(bag: Bag): Promise<void> {
    const { reserveShare = 0.6, turnedAwayMs = 20 } = this.#options
    const { random, own, doubtful, keyed } = bag
    while (!this.#isStopped && !this.#shop.hasExited) {
      const dice = random()
      let outcome: CallOutcome
      if (doubtful.length > 0) outcome = await this.#askAgain(bag)
      else if (dice < reserveShare && own.length < OWN_MAX) outcome = await this.#reserve(bag)
      else if (dice < 0.9 && own.length > 0) outcome = await this.#settle(bag)
      else if (dice < 0.95 && keyed.length > 0) outcome = await this.#repeat(bag)
      else if (dice < 0.95 && own.length > 0) outcome = await this.#settle(bag)
      else outcome = await this.#read(random)
      this.#count(outcome)
      const isTurnedAway = outcome.type !== 'answered' || outcome.status === 503
      if (isTurnedAway && !this.#shop.hasExited) await this.#shop.pause(turnedAwayMs)
    }
  }

  async #reserve(bag: Bag): Promise<CallOutcome> {
    const { random } = bag
    const { customers = 20, severalShare = 0 } = this.#options
    const lines = this.#drawLines(random, random() < severalShare)
    const customerId = `customer-${Math.floor(random() * customers)}`
    const isKeyed = this.#drawsKey(random)
    const asked = this.#ledger.reserveSeveral(lines, { customerId, isKeyed })
    const outcome = await this.#askReserve(bag, asked)
    if (asked.known === 'unknown' && isKeyed) bag.doubtful.push({ type: 'reserve', asked })
    return outcome
  }

  async #askReserve({ own, keyed }: Bag, asked: AskedReserve): Promise<CallOutcome> {
    const outcome = await this.#callReserve(asked, asked.lines)
    const held = this.#ledger.answeredReserve(asked, outcome)
    if (held === undefined) return outcome
    // Who only reserves keeps no list of it, which would fill up.
    if (this.#options.reserveShare !== 1) own.push(held)
    if (asked.key !== undefined) keyed.push(asked)
    if (keyed.length > REPEATABLE_MAX) keyed.shift()
    return outcome
  }

  #callReserve({ tag, customerId, key }: AskedReserve, items: readonly Line[]): Promise<CallOutcome> {
    const reference = tag.padEnd(this.#options.padding ?? 0, ' ')
    return this.#call(['POST', '/v1/reservations'], { items, customerId, reference }, key)
  }

  /** What was not answered, or only by half: under the same key it has one effect, and one answer. */
  async #askAgain(bag: Bag): Promise<CallOutcome> {
    const { own, doubtful } = bag
    const first = doubtful[0] as Doubtful
    let outcome: CallOutcome
    if (first.type === 'reserve') outcome = await this.#askReserve(bag, first.asked)
    else {
      outcome = await this.#callSettle(first.asked)
      this.#ledger.answeredSettlement(first.asked, outcome)
      const { reservationId } = first.asked
      if (first.asked.known !== 'unknown')
        own.push(...this.#ledger.settleable().filter((held) => held.reservationId === reservationId))
    }
    if (first.asked.known !== 'unknown') doubtful.shift()
    return outcome
  }

  /** What was answered once is answered so again, and to nobody who asks for something else. */
  async #repeat({ random, keyed }: Bag): Promise<CallOutcome> {
    const asked = keyed[Math.floor(random() * keyed.length)] as AskedReserve
    const isOther = random() < 0.3
    const other = asked.lines.map(({ productId, quantity }) => ({ productId, quantity: quantity + 1 }))
    const outcome = await this.#callReserve(asked, isOther ? other : asked.lines)
    if (isOther) this.#ledger.misusedKey(asked, outcome)
    else this.#ledger.repeatedReserve(asked, outcome)
    return outcome
  }

  async #settle({ random, own, doubtful }: Bag): Promise<CallOutcome> {
    const index = Math.floor(random() * own.length)
    const held = own[index] as Held
    const kind = random() < 0.5 ? 'confirm' : 'release'
    const part = held.lines.map(({ quantity }) => Math.floor(random() * (quantity + 1)))
    const isPart = part.some((units) => units > 0) && random() < 0.5
    const isKeyed = this.#drawsKey(random)
    const asked = this.#ledger.settle(kind, held, { ...(isPart && { quantities: part }), isKeyed })
    const outcome = await this.#callSettle(asked)
    this.#ledger.answeredSettlement(asked, outcome)
    if (asked.known === 'unknown' && isKeyed) doubtful.push({ type: 'settlement', asked })
    if (asked.known === 'acknowledged' && kind === 'release') {
      for (const [i, line] of held.lines.entries()) line.quantity -= asked.quantities[i] ?? 0
      if (held.lines.every(({ quantity }) => quantity === 0)) own.splice(index, 1)
    }
    // Turned away without any effect, it can be tried again; in doubt, nobody may touch it.
    else if (asked.known !== 'refused' || this.#wasResolved(outcome)) own.splice(index, 1)
    return outcome
  }

  #callSettle({ reservationId, kind, items, key }: AskedSettlement): Promise<CallOutcome> {
    const body = items === undefined ? undefined : { items }
    return this.#call(['POST', `/v1/reservations/${reservationId}/${kind}`], body, key)
  }

  #drawsKey(random: () => number): boolean {
    const { keyedShare } = this.#options
    return keyedShare !== undefined && random() < keyedShare
  }

  #drawLines(random: () => number, isOfSeveral: boolean): Line[] {
    const { products, quantityMax = 3 } = this.#options
    const drawn = new Set<string>()
    const count = isOfSeveral ? 2 + Math.floor(random() * (PRODUCTS_TOGETHER_MAX - 1)) : 1
    while (drawn.size < Math.min(count, products.length))
      drawn.add(products[Math.floor(random() * products.length)] as string)
    return [...drawn].map((productId) => ({ productId, quantity: 1 + Math.floor(random() * quantityMax) }))
  }

  #wasResolved(outcome: CallOutcome): boolean {
    return outcome.type === 'answered' && outcome.status === 409
  }

  #read(random: () => number): Promise<CallOutcome> {
    const { products } = this.#options
    return this.#call(['GET', `/v1/products/${products[Math.floor(random() * products.length)]}/stock`])
  }

  #call(
    target: readonly [method: string, path: string],
    body?: unknown,
    idempotencyKey?: string,
  ): Promise<CallOutcome> {
    return this.#shop.call(target, { body, idempotencyKey })
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
