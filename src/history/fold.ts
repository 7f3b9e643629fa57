/**
 * What an event makes of a product's counts and of a reservation as the history shows them. A second reading of the
 * journal beside the engine's own (domain/evolve.ts), with nothing in memory but what the event is about; a test compares
 * the two.
 */
import { assert, unreachable } from '../domain/assert.ts'
import type { Event, UnitsHeld } from '../domain/events.ts'
import type { CustomerId, ProductId, ReservationId } from '../domain/ids.ts'
import type { ReservationStatus } from '../domain/stock.ts'

/** Those of one product, which carry its next version; others change nobody's counts. */
export type ProductEvent = Extract<Event, { readonly productId: ProductId }>

export type Counts = {
  readonly version: number
  readonly onHand: number
  readonly held: number
  readonly sold: number
  readonly retired: boolean
}

export type Line = {
  readonly productId: ProductId
  /** While live: units held. Confirmed: units confirmed. Released or expired: units it held last. */
  readonly quantity: number
  /** Units that came back after they were confirmed. */
  readonly returned: number
}

/** A reservation as it stood after its newest event. */
export type PastReservation = {
  readonly reservationId: ReservationId
  readonly customerId: CustomerId | undefined
  readonly reference: string | undefined
  readonly status: ReservationStatus
  readonly lines: readonly Line[]
  readonly createdAtMs: number
  readonly expiresAtMs: number
  /** 0 while it lives. */
  readonly resolvedAtMs: number
  /** Of its newest event, in its home shard. */
  readonly sequence: number
}

export type Recorded = { readonly atMs: number; readonly sequence: number }

export const noCounts: Counts = { version: 0, onHand: 0, held: 0, sold: 0, retired: false }

/** Whose record an event changes, if any. */
export function reservationIn(event: Event): ReservationId | undefined {
  return 'reservationId' in event ? event.reservationId : undefined
}

/** Whether the event is the first of its reservation. */
export function makesReservation(event: Event): boolean {
  return event.type === 'UnitsHeld'
}

/** `before` is the event's reservation as it was. */
export function countsAfter(
  counts: Counts,
  event: ProductEvent,
  before: PastReservation | undefined,
): Counts {
  const { version } = event
  assert(version === counts.version + 1, 'versions have no gaps')
  const { onHand, held, sold } = counts
  switch (event.type) {
    case 'UnitsHeld':
      return { ...counts, version, held: held + event.quantity }
    case 'UnitsReleased':
    case 'HoldExpired':
      return { ...counts, version, held: held - event.quantity }
    case 'UnitsConfirmed': {
      const { quantity } = event
      const gone = lineOf(before, event.productId).quantity
      return { ...counts, version, held: held - gone, onHand: onHand - quantity, sold: sold + quantity }
    }
    case 'UnitsReturned':
      return { ...counts, version, onHand: onHand + event.quantity, sold: sold - event.quantity }
    case 'StockAdjusted':
      return { ...counts, version, onHand: event.onHand }
    case 'ProductRetired':
      return { ...counts, version, retired: true }
    case 'HoldExtended':
    case 'PaymentStarted':
    case 'ReturnsClosed':
    case 'ReservationForgotten':
    case 'SaleScheduled':
      return { ...counts, version }
    default:
      return unreachable(event)
  }
}

/** The reservation after its event; what changes nothing that is shown gives back what was. */
export function reservationAfter(
  before: PastReservation | undefined,
  event: Event,
  recorded: Recorded,
): PastReservation | undefined {
  const { sequence, atMs } = recorded
  switch (event.type) {
    case 'UnitsHeld':
      return made(event, recorded)
    case 'HoldExtended':
      return { ...known(before), sequence, expiresAtMs: event.expiresAtMs }
    case 'PaymentStarted':
      return { ...known(before), sequence, status: 'paying', expiresAtMs: event.expiresAtMs }
    case 'UnitsReleased': {
      const line = lineOf(before, event.productId)
      if (event.quantity === line.quantity)
        return { ...known(before), sequence, status: 'released', resolvedAtMs: atMs }
      return withLine(known(before), { ...line, quantity: line.quantity - event.quantity }, sequence)
    }
    case 'HoldExpired':
      return { ...known(before), sequence, status: 'expired', resolvedAtMs: atMs }
    case 'UnitsConfirmed': {
      const line = { ...lineOf(before, event.productId), quantity: event.quantity }
      const reference = event.reference ?? known(before).reference
      const confirmed = withLine(known(before), line, sequence)
      return { ...confirmed, status: 'confirmed', reference, resolvedAtMs: atMs }
    }
    case 'UnitsReturned': {
      const line = lineOf(before, event.productId)
      return withLine(known(before), { ...line, returned: line.returned + event.quantity }, sequence)
    }
    case 'ReturnsClosed':
    case 'ReservationForgotten':
    case 'StockAdjusted':
    case 'SaleScheduled':
    case 'ProductRetired':
      return before
    default:
      return unreachable(event)
  }
}

function made(event: UnitsHeld, { atMs, sequence }: Recorded): PastReservation {
  const { reservationId, customerId, reference, productId, quantity, expiresAtMs } = event
  const lines = [{ productId, quantity, returned: 0 }]
  const status = 'held'
  return {
    reservationId,
    customerId,
    reference,
    status,
    lines,
    createdAtMs: atMs,
    expiresAtMs,
    resolvedAtMs: 0,
    sequence,
  }
}

function withLine(reservation: PastReservation, changed: Line, sequence: number): PastReservation {
  const lines = reservation.lines.map((line) => (line.productId === changed.productId ? changed : line))
  return { ...reservation, lines, sequence }
}

function lineOf(reservation: PastReservation | undefined, productId: ProductId): Line {
  const line = known(reservation).lines.find((each) => each.productId === productId)
  assert(line !== undefined, 'an event names a product of its reservation')
  return line
}

function known(reservation: PastReservation | undefined): PastReservation {
  assert(reservation !== undefined, 'an event names what exists')
  return reservation
}
