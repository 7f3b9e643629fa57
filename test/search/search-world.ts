/** Engine, tables and search in one thread, by a clock that the test moves. */
import type { MessagePort } from 'node:worker_threads'
import { type CustomerId, type ProductId, type ReservationId, shardOf } from '../../src/domain/ids.ts'
import type { ToLinkedClient } from '../../src/linked-thread.ts'
import type { ProductFields } from '../../src/persistence/tables/catalog/product-row.ts'
import {
  type AnswerOf,
  type ArgsOf,
  operations,
  type ReadName,
} from '../../src/persistence/tables/operations.ts'
import type { Query } from '../../src/persistence/tables/query.ts'
import { SqliteSession } from '../../src/persistence/tables/sqlite-session.ts'
import type { TablesReader } from '../../src/persistence/tables/tables-reader.ts'
import type { Clock } from '../../src/seams.ts'
import { Breaker } from '../../src/search/breaker.ts'
import { EmbeddedIndex } from '../../src/search/embedded/embedded-index.ts'
import { IndexKeeper, type KeeperParts, type ServedIndex } from '../../src/search/index-keeper.ts'
import { Projector } from '../../src/search/projector.ts'
import { SearchClient } from '../../src/search/search-client.ts'
import type { SearchRequest } from '../../src/search/search-index.ts'
import type { SearchPosition } from '../../src/search/search-position.ts'
import type { FromSearch, ToSearch } from '../../src/search/search-protocol.ts'
import { SearchServer, type Served } from '../../src/search/search-server.ts'
import { type StockSource, stockOnBoards } from '../../src/search/stock-source.ts'
import { fields } from '../persistence/tables/catalog/products.ts'
import { InProcessEngine, journalDirectory } from '../support/in-process-engine.ts'
import { InProcessTables } from '../support/in-process-tables.ts'
import { Wire } from '../support/wire.ts'
import { EVERYTHING } from './catalog.ts'

const SHARDS = 4
const STEP_MS = 20
const PATIENCE_MS = 10_000
const noPort = {} as MessagePort

export class SearchWorld {
  readonly engine: InProcessEngine
  readonly tables: InProcessTables
  readonly index = new EmbeddedIndex()
  readonly projector: Projector
  readonly stock: StockSource
  /** Of the tables, and never with a fault. */
  readonly reader: Pick<TablesReader, 'read'>
  readonly keeper: IndexKeeper | undefined
  readonly server: SearchServer
  readonly client: SearchClient
  readonly wire = new Wire<ToSearch, FromSearch>()
  readonly logged: string[] = []
  /** What the next reads of the tables fail with, if they do. */
  readonly faults: (Error | undefined)[] = []
  #orders = 0

  private constructor(engine: InProcessEngine, index: ServedIndex | undefined) {
    this.engine = engine
    const { timers } = engine
    this.tables = new InProcessTables(timers.clock)
    const session = new SqliteSession(this.tables.database)
    const parts = {
      clock: timers.clock,
      timers: timers.session(),
      log: (_: string, event: string) => void this.logged.push(event),
    }
    this.reader = {
      read: <N extends ReadName>(name: N, args: ArgsOf<N>): AnswerOf<N> =>
        session.run(operations[name].run(args as never) as Query<AnswerOf<N>>),
    }
    const tables = {
      read: <N extends ReadName>(name: N, args: ArgsOf<N>): AnswerOf<N> => {
        const fault = this.faults.shift()
        if (fault !== undefined) throw fault
        return this.reader.read(name, args)
      },
    }
    const stock = stockOnBoards(engine.engine)
    this.stock = stock
    const served =
      index === undefined ? undefined : servedBy(index, { ...parts, tables, embedded: this.index })
    this.keeper = served?.keeper
    this.projector = new Projector({
      ...parts,
      tables,
      place: { disk: engine.disk.session(), journal: journalDirectory },
      stock,
      shards: SHARDS,
      index: this.index,
      onTold: (told, position) => {
        served?.keeper.start(position)
        served?.keeper.note(told, position)
      },
    })
    const { projector } = this
    this.server = new SearchServer({ ...parts, index: this.index, served, projector, tables, stock })
    const control = new Wire<never, ToLinkedClient>()
    const { wire } = this
    wire.there.copies = true
    wire.back.copies = true
    this.client = new SearchClient({
      clock: timers.clock,
      timers: timers.session(),
      control: control.near,
      portOf: () => wire.near,
    })
    this.server.connect(wire.far)
    control.back.send({ type: 'link', port: noPort })
  }

  /** With a search server, where one is given. */
  static async start(served?: ServedIndex): Promise<SearchWorld> {
    return new SearchWorld(await new InProcessEngine({ shards: SHARDS, workers: 1 }).start(), served)
  }

  /** Waits for it, letting as much time pass as it takes. */
  async wait<T>(promise: Promise<T>): Promise<T> {
    let isDone = false
    const done = () => {
      isDone = true
    }
    promise.then(done, done)
    for (let waited = 0; !isDone && waited < PATIENCE_MS; waited += STEP_MS) {
      await new Promise<void>((resolve) => void setImmediate(resolve))
      await this.engine.advance(STEP_MS)
    }
    if (!isDone) throw new Error(`nothing came of it within ${PATIENCE_MS} ms`)
    return await promise
  }

  async sell(productId: string, units: number | undefined, changes: Partial<ProductFields> = {}) {
    const product = { productId: productId as ProductId, fields: fields({ title: productId, ...changes }) }
    await this.wait(this.tables.write('catalog.create', product))
    if (units !== undefined) await this.adjust(productId, units)
  }

  adjust(productId: string, units: number) {
    const change = { set: units, expectedVersion: undefined }
    const adjust = { type: 'adjust', productId: productId as ProductId, change } as const
    return this.wait(this.engine.engine.execute({ ...adjust, reason: 'delivery', reference: undefined }))
  }

  async reserve(productId: string, quantity = 1): Promise<ReservationId> {
    const id = productId as ProductId
    this.#orders += 1
    const reservationId = this.engine.engine.newReservationId(id)
    const reply = await this.wait(
      this.engine.engine.execute({
        type: 'reserve',
        reservationId,
        productId: id,
        quantity,
        customerId: `usr_${this.#orders}` as CustomerId,
        reference: undefined,
        ttlMs: undefined,
        allowPartial: false,
      }),
    )
    if (reply.type === 'refused') throw new Error(JSON.stringify(reply))
    return reservationId
  }

  /** Of its newest stock. */
  async placeOf(productId: string): Promise<SearchPosition> {
    const id = productId as ProductId
    const stock = await this.wait(this.engine.engine.execute({ type: 'readStock', productId: id }))
    if (stock.type === 'refused') throw new Error('no stock')
    return { tables: 0, shards: new Map([[shardOf(id, SHARDS), stock.sequence]]) }
  }

  /** Ids of what is found, in alphabetical order. */
  async found(request: Partial<SearchRequest> = {}, after?: SearchPosition): Promise<readonly string[]> {
    const question = { type: 'search', request: { ...EVERYTHING, limit: 100, ...request } } as const
    const { answer } = await this.wait(this.client.ask(question, after))
    return answer.hits.map(({ productId }) => productId as string).sort()
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      await new Promise<void>((resolve) => void setImmediate(resolve))
      await this.engine.advance(STEP_MS)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close()
    await this.wait(this.server.close())
    this.tables.close()
    await this.engine.shutDown()
  }
}

function servedBy(
  index: ServedIndex,
  parts: Omit<KeeperParts, 'served' | 'breaker' | 'leads'> & { readonly clock: Clock },
): Served {
  const times = { failuresMax: 3, firstMs: 1_000, longestMs: 4_000 }
  const breaker = new Breaker(times, parts.clock, { fraction: () => 0 })
  return { index, breaker, keeper: new IndexKeeper({ ...parts, served: index, breaker, leads: true }) }
}
