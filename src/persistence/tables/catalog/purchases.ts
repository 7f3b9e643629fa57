/** Who bought what: written where an order is confirmed, asked where somebody reviews a product. */
import type { CustomerId, ProductId } from '../../../domain/ids.ts'
import type { Moment } from '../operation.ts'
import { change, type Query, row } from '../query.ts'

/** To be made in the transaction that confirms the order. Who buys something again has bought it all the same. */
export function* recordPurchase(
  {
    customerId,
    productIds,
    orderId,
  }: {
    readonly customerId: CustomerId
    readonly productIds: readonly ProductId[]
    readonly orderId: string
  },
  { nowMs }: Pick<Moment, 'nowMs'>,
): Query<void> {
  for (const productId of productIds) {
    yield* change(
      `INSERT INTO purchases (customer_id, product_id, order_id, at_ms) VALUES (?, ?, ?, ?)
       ON CONFLICT (customer_id, product_id) DO NOTHING`,
      customerId,
      productId,
      orderId,
      nowMs,
    )
  }
}

export function* hasBought({
  customerId,
  productId,
}: {
  readonly customerId: CustomerId
  readonly productId: ProductId
}): Query<boolean> {
  const bought = yield* row(
    'SELECT order_id FROM purchases WHERE customer_id = ? AND product_id = ?',
    customerId,
    productId,
  )
  return bought !== undefined
}
