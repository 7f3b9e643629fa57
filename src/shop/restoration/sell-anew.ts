/**
 * Where the tables were backed up after the journal, orders were confirmed of whose units the restored journal knows nothing:
 * it would sell them again. So they are sold anew to the same orders, by the same steps as for a payment that came late.
 */
import { encodeTime } from 'ulid'
import type { ReservationId } from '../../domain/ids.ts'
import { reconcileLateMs, reconcileOrdersMax } from '../../limits.ts'
import { driveOrLeave, leaveToSweeper } from '../orders/drive-or-leave.ts'
import { findReservation } from '../orders/units.ts'
import type { ShopParts } from '../shop-parts.ts'

/** Of all orders that were confirmed since; answers how many a shard has still to be told of. */
export async function sellAnew(parts: ShopParts, sinceMs: number): Promise<number> {
  let unsettled = 0
  // An order's id begins with the time at which it was made, so that older ones are not even looked at.
  let after = `ord_${encodeTime(Math.max(0, sinceMs - reconcileLateMs))}`
  for (;;) {
    const page = { sinceMs, after, limit: reconcileOrdersMax }
    const orderIds = await parts.tables.read('orders.soldSince', page)
    for (const orderId of orderIds) if (!(await isSoldNow(parts, orderId))) unsettled += 1
    if (orderIds.length < reconcileOrdersMax) return unsettled
    after = orderIds.at(-1) ?? after
  }
}

async function isSoldNow(parts: ShopParts, orderId: string): Promise<boolean> {
  const { tables } = parts
  const order = await tables.read('orders.find', { orderId })
  if (order === undefined) return true
  if (order.duty === null) {
    const status = await statusOf(parts, order.reservationId)
    if (status === 'confirmed') return true
    if (status === 'unanswered') return false
    // It was told before that nothing is left: that is for whoever runs the shop.
    if (order.events.some(({ type }) => type === 'units-missing')) return true
    await tables.write('orders.resell', { orderId })
  }
  await driveOrLeave(parts, orderId)
  return (await tables.read('orders.find', { orderId }))?.duty !== 'confirm'
}

async function statusOf(parts: ShopParts, reservationId: ReservationId): Promise<string> {
  try {
    return (await findReservation(parts, reservationId))?.status ?? 'unknown'
  } catch (error) {
    leaveToSweeper(error)
    return 'unanswered'
  }
}
