/** Takes items of an order back: they are on hand again, and then what was paid for them goes back. */
import type { Replayable } from '../../persistence/tables/idempotency-records.ts'
import type { OrderReply } from '../../persistence/tables/orders/order-operations.ts'
import type { Begin, ReturnRefused } from '../../persistence/tables/orders/return-operations.ts'
import type { TableKey } from '../../persistence/tables/table-key.ts'
import type { ShopParts } from '../shop-parts.ts'
import { driveOrLeave } from './drive-or-leave.ts'
import { findReservation } from './units.ts'

export type ReturnReply =
  | (OrderReply & Replayable)
  | ReturnRefused
  /** The engine knows the reservation no more, or takes nothing back of it. */
  | { readonly type: 'refused'; readonly reason: 'return-window-over' }

export async function returnItems(
  parts: ShopParts,
  { key, ...begin }: Begin & { readonly key: TableKey | undefined },
): Promise<ReturnReply> {
  const { orderId } = begin
  const order = await parts.tables.read('orders.find', { orderId })
  if (order === undefined) return { type: 'refused', reason: 'unknown-order' }
  const reservation = await findReservation(parts, order.reservationId)
  if (reservation === undefined) return { type: 'refused', reason: 'return-window-over' }
  const reply = await parts.tables.write('returns.begin', begin, key)
  if (reply.type === 'order') await driveOrLeave(parts, orderId)
  return reply
}
