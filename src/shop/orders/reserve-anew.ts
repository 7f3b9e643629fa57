/** Units for an order that was paid after its hold had ended: from what is left, by the same rules as for anybody else. */
import { crashPoint } from '../../crash-points.ts'
import { assert } from '../../domain/assert.ts'
import type { Line } from '../../domain/commands.ts'
import type { ProductId, ReservationId } from '../../domain/ids.ts'
import type { OrderRow } from '../../persistence/tables/orders/order-rows.ts'
import { couponOf } from '../checkout/coupon.ts'
import type { ShopParts } from '../shop-parts.ts'
import { findReservation, holdUnits } from './units.ts'

export type Anew =
  | { readonly type: 'reserved' }
  /** Under this id nothing could be held. */
  | { readonly type: 'refused'; readonly reservationId: ReservationId }

/**
 * `reserved`: the order is to be looked at again. There is a hold to be confirmed, made now or by who else drives the order,
 * or nobody wants one any more. The new reservation's id stands in the order before it is made: who comes after a crash, or
 * at the same time, finds it there, and makes it or finds it made. Two of them would keep the last units from each other.
 */
export async function reserveAnew(parts: ShopParts, order: OrderRow): Promise<Anew> {
  const { orderId, customerId, reservationId: stale } = order
  const found = await parts.tables.read('orders.find', { orderId })
  assert(found !== undefined, 'an order that is driven is known')
  if (found.reservationId !== stale || found.duty !== 'confirm') return { type: 'reserved' }
  const goods = found.lines.map(({ productId, quantity }) => ({ productId, quantity }))
  const coupon = order.discountCode === null ? undefined : await couponInUse(parts, order.discountCode)
  const lines = [...goods, ...(coupon === undefined ? [] : [{ productId: coupon, quantity: 1 }])]
  const sorted = lines.toSorted((a, b) => (a.productId < b.productId ? -1 : 1))
  const [first, ...rest] = sorted as [Line, ...Line[]]
  const isPromised = found.events.some(({ type, detail }) => type === 'reserved-anew' && detail === stale)
  const made = await findReservation(parts, stale)
  // Somebody was faster, since it was asked for.
  if (isPromised && (made?.status === 'held' || made?.status === 'paying')) return { type: 'reserved' }
  let reservationId = stale
  if (!isPromised || made !== undefined) {
    reservationId = parts.engine.newReservationId(first.productId)
    const { isDone } = await parts.tables.write('orders.rehold', { orderId, stale, reservationId })
    if (!isDone) return { type: 'reserved' }
    crashPoint('order.afterRehold')
  }
  const reply = await holdUnits(parts, {
    reservationId,
    customerId,
    lines: [first, ...rest],
    reference: orderId,
  })
  if (reply.type === 'held' || reply.refusal.reason === 'reservationExists') return { type: 'reserved' }
  return { type: 'refused', reservationId }
}

async function couponInUse({ tables }: ShopParts, code: string): Promise<ProductId | undefined> {
  const discount = await tables.read('discounts.find', { code })
  return discount === undefined ? undefined : couponOf(discount)
}
