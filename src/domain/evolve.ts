/** How an event changes the state of its shard. Never refuses: what is in the journal has happened. */
import { assert, unreachable } from './assert.ts'
import type { Event, ReservationEvent, SaleScheduled, StockAdjusted, UnitsHeld } from './events.ts'
import { productBytes, reservationBytes } from './footprint.ts'
import type { CustomerId } from './ids.ts'
import { isLive, type Reservation, type ShardState, type Stock } from './stock.ts'

/**
 * Applies one event in place; `atMs` is the time the journal gives it. Returns the reservation it changed, if it is
 * still known. Throws `InvariantBroken` where the event does not
 * fit the state, which only a bug or a journal of another history can bring about.
 */
export function evolve(shard: ShardState, event: Event, atMs: number): Reservation | undefined {
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
      advance(known(shard.products.get(event.productId)), event.version).retired = true
      return undefined
    default:
      return settle(shard, event, atMs)
  }
}

function hold(shard: ShardState, event: UnitsHeld, atMs: number): Reservation {
  const stock = advance(known(shard.products.get(event.productId)), event.version)
  assert(event.quantity > 0, 'a reservation holds something')
  stock.held += event.quantity
  assert(stock.held <= stock.onHand, 'never more held than on hand')
  assert(stock.onHand - stock.held === event.available, 'the reply said how many are left')
  count(stock, event.customerId, event.quantity)
  const reservation: Reservation = {
    id: event.reservationId,
    stock,
    customerId: event.customerId,
    reference: event.reference,
    status: 'held',
    quantity: event.quantity,
    returned: 0,
    createdAtMs: atMs,
    expiresAtMs: event.expiresAtMs,
    resolvedAtMs: 0,
    returnClosed: false,
  }
  shard.reservations.add(reservation)
  shard.footprintBytes += reservationBytes(reservation)
  return reservation
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
}

function schedule(shard: ShardState, event: SaleScheduled): void {
  const stock = advance(known(shard.products.get(event.productId)), event.version)
  stock.sale = event.sale
  if (event.sale.perCustomerLimit === undefined) stock.customers = undefined
  else stock.customers ??= countCustomers(shard, stock)
}

/**
 * Looks at every reservation of the product, once, when staff set a first limit, within one turn: some 5 ms
 * for 10,000 of as many customers, 50 ms for 100,000, most of a second for a million. Set before its sale a limit costs
 * nothing.
 */
function countCustomers(shard: ShardState, stock: Stock): Map<CustomerId, number> {
  const customers = new Map<CustomerId, number>()
  for (const reservation of shard.reservations.ofStock(stock)) {
    const { customerId, status, quantity, returned, returnClosed } = reservation
    if (customerId === undefined) continue
    const counts = isLive(status) || (status === 'confirmed' && !returnClosed)
    if (counts && quantity > returned)
      customers.set(customerId, (customers.get(customerId) ?? 0) + quantity - returned)
  }
  return customers
}

function newStock(productId: Stock['productId'], number: number): Stock {
  return {
    productId,
    number,
    version: 0,
    onHand: 0,
    held: 0,
    sold: 0,
    retired: false,
    sale: {},
    customers: undefined,
  }
}

function settle(shard: ShardState, event: ReservationEvent, atMs: number): Reservation | undefined {
  const reservation = known(shard.reservations.get(event.reservationId))
  shard.footprintBytes -= reservationBytes(reservation)
  change(reservation, event, atMs)
  if (event.type === 'ReservationForgotten') {
    shard.reservations.delete(reservation.id)
    return undefined
  }
  shard.footprintBytes += reservationBytes(reservation)
  return reservation
}

function change(reservation: Reservation, event: ReservationEvent, atMs: number): void {
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
      unhold(reservation, event.quantity)
      if (event.quantity === reservation.quantity) resolve(reservation, 'released', atMs)
      else reservation.quantity -= event.quantity
      return
    case 'HoldExpired':
      assert(event.quantity === reservation.quantity, 'all that is held expires')
      unhold(reservation, event.quantity)
      resolve(reservation, 'expired', atMs)
      return
    case 'UnitsConfirmed':
      unhold(reservation, reservation.quantity)
      assert(event.quantity > 0, 'a confirmation sells something')
      assert(event.quantity <= reservation.quantity, 'never more confirmed than held')
      stock.onHand -= event.quantity
      stock.sold += event.quantity
      count(stock, reservation.customerId, event.quantity)
      reservation.quantity = event.quantity
      if (event.reference !== undefined) reservation.reference = event.reference
      resolve(reservation, 'confirmed', atMs)
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
      count(stock, reservation.customerId, -event.quantity)
      return
    case 'ReturnsClosed':
      assert(reservation.status === 'confirmed' && !reservation.returnClosed, 'a return window closes once')
      reservation.returnClosed = true
      count(stock, reservation.customerId, reservation.returned - reservation.quantity)
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

/** Takes held units off the reservation's product and its customer's count. */
function unhold(reservation: Reservation, quantity: number): void {
  assert(isLive(reservation.status), 'only a live reservation holds units')
  assert(quantity > 0 && quantity <= reservation.quantity, 'never more given back than held')
  const { stock } = reservation
  stock.held -= quantity
  assert(stock.held >= 0, 'never fewer than none held')
  count(stock, reservation.customerId, -quantity)
}

function resolve(reservation: Reservation, status: 'confirmed' | 'released' | 'expired', atMs: number): void {
  reservation.status = status
  reservation.resolvedAtMs = atMs
}

/** Adds to a customer's count; a count of none is no entry, so that the state says each thing in one way only. */
function count(stock: Stock, customerId: CustomerId | undefined, units: number): void {
  const { customers } = stock
  if (customers === undefined || customerId === undefined || units === 0) return
  const total = (customers.get(customerId) ?? 0) + units
  assert(total >= 0, 'never fewer than none counted')
  if (total === 0) customers.delete(customerId)
  else customers.set(customerId, total)
}

function advance(stock: Stock, version: number): Stock {
  assert(version === stock.version + 1, 'versions have no gaps')
  stock.version = version
  return stock
}

function known<T>(found: T | undefined): T {
  assert(found !== undefined, 'an event names what exists')
  return found
}
