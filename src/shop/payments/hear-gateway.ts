/**
 * What a gateway tells of itself. Told twice, late or in any order it comes to the same, since every change names the state
 * it starts from; that it was heard is recorded last, so that what was interrupted is heard again.
 */
import { driveOrder } from '../orders/drive-order.ts'
import { noticeUnknown } from '../restoration/notice-older.ts'
import type { ShopParts } from '../shop-parts.ts'
import type { ForgedReason, GatewayEvent, WebhookHeaders } from './gateway.ts'
import { isAsAsked } from './note-capture.ts'
import { succeed } from './pay-order.ts'

export type Hearing =
  | { readonly type: 'heard' }
  | { readonly type: 'heard-before' }
  /** Signed, and nothing of ours. */
  | { readonly type: 'ignored' }
  | { readonly type: 'forged'; readonly why: ForgedReason }

export async function hearGateway(
  parts: ShopParts,
  message: { readonly raw: Uint8Array; readonly headers: WebhookHeaders },
): Promise<Hearing> {
  const { gateway, tables } = parts
  if (gateway === undefined) return { type: 'ignored' }
  const reading = await gateway.readWebhook(message.raw, message.headers)
  if (reading.type === 'forged') return reading
  if (reading.type === 'ignored') return { type: 'ignored' }
  const { eventId, event } = reading
  const provider = gateway.name
  if (await tables.read('gatewayEvents.isKnown', { provider, eventId })) return { type: 'heard-before' }
  const isOurs = event.kind === 'charge' ? await hearOfCharge(parts, event) : await hearOfRefund(parts, event)
  if (!isOurs) return { type: 'ignored' }
  await tables.write('gatewayEvents.note', { provider, eventId })
  return { type: 'heard' }
}

type OfCharge = Extract<GatewayEvent, { readonly kind: 'charge' }>
type OfRefund = Extract<GatewayEvent, { readonly kind: 'refund' }>

/** Whether it is about an attempt of this shop. */
async function hearOfCharge(parts: ShopParts, event: OfCharge): Promise<boolean> {
  const { tables } = parts
  const { key, outcome } = event
  const attempt = await tables.read('payments.find', { key })
  if (attempt === undefined) {
    await noticeUnknown(parts, event)
    return false
  }
  const isSame = outcome.type === 'failed' || isAsAsked(attempt, outcome)
  // The most there is to hear: whoever charged was told so, and all that follows from it has been done or is owed.
  if (outcome.type === attempt.status && isSame) return true
  if (outcome.type === 'failed') await tables.write('payments.fail', { key, reason: outcome.reason })
  else if (attempt.status !== 'surplus' || !isSame) await succeed(parts, attempt, outcome)
  await driveOrder(parts, attempt.orderId)
  return true
}

async function hearOfRefund(parts: ShopParts, event: OfRefund): Promise<boolean> {
  const { tables, log } = parts
  const { key: refundId, outcome } = event
  const refund = await tables.read('refunds.find', { refundId })
  if (refund === undefined) return false
  const failure = outcome.type === 'failed' ? outcome.reason : undefined
  if (failure !== undefined) log.error({ orderId: refund.orderId, refundId, failure }, 'refund.failed')
  await tables.write('refunds.record', {
    refundId,
    result: outcome.type,
    providerId: outcome.refundId,
    failure,
  })
  await driveOrder(parts, refund.orderId)
  return true
}
