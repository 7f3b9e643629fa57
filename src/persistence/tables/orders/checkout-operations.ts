/**
 * What is meant to become an order. A checkout keeps the ids under which its units are reserved and its order is made, so
 * that whoever tries again after a time-out or a crash finds the first try's hold, and is not kept out by it (RIVALS.md, 7).
 */
import type { CustomerId, ReservationId } from '../../../domain/ids.ts'
import { drawId } from '../draw-id.ts'
import { type Moment, write } from '../operation.ts'
import { change, type Query, row } from '../query.ts'

export type Checkout = { readonly orderId: string; readonly reservationId: ReservationId }

type Begin = {
  readonly customerId: CustomerId
  /** Of cart or reservation, lines and discount, SHA-256 in hex. */
  readonly fingerprint: string
  /** Drawn by who asks; of use only where this is the first try. */
  readonly reservationId: ReservationId
}

export const checkoutOperations = {
  'checkouts.begin': write((args: Begin, moment) => beginCheckout(args, moment)),
  /** Under `stale` nothing can be reserved any more: another id takes its place, unless somebody else has done so. */
  'checkouts.renew': write((args: Begin & { readonly stale: ReservationId }, moment) =>
    renewCheckout(args, moment),
  ),
  /** Forgets those that came to nothing. */
  'checkouts.forget': write(function* ({ beforeMs }: { readonly beforeMs: number }): Query<{
    readonly forgotten: number
  }> {
    return { forgotten: yield* change('DELETE FROM checkouts WHERE at_ms < ?', beforeMs) }
  }),
}

function* beginCheckout(args: Begin, moment: Moment): Query<Checkout> {
  const begun = yield* row<Checkout>(
    `INSERT INTO checkouts (customer_id, fingerprint, order_id, reservation_id, at_ms) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (customer_id, fingerprint) DO UPDATE SET at_ms = excluded.at_ms
     RETURNING order_id AS "orderId", reservation_id AS "reservationId"`,
    args.customerId,
    args.fingerprint,
    drawId('ord', moment),
    args.reservationId,
    moment.nowMs,
  )
  return begun as Checkout
}

function* renewCheckout(args: Begin & { readonly stale: ReservationId }, moment: Moment): Query<Checkout> {
  yield* change(
    `UPDATE checkouts SET reservation_id = ?, order_id = ?, at_ms = ?
      WHERE customer_id = ? AND fingerprint = ? AND reservation_id = ?`,
    args.reservationId,
    drawId('ord', moment),
    moment.nowMs,
    args.customerId,
    args.fingerprint,
    args.stale,
  )
  return yield* beginCheckout(args, moment)
}
