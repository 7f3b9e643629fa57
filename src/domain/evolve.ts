/** How an event changes the state of its shard. Never refuses: what is in the journal has happened. */
import { assert, unreachable } from './assert.ts'
import { advance, count, freed, known, took, unserve } from './counting.ts'
import type {
  Event,
  ProductRetired,
  ReservationEvent,
  SaleScheduled,
  StockAdjusted,
  UnitsHeld,
  WaitlistServed,
} from './events.ts'
import { evolveKey } from './evolve-key.ts'
import { evolveHold, evolveSplit } from './evolve-split.ts'
import { evolveWaitlist, forgetServed, leaveServed } from './evolve-waitlist.ts'
import { productBytes, reservationBytes } from './footprint.ts'
import type { CustomerId } from './ids.ts'
import type { Making, ReservationRow } from './reservation-row.ts'
import type { SplitReservation } from './split.ts'
import { availableOf, isLive, type Reservation, type Sale, type ShardState, type Stock } from './stock.ts'
import { TextMap } from './text-map.ts'

/**
 * Applies one event in place; `atMs` is the time the journal gives it. Returns the reservation it changed, if it is
 * still known. Throws `InvariantBroken` where the event does not fit the state, which only a bug or a journal of another
 * history can bring about.
 */
export function evolve(
  shard: ShardState,
  event: Event,
  atMs: number,
): ReservationRow | SplitReservation | undefined {
  switch (event.type) {
    case 'UnitsHeld':
      return hold(shard, event, atMs)
    case 'StockAdjusted':
      adjust(shard, event)
      return undefined
    case 'SaleScheduled':
      schedule(shard, event)
      return undefined
    case 'ProductRetired':
      retire(shard, event)
      return undefined
    case 'HoldPlaced':
    case 'HoldSettled':
      evolveHold(shard, event, atMs)
      return undefined
    case 'SplitHeld':
    case 'SplitExtended':
    case 'SplitPaymentStarted':
    case 'SplitSettled':
    case 'SplitAcknowledged':
    case 'SplitForgotten':
    case 'SplitAborted':
    case 'AbortForgotten':
      return evolveSplit(shard, event, atMs)
    case 'WaitlistServed':
      return serve(shard, event, atMs)
    case 'WaitlistJoined':
    case 'WaitlistLeft':
    case 'UnitsEarmarked':
      evolveWaitlist(shard, advance(known(shard.products.get(event.productId)), event.version), event)
      return undefined
    case 'KeyClaimed':
    case 'KeyAnswered':
    case 'KeyFreed':
    case 'KeysForgotten':
      evolveKey(shard, event, atMs)
      return undefined
    default:
      return settle(shard, event, atMs)
  }
}

function hold(shard: ShardState, event: UnitsHeld, atMs: number): ReservationRow {
  return take(shard, advance(known(shard.products.get(event.productId)), event.version), event, atMs)
}

/** The head of the line leaves it with its hold. */
function serve(shard: ShardState, event: WaitlistServed, atMs: number): ReservationRow {
  const stock = advance(known(shard.products.get(event.productId)), event.version)
  leaveServed(shard, stock, event)
  return take(shard, stock, { ...event, reference: undefined }, atMs)
}

type Taken = Making & Pick<UnitsHeld, 'available'>

function take(shard: ShardState, stock: Stock, event: Taken, atMs: number): ReservationRow {
  assert(event.quantity > 0, 'a reservation holds something')
  stock.held += event.quantity
  assert(stock.held <= stock.onHand, 'never more held than on hand')
  assert(availableOf(stock) === event.available, 'the reply said how many are left')
  count(stock, event, event.quantity)
  took(shard, stock, event.customerId)
  const row = shard.reservations.add(stock, event, atMs)
  shard.footprintBytes += reservationBytes(row)
  return row
}

function adjust(shard: ShardState, event: StockAdjusted): void {
  let stock = shard.products.get(event.productId)
  if (stock === undefined) {
    stock = newStock(event.productId, shard.products.size)
    shard.products.set(event.productId, stock)
    shard.footprintBytes += productBytes
  }
  advance(stock, event.version)
  stock.onHand += event.delta
  assert(stock.onHand === event.onHand, 'the reply said how many are on hand')
  assert(stock.onHand >= stock.held, 'never fewer on hand than held')
  freed(shard, stock, event.delta)
}

function retire(shard: ShardState, event: ProductRetired): void {
  const stock = advance(known(shard.products.get(event.productId)), event.version)
  stock.retired = true
  unserve(shard, stock)
}

function schedule(shard: ShardState, event: SaleScheduled): void {
  const stock = advance(known(shard.products.get(event.productId)), event.version)
  stock.sale = event.sale
  if (event.sale.perCustomerLimit === undefined) stock.customers = undefined
  else stock.customers ??= countCustomers(shard, stock)
  unserve(shard, stock)
}

/**
 * Looks at every reservation of the product, once, when staff set a first limit, within one turn: some 5 ms
 * for 10,000 of as many customers, 50 ms for 100,000, most of a second for a million. Set before its sale a limit costs
 * nothing.
 */
function countCustomers(shard: ShardState, stock: Stock): TextMap<CustomerId, number> {
  const customers = new TextMap<CustomerId, number>()
  for (const reservation of shard.reservations.ofStock(stock)) {
    const { customerId, status, quantity, returned, returnClosed } = reservation
    if (customerId === undefined) continue
    const counts = isLive(status) || (status === 'confirmed' && !returnClosed)
    if (counts && quantity > returned)
      customers.set(customerId, (customers.get(customerId) ?? 0) + quantity - returned)
  }
  for (const holds of shard.holds.values()) {
    for (const { stock: of, customerId, held, sold } of holds) {
      if (of !== stock || customerId === undefined) continue
      customers.set(customerId, (customers.get(customerId) ?? 0) + held + sold)
    }
  }
  return customers
}

/** One for all products without a sale: what is read with every hold should lie in one place. */
const noSale: Sale = Object.freeze({})

function newStock(productId: Stock['productId'], number: number): Stock {
  return {
    productId,
    number,
    version: 0,
    onHand: 0,
    held: 0,
    sold: 0,
    retired: false,
    earmarked: 0,
    waitlist: undefined,
    sale: noSale,
    customers: undefined,
  }
}

function settle(shard: ShardState, event: ReservationEvent, atMs: number): ReservationRow | undefined {
  const reservation = known(shard.reservations.get(event.reservationId))
  change(shard, reservation, event, atMs)
  if (event.type !== 'ReservationForgotten') return reservation
  shard.footprintBytes -= reservationBytes(reservation)
  shard.reservations.delete(event.reservationId)
  return undefined
}

function change(shard: ShardState, reservation: ReservationRow, event: ReservationEvent, atMs: number): void {
  const { stock } = reservation
  assert(stock.productId === event.productId, 'a reservation stays with its product')
  advance(stock, event.version)
  switch (event.type) {
    case 'HoldExtended':
      assert(reservation.status === 'held', 'only a hold is extended')
      reservation.expiresAtMs = event.expiresAtMs
      return
    case 'PaymentStarted':
      assert(reservation.status === 'held', 'payment starts once')
      reservation.status = 'paying'
      reservation.expiresAtMs = event.expiresAtMs
      return
    case 'UnitsReleased':
      unhold(shard, reservation, event.quantity)
      if (event.quantity === reservation.quantity) resolve(shard, reservation, 'released', atMs)
      else reservation.quantity -= event.quantity
      return
    case 'HoldExpired':
      assert(event.quantity === reservation.quantity, 'all that is held expires')
      unhold(shard, reservation, event.quantity)
      resolve(shard, reservation, 'expired', atMs)
      return
    case 'UnitsConfirmed':
      unhold(shard, reservation, reservation.quantity)
      assert(event.quantity > 0, 'a confirmation sells something')
      assert(event.quantity <= reservation.quantity, 'never more confirmed than held')
      stock.onHand -= event.quantity
      stock.sold += event.quantity
      freed(shard, stock, -event.quantity)
      count(stock, reservation, event.quantity)
      reservation.quantity = event.quantity
      if (event.reference !== undefined) refer(shard, reservation, event.reference)
      resolve(shard, reservation, 'confirmed', atMs)
      return
    case 'UnitsReturned':
      assert(
        reservation.status === 'confirmed' && !reservation.returnClosed,
        'only what was confirmed comes back',
      )
      assert(event.quantity > 0, 'a return brings something back')
      reservation.returned += event.quantity
      assert(reservation.returned <= reservation.quantity, 'never more returned than confirmed')
      stock.sold -= event.quantity
      stock.onHand += event.quantity
      freed(shard, stock, event.quantity)
      count(stock, reservation, -event.quantity)
      return
    case 'ReturnsClosed':
      assert(reservation.status === 'confirmed' && !reservation.returnClosed, 'a return window closes once')
      reservation.returnClosed = true
      count(stock, reservation, reservation.returned - reservation.quantity)
      return
    case 'ReservationForgotten':
      assert(!isLive(reservation.status), 'only an ended reservation is forgotten')
      assert(
        reservation.status !== 'confirmed' || reservation.returnClosed,
        'a confirmed one is first closed',
      )
      return
    default:
      return unreachable(event)
  }
}

function refer(shard: ShardState, reservation: ReservationRow, reference: string): void {
  shard.footprintBytes -= reservationBytes(reservation)
  reservation.reference = reference
  shard.footprintBytes += reservationBytes(reservation)
}

/** Takes held units off the reservation's product and its customer's count. */
function unhold(shard: ShardState, reservation: Reservation, quantity: number): void {
  assert(isLive(reservation.status), 'only a live reservation holds units')
  assert(quantity > 0 && quantity <= reservation.quantity, 'never more given back than held')
  const { stock } = reservation
  stock.held -= quantity
  assert(stock.held >= 0, 'never fewer than none held')
  count(stock, reservation, -quantity)
  freed(shard, stock, quantity)
}

function resolve(
  shard: ShardState,
  reservation: Reservation,
  status: 'confirmed' | 'released' | 'expired',
  atMs: number,
): void {
  reservation.status = status
  reservation.resolvedAtMs = atMs
  if (reservation.stock.waitlist !== undefined) forgetServed(shard, reservation)
}
