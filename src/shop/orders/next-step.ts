/**
 * What is to be done next for an order, from what is known of it. Pure: whoever drives an order does what this says, records
 * what came of it, and asks again; so a crash between any two steps leaves nothing but a step to be taken.
 *
 * O1  Money is asked about before anything else: what the units are to become depends on it.
 * O2  What was captured either sells its units or goes back.
 * O3  An order with something left to do has a time at which it is looked at; one with nothing left has none.
 */

import { chargeGraceMs, gatewayPollMsMax, gatewayPollMsMin, holdLookMs } from '../../limits.ts'
import type { OrderState } from '../../persistence/tables/orders/duty-operations.ts'
import type { Attempt } from '../../persistence/tables/orders/payment-operations.ts'
import type { Refund } from '../../persistence/tables/orders/refund-operations.ts'
import type { ReturnRow } from '../../persistence/tables/orders/return-operations.ts'

export type Step =
  | { readonly type: 'ask-gateway'; readonly attempt: Attempt }
  /** Of an attempt that was paid, or needs no payment before delivery. */
  | { readonly type: 'confirm-units'; readonly attempt: Attempt }
  | { readonly type: 'give-units-back' }
  | { readonly type: 'take-back'; readonly items: ReturnRow }
  | { readonly type: 'refund'; readonly refund: Refund }
  | { readonly type: 'look-at-hold' }
  | { readonly type: 'rest'; readonly lookAtMs: number | undefined }

export type Asked = {
  /** Attempts, refunds and holds that were asked about since the order was last looked at. */
  readonly asked: ReadonlySet<string>
  readonly nowMs: number
  /** How long whoever charges may wait for the gateway. */
  readonly chargeTimeoutMs: number
}

export function nextStep({ order, attempts, refunds, returns }: OrderState, context: Asked): Step {
  const { asked, nowMs } = context
  const later: number[] = []
  const live = attempts.find(({ status }) => status === 'charging' || status === 'pending')
  if (live !== undefined) {
    const askAtMs = askAt(live, context)
    if (askAtMs <= nowMs)
      return needsNoGateway(live) ? confirming(live) : { type: 'ask-gateway', attempt: live }
    later.push(askAtMs)
  }

  const paying = attempts.find(({ status }) => status === 'succeeded')
  if (order.duty === 'confirm' && paying !== undefined) return confirming(paying)
  if (order.duty === 'release' || order.duty === 'return') return { type: 'give-units-back' }

  const [items] = returns
  if (items !== undefined) return { type: 'take-back', items }

  for (const refund of refunds) {
    if (refund.status !== 'requested' && refund.status !== 'pending') continue
    if (!asked.has(refund.refundId)) return { type: 'refund', refund }
    later.push(nowMs + pollMs(nowMs - refund.startedAtMs))
  }

  if (order.status === 'pending_payment') {
    const isDue = order.expiresAtMs <= nowMs && !asked.has(order.reservationId)
    if (isDue) return { type: 'look-at-hold' }
    later.push(Math.max(order.expiresAtMs, nowMs) + holdLookMs)
  }
  return { type: 'rest', lookAtMs: later.length === 0 ? undefined : Math.min(...later) }
}

function confirming(attempt: Attempt): Step {
  return { type: 'confirm-units', attempt }
}

/** Paid at the door, or nothing to pay. */
export function needsNoGateway({ method }: Pick<Attempt, 'method'>): boolean {
  return method === 'cod' || method === 'none'
}

/** Who charges may still be at it; what is pending is asked about less and less often. */
function askAt(attempt: Attempt, { asked, nowMs, chargeTimeoutMs }: Asked): number {
  if (asked.has(attempt.key)) return nowMs + pollMs(nowMs - attempt.startedAtMs)
  return attempt.status === 'charging' ? attempt.startedAtMs + chargeTimeoutMs + chargeGraceMs : nowMs
}

function pollMs(ageMs: number): number {
  return Math.min(gatewayPollMsMax, Math.max(gatewayPollMsMin, Math.floor(ageMs / 4)))
}
