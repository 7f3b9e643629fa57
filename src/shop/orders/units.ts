/** An order's units, as the engine has them. The order owns its reservation, so whatever it asks twice it asks safely. */

import { commandKeyOf } from '../../actors/command-key.ts'
import type { ReservationReply } from '../../actors/requests.ts'
import type { Line } from '../../domain/commands.ts'
import type { Refusal } from '../../domain/decision.ts'
import type { CustomerId, ReservationId } from '../../domain/ids.ts'
import type { ShopParts } from '../shop-parts.ts'

type Parts = Pick<ShopParts, 'engine' | 'splits'>

export type Hold = {
  readonly reservationId: ReservationId
  readonly customerId: CustomerId
  /** One a product, by product id; the reservation's id was drawn for the first. */
  readonly lines: readonly [Line, ...Line[]]
  /** The order's id. */
  readonly reference: string
}

export type HoldReply =
  | { readonly type: 'held'; readonly expiresAtMs: number }
  | { readonly type: 'refused'; readonly refusal: Refusal }

/** Holds all lines or none. */
export async function holdUnits({ engine, splits }: Parts, hold: Hold): Promise<HoldReply> {
  const { reservationId, customerId, lines, reference } = hold
  const [first, second] = lines
  const terms = { reservationId, customerId, ttlMs: undefined, allowPartial: false, reference }
  const reply =
    second === undefined
      ? await engine.execute({ type: 'reserve', ...terms, ...first })
      : await splits.reserve({ ...terms, lines, key: undefined })
  return reply.type === 'refused' ? reply : { type: 'held', expiresAtMs: reply.expiresAtMs }
}

/** The reservation, if its shard knows it. */
export async function findReservation(
  { engine }: Pick<Parts, 'engine'>,
  reservationId: ReservationId,
): Promise<ReservationReply | undefined> {
  const reply = await engine.execute({ type: 'readReservation', reservationId })
  return reply.type === 'refused' ? undefined : reply
}

/** `gone`: the hold had ended, or is so long over that nobody knows it any more. */
export async function confirmUnits(
  { splits }: Pick<Parts, 'splits'>,
  { reservationId, orderId }: { readonly reservationId: ReservationId; readonly orderId: string },
): Promise<'sold' | 'gone'> {
  const reply = await splits.change({
    type: 'confirm',
    reservationId,
    items: undefined,
    reference: orderId,
  })
  if (reply.type !== 'refused') return 'sold'
  const { refusal } = reply
  return refusal.reason === 'reservationResolved' && refusal.status === 'confirmed' ? 'sold' : 'gone'
}

/** Whatever the order still has of its units goes back: held ones are released, sold ones return. */
export async function giveUnitsBack(
  { splits }: Pick<Parts, 'splits'>,
  { reservationId, reason }: { readonly reservationId: ReservationId; readonly reason: string },
): Promise<void> {
  const released = await splits.change({ type: 'release', reservationId, items: undefined })
  if (released.type !== 'refused') return
  const { refusal } = released
  if (refusal.reason !== 'reservationResolved' || refusal.status !== 'confirmed') return
  // Where everything has come back already this is refused, and nothing is left to do.
  await splits.change({ type: 'return', reservationId, items: undefined, reason })
}

/** Some sold units are on hand again. Said again for the same return it changes nothing more. */
export async function returnUnits(
  { splits }: Pick<Parts, 'splits'>,
  back: {
    readonly reservationId: ReservationId
    readonly returnId: string
    readonly items: readonly Line[]
    readonly reason: string
  },
): Promise<'returned' | 'refused'> {
  const { reservationId, returnId, items, reason } = back
  const key = commandKeyOf('order return', returnId, JSON.stringify(items))
  const reply = await splits.change({ type: 'return', reservationId, items, reason, key })
  return reply.type === 'refused' ? 'refused' : 'returned'
}
