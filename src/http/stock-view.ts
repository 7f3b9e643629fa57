/** What a caller is shown of a product's stock. */
import type { StockReply } from '../actors/requests.ts'
import { availableIn } from '../history/fold.ts'
import type { PastStock } from '../history/queries.ts'
import { timeOf } from './time.ts'

export function publicStock({ productId, available, version, asOfMs }: StockReply) {
  return { productId, available, version, asOf: timeOf(asOfMs) }
}

/** What is on hand, held and sold is the shop's own business. */
export function wholeStock(stock: StockReply) {
  const { onHand, held, sold, sequence } = stock
  return { ...publicStock(stock), onHand, held, sold, sequence, ...retirement(stock) }
}

/** As it was: its time is that of the event that made it so. */
export function pastStock(stock: PastStock) {
  const { productId, version, onHand, held, sold, sequence } = stock
  const available = availableIn(stock)
  const asOf = timeOf(stock.atMs)
  return { productId, available, version, asOf, onHand, held, sold, sequence, ...retirement(stock) }
}

/** Said only where it is so. */
export function retirement({ retired }: { readonly retired: boolean }): { retired?: true } {
  return retired ? { retired } : {}
}
