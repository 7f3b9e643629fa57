/** Units for an order that was paid after its hold had ended: from what is left, by the same rules as for anybody else. */
import { crashPoint } from '../../crash-points.ts'
import type { Line } from '../../domain/commands.ts'
import type { ProductId } from '../../domain/ids.ts'
import type { OrderRow } from '../../persistence/tables/orders/order-rows.ts'
import { couponOf } from '../checkout/coupon.ts'
import type { ShopParts } from '../shop-parts.ts'
import { holdUnits } from './units.ts'

/**
 * `reserved`: there is a hold to be confirmed, made now or by who else drives the order. The new reservation's id stands in
 * the order before it is made: who comes after a crash finds it there, and makes it or finds it made.
 */
export async function reserveAnew(parts: ShopParts, order: OrderRow): Promise<'reserved' | 'refused'> {
  const { orderId, customerId, reservationId: stale } = order
  const found = await parts.tables.read('orders.find', { orderId })
  if (found === undefined) return 'refused'
  const goods = found.lines.map(({ productId, quantity }) => ({ productId, quantity }))
  const coupon = order.discountCode === null ? undefined : await couponInUse(parts, order.discountCode)
  const lines = [...goods, ...(coupon === undefined ? [] : [{ productId: coupon, quantity: 1 }])]
  const sorted = lines.toSorted((a, b) => (a.productId < b.productId ? -1 : 1))
  const [first, ...rest] = sorted as [Line, ...Line[]]
  const reservationId = parts.engine.newReservationId(first.productId)
  const { isDone } = await parts.tables.write('orders.rehold', { orderId, stale, reservationId })
  if (!isDone) return 'reserved'
  crashPoint('order.afterRehold')
  const reply = await holdUnits(parts, {
    reservationId,
    customerId,
    lines: [first, ...rest],
    reference: orderId,
  })
  if (reply.type === 'held' || reply.refusal.reason === 'reservationExists') return 'reserved'
  return 'refused'
}

async function couponInUse({ tables }: ShopParts, code: string): Promise<ProductId | undefined> {
  const discount = await tables.read('discounts.find', { code })
  return discount === undefined ? undefined : couponOf(discount)
}
