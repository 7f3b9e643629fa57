/**
 * What an event makes of a product's counts and of a reservation as the history shows them. A second reading of the
 * journal beside the engine's own (domain/evolve.ts), with nothing in memory but what the event is about; a test compares
 * the two.
 */
import { assert, unreachable } from '../domain/assert.ts'
import type { Event, ProductEvent } from '../domain/events.ts'
import type { CustomerId, ProductId, ReservationId } from '../domain/ids.ts'
import { isLive, type ReservationStatus } from '../domain/stock.ts'

export type Counts = {
  readonly version: number
  readonly onHand: number
  readonly held: number
  readonly sold: number
  /** Customers in line. */
  readonly waiting: number
  /** Free units that are put aside for the first of them. */
  readonly earmarked: number
  readonly retired: boolean
}

/** What a line of a reservation of several products stood at in its product's shard. */
export type PastHold = { readonly held: number; readonly sold: number }

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

export const noCounts: Counts = {
  version: 0,
  onHand: 0,
  held: 0,
  sold: 0,
  waiting: 0,
  earmarked: 0,
  retired: false,
}

/**
 * Units that a new reservation could take. An adjustment can take away units that were put aside; the event after it puts
 * aside fewer, and between the two there are none, not less than none.
 */
export function availableIn({ onHand, held, earmarked }: Counts): number {
  return Math.max(0, onHand - held - earmarked)
}

/** Whose record an event changes, if any. */
export function reservationIn(event: Event): ReservationId | undefined {
  return 'reservationId' in event ? event.reservationId : undefined
}

/** Whether the event is the first of its reservation. */
export function makesReservation(event: Event): boolean {
  return event.type === 'UnitsHeld' || event.type === 'WaitlistServed' || event.type === 'SplitHeld'
}

/** A hold after its event; `undefined` for one that is over. */
export function holdAfter(
  event: Extract<Event, { type: 'HoldPlaced' | 'HoldSettled' }>,
): PastHold | undefined {
  if (event.type === 'HoldPlaced') return { held: event.quantity, sold: 0 }
  const { held, sold, closed } = event
  return closed || held + sold === 0 ? undefined : { held, sold }
}

/** `before` is the event's reservation as it was, `hold` the hold. */
export function countsAfter(
  counts: Counts,
  event: ProductEvent,
  { before, hold }: { readonly before: PastReservation | undefined; readonly hold: PastHold | undefined },
): Counts {
  const { version } = event
  assert(version === counts.version + 1, 'versions have no gaps')
  const { onHand, held, sold } = counts
  switch (event.type) {
    case 'UnitsHeld':
    case 'HoldPlaced':
      return { ...counts, version, held: held + event.quantity }
    case 'WaitlistServed':
      return { ...counts, version, held: held + event.quantity, waiting: counts.waiting - 1, earmarked: 0 }
    case 'HoldSettled': {
      assert(hold !== undefined, 'a settlement names a hold')
      const gained = event.sold - hold.sold
      return {
        ...counts,
        version,
        held: held + event.held - hold.held,
        sold: sold + gained,
        onHand: onHand - gained,
      }
    }
    case 'UnitsEarmarked':
      return { ...counts, version, earmarked: event.quantity }
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
    case 'WaitlistJoined':
      return { ...counts, version, waiting: counts.waiting + 1 }
    case 'WaitlistLeft': {
      // Where somebody else is first now, what is put aside for them is said anew.
      const waiting = counts.waiting - 1
      return { ...counts, version, waiting, earmarked: waiting === 0 ? 0 : counts.earmarked }
    }
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
      return made(event, recorded, [{ ...lineIn(event), returned: 0 }])
    case 'WaitlistServed':
      return made({ ...event, reference: undefined }, recorded, [{ ...lineIn(event), returned: 0 }])
    case 'SplitHeld':
      return made(
        event,
        recorded,
        event.lines.map((line) => ({ ...lineIn(line), returned: 0 })),
      )
    case 'SplitExtended':
      return { ...known(before), sequence, expiresAtMs: event.expiresAtMs }
    case 'SplitPaymentStarted':
      return { ...known(before), sequence, status: 'paying', expiresAtMs: event.expiresAtMs }
    case 'SplitSettled': {
      const was = known(before)
      const ends = isLive(was.status) && !isLive(event.status)
      return {
        ...was,
        sequence,
        status: event.status,
        reference: event.reference ?? was.reference,
        resolvedAtMs: ends ? atMs : was.resolvedAtMs,
        lines: was.lines.map(({ productId }, i) => ({
          productId,
          quantity: event.quantities[i] ?? 0,
          returned: event.returned[i] ?? 0,
        })),
      }
    }
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
    case 'HoldPlaced':
    case 'HoldSettled':
    case 'SplitAcknowledged':
    case 'SplitForgotten':
    case 'SplitAborted':
    case 'AbortForgotten':
    case 'WaitlistJoined':
    case 'WaitlistLeft':
    case 'UnitsEarmarked':
    case 'KeyClaimed':
    case 'KeyAnswered':
    case 'KeyFreed':
    case 'KeysForgotten':
      return before
    default:
      return unreachable(event)
  }
}

function lineIn({ productId, quantity }: Omit<Line, 'returned'>): Omit<Line, 'returned'> {
  return { productId, quantity }
}

type Made = Pick<PastReservation, 'reservationId' | 'customerId' | 'reference' | 'expiresAtMs'>

function made(event: Made, { atMs, sequence }: Recorded, lines: readonly Line[]): PastReservation {
  const { reservationId, customerId, reference, expiresAtMs } = event
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
