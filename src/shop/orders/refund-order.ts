/** Gives money back by the word of staff. */
import type { Replayable } from '../../persistence/tables/idempotency-records.ts'
import type {
  RefundRefused,
  RefundReply,
  RefundRequested,
} from '../../persistence/tables/orders/refund-operations.ts'
import type { TableKey } from '../../persistence/tables/table-key.ts'
import type { ShopParts } from '../shop-parts.ts'
import { driveOrLeave } from './drive-or-leave.ts'

export async function refundOrder(
  parts: ShopParts,
  { key, ...request }: RefundRequested & { readonly key: TableKey | undefined },
): Promise<(RefundReply & Replayable) | RefundRefused> {
  const reply = await parts.tables.write('refunds.request', request, key)
  if (reply.type === 'refund') await driveOrLeave(parts, request.orderId)
  return reply
}
