/** The rules of commands that name a reservation: each of its ends at most once, whatever races. */
import { assert, unreachable } from './assert.ts'
import type { Confirm, Extend, Line, Release, ReservationCommand, Return, StartPayment } from './commands.ts'
import { accepted, type Decision, refused } from './decision.ts'
import { extendedTo, paymentDeadline } from './reservation-times.ts'
import { isLive, type ReservationView } from './stock.ts'

/** Answers a command from its reservation and the stock it holds of. */
export function decideForReservation(
  reservation: ReservationView,
  command: ReservationCommand,
  nowMs: number,
): Decision {
  switch (command.type) {
    case 'return':
      return decideReturn(reservation, command)
    case 'closeReturns':
      assert(
        reservation.status === 'confirmed' && !reservation.returnClosed,
        'only an open return window closes',
      )
      return accepted({ type: 'ReturnsClosed', ...next(reservation) })
    case 'forget':
      assert(!isLive(reservation.status), 'a live reservation cannot be forgotten')
      assert(
        reservation.status !== 'confirmed' || reservation.returnClosed,
        'a confirmed one is first closed',
      )
      return accepted({ type: 'ReservationForgotten', ...next(reservation) })
  }
  if (!isLive(reservation.status))
    return refused({ reason: 'reservationResolved', status: reservation.status })
  switch (command.type) {
    case 'extend':
      return decideExtend(reservation, command, nowMs)
    case 'startPayment':
      return decideStartPayment(reservation, command, nowMs)
    case 'release':
      return decideRelease(reservation, command)
    case 'confirm':
      return decideConfirm(reservation, command)
    case 'expire':
      return accepted({ type: 'HoldExpired', ...next(reservation), quantity: reservation.quantity })
    default:
      return unreachable(command)
  }
}

/** The fields every event of a reservation begins with. */
function next(reservation: ReservationView) {
  const { id, stock } = reservation
  return { productId: stock.productId, version: stock.version + 1, reservationId: id }
}

function decideExtend(reservation: ReservationView, command: Extend, nowMs: number): Decision {
  const expiresAtMs = extendedTo(reservation, command.ttlMs, nowMs)
  if (typeof expiresAtMs !== 'number') return refused(expiresAtMs)
  if (expiresAtMs === reservation.expiresAtMs) return accepted()
  return accepted({ type: 'HoldExtended', ...next(reservation), expiresAtMs })
}

function decideStartPayment(reservation: ReservationView, command: StartPayment, nowMs: number): Decision {
  if (reservation.status === 'paying') return accepted()
  const expiresAtMs = paymentDeadline(reservation, command.payingMs, nowMs)
  return accepted({ type: 'PaymentStarted', ...next(reservation), expiresAtMs })
}

function decideRelease(reservation: ReservationView, command: Release): Decision {
  const part = partOf(reservation, command.items)
  if (part.excess !== undefined) return refused({ reason: 'exceedsHeld', ...part.excess, held: part.had })
  return accepted({ type: 'UnitsReleased', ...next(reservation), quantity: part.quantity })
}

function decideConfirm(reservation: ReservationView, command: Confirm): Decision {
  const part = partOf(reservation, command.items)
  if (part.excess !== undefined) return refused({ reason: 'exceedsHeld', ...part.excess, held: part.had })
  const { reference } = command
  return accepted({ type: 'UnitsConfirmed', ...next(reservation), quantity: part.quantity, reference })
}

function decideReturn(reservation: ReservationView, command: Return): Decision {
  const { status } = reservation
  if (isLive(status)) return refused({ reason: 'notConfirmed', status })
  if (status !== 'confirmed') return refused({ reason: 'reservationResolved', status })
  if (reservation.returnClosed) return refused({ reason: 'returnWindowOver' })
  const part = partOf(reservation, command.items)
  if (part.excess !== undefined)
    return refused({ reason: 'exceedsConfirmed', ...part.excess, confirmed: part.had })
  if (part.quantity === 0) {
    const { productId } = reservation.stock
    return refused({ reason: 'exceedsConfirmed', productId, requested: 0, confirmed: 0 })
  }
  return accepted({
    type: 'UnitsReturned',
    ...next(reservation),
    quantity: part.quantity,
    reason: command.reason,
  })
}

type Part = {
  readonly quantity: number
  /** The line that names more than the reservation has of that product. */
  readonly excess?: { readonly productId: Line['productId']; readonly requested: number }
  /** Units of the named product that there are to settle. */
  readonly had: number
}

/** The units the lines name, lines of the same product summed; without lines, all there are. */
function partOf(reservation: ReservationView, items: readonly Line[] | undefined): Part {
  const had = reservation.quantity - reservation.returned
  if (items === undefined) return { quantity: had, had }
  let quantity = 0
  for (const line of items) {
    if (line.productId !== reservation.stock.productId) {
      return { quantity: 0, excess: { productId: line.productId, requested: line.quantity }, had: 0 }
    }
    quantity += line.quantity
  }
  if (quantity > had)
    return { quantity, excess: { productId: reservation.stock.productId, requested: quantity }, had }
  return { quantity, had }
}
