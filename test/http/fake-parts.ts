/** An app over fakes: an engine that answers what a test tells it, tokens that say who they are, a log kept in memory. */
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import type {
  Request as EngineRequest,
  Refused,
  ReplyTo,
  ReservationReply,
  ReservationRequest,
  SplitHeldReply,
  StockReply,
} from '../../src/actors/requests.ts'
import type { SeveralProducts } from '../../src/actors/split-coordinator.ts'
import type { Glance } from '../../src/actors/stock-glances.ts'
import {
  type CustomerId,
  type ProductId,
  type ReservationId,
  reservationIdOf,
  type ShardId,
} from '../../src/domain/ids.ts'
import type { HistoryClient } from '../../src/history/history-client.ts'
import type { Answered, Question } from '../../src/history/history-protocol.ts'
import { createApp } from '../../src/http/app.ts'
import { OrderStreams } from '../../src/http/order-streams.ts'
import type {
  ApiKeyEntry,
  ApiKeys,
  HttpParts,
  Principal,
  Readiness,
  SplitReservations,
} from '../../src/http/parts.ts'
import { StockStreams } from '../../src/http/stock-streams.ts'
import type { Position } from '../../src/persistence/journal/position.ts'
import type { Replayable } from '../../src/persistence/tables/idempotency-records.ts'
import type {
  AnswerOf,
  ArgsOf,
  ReadName,
  Tables,
  WriteName,
} from '../../src/persistence/tables/operations.ts'
import type { TableKey } from '../../src/persistence/tables/table-key.ts'
import type { Found, SearchClient } from '../../src/search/search-client.ts'
import type { SearchPosition } from '../../src/search/search-position.ts'
import type { SearchQuestion } from '../../src/search/search-protocol.ts'
import { Accounts } from '../../src/shop/accounts/accounts.ts'
import { SandboxGateway } from '../../src/shop/payments/sandbox-gateway.ts'
import { ManualClock, ManualTimers } from '../support/manual-time.ts'
import { MemoryImages } from '../support/memory-images.ts'
import { limits } from './fake-limits.ts'
import { QuickPasswords } from './quick-passwords.ts'

export const SHARDS = 8
export const NOW_MS = Date.parse('2026-11-27T08:00:00.000Z')
export const RESERVATION_ID = reservationIdOf('01K5ZC4N8XQ2M7V3H9R6T1B0DW', 3 as ShardId)

/** Loose on purpose: a test answers any request with what it likes. */
export type Answer = (request: EngineRequest) => unknown

export class FakeEngine {
  isCrowded = false
  readonly requests: EngineRequest[] = []
  /** Products for which a reservation's id was drawn. */
  readonly drawnFor: ProductId[] = []
  answer: Answer = usualAnswer

  execute<R extends EngineRequest>(request: R): Promise<ReplyTo<R>> {
    this.requests.push(request)
    // The test chose the answer; that it fits the request is for the test to see.
    return Promise.resolve(request).then(this.answer) as Promise<ReplyTo<R>>
  }

  /** As `readStock` is answered. */
  async glance(productId: ProductId): Promise<Glance> {
    const reply = await this.execute({ type: 'readStock', productId })
    return reply.type === 'refused' ? undefined : reply
  }

  glanceMany(productIds: readonly ProductId[]): Promise<readonly Glance[]> {
    return Promise.all(productIds.map((productId) => this.glance(productId)))
  }

  newReservationId(productId: ProductId): ReservationId {
    this.drawnFor.push(productId)
    return RESERVATION_ID
  }

  /** The only request since the fake was made. */
  get only(): EngineRequest {
    const [first] = this.requests
    if (first === undefined || this.requests.length > 1)
      throw new Error(`${this.requests.length} requests, not one`)
    return first
  }
}

/** Reservations of several products: makes them as a test says, and passes changes to the engine. */
export class FakeSplits implements SplitReservations {
  readonly #engine: FakeEngine
  readonly asks: SeveralProducts[] = []
  readonly changes: ReservationRequest[] = []
  answer: (ask: SeveralProducts) => SplitHeldReply | Refused = splitHeld

  constructor(engine: FakeEngine) {
    this.#engine = engine
  }

  reserve(ask: SeveralProducts): Promise<SplitHeldReply | Refused> {
    this.asks.push(ask)
    return Promise.resolve(ask).then(this.answer)
  }

  change(request: ReservationRequest): Promise<ReservationReply | Refused> {
    this.changes.push(request)
    return this.#engine.execute<ReservationRequest>(request)
  }
}

/** Every line is held in full. */
export function splitHeld({ reservationId, lines }: SeveralProducts): SplitHeldReply {
  return {
    type: 'splitHeld',
    reservationId,
    lines: lines.map((line) => ({ ...line, available: 41 })),
    expiresAtMs: NOW_MS + 600_000,
    sequence: 1042,
  }
}

/** Everything goes well. */
export function usualAnswer(request: EngineRequest): unknown {
  switch (request.type) {
    case 'reserve':
      return {
        type: 'held',
        quantity: request.quantity,
        available: 41,
        expiresAtMs: NOW_MS + 600_000,
        sequence: 1042,
      }
    case 'adjust':
    case 'scheduleSale':
    case 'retire':
    case 'readStock': {
      const sale = request.type === 'scheduleSale' ? request.sale : {}
      return stock({ productId: request.productId, sale })
    }
    case 'joinWaitlist':
      return {
        type: 'waiting',
        productId: request.productId,
        quantity: request.quantity,
        position: 7,
        sequence: 88,
      }
    case 'readWaitlist':
      return { type: 'waiting', productId: request.productId, quantity: 1, position: 7, sequence: 88 }
    case 'leaveWaitlist':
      return { type: 'left', sequence: 89 }
    case 'claimKey':
      return { type: 'claimed', reservationId: request.reservationId }
    case 'freeKey':
      return { type: 'done' }
    default:
      return reservation({})
  }
}

export function reservation(fields: Partial<ReservationReply>): ReservationReply {
  return {
    type: 'reservation',
    reservationId: RESERVATION_ID,
    customerId: 'usr_ann' as CustomerId,
    reference: 'cart-1',
    status: 'held',
    lines: [{ productId: 'pixel-11' as ProductId, quantity: 2, returned: 0 }],
    expiresAtMs: NOW_MS + 600_000,
    resolvedAtMs: undefined,
    sequence: 77,
    unsettled: [],
    ...fields,
  }
}

export function stock(fields: Partial<StockReply>): StockReply {
  return {
    type: 'stock',
    productId: 'pixel-11' as ProductId,
    version: 9,
    onHand: 45,
    held: 4,
    available: 41,
    sold: 12,
    retired: false,
    sale: {},
    asOfMs: NOW_MS,
    sequence: 2031,
    ...fields,
  }
}

/** What a token of this name stands for. */
const PRINCIPALS: Readonly<Record<string, Principal>> = {
  ann: { callerId: 'usr_ann', role: 'customer', customerId: 'usr_ann' as CustomerId },
  bob: { callerId: 'usr_bob', role: 'customer', customerId: 'usr_bob' as CustomerId },
  service: { callerId: 'key_service', role: 'service' },
  staff: { callerId: 'key_staff', role: 'staff' },
  admin: { callerId: 'key_admin', role: 'admin' },
}

export class FakeApiKeys implements ApiKeys {
  readonly entries = new Map<string, ApiKeyEntry>()
  /** Those that changes came with. */
  readonly idempotencyKeys: (TableKey | undefined)[] = []

  create(
    key: { readonly name: string; readonly role: ApiKeyEntry['role']; readonly createdBy: string },
    once?: TableKey,
  ): ReturnType<ApiKeys['create']> {
    this.idempotencyKeys.push(once)
    const id = `key_${this.entries.size + 1}`
    this.entries.set(id, { id, ...key, createdAtMs: NOW_MS })
    return Promise.resolve({ id, key: `hf_${id}_secret_0123456789` })
  }

  list() {
    return Promise.resolve([...this.entries.values()])
  }

  revoke(id: string, once?: TableKey): ReturnType<ApiKeys['revoke']> {
    this.idempotencyKeys.push(once)
    return Promise.resolve({ revoked: this.entries.delete(id) })
  }

  findByHash(_hash: string): ReturnType<ApiKeys['findByHash']> {
    return Promise.resolve(undefined)
  }
}

/** Tables that a test answers for, call by call. */
export class FakeTables implements Tables {
  readonly asked: { readonly name: string; readonly args: object; readonly key: TableKey | undefined }[] = []
  /** Loose on purpose: a test answers any operation with what it likes. */
  answer: (name: string, args: object) => unknown = (name) => {
    if (name === 'orders.ofReservation') return undefined
    throw new Error(`nobody expected ${name}`)
  }

  read<N extends ReadName>(name: N, args: ArgsOf<N>): Promise<AnswerOf<N>> {
    return this.#ask(name, args)
  }

  write<N extends WriteName>(name: N, args: ArgsOf<N>, key?: TableKey): Promise<AnswerOf<N> & Replayable> {
    return this.#ask(name, args, key)
  }

  async #ask<Reply>(name: string, args: object, key?: TableKey): Promise<Reply> {
    this.asked.push({ name, args, key })
    // The test chose the answer; that it fits the operation is for the test to see.
    return this.answer(name, args) as Reply
  }
}

/** A history that knows nothing, unless a test says what it answers. */
export class FakeHistory implements Pick<HistoryClient, 'ask' | 'watch' | 'unwatch' | 'isWatching'> {
  readonly asked: { readonly question: Question; readonly after: Position | undefined }[] = []
  readonly watched = new Map<ProductId, () => void>()
  isWatching = true
  /** Loose on purpose: a test answers any question with what it likes. */
  answer: (question: Question) => unknown = ({ type }) => {
    if (type === 'listReservations') return { reservations: [], next: undefined }
    if (type === 'listStockEvents') return { events: [], next: undefined }
    return type === 'readStockAt' ? { type: 'unknown' } : undefined
  }
  position: Position = new Map([[3 as ShardId, 77]])

  ask<Q extends Question>(question: Q, after?: Position): Promise<Answered<Q>> {
    this.asked.push({ question, after })
    const { position } = this
    // The test chose the answer; that it fits the question is for the test to see.
    return Promise.resolve(question)
      .then(this.answer)
      .then((answer) => ({ answer, position }) as Answered<Q>)
  }

  watch(productId: ProductId, onChange: () => void): Promise<void> {
    this.watched.set(productId, onChange)
    return Promise.resolve()
  }

  unwatch(productId: ProductId): void {
    this.watched.delete(productId)
  }
}

/** A search that finds nothing, unless a test says what it answers. */
export class FakeSearch implements Pick<SearchClient, 'ask'> {
  readonly asked: { readonly question: SearchQuestion; readonly after: SearchPosition | undefined }[] = []
  /** Loose on purpose: a test answers any question with what it likes. */
  answer: (question: SearchQuestion) => unknown = ({ type }) =>
    type === 'suggest'
      ? []
      : { hits: [], total: 0, facets: { category: [], brand: [], price: [], rating: [] } }
  position: SearchPosition = { tables: 7, shards: new Map([[3 as ShardId, 77]]) }

  ask<Q extends SearchQuestion>(question: Q, after?: SearchPosition): Promise<Found<Q>> {
    this.asked.push({ question, after })
    const { position } = this
    // The test chose the answer; that it fits the question is for the test to see.
    return Promise.resolve(question)
      .then(this.answer)
      .then((answer) => ({ answer, position }) as Found<Q>)
  }
}

export class FakeClock {
  nowMs = 0

  wallMs(): number {
    return NOW_MS + this.nowMs
  }

  monotonicMs(): number {
    return this.nowMs
  }
}

export type Fakes = {
  readonly engine: FakeEngine
  readonly splits: FakeSplits
  readonly apiKeys: FakeApiKeys
  readonly tables: FakeTables
  readonly history: FakeHistory
  readonly search: FakeSearch
  /** Of the streams; they stand still until a test moves them. */
  readonly timers: ManualTimers
  readonly forgotten: string[]
  readonly logged: Record<string, unknown>[]
  readonly registry: Registry
  readonly clock: FakeClock
  readonly parts: HttpParts
  readonly app: ReturnType<typeof createApp>
  /** Sends a request; a body that is not text is sent as JSON. */
  call(method: string, path: string, options?: CallOptions): Promise<Reply>
}

export type CallOptions = {
  /** One of `ann`, `bob`, `service`, `staff`, `admin`, or any other text, which is nobody's. */
  readonly as?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** The other end of the socket; there is none unless it is given. */
  readonly from?: string
}

export type Reply = {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body as JSON; a test that looks into it says what it expects there. */
  readonly body: Record<string, unknown>
}

export function fakes(overrides: Partial<HttpParts> & { readonly readiness?: Readiness } = {}): Fakes {
  const { readiness = { ready: true, parts: [] }, ...parts } = overrides
  const engine = new FakeEngine()
  const splits = new FakeSplits(engine)
  const apiKeys = new FakeApiKeys()
  const tables = new FakeTables()
  const history = new FakeHistory()
  const search = new FakeSearch()
  const clock = new FakeClock()
  const timers = new ManualTimers(new ManualClock(NOW_MS))
  const random = { fraction: () => 0.5 }
  const streamParts = { engine, history, clock: timers.clock, timers: timers.session(), random }
  const forgotten: string[] = []
  const logged: Record<string, unknown>[] = []
  const registry = new Registry()
  const log = pino({ level: 'trace' }, { write: (line: string) => void logged.push(JSON.parse(line)) })
  const all: HttpParts = {
    engine,
    board: engine,
    splits,
    shards: SHARDS,
    authenticator: {
      authenticate: (token) => (Object.hasOwn(PRINCIPALS, token) ? PRINCIPALS[token] : undefined),
      forget: (keyId) => void forgotten.push(keyId),
    },
    apiKeys,
    tables,
    webhookPolicy: { allowsHttp: false, allowsPrivate: false },
    accounts: new Accounts({
      tables,
      passwords: new QuickPasswords(),
      tokens: { issue: async ({ id }) => `token of ${id}`, expiresIn: 900 },
      clock,
      refreshMs: 86_400_000,
    }),
    signingKeys: { publicJwks: async () => [] },
    gateway: new SandboxGateway({ tables, clock, delays: { shortMs: 3_000, longMs: 900_000 } }),
    chargeTimeoutMs: 10_000,
    orderStreams: new OrderStreams({ tables, timers: timers.session() }),
    ...limits(clock),
    images: new MemoryImages(),
    history,
    search,
    streams: new StockStreams(streamParts),
    restoration: { isOpen: false },
    status: { readiness: () => readiness, metricsText: () => registry.metrics() },
    metricsPublic: false,
    corsOrigins: [],
    registry,
    log,
    clock,
    random,
    drain: { started: false },
    version: '0.1.0',
    ...parts,
  }
  const app = createApp(all)
  const call = async (method: string, path: string, options: CallOptions = {}) => {
    const request = requestOf(method, options)
    const { from } = options
    const bindings = from === undefined ? undefined : { incoming: incomingOf(path, request, from) }
    return replyOf(await app.request(path, request, bindings))
  }
  return {
    engine,
    splits,
    apiKeys,
    tables,
    history,
    search,
    timers,
    forgotten,
    logged,
    registry,
    clock,
    parts: all,
    app,
    call,
  }
}

function requestOf(method: string, { as, body, headers }: CallOptions): RequestInit {
  const isText = typeof body === 'string' || body === undefined
  return {
    method,
    headers: {
      ...(as === undefined ? {} : { authorization: `Bearer ${as}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: isText ? String(body) : JSON.stringify(body) }),
  }
}

/** Node's own view of the request, as far as the app looks at it; a body is text or bytes. */
export function incomingOf(
  url: string,
  { method, headers, body }: RequestInit,
  from: string,
): IncomingMessage {
  const bytes = typeof body === 'string' || body instanceof Uint8Array ? [Buffer.from(body as string)] : []
  const incoming = Readable.from(bytes)
  const known = {
    url,
    method,
    headers: Object.fromEntries(new Headers(headers)),
    socket: { remoteAddress: from },
  }
  return Object.assign(incoming, known) as object as IncomingMessage
}

/** What a stream begins with. */
async function firstOf({ body }: Response): Promise<string> {
  const reader = body?.getReader()
  const { value } = (await reader?.read()) ?? {}
  await reader?.cancel()
  return Buffer.from(value ?? []).toString()
}

async function replyOf(response: Response): Promise<Reply> {
  const { status, headers } = response
  const isEndless = headers.get('content-type') === 'text/event-stream'
  const text = isEndless ? await firstOf(response) : await response.text()
  const isJson = /[/+]json\b/.test(headers.get('content-type') ?? '') && text !== ''
  return { status, headers, text, body: isJson ? JSON.parse(text) : {} }
}
