/**
 * Which events other systems are told of, and by which names. A name says what it is and of which version its data are:
 * fields may come to it, and whatever else changes is another version.
 */
import type { Event, ProductEvent, SplitEvent } from '../domain/events.ts'
import type { OutboxEventType } from '../persistence/tables/outbox.ts'

/** Of the journal: all that happens to a product, so that its versions have no gap, and to a reservation of several. */
export type PublishedEvent =
  | ProductEvent
  | Exclude<SplitEvent, { readonly type: (typeof UNPUBLISHED)[number] }>

/** How shards come to an agreement, and what idempotency keys stand for, is nobody else's business. */
const UNPUBLISHED = ['SplitAcknowledged', 'SplitForgotten', 'SplitAborted', 'AbortForgotten'] as const

export type CloudEventType = `holdfast.${string}.v1`

export const journalEventTypes: Readonly<Record<PublishedEvent['type'], CloudEventType>> = {
  UnitsHeld: 'holdfast.reservation.held.v1',
  HoldExtended: 'holdfast.reservation.extended.v1',
  PaymentStarted: 'holdfast.reservation.payment-started.v1',
  UnitsReleased: 'holdfast.reservation.released.v1',
  UnitsConfirmed: 'holdfast.reservation.confirmed.v1',
  HoldExpired: 'holdfast.reservation.expired.v1',
  UnitsReturned: 'holdfast.reservation.returned.v1',
  ReturnsClosed: 'holdfast.reservation.returns-closed.v1',
  ReservationForgotten: 'holdfast.reservation.forgotten.v1',
  StockAdjusted: 'holdfast.stock.adjusted.v1',
  SaleScheduled: 'holdfast.stock.sale-scheduled.v1',
  ProductRetired: 'holdfast.stock.retired.v1',
  HoldPlaced: 'holdfast.hold.placed.v1',
  HoldSettled: 'holdfast.hold.settled.v1',
  WaitlistJoined: 'holdfast.waitlist.joined.v1',
  WaitlistLeft: 'holdfast.waitlist.left.v1',
  WaitlistServed: 'holdfast.waitlist.served.v1',
  UnitsEarmarked: 'holdfast.waitlist.earmarked.v1',
  SplitHeld: 'holdfast.split-reservation.held.v1',
  SplitExtended: 'holdfast.split-reservation.extended.v1',
  SplitPaymentStarted: 'holdfast.split-reservation.payment-started.v1',
  SplitSettled: 'holdfast.split-reservation.settled.v1',
}

/** Of the shop's outbox, by the name that webhooks have for it. */
export function outboxEventType(type: OutboxEventType): CloudEventType {
  return `holdfast.${type}.v1`
}

/** Whether other systems are told of it. */
export function isPublished(event: Event): event is PublishedEvent {
  return event.type in journalEventTypes
}
