/** A reservation as callers see it. */
import type { ReservationReply } from '../actors/requests.ts'
import { homeOf, type ProductId, type ReservationId } from '../domain/ids.ts'
import { isCoupon } from '../shop/checkout/coupon.ts'
import { withReplay } from './idempotency.ts'
import { json } from './responses.ts'
import type { Call } from './route.ts'
import { timeOf } from './time.ts'

export const exampleLines = [
  { productId: 'iphone-17-pro', quantity: 1 },
  { productId: 'usb-c-charger', quantity: 2 },
]

export const exampleReservation = {
  reservationId: 'res_01K5ZC4N8XQ2M7V3H9R6T1B0DW05',
  status: 'held',
  items: exampleLines,
  customerId: 'usr_8812',
  reference: 'cart-5521',
  expiresAt: '2026-11-27T08:10:00.000Z',
  sequence: 1042,
}

export function shown(
  call: Call,
  reply: ReservationReply,
  headers?: Readonly<Record<string, string>>,
): Response {
  const { reservationId, status, customerId, reference, sequence } = reply
  const items = goodsIn(reply.lines).map(({ productId, quantity, returned }) => {
    return status === 'confirmed' ? { productId, quantity, returned } : { productId, quantity }
  })
  const expiresAt = timeOf(reply.expiresAtMs)
  const resolvedAt = reply.resolvedAtMs === undefined ? undefined : timeOf(reply.resolvedAtMs)
  const body = { reservationId, status, items, customerId, reference, expiresAt, resolvedAt, sequence }
  return json(call, 200, body, headers)
}

/** Without the use of a discount that may be held with them: an order says of it what there is to say. */
export function goodsIn<L extends { readonly productId: ProductId }>(lines: readonly L[]): readonly L[] {
  return lines.filter(({ productId }) => !isCoupon(productId))
}

export function shownChanged(call: Call, reply: ReservationReply): Response {
  const position = positionOf(reply.reservationId, reply.sequence)
  return shown(call, reply, withReplay({ 'holdfast-position': position }, reply))
}

/** The place of an event in the journal of the reservation's home. */
export function positionOf(reservationId: ReservationId, sequence: number): string {
  return `s${homeOf(reservationId)}.${sequence}`
}
