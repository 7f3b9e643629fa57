/**
 * Clients who get in each other's way on a few products: they reserve, confirm, release, look, read and correct stock, one
 * call at a time each, and what one has reserved any other may settle. All of it goes into a history.
 *
 * B1  A call that was not answered is over for a client without a key, whose operation stays open for ever; with a key it
 *     asks again, of the next server too, and all these calls are one operation.
 * B2  An operation that changes nothing, or that the server says it did not begin, leaves the history again.
 */
import type { Agent } from 'node:http'
import { type Answer, type CallOutcome, callServer, keptConnections } from '../support/http-call.ts'
import { randomFrom } from '../support/load-client.ts'
import { adminKey, pause, type ServerProcess } from '../support/server-process.ts'
import { History } from './history.ts'
import { type StockInput, say } from './stock-model.ts'

export type BuyersOptions = {
  readonly products: readonly string[]
  readonly seed: number
  readonly clients: number
  /** In all. */
  readonly operations: number
}

/** What came of one operation's calls. */
export type BuyersCounts = { unanswered: number; askedAgain: number; failed: number }

type Reserved = { readonly tag: number; readonly reservationId: string }

const KEYED_SHARE = 0.5
const FIRST_UNITS = 20
/** Of what a product's buyers reserved, as much as they still go for. */
const RECENT_MAX = 10
const TURNED_AWAY_MS = 10

export class StockBuyers {
  readonly history = new History<StockInput>()
  readonly counts: BuyersCounts = { unanswered: 0, askedAgain: 0, failed: 0 }
  /** Resolves when all operations were asked for and the last call has ended; rejects at an answer nobody can read. */
  readonly done: Promise<void>
  readonly #options: BuyersOptions
  readonly #random: () => number
  readonly #agent: Agent
  readonly #reserved: ReadonlyMap<string, Reserved[]>
  /** The newest version anybody was told, by product. */
  readonly #versions = new Map<string, number>()
  #server = Promise.withResolvers<ServerProcess>()
  #lastTag = 0

  constructor(options: BuyersOptions) {
    const { products, clients } = options
    this.#options = options
    this.#random = randomFrom(options.seed)
    this.#agent = keptConnections(clients)
    this.#reserved = new Map(products.map((id) => [id, []]))
    this.done = Promise.all(Array.from({ length: clients }, (_, client) => this.#buy(client)))
      .then(() => this.#readAll())
      .finally(() => this.#agent.destroy())
  }

  /** Whom they call from now on. */
  use(server: ServerProcess): void {
    this.#server.resolve(server)
  }

  /** From now on they wait for another one. */
  lose(): void {
    this.#server = Promise.withResolvers()
  }

  async #buy(client: number): Promise<void> {
    const { products, operations } = this.#options
    // While the others ask for products that are not there yet.
    if (client === 0)
      for (const productId of products)
        await this.#perform(client, { type: 'adjust', productId, delta: FIRST_UNITS })
    while (this.history.invokedCount < operations) await this.#perform(client, this.#draw())
  }

  /** When all is quiet: what is true in the end contradicts much that may have seemed possible. */
  async #readAll(): Promise<void> {
    for (const productId of this.#options.products) await this.#perform(0, { type: 'read', productId })
  }

  #draw(): StockInput {
    const productId = this.#oneOf(this.#options.products)
    const reserved = this.#reserved.get(productId) ?? []
    const dice = this.#random()
    if (dice < 0.2) return { type: 'read', productId }
    if (dice < 0.25) return { type: 'adjust', productId, delta: this.#below(9) - 3 || 1 }
    if (dice < 0.3) {
      const expectedVersion = this.#versions.get(productId) ?? 0
      return { type: 'set', productId, units: 10 + this.#below(20), expectedVersion }
    }
    if (dice < 0.65 || reserved.length === 0) {
      this.#lastTag += 1
      return { type: 'reserve', productId, quantity: 1 + this.#below(4), tag: this.#lastTag }
    }
    const type = dice < 0.8 ? 'confirm' : dice < 0.94 ? 'release' : 'look'
    return { type, productId, tag: this.#oneOf(reserved).tag }
  }

  async #perform(client: number, input: StockInput): Promise<void> {
    const changes = input.type !== 'read' && input.type !== 'look'
    const isKeyed = changes && this.#random() < KEYED_SHARE
    let server = await this.#server.promise
    const open = this.history.invoke(client, input)
    const key = isKeyed ? `${input.productId}.${this.#options.seed}.${open.index}` : undefined
    for (let calls = 1; ; calls++) {
      const outcome = await this.#call(server, input, key)
      const known = this.#understand(input, outcome)
      if (known.type === 'output') {
        this.history.answered(open, known.output)
        return
      }
      const mayHaveHappened = changes && (known.type === 'unknown' || calls > 1)
      if (!mayHaveHappened) {
        this.history.failed(open)
        this.counts.failed += 1
        await pause(TURNED_AWAY_MS)
        return
      }
      if (key === undefined) {
        this.counts.unanswered += 1
        return
      }
      this.counts.askedAgain += 1
      await pause(TURNED_AWAY_MS)
      server = await this.#server.promise
    }
  }

  #call(server: ServerProcess, input: StockInput, idempotencyKey: string | undefined): Promise<CallOutcome> {
    const [method, path, body] = this.#requestFor(input)
    const options = { agent: this.#agent, token: adminKey, body, idempotencyKey }
    return callServer(server.port, [method, path], options)
  }

  #requestFor(input: StockInput): readonly [method: string, path: string, body?: unknown] {
    const { productId } = input
    const stock = `/v1/products/${productId}/stock`
    switch (input.type) {
      case 'read':
        return ['GET', stock]
      case 'adjust':
        return ['POST', `${stock}/adjustments`, { delta: input.delta, reason: 'count' }]
      case 'set': {
        const { units, expectedVersion } = input
        return ['POST', `${stock}/adjustments`, { set: units, expectedVersion, reason: 'count' }]
      }
      case 'reserve': {
        const items = [{ productId, quantity: input.quantity }]
        return ['POST', '/v1/reservations', { items, ttlSeconds: 3_600 }]
      }
      default: {
        const found = this.#reserved.get(productId)?.find(({ tag }) => tag === input.tag)
        const path = `/v1/reservations/${found?.reservationId}`
        return input.type === 'look' ? ['GET', path] : ['POST', `${path}/${input.type}`]
      }
    }
  }

  #understand(
    input: StockInput,
    outcome: CallOutcome,
  ): { readonly type: 'output'; readonly output: string } | { readonly type: 'nothing' | 'unknown' } {
    if (outcome.type === 'unreached') return { type: 'nothing' }
    if (outcome.type === 'cut') return { type: 'unknown' }
    const { status, body } = outcome
    if (status === 503) return { type: 'nothing' }
    if (status === 504 && body.code === 'outcome-unknown') return { type: 'unknown' }
    const output = outputOf(input, outcome)
    if (input.type === 'reserve' && status === 201) {
      const reserved = this.#reserved.get(input.productId) ?? []
      reserved.push({ tag: input.tag, reservationId: String(body.reservationId) })
    }
    if (typeof body.version === 'number') this.#versions.set(input.productId, body.version)
    return { type: 'output', output }
  }

  #below(count: number): number {
    return Math.floor(this.#random() * count)
  }

  #oneOf<T>(all: readonly T[]): T {
    const recent = all.slice(-RECENT_MAX)
    return recent[this.#below(recent.length)] as T
  }
}

/** The answer in the model's words; throws where it has none for it. */
function outputOf(input: StockInput, { status, body }: Answer): string {
  const number = (value: unknown): number => {
    if (Number.isInteger(value)) return value as number
    throw new Error(`${JSON.stringify(input)} was answered ${status} ${JSON.stringify(body)}`)
  }
  const available = () => number((body.items as Record<string, unknown>[])[0]?.available)
  switch (`${status} ${body.code ?? input.type}`) {
    case '200 read':
    case '200 adjust':
    case '200 set': {
      const [onHand, held] = [number(body.onHand), number(body.held)]
      // The model has one number less, so that this one cannot be wrong unseen.
      if (number(body.available) !== onHand - held) return `${body.available} available of ${onHand}, ${held}`
      return say.stock({ onHand, held, sold: number(body.sold), version: number(body.version) })
    }
    case '201 reserve':
      return say.held(available())
    case '200 confirm':
    case '200 release':
    case '200 look':
      return say.status(String(body.status))
    case '404 unknown-product':
    case '404 unknown-reservation':
      return say.refused(String(body.code))
    case '409 out-of-stock':
      return say.refused('out-of-stock', available())
    case '409 stock-below-held':
      return say.refused('stock-below-held', number(body.onHand), number(body.held))
    case '409 stock-version-mismatch':
      return say.refused('stock-version-mismatch', number(body.version))
    case '409 reservation-resolved':
      return `${say.refused('reservation-resolved')} ${body.reservationStatus}`
    default:
      return String(number(undefined))
  }
}
