/**
 * One shard's counters, folded from its events alone and checked after every one of them.
 *
 * Written apart from the engine's rules on purpose: it shares none of their code, so that a mistake there is not
 * repeated here. It says what must be true of a shop's stock, whoever decided it. What must be true of several shards at
 * once is in across.ts.
 */
import { unreachable } from '../../domain/assert.ts'
import type {
  Event,
  HoldSettled,
  ProductEvent,
  ReservationEvent,
  UnitsHeld,
  WaitlistServed,
} from '../../domain/events.ts'
import type { CustomerId, ProductId, ReservationId } from '../../domain/ids.ts'
import type { ShardState } from '../../domain/stock.ts'
import { type At, HoldBook } from './hold-book.ts'
import { KeyBook } from './key-book.ts'
import {
  count,
  newProduct,
  type Product,
  productDifference,
  productFrom,
  take,
  unbalanced,
} from './product-book.ts'
import { SplitBook, saidOf } from './split-book.ts'
import type { Wrong } from './wrong.ts'

type Reservation = {
  readonly productId: ProductId
  readonly customerId: CustomerId | undefined
  status: 'held' | 'paying' | 'confirmed' | 'released' | 'expired'
  /** Held, or confirmed, or held last. */
  units: number
  returned: number
  closed: boolean
}

export type StockTotals = {
  products: number
  reservations: number
  onHand: number
  held: number
  sold: number
  adjusted: number
}

export class Ledger {
  readonly products = new Map<ProductId, Product>()
  readonly reservations = new Map<ReservationId, Reservation>()
  readonly splits = new SplitBook()
  readonly holds = new HoldBook()
  readonly keys = new KeyBook()

  /** One that goes on from a state the engine wrote down: of what came before it, the events are not here. */
  static from(state: ShardState, at: At): Ledger {
    const ledger = new Ledger()
    for (const stock of state.products.values()) ledger.products.set(stock.productId, productFrom(stock))
    for (const reservation of state.reservations.values()) {
      const { id, customerId, status, quantity: units, returned, returnClosed: closed } = reservation
      const { productId } = reservation.stock
      ledger.reservations.set(id, { productId, customerId, status, units, returned, closed })
      const product = ledger.products.get(productId)
      const isOver = status === 'released' || status === 'expired' || closed
      if (product !== undefined && !isOver) count(product, customerId, units - returned)
    }
    ledger.holds.goOnFrom(state, at)
    for (const [, productId, { customerId, held, sold }] of ledger.holds.all()) {
      const product = ledger.products.get(productId)
      if (product !== undefined) count(product, customerId, held + sold)
    }
    ledger.splits.goOnFrom(state, at)
    ledger.keys.goOnFrom(state.keys)
    return ledger
  }

  /** Applies the next event. Answers what is wrong with it; after that the ledger means nothing any more. */
  apply(event: Event, at: At): Wrong | undefined {
    if ('version' in event) return this.#applyToProduct(event, at)
    const isOfKeys = 'hash' in event || 'count' in event
    const wrong = isOfKeys ? this.keys.apply(event, at.atMs) : this.splits.apply(event, at, this.holds)
    return wrong === undefined ? undefined : `${event.type}: ${wrong}`
  }

  #applyToProduct(event: ProductEvent, at: At): Wrong | undefined {
    let product = this.products.get(event.productId)
    if (product === undefined) {
      if (event.type !== 'StockAdjusted')
        return `${event.type} of product ${event.productId}, which has no stock`
      product = newProduct(event.productId)
      this.products.set(event.productId, product)
    }
    if (event.version !== product.version + 1) {
      return `${event.type} is version ${event.version} of ${event.productId}, and ${product.version + 1} was due`
    }
    product.version = event.version
    const wrong = this.#change(product, event, at) ?? unbalanced(product)
    product.waitlist.look(product)
    return wrong === undefined ? undefined : `${event.type} of ${event.productId}: ${wrong}`
  }

  #change(product: Product, event: ProductEvent, at: At): Wrong | undefined {
    switch (event.type) {
      case 'StockAdjusted':
        product.onHand += event.delta
        product.adjusted += event.delta
        if (product.onHand !== event.onHand)
          return `says ${event.onHand} are on hand, and ${product.onHand} are`
        return undefined
      case 'SaleScheduled':
        product.sale = event.sale
        return undefined
      case 'ProductRetired':
        product.retired = true
        return undefined
      case 'UnitsHeld':
        return product.waitlist.passBy(event.quantity) ?? this.#hold(product, event)
      case 'HoldPlaced':
        return this.holds.place(product, event, at)
      case 'HoldSettled':
        return this.#disagreement(event) ?? this.holds.settle(product, event, at)
      case 'WaitlistServed':
        return product.waitlist.apply(product, event, at.atMs) ?? this.#hold(product, event)
      case 'WaitlistJoined':
      case 'WaitlistLeft':
      case 'UnitsEarmarked':
        return product.waitlist.apply(product, event, at.atMs)
      default:
        return this.#settle(product, event)
    }
  }

  #settle(product: Product, event: ReservationEvent): Wrong | undefined {
    const { reservationId: id } = event
    const reservation = this.reservations.get(id)
    if (reservation === undefined) return `reservation ${id} was never made, or is forgotten`
    if (reservation.productId !== event.productId) {
      return `reservation ${id} is of product ${reservation.productId}`
    }
    const isLive = reservation.status === 'held' || reservation.status === 'paying'
    const ended = `reservation ${id} is ${reservation.status}`
    switch (event.type) {
      case 'HoldExtended':
        return reservation.status === 'held' ? undefined : ended
      case 'PaymentStarted':
        if (reservation.status !== 'held') return ended
        reservation.status = 'paying'
        return undefined
      case 'UnitsReleased':
        if (!isLive) return ended
        if (event.quantity === reservation.units) product.waitlist.end(reservation.customerId, id)
        return release(product, reservation, event.quantity, 'released')
      case 'HoldExpired':
        if (!isLive) return ended
        if (event.quantity !== reservation.units)
          return `${event.quantity} expire of ${reservation.units} held`
        product.waitlist.end(reservation.customerId, id)
        return release(product, reservation, event.quantity, 'expired')
      case 'UnitsConfirmed':
        if (!isLive) return ended
        product.waitlist.end(reservation.customerId, id)
        return confirm(product, reservation, event.quantity)
      case 'UnitsReturned':
        if (reservation.status !== 'confirmed' || reservation.closed) return `${ended}, or closed to returns`
        return takeBack(product, reservation, event.quantity)
      case 'ReturnsClosed':
        if (reservation.status !== 'confirmed' || reservation.closed) return `${ended}, or closed already`
        reservation.closed = true
        return count(product, reservation.customerId, reservation.returned - reservation.units)
      case 'ReservationForgotten':
        if (isLive || (reservation.status === 'confirmed' && !reservation.closed)) return ended
        this.reservations.delete(id)
        return undefined
      default:
        return unreachable(event)
    }
  }

  #hold(product: Product, event: UnitsHeld | WaitlistServed): Wrong | undefined {
    const { productId, reservationId, customerId, quantity, available } = event
    if (this.reservations.has(reservationId)) return `reservation ${reservationId} is made twice`
    const made = { productId, customerId, units: quantity, returned: 0, closed: false }
    this.reservations.set(reservationId, { ...made, status: 'held' })
    return take(product, { customerId, quantity }, available)
  }

  /** At its home a hold is settled with the reservation, in the same breath. */
  #disagreement({ reservationId, productId, step, held, sold, closed }: HoldSettled): Wrong | undefined {
    const split = this.splits.splits.get(reservationId)
    if (split === undefined) return undefined
    const holdVersion = this.holds.find(reservationId, productId)?.holdVersion
    const line = split.lines.find((line) => line.productId === productId && line.holdVersion === holdVersion)
    const said = line === undefined ? { held: 0, sold: 0 } : saidOf(split, line)
    if (step === split.step && held === said.held && sold === said.sold && closed === split.closed)
      return undefined
    return `settlement ${step} leaves ${held} held and ${sold} sold, and ${reservationId} says ${said.held} and ${said.sold} in its ${split.step}`
  }

  /** Where units are held for nobody, or fewer than reservations hold. */
  heldForNobody(): Wrong | undefined {
    const held = new Map<ProductId, number>()
    const add = (productId: ProductId, units: number) =>
      held.set(productId, (held.get(productId) ?? 0) + units)
    for (const { productId, status, units } of this.reservations.values())
      if (status === 'held' || status === 'paying') add(productId, units)
    for (const [, productId, hold] of this.holds.all()) add(productId, hold.held)
    for (const product of this.products.values()) {
      const live = held.get(product.productId) ?? 0
      if (live !== product.held)
        return `${product.held} of ${product.productId} are held, and its reservations hold ${live}`
    }
    return undefined
  }

  /** Where this differs from a state the engine wrote down at the same sequence. */
  differenceFrom(state: ShardState): Wrong | undefined {
    if (state.products.size !== this.products.size) {
      return `it has ${state.products.size} products, and the events make ${this.products.size}`
    }
    for (const [productId, product] of this.products) {
      const stock = state.products.get(productId)
      if (stock === undefined) return `it lacks product ${productId}`
      const wrong = productDifference(product, stock)
      if (wrong !== undefined) return wrong
    }
    if (state.reservations.size !== this.reservations.size) {
      return `it has ${state.reservations.size} reservations, and the events make ${this.reservations.size}`
    }
    for (const reservation of state.reservations.values()) {
      const { id, status, quantity, returned, returnClosed, stock, customerId } = reservation
      const own = this.reservations.get(id)
      const isSame =
        own !== undefined &&
        own.status === status &&
        own.units === quantity &&
        own.returned === returned &&
        own.closed === returnClosed &&
        own.productId === stock.productId &&
        own.customerId === customerId
      if (!isSame) return `reservation ${id} differs from what the events make`
    }
    const wrong = this.splits.differenceFrom(state) ?? this.holds.differenceFrom(state)
    if (wrong !== undefined) return wrong
    return this.keys.isAs(state.keys) ? undefined : 'its idempotency keys differ from what the events make'
  }

  addTo(totals: StockTotals): void {
    totals.products += this.products.size
    totals.reservations += this.reservations.size + this.splits.splits.size
    for (const { onHand, held, sold, adjusted } of this.products.values()) {
      totals.onHand += onHand
      totals.held += held
      totals.sold += sold
      totals.adjusted += adjusted
    }
  }
}

function release(
  product: Product,
  reservation: Reservation,
  quantity: number,
  end: 'released' | 'expired',
): Wrong | undefined {
  if (quantity <= 0 || quantity > reservation.units)
    return `gives back ${quantity} of ${reservation.units} held`
  product.held -= quantity
  if (quantity === reservation.units) reservation.status = end
  else reservation.units -= quantity
  return count(product, reservation.customerId, -quantity)
}

function confirm(product: Product, reservation: Reservation, quantity: number): Wrong | undefined {
  const held = reservation.units
  if (quantity <= 0 || quantity > held) return `sells ${quantity} of ${held} held`
  product.held -= held
  product.onHand -= quantity
  product.sold += quantity
  reservation.units = quantity
  reservation.status = 'confirmed'
  return count(product, reservation.customerId, quantity - held)
}

function takeBack(product: Product, reservation: Reservation, quantity: number): Wrong | undefined {
  reservation.returned += quantity
  if (quantity <= 0 || reservation.returned > reservation.units) {
    return `${reservation.returned} returned of ${reservation.units} confirmed`
  }
  product.sold -= quantity
  product.onHand += quantity
  return count(product, reservation.customerId, -quantity)
}
