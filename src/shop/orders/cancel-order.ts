/** Calls an order off before it is shipped. What follows from it is owed from then on, and done at once if it can be. */
import { crashPoint } from '../../crash-points.ts'
import type { Replayable } from '../../persistence/tables/idempotency-records.ts'
import type { Cancel, OrderRefused, OrderReply } from '../../persistence/tables/orders/order-operations.ts'
import type { TableKey } from '../../persistence/tables/table-key.ts'
import type { ShopParts } from '../shop-parts.ts'
import { driveOrLeave } from './drive-or-leave.ts'

export async function cancelOrder(
  parts: ShopParts,
  { key, ...cancel }: Cancel & { readonly key: TableKey | undefined },
): Promise<(OrderReply & Replayable) | OrderRefused> {
  const reply = await parts.tables.write('orders.cancel', cancel, key)
  crashPoint('order.afterCancel')
  if (reply.type === 'order') await driveOrLeave(parts, cancel.orderId)
  return reply
}
