/**
 * The hold of a cart that is checked out. Whoever wishes for the same at the same time, or tries again after a crash, takes
 * the same ids from the checkout that was begun, and so comes to the same hold and the same order.
 */
import { GivenUp } from '../../actors/split-coordinator.ts'
import { crashPoint } from '../../crash-points.ts'
import type { Line } from '../../domain/commands.ts'
import type { Refusal } from '../../domain/decision.ts'
import type { CustomerId, ProductId, ReservationId } from '../../domain/ids.ts'
import type { Checkout } from '../../persistence/tables/orders/checkout-operations.ts'
import type { Order } from '../../persistence/tables/orders/order-rows.ts'
import { findReservation, holdUnits } from '../orders/units.ts'
import type { ShopParts } from '../shop-parts.ts'

type Wanted = {
  readonly customerId: CustomerId
  readonly fingerprint: string
  readonly lines: readonly Line[]
  readonly coupon: ProductId | undefined
}
export type Holding = {
  readonly type: 'held'
  readonly orderId: string
  readonly reservationId: ReservationId
  readonly expiresAtMs: number
}
type Held =
  | Holding
  | { readonly type: 'refused'; readonly refusal: Refusal }
  /** Somebody else has made an order of the same wish meanwhile. */
  | { readonly type: 'ordered'; readonly order: Order }

export async function holdCart(parts: ShopParts, wanted: Wanted): Promise<Held> {
  const { tables } = parts
  const { customerId, fingerprint } = wanted
  const [first] = sortedLines(wanted)
  const reservationId = parts.engine.newReservationId(first.productId)
  const checkout = { customerId, fingerprint, reservationId }
  const begun = await tables.write('checkouts.begin', checkout)
  crashPoint('checkout.afterBegin')
  if (begun.reservationId === reservationId) {
    // With its order a checkout goes, and whoever comes a moment later begins another.
    const order = await tables.read('orders.pendingByFingerprint', { customerId, fingerprint })
    return order === undefined ? await holdAs(parts, wanted, begun) : { type: 'ordered', order }
  }
  const found = await findReservation(parts, begun.reservationId)
  if (found?.status === 'held' || found?.status === 'paying')
    return { type: 'held', ...begun, expiresAtMs: found.expiresAtMs }
  try {
    // Who began it may be about to hold: under one id that comes to one hold.
    if (found === undefined) return await holdAs(parts, wanted, begun)
  } catch (error) {
    if (!(error instanceof GivenUp)) throw error
  }
  const stale = begun.reservationId
  return await holdAs(parts, wanted, await tables.write('checkouts.renew', { ...checkout, stale }))
}

async function holdAs(parts: ShopParts, wanted: Wanted, begun: Checkout): Promise<Held> {
  const { customerId } = wanted
  const { reservationId, orderId: reference } = begun
  const lines = sortedLines(wanted)
  const reply = await holdUnits(parts, { reservationId, customerId, lines, reference })
  crashPoint('checkout.afterHold')
  if (reply.type === 'held') return { ...reply, ...begun }
  if (reply.refusal.reason !== 'reservationExists') return reply
  // Who came at the same time has made it.
  const found = await findReservation(parts, reservationId)
  if (found === undefined) throw new GivenUp()
  return { type: 'held', ...begun, expiresAtMs: found.expiresAtMs }
}

/** By product id, as their order decides where the reservation lives; a coupon comes last by itself. */
function sortedLines({ lines, coupon }: Wanted): readonly [Line, ...Line[]] {
  const goods = lines.map(({ productId, quantity }) => ({ productId, quantity }))
  const all = coupon === undefined ? goods : [...goods, { productId: coupon, quantity: 1 }]
  return all.toSorted((a, b) => (a.productId < b.productId ? -1 : 1)) as [Line, ...Line[]]
}
