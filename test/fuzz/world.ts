/** The app over everything real but sockets, threads and time: engine and journal, history, tables, limits, cooldowns. */
import Database from 'better-sqlite3'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { SplitCoordinator } from '../../src/actors/split-coordinator.ts'
import type { CustomerId, ProductId, ShardId } from '../../src/domain/ids.ts'
import { createApp } from '../../src/http/app.ts'
import { KeyAuthenticator } from '../../src/http/auth.ts'
import { OrderStreams } from '../../src/http/order-streams.ts'
import type { Authenticator, HttpParts, Principal } from '../../src/http/parts.ts'
import { PersonAuthenticator } from '../../src/http/person-authenticator.ts'
import type { Rates } from '../../src/http/rate-limits.ts'
import { readinessOf } from '../../src/http/readiness.ts'
import { StockStreams } from '../../src/http/stock-streams.ts'
import { TokenAuthenticator } from '../../src/http/token-authenticator.ts'
import { apiKeysOf } from '../../src/persistence/tables/api-keys-client.ts'
import { migrate } from '../../src/persistence/tables/migrations.ts'
import { schema } from '../../src/persistence/tables/schema.ts'
import { TablesClient } from '../../src/persistence/tables/tables-client.ts'
import type { FromTables, ToTables } from '../../src/persistence/tables/tables-protocol.ts'
import { TablesServer } from '../../src/persistence/tables/tables-server.ts'
import { realRandom } from '../../src/seams.ts'
import { AccessTokens } from '../../src/shop/accounts/access-tokens.ts'
import { Accounts } from '../../src/shop/accounts/accounts.ts'
import { nobodysHash } from '../../src/shop/accounts/password-hash.ts'
import { SigningKeys } from '../../src/shop/accounts/signing-keys.ts'
import { SandboxGateway } from '../../src/shop/payments/sandbox-gateway.ts'
import { HistoryWorld } from '../history/history-world.ts'
import { limits } from '../http/fake-limits.ts'
import { incomingOf } from '../http/fake-parts.ts'
import { QuickPasswords } from '../http/quick-passwords.ts'
import { journalDirectory } from '../support/in-process-engine.ts'
import { eventsIn, type Recorded } from '../support/journal-reader.ts'
import { MemoryImages } from '../support/memory-images.ts'
import { Wire } from '../support/wire.ts'
import { fillCatalog } from './catalog.ts'
import { directSearch } from './direct-search.ts'
import { Marks } from './marks.ts'
import { bytesOf } from './raw-bodies.ts'
import type { FuzzRequest } from './requests.ts'
import { PRODUCTS } from './values.ts'

export type FuzzReply = {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Undefined where the reply says that it is something else, or is none. */
  readonly json: unknown
}

/** A request as it was sent, with its marks filled in. */
export type Sent = { readonly request: FuzzRequest; readonly reply: FuzzReply }

export type WorldOptions = {
  /** None but these limits. */
  readonly rates?: Partial<Rates>
  /** Puts something broken in the place of a part. */
  readonly sabotage?: (parts: HttpParts) => HttpParts
}

const SHARDS = 4
const ORIGIN = 'http://localhost'
const STEP_MS = 100
/** More than any time limit of the app. */
const PATIENCE_MS = 30_000
const SIGNATURE_TURNS_MAX = 20_000
const BODILESS = ['GET', 'HEAD']
const ADMIN_KEY = 'admin'
const BUYERS: Readonly<Record<string, Principal>> = Object.fromEntries(
  ['ann', 'bob'].map((name) => [
    name,
    { callerId: `usr_${name}`, role: 'customer', customerId: `usr_${name}` as CustomerId } as const,
  ]),
)
const INSERT_BUYER = `INSERT INTO users (id, email, email_key, name, role, password_hash, created_at_ms)
  VALUES (?, ?, ?, 'Buyer', 'customer', ?, 0)`

export class FuzzWorld {
  readonly app: ReturnType<typeof createApp>
  /** What the app logged as a mistake of its own. */
  readonly mistakes: string[] = []
  readonly #world: HistoryWorld
  readonly #parts: HttpParts
  readonly #cooldowns: ReturnType<typeof limits>['cooldowns']
  readonly #tables: TablesServer
  readonly #marks = new Marks()
  /** Being made or checked. */
  #signatures = 0

  private constructor(world: HistoryWorld, { rates = {}, sabotage = (parts) => parts }: WorldOptions) {
    this.#world = world
    const { engine, timers } = world.engine
    const { clock } = timers
    const random = realRandom()
    const database = new Database(':memory:')
    migrate(database, schema, clock.wallMs())
    fillCatalog(database, { nowMs: clock.wallMs(), random })
    this.#tables = new TablesServer(database, { clock, timers: timers.session(), random })
    const tables = new TablesClient({
      timers: timers.session(),
      onNotice: (notice) => {
        authenticator.heed(notice)
        if (notice.type === 'signingKeysChanged') signingKeys.forget()
      },
    })
    const wire = new Wire<ToTables, FromTables>()
    this.#tables.connect(wire.far)
    tables.connect(wire.near)
    const apiKeys = apiKeysOf(tables)
    const signingKeys = new SigningKeys({ tables, clock, random })
    const tokens = this.#watched(
      new AccessTokens({ keys: signingKeys, clock, issuer: 'fuzz', lifeMs: 900_000 }),
    )
    const people = new PersonAuthenticator({ tokens, tables, clock, heard: tables })
    const keys = new KeyAuthenticator({ adminKey: ADMIN_KEY, apiKeys, clock, heard: tables })
    const authenticator = new TokenAuthenticator({ keys, people })
    for (const { callerId } of Object.values(BUYERS)) {
      database
        .prepare(INSERT_BUYER)
        .run(callerId, `${callerId}@example.com`, `${callerId}@example.com`, nobodysHash)
    }
    const limited = limits(clock, { rates, proxies: ['10.0.0.2'] })
    this.#cooldowns = limited.cooldowns
    const { client: history } = world.history
    const registry = new Registry()
    this.#parts = sabotage({
      engine,
      board: engine,
      splits: new SplitCoordinator(engine, { clock: timers.clock, timers: timers.session(), shards: SHARDS }),
      shards: SHARDS,
      authenticator: withBuyers(authenticator),
      apiKeys,
      tables,
      restoration: { isOpen: false },
      webhookPolicy: { allowsHttp: false, allowsPrivate: false },
      accounts: new Accounts({
        tables,
        passwords: new QuickPasswords(),
        tokens,
        clock,
        refreshMs: 86_400_000,
      }),
      signingKeys,
      gateway: new SandboxGateway({ tables, clock, delays: { shortMs: 3_000, longMs: 900_000 } }),
      chargeTimeoutMs: 10_000,
      orderStreams: new OrderStreams({ tables, timers: timers.session() }),
      ...limited,
      images: new MemoryImages(),
      history,
      search: directSearch(database),
      streams: new StockStreams({ engine, history, clock, timers: timers.session(), random }),
      status: {
        readiness: () => readinessOf(engine.workers(), { isClosing: false }),
        metricsText: () => registry.metrics(),
      },
      metricsPublic: false,
      corsOrigins: [],
      registry,
      log: pino({ level: 'error' }, { write: (line: string) => void this.mistakes.push(line) }),
      clock,
      random,
      drain: { started: false },
      version: '0.1.0',
    })
    this.app = createApp(this.#parts)
  }

  /** Products whose names begin with `stock` have some units each. */
  static async start(options: WorldOptions = {}): Promise<FuzzWorld> {
    const world = await HistoryWorld.start({ shards: SHARDS, workers: 2 })
    for (const [i, productId] of PRODUCTS.entries()) {
      if (!productId.startsWith('stock')) continue
      const change = { set: 8 * i + 5, expectedVersion: undefined }
      const adjust = { type: 'adjust', productId: productId as ProductId, change } as const
      await world.engine.ask({ ...adjust, reason: 'delivery', reference: undefined })
    }
    return new FuzzWorld(world, options)
  }

  /** The request with what earlier replies have told. */
  filled({ target, headers, body, ...rest }: FuzzRequest): FuzzRequest {
    const fill = (text: string) => this.#marks.fill(text)
    return {
      ...rest,
      target: fill(target),
      headers: headers.map(([name, value]) => [name, fill(value)]),
      body: body === undefined ? undefined : { ...body, text: fill(body.text) },
    }
  }

  /** Sends requests in one moment and lets so much time pass as the replies take. A worker may die of them meanwhile. */
  async send(requests: readonly FuzzRequest[], dying?: number): Promise<readonly Sent[]> {
    const { engine } = this.#world
    const pending = Promise.all(requests.map((request) => this.#replyTo(request)))
    if (dying !== undefined) {
      await nextTurn()
      engine.kill(dying)
    }
    const replies = await this.#answered(pending)
    if (dying !== undefined) {
      engine.spawn(dying)
      await engine.settle()
    }
    return requests.flatMap((request, i) => {
      const reply = replies[i]
      if (reply === undefined) return []
      this.#marks.hear(reply)
      return [{ request, reply }]
    })
  }

  /** Lets time pass. Main, which hears of expiries and keeps the cooldowns, is played here. */
  async pass(ms: number): Promise<void> {
    await this.#world.engine.advance(ms)
    for (const life of this.#world.engine.lives.flat()) {
      const expired = life.expired.splice(0)
      if (expired.length > 0) this.#cooldowns.note(expired)
    }
  }

  /** By shard, each in order: all that the journal holds. */
  events(): ReadonlyMap<number, readonly Recorded[]> {
    const shards = Array.from({ length: SHARDS }, (_, shard) => shard as ShardId)
    return eventsIn(journalDirectory, shards, this.#world.engine.disk.session())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#parts.streams.end()
    this.#tables.close()
    await this.#world.engine.shutDown()
    this.#world[Symbol.dispose]()
  }

  async #replyTo({ method, target, headers, body, from }: FuzzRequest): Promise<FuzzReply> {
    const sent = body === undefined || BODILESS.includes(method) ? undefined : bytesOf(body)
    const init: RequestInit = {
      method,
      headers: headers.map(([name, value]) => [name, value]),
      ...(sent === undefined ? {} : { body: sent }),
    }
    const request = new Request(ORIGIN + target, init)
    const bindings = from === undefined ? {} : { incoming: incomingOf(target, init, from) }
    return replyOf(await this.app.request(request, undefined, bindings))
  }

  /** Signatures are made by threads that know nothing of the test's time: it waits for them. */
  #watched(tokens: AccessTokens): Pick<AccessTokens, 'issue' | 'verify' | 'expiresIn'> {
    const watch = async <T>(begin: () => Promise<T>): Promise<T> => {
      this.#signatures += 1
      return begin().finally(() => {
        this.#signatures -= 1
      })
    }
    return {
      expiresIn: tokens.expiresIn,
      issue: (session) => watch(() => tokens.issue(session)),
      verify: (token) => watch(() => tokens.verify(token)),
    }
  }

  async #answered<T>(pending: Promise<T>): Promise<T> {
    let isDone = false
    const done = () => {
      isDone = true
    }
    pending.then(done, done)
    await this.#world.engine.settle()
    for (let waited = 0; !isDone && waited < PATIENCE_MS; waited += STEP_MS) {
      await nextTurn()
      for (let turns = 0; this.#signatures > 0 && turns < SIGNATURE_TURNS_MAX; turns++) {
        await this.#world.engine.settle()
        await nextTurn()
      }
      await this.pass(isDone ? 0 : STEP_MS)
    }
    if (!isDone) throw new Error(`no reply within ${PATIENCE_MS} ms`)
    return pending
  }
}

/** Two buyers whose tokens are known from the start, beside those that requests sign in. */
function withBuyers(others: Authenticator): Authenticator {
  return {
    authenticate: (token) => (Object.hasOwn(BUYERS, token) ? BUYERS[token] : others.authenticate(token)),
    forget: (keyId) => others.forget(keyId),
  }
}

async function replyOf(response: Response): Promise<FuzzReply> {
  const { status, headers, body } = response
  const type = headers.get('content-type') ?? ''
  const text = type === 'text/event-stream' ? await firstOf(body) : await response.text()
  const isJson = /[/+]json$/.test(type) && text !== ''
  return { status, headers, text, json: isJson ? JSON.parse(text) : undefined }
}

/** What a stream begins with. */
async function firstOf(body: ReadableStream<Uint8Array> | null): Promise<string> {
  const reader = body?.getReader()
  const { value } = (await reader?.read()) ?? {}
  await reader?.cancel()
  return Buffer.from(value ?? []).toString()
}

/** A socket's data comes with a turn of the loop, which no timer of a test counts. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
