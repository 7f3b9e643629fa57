/**
 * Keeps an index on a server equal to the embedded one, which the projector keeps equal to the catalog and the stock.
 *
 * K1  What it owes the server is a set of products, no larger than the catalog: however often one has changed meanwhile, it
 *     is told once, and what holds when it is told.
 * K2  It keeps no checkpoint. When it begins, and whenever the server has lost something, what the server has is compared
 *     with what the embedded index has, and the difference is owed.
 * K3  A document that the server refuses is parked: it keeps nothing else back, is listed, and is tried again when its
 *     product changes.
 * K4  Of several nodes one keeps it (`lead`). The others leave it alone, and whoever begins compares first (K2).
 * K5  Nothing that the server does or leaves undone keeps the projector, a search or a sale waiting.
 */
import type { ProductId } from '../domain/ids.ts'
import type { ThreadLog } from '../kept-thread.ts'
import { keeperBatchMax, keeperPollMs, parkedMax } from '../limits/search.ts'
import { Pause } from '../pause.ts'
import type { Timers } from '../seams.ts'
import type { Breaker } from './breaker.ts'
import { type CatalogReader, pagesOfCatalog, presentOf } from './catalog-truth.ts'
import type { EmbeddedIndex } from './embedded/embedded-index.ts'
import { documentOf } from './product-document.ts'
import { IndexLost, IndexUnavailable, type RefusedDocument, type SearchIndex } from './search-index.ts'
import type { SearchPosition } from './search-position.ts'
import type { IndexRebuild } from './typesense/rebuild.ts'

/** An index that can be found wanting, and made anew beside itself. */
export type ServedIndex = SearchIndex & {
  open(): Promise<'found' | 'made' | 'outdated'>
  beginRebuild(): Promise<IndexRebuild>
  close(): void
}

export type KeeperParts = {
  readonly served: ServedIndex
  readonly embedded: EmbeddedIndex
  readonly tables: CatalogReader
  readonly breaker: Breaker
  readonly timers: Timers
  readonly log: ThreadLog
  /** Whether it keeps the index from the start; else only once it is told to. */
  readonly leads: boolean
}

export type KeeperStatus = {
  /** Whether it answers searches. */
  readonly isServing: boolean
  /** Products of which the server is still to be told something. */
  readonly owed: number
  readonly parked: readonly RefusedDocument[]
  /** Documents and stocks told since the thread started. */
  readonly writes: number
  readonly rebuilds: number
}

type Told = { readonly products: Iterable<ProductId>; readonly stocks: Iterable<ProductId> }

export class IndexKeeper {
  readonly #parts: KeeperParts
  /** K1: those to be told whole, and those of which only the stock is. */
  readonly #products = new Set<ProductId>()
  readonly #stocks = new Set<ProductId>()
  readonly #parked = new Map<ProductId, string>()
  /** Of the embedded index, when what is owed was owed. */
  #heard: SearchPosition | undefined
  #position: SearchPosition | undefined
  #next: 'open' | 'compare' | 'tell' = 'open'
  /** Asked for, and not done yet: whatever comes between, it is made anew before it is compared. */
  #isRebuildDue = false
  #mode: 'stopped' | 'running' | 'closing' = 'stopped'
  #leads: boolean
  #round: Promise<void> = Promise.resolve()
  readonly #pause: Pause
  #writes = 0
  #rebuilds = 0

  constructor(parts: KeeperParts) {
    this.#parts = parts
    this.#leads = parts.leads
    this.#pause = new Pause(parts.timers)
  }

  /** Up to where the server has been told; undefined while it is not known to hold everything. */
  get position(): SearchPosition | undefined {
    return this.#position
  }

  get status(): KeeperStatus {
    return {
      isServing: this.#position !== undefined && this.#parts.breaker.isClosed,
      owed: this.#products.size + this.#stocks.size,
      parked: [...this.#parked].map(([productId, why]) => ({ productId, why })),
      writes: this.#writes,
      rebuilds: this.#rebuilds,
    }
  }

  /** Begins once the embedded index holds the whole catalog. */
  start(position: SearchPosition): void {
    if (this.#mode !== 'stopped') return
    this.#mode = 'running'
    this.#heard = position
    this.#round = this.#run()
  }

  /** The embedded index was told of these, and has come so far. */
  note({ products, stocks }: Told, position: SearchPosition): void {
    for (const productId of products) {
      this.#products.add(productId)
      this.#parked.delete(productId)
    }
    for (const productId of stocks) this.#stocks.add(productId)
    this.#heard = position
  }

  /** What the server holds is not known any more: it is compared before it answers again (K2). */
  doubt(): void {
    if (this.#next === 'tell') this.#next = 'open'
    this.#position = undefined
  }

  /** K4 */
  lead(leads: boolean): void {
    if (this.#leads === leads) return
    this.#leads = leads
    this.doubt()
    this.#pause.end()
  }

  /** Makes everything anew beside what is there, which answers until then. */
  rebuild(): void {
    this.#isRebuildDue = true
    if (this.#next === 'tell') this.#next = 'compare'
    this.#pause.end()
  }

  async close(): Promise<void> {
    this.#mode = 'closing'
    this.#pause.end()
    this.#parts.served.close()
    await this.#round
  }

  async #run(): Promise<void> {
    const { breaker } = this.#parts
    while (this.#mode === 'running') {
      if (!this.#leads) {
        this.#leave()
        await this.#pause.rest(keeperPollMs)
        continue
      }
      // One that was away may come back with less than it had.
      if (!breaker.isClosed) this.doubt()
      if (this.#next === 'tell' && this.#products.size + this.#stocks.size === 0) {
        this.#position = this.#heard
        await this.#pause.rest(keeperPollMs)
      } else if (breaker.mayCall()) await this.#tryStep()
      else await this.#pause.rest(Math.max(keeperPollMs, breaker.waitMs))
    }
  }

  /** What is owed is found again by comparing, whenever this node keeps the index again. */
  #leave(): void {
    this.#products.clear()
    this.#stocks.clear()
    this.#position = undefined
    this.#next = 'open'
  }

  async #tryStep(): Promise<void> {
    const { breaker, log } = this.#parts
    const wasClosed = breaker.isClosed
    try {
      await this.#step()
      breaker.succeeded()
      if (!wasClosed) log('info', 'search.serverBack', {})
    } catch (error) {
      if (error instanceof IndexLost) {
        log('warn', 'search.indexLost', { why: error.message })
        this.#position = undefined
        this.#next = 'open'
      }
      breaker.failed()
      // Said once, when it is left alone; what nobody expects is said each time.
      const isNews = wasClosed && !breaker.isClosed
      const isExpected = error instanceof IndexLost || error instanceof IndexUnavailable
      if (isNews || !isExpected)
        log('error', 'search.serverTrouble', { why: error instanceof Error ? error.message : String(error) })
    }
  }

  async #step(): Promise<void> {
    switch (this.#next) {
      case 'open': {
        const found = await this.#parts.served.open()
        this.#isRebuildDue ||= found === 'outdated'
        this.#next = 'compare'
        return
      }
      case 'compare':
        if (this.#isRebuildDue) return await this.#rebuild()
        await this.#compare()
        // Unless a rebuild was asked for meanwhile.
        if (!this.#isRebuildDue) this.#next = 'tell'
        return
      case 'tell':
        this.#position = await this.#tell()
        return
    }
  }

  /** K2 */
  async #compare(): Promise<void> {
    const { served, embedded } = this.#parts
    const unseen = new Set<ProductId>()
    for await (const { productId } of embedded.contents()) unseen.add(productId)
    for await (const { productId, revision, inStock } of served.contents()) {
      unseen.delete(productId)
      if (embedded.revision(productId) !== revision) this.#products.add(productId)
      else if (embedded.inStock(productId) !== inStock) this.#stocks.add(productId)
    }
    for (const productId of unseen) if (!this.#parked.has(productId)) this.#products.add(productId)
  }

  /** All that is owed now, in batches. Answers how far that reaches. */
  async #tell(): Promise<SearchPosition | undefined> {
    const heard = this.#heard
    const products = take(this.#products)
    const stocks = take(this.#stocks)
    for (const productId of products) stocks.delete(productId)
    try {
      await inBatches(products, (some) => this.#tellWhole(some))
      await inBatches(stocks, (some) => this.#tellStock(some))
    } catch (error) {
      for (const productId of products) this.#products.add(productId)
      for (const productId of stocks) this.#stocks.add(productId)
      throw error
    }
    return heard
  }

  async #tellWhole(productIds: readonly ProductId[]): Promise<void> {
    const { served, embedded, tables } = this.#parts
    const { there, gone } = await presentOf(tables, productIds)
    if (gone.length > 0) await served.remove(gone)
    const documents = there.map((product) =>
      documentOf(product, embedded.inStock(product.productId) ?? false),
    )
    if (documents.length > 0) this.#park(await served.put(documents))
    this.#writes += productIds.length
  }

  async #tellStock(productIds: readonly ProductId[]): Promise<void> {
    const changes = productIds.flatMap((productId) => {
      const inStock = this.#parts.embedded.inStock(productId)
      return inStock === undefined ? [] : [{ productId, inStock }]
    })
    if (changes.length > 0) await this.#parts.served.setInStock(changes)
    this.#writes += changes.length
  }

  async #rebuild(): Promise<void> {
    const { served, embedded, tables, log } = this.#parts
    const rebuild = await served.beginRebuild()
    this.#isRebuildDue = false
    try {
      for await (const page of pagesOfCatalog(tables)) {
        if (this.#mode === 'closing') throw new IndexUnavailable('the search is closing')
        this.#park(
          await rebuild.put(page.map((each) => documentOf(each, embedded.inStock(each.productId) ?? false))),
        )
        // What changes meanwhile goes into both. One that is not known to hold everything does not answer meanwhile.
        const told = await this.#tell()
        if (this.#position !== undefined) this.#position = told
      }
      await rebuild.finish()
    } catch (error) {
      this.#isRebuildDue = true
      await rebuild.abandon().catch(() => {})
      throw error
    }
    this.#rebuilds += 1
    log('info', 'search.rebuilt', {})
  }

  /** K3 */
  #park(refused: readonly RefusedDocument[]): void {
    for (const { productId, why } of refused) {
      if (this.#parked.size < parkedMax) this.#parked.set(productId, why)
      this.#parts.log('error', 'search.parked', { productId, why })
    }
  }
}

function take(owed: Set<ProductId>): Set<ProductId> {
  const taken = new Set(owed)
  owed.clear()
  return taken
}

/** Each batch is off the books once it was told. */
async function inBatches(
  owed: Set<ProductId>,
  tell: (some: readonly ProductId[]) => Promise<void>,
): Promise<void> {
  while (owed.size > 0) {
    const some = [...owed.values().take(keeperBatchMax)]
    await tell(some)
    for (const productId of some) owed.delete(productId)
  }
}
