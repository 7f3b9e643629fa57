/** What the sandbox tells, as it stands in the body of a webhook. */
import { z } from 'zod'
import type { WebhookReading } from './gateway.ts'
import { finalCharge, finalRefund } from './sandbox-outcomes.ts'

const status = z.enum(['succeeded', 'failed'])
const charge = z.object({
  key: z.string(),
  transactionId: z.string(),
  amountMinor: z.int().positive(),
  currency: z.string().length(3),
  status,
  reason: z.string().optional(),
})
const refund = charge.extend({ refundId: z.string() })
const envelope = z.object({ id: z.string(), type: z.string(), data: z.unknown() })

/** Of a body whose signature was checked. */
export function readSandboxEvent(raw: Uint8Array): WebhookReading {
  const opened = envelope.safeParse(jsonOf(raw))
  if (!opened.success) return { type: 'forged', why: 'malformed-body' }
  const { id: eventId, type, data } = opened.data
  if (type === 'charge.succeeded' || type === 'charge.failed') {
    const told = charge.safeParse(data)
    if (!told.success) return { type: 'forged', why: 'malformed-body' }
    const outcome = finalCharge(told.data.status, told.data)
    return { type: 'event', eventId, event: { kind: 'charge', key: told.data.key, outcome } }
  }
  if (type === 'refund.succeeded' || type === 'refund.failed') {
    const told = refund.safeParse(data)
    if (!told.success) return { type: 'forged', why: 'malformed-body' }
    const { key, transactionId, refundId, amountMinor, currency } = told.data
    const outcome = finalRefund(told.data.status, refundId)
    const event = { kind: 'refund', key, transactionId, refundId, outcome, amountMinor, currency } as const
    return { type: 'event', eventId, event }
  }
  return { type: 'ignored', eventId }
}

function jsonOf(raw: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(raw))
  } catch (error) {
    // A SyntaxError, or a TypeError of the decoder: either way no text of ours.
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined
    throw error
  }
}
