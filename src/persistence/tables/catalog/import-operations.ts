/** Many products at once: a batch of an import is one operation, and so at most one sync. */
import type { ProductId } from '../../../domain/ids.ts'
import { type Moment, write } from '../operation.ts'
import type { Query } from '../query.ts'
import type { ProductFields } from './product-row.ts'
import { insertProduct, type ProductRefused, type ProductSaved, reviseProduct } from './product-writes.ts'

export type ImportedProduct = { readonly productId: ProductId; readonly fields: ProductFields }

export type ImportedReply = {
  readonly type: 'imported'
  /** In the order of the products: how each was saved, or why it was not. */
  readonly results: readonly (ProductSaved['how'] | ProductRefused['reason'])[]
  /** Of the last change. */
  readonly position: number
}

export const importOperations = {
  'catalog.import': write((args: { readonly products: readonly ImportedProduct[] }, moment) =>
    importProducts(args.products, moment),
  ),
}

function* importProducts(products: readonly ImportedProduct[], moment: Moment): Query<ImportedReply> {
  const results: ImportedReply['results'][number][] = []
  let position = 0
  for (const { productId, fields } of products) {
    const saved =
      (yield* insertProduct(productId, fields, moment)) ??
      (yield* reviseProduct({ productId }, () => fields, moment))
    results.push(saved.type === 'saved' ? saved.how : saved.reason)
    if (saved.type === 'saved') position = Math.max(position, saved.position)
  }
  return { type: 'imported', results, position }
}
