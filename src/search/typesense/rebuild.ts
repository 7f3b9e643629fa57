/**
 * A second collection that is filled beside the live one and then takes its place. Changes that come meanwhile go into both;
 * what is read from the catalog for the rebuild may be older than they are, and never overwrites them.
 */
import type { ProductId } from '../../domain/ids.ts'
import type { ProductDocument } from '../product-document.ts'
import type { RefusedDocument, StockChange } from '../search-index.ts'

export type IndexRebuild = {
  /** Takes documents as the catalog has them; of products that changed since, the change stands. */
  put(documents: readonly ProductDocument[]): Promise<readonly RefusedDocument[]>
  /** Lets the new collection answer in the place of the old one, which is dropped. */
  finish(): Promise<void>
  /** Drops the new collection. */
  abandon(): Promise<void>
}

/** What has changed since a rebuild began. Grows with the products that did, until it ends. */
export class ChangedMeanwhile {
  /** Told whole, or removed. */
  readonly #told = new Set<ProductId>()
  readonly #inStock = new Map<ProductId, boolean>()

  put(documents: readonly ProductDocument[]): void {
    for (const { productId } of documents) this.#told.add(productId)
  }

  remove(productIds: readonly ProductId[]): void {
    for (const productId of productIds) this.#told.add(productId)
  }

  setInStock(changes: readonly StockChange[]): void {
    for (const { productId, inStock } of changes) this.#inStock.set(productId, inStock)
  }

  /** What still holds of documents that were read before. */
  remaining(documents: readonly ProductDocument[]): readonly ProductDocument[] {
    return documents
      .filter(({ productId }) => !this.#told.has(productId))
      .map((document) => ({
        ...document,
        inStock: this.#inStock.get(document.productId) ?? document.inStock,
      }))
  }
}
