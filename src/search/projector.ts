/**
 * Keeps the embedded index equal to the catalog and the shards' stock: reads the catalog once, and then what has changed, a
 * short turn at a time.
 *
 * W1  It tells the shards and the tables nothing, and nobody who sells waits for it.
 * W2  Of stock it tells an index that there is some again, or none any more, and nothing else: a hundred thousand
 *     reservations of one product are one change.
 * W3  A document is made from what the catalog holds when it is made, not from what was told: whatever order it is told in
 *     comes to the same.
 */
import { type ProductId, shardOf } from '../domain/ids.ts'
import { searchPutMax } from '../limits/search.ts'
import type { Product } from '../persistence/tables/catalog/product-row.ts'
import type { Timers } from '../seams.ts'
import { pagesOfCatalog, presentOf } from './catalog-truth.ts'
import { Changes, type ChangesParts } from './changes.ts'
import type { EmbeddedIndex } from './embedded/embedded-index.ts'
import { documentOf, type ProductDocument } from './product-document.ts'
import type { StockChange } from './search-index.ts'
import type { SearchPosition } from './search-position.ts'
import type { StockSource } from './stock-source.ts'

export type ProjectorParts = ChangesParts & {
  readonly index: EmbeddedIndex
  readonly stock: StockSource
  readonly timers: Timers
  /** Hears what a turn has told the index, once it holds it. */
  readonly onTold?: (told: Told, position: SearchPosition) => void
}

/** Products told whole or removed, and those that came into stock or went out of it. */
export type Told = { readonly products: ReadonlySet<ProductId>; readonly stocks: ReadonlySet<ProductId> }

export type ProjectorCounters = {
  /** Documents put, products removed, and products that came into stock or went out of it. */
  puts: number
  removals: number
  transitions: number
}

export class Projector {
  readonly #parts: ProjectorParts
  readonly counters: ProjectorCounters = { puts: 0, removals: 0, transitions: 0 }
  #changes: Changes | undefined
  #position: SearchPosition | undefined
  /** Told, and not in the index yet: what throws half-way is gone on with by the next turn. */
  readonly #products = new Set<ProductId>()
  readonly #stocks = new Set<ProductId>()
  #isAnyStock = false
  #isStopped = false
  #told = { products: new Set<ProductId>(), stocks: new Set<ProductId>() }

  constructor(parts: ProjectorParts) {
    this.#parts = parts
  }

  /** Up to where the index has come; undefined until it holds the whole catalog. */
  get position(): SearchPosition | undefined {
    return this.#position
  }

  /** Fills the index, or goes on with what has changed. Answers whether there is more to do at once. */
  async turn(): Promise<boolean> {
    if (this.#changes === undefined || this.#position === undefined) {
      await this.#fill()
      return true
    }
    const { products, stocks, isAnyStock, hasMore, position } = await this.#changes.take()
    for (const productId of products) this.#products.add(productId)
    for (const productId of stocks) this.#stocks.add(productId)
    this.#isAnyStock ||= isAnyStock
    await this.#refresh([...this.#products])
    await this.#compareStock(this.#isAnyStock ? await this.#everything() : [...this.#stocks])
    if (this.#isStopped) return false
    this.#isAnyStock = false
    this.#position = this.#reached(position)
    this.#parts.onTold?.(this.#told, this.#position)
    this.#told = { products: new Set(), stocks: new Set() }
    return hasMore
  }

  /** Looks at every product of the catalog and of the index anew, whatever is known of it. */
  async rebuild(): Promise<void> {
    this.#parts.index.doubt()
    for (const productId of await this.#everything()) this.#products.add(productId)
    for await (const page of pagesOfCatalog(this.#parts.tables)) {
      for (const { productId } of page) this.#products.add(productId)
      await this.#breathe()
    }
  }

  /** A turn under way ends after its next few products. */
  stop(): void {
    this.#isStopped = true
  }

  close(): void {
    this.#changes?.close()
  }

  /** V1 in changes.ts. */
  async #fill(): Promise<void> {
    this.#changes ??= new Changes(this.#parts)
    const { products, position } = await this.#changes.take()
    // Of a filling that was broken off, the index may have some that were retired since: the catalog does not tell those.
    for (const productId of products) this.#products.add(productId)
    for await (const page of pagesOfCatalog(this.#parts.tables)) {
      await this.#put(page)
      if (this.#isStopped) return
    }
    this.#position = this.#reached(position)
  }

  /** Of a shard with stock that cannot be told now, no further than before: the index does not hold what has changed there. */
  #reached({ tables, shards: told }: SearchPosition): SearchPosition {
    const shards = new Map(told)
    for (const productId of this.#stocks) {
      const shard = shardOf(productId, this.#parts.shards)
      shards.set(shard, Math.min(told.get(shard) ?? 0, this.#position?.shards.get(shard) ?? 0))
    }
    return { tables, shards }
  }

  async #refresh(productIds: readonly ProductId[]): Promise<void> {
    const { tables, index } = this.#parts
    for (let from = 0; from < productIds.length && !this.#isStopped; from += searchPutMax) {
      const { there, gone } = await presentOf(tables, productIds.slice(from, from + searchPutMax))
      await index.remove(gone)
      for (const productId of gone) {
        this.#products.delete(productId)
        this.#told.products.add(productId)
      }
      this.counters.removals += gone.length
      await this.#put(there)
    }
  }

  async #put(products: readonly Product[]): Promise<void> {
    const { index } = this.#parts
    for (let from = 0; from < products.length && !this.#isStopped; from += searchPutMax) {
      const some = products.slice(from, from + searchPutMax)
      const known = await this.#parts.stock.inStock(some.map(({ productId }) => productId))
      const documents = some.map((product): ProductDocument => {
        const { productId } = product
        const inStock = known.get(productId)
        if (inStock === undefined) this.#stocks.add(productId)
        else this.#stocks.delete(productId)
        return documentOf(product, inStock ?? index.inStock(productId) ?? false)
      })
      await index.put(documents)
      for (const { productId } of some) {
        this.#products.delete(productId)
        this.#told.products.add(productId)
      }
      this.counters.puts += documents.length
      await this.#breathe()
    }
  }

  async #everything(): Promise<readonly ProductId[]> {
    const productIds: ProductId[] = []
    for await (const { productId } of this.#parts.index.contents()) productIds.push(productId)
    return productIds
  }

  /** W2 */
  async #compareStock(productIds: readonly ProductId[]): Promise<void> {
    const { index, stock } = this.#parts
    for (let from = 0; from < productIds.length && !this.#isStopped; from += searchPutMax) {
      const some = productIds.slice(from, from + searchPutMax)
      const known = await stock.inStock(some)
      const changes: StockChange[] = []
      for (const productId of some) {
        const inStock = known.get(productId)
        // What cannot be told now is asked for again.
        if (inStock === undefined) this.#stocks.add(productId)
        else this.#stocks.delete(productId)
        const shown = index.inStock(productId)
        if (inStock !== undefined && shown !== undefined && shown !== inStock)
          changes.push({ productId, inStock })
      }
      if (changes.length > 0) await index.setInStock(changes)
      for (const { productId } of changes) this.#told.stocks.add(productId)
      this.counters.transitions += changes.length
      await this.#breathe()
    }
  }

  /** Lets whoever waits be answered. */
  #breathe(): Promise<void> {
    return new Promise((resolve) => void this.#parts.timers.soon(resolve))
  }
}
