/**
 * One shard's counters, folded from its events alone and checked after every one of them.
 *
 * Written apart from the engine's rules on purpose: it shares none of their code, so that a mistake there is not
 * repeated here. It says what must be true of a shop's stock, whoever decided it.
 */
import type { Event } from '../../domain/events.ts'
import type { CustomerId, ProductId, ReservationId } from '../../domain/ids.ts'
import type { ShardState } from '../../domain/stock.ts'

type Product = {
  version: number
  onHand: number
  held: number
  sold: number
  /** Sum of all adjustments: what was ever put in, less what was taken out unsold. */
  adjusted: number
  retired: boolean
  /** Whether its sale limits what a customer can have: only then does a snapshot say what each has. */
  isLimited: boolean
  readonly customers: Map<CustomerId, number>
}

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

/** What is wrong, in a sentence. */
export type Wrong = string

export class Ledger {
  readonly products = new Map<ProductId, Product>()
  readonly reservations = new Map<ReservationId, Reservation>()

  /** One that goes on from a state the engine wrote down: of what came before it, the events are not here. */
  static from(state: ShardState): Ledger {
    const ledger = new Ledger()
    for (const { productId, version, onHand, held, sold, retired, sale } of state.products.values()) {
      const isLimited = sale.perCustomerLimit !== undefined
      const counted = { version, onHand, held, sold, retired, isLimited }
      ledger.products.set(productId, { ...newProduct(), ...counted, adjusted: onHand + sold })
    }
    for (const reservation of state.reservations.values()) {
      const { id, customerId, status, quantity: units, returned, returnClosed: closed } = reservation
      const { productId } = reservation.stock
      ledger.reservations.set(id, { productId, customerId, status, units, returned, closed })
      const product = ledger.products.get(productId)
      const isOver = status === 'released' || status === 'expired' || closed
      if (product !== undefined && !isOver) count(product, customerId, units - returned)
    }
    return ledger
  }

  /** Applies the next event. Answers what is wrong with it; after that the ledger means nothing any more. */
  apply(event: Event): Wrong | undefined {
    let product = this.products.get(event.productId)
    if (product === undefined) {
      if (event.type !== 'StockAdjusted')
        return `${event.type} of product ${event.productId}, which has no stock`
      product = newProduct()
      this.products.set(event.productId, product)
    }
    if (event.version !== product.version + 1) {
      return `${event.type} is version ${event.version} of ${event.productId}, and ${product.version + 1} was due`
    }
    product.version = event.version
    const wrong = this.#change(product, event) ?? unbalanced(product)
    return wrong === undefined ? undefined : `${event.type} of ${event.productId}: ${wrong}`
  }

  #change(product: Product, event: Event): Wrong | undefined {
    switch (event.type) {
      case 'StockAdjusted':
        product.onHand += event.delta
        product.adjusted += event.delta
        if (product.onHand !== event.onHand)
          return `says ${event.onHand} are on hand, and ${product.onHand} are`
        return undefined
      case 'SaleScheduled':
        product.isLimited = event.sale.perCustomerLimit !== undefined
        return undefined
      case 'ProductRetired':
        product.retired = true
        return undefined
      case 'UnitsHeld':
        return this.#hold(product, event)
    }
    const reservation = this.reservations.get(event.reservationId)
    if (reservation === undefined) return `reservation ${event.reservationId} was never made, or is forgotten`
    if (reservation.productId !== event.productId) {
      return `reservation ${event.reservationId} is of product ${reservation.productId}`
    }
    const isLive = reservation.status === 'held' || reservation.status === 'paying'
    const ended = `reservation ${event.reservationId} is ${reservation.status}`
    switch (event.type) {
      case 'HoldExtended':
        return reservation.status === 'held' ? undefined : ended
      case 'PaymentStarted':
        if (reservation.status !== 'held') return ended
        reservation.status = 'paying'
        return undefined
      case 'UnitsReleased':
        if (!isLive) return ended
        return release(product, reservation, event.quantity, 'released')
      case 'HoldExpired':
        if (!isLive) return ended
        if (event.quantity !== reservation.units)
          return `${event.quantity} expire of ${reservation.units} held`
        return release(product, reservation, event.quantity, 'expired')
      case 'UnitsConfirmed':
        return isLive ? confirm(product, reservation, event.quantity) : ended
      case 'UnitsReturned':
        if (reservation.status !== 'confirmed' || reservation.closed) return `${ended}, or closed to returns`
        return takeBack(product, reservation, event.quantity)
      case 'ReturnsClosed':
        if (reservation.status !== 'confirmed' || reservation.closed) return `${ended}, or closed already`
        reservation.closed = true
        return count(product, reservation.customerId, reservation.returned - reservation.units)
      case 'ReservationForgotten':
        if (isLive || (reservation.status === 'confirmed' && !reservation.closed)) return ended
        this.reservations.delete(event.reservationId)
        return undefined
    }
  }

  #hold(product: Product, event: Extract<Event, { type: 'UnitsHeld' }>): Wrong | undefined {
    const { productId, reservationId, customerId, quantity, available } = event
    if (this.reservations.has(reservationId)) return `reservation ${reservationId} is made twice`
    if (quantity <= 0) return `holds ${quantity}`
    product.held += quantity
    const left = product.onHand - product.held
    if (left !== available) return `says ${available} are available, and ${left} are`
    this.reservations.set(reservationId, {
      productId,
      customerId,
      status: 'held',
      units: quantity,
      returned: 0,
      closed: false,
    })
    return count(product, customerId, quantity)
  }

  /** Where this differs from a state the engine wrote down at the same sequence. */
  differenceFrom(state: ShardState): Wrong | undefined {
    if (state.products.size !== this.products.size) {
      return `it has ${state.products.size} products, and the events make ${this.products.size}`
    }
    for (const [productId, product] of this.products) {
      const stock = state.products.get(productId)
      if (stock === undefined) return `it lacks product ${productId}`
      for (const field of ['version', 'onHand', 'held', 'sold', 'retired'] as const) {
        if (stock[field] !== product[field]) {
          return `product ${productId}: it says ${field} ${stock[field]}, and the events make ${product[field]}`
        }
      }
      if (!sameCounts(stock.customers, product.isLimited ? product.customers : undefined)) {
        return `product ${productId}: its customers' counts differ`
      }
    }
    if (state.reservations.size !== this.reservations.size) {
      return `it has ${state.reservations.size} reservations, and the events make ${this.reservations.size}`
    }
    for (const {
      id,
      status,
      quantity,
      returned,
      returnClosed,
      stock,
      customerId,
    } of state.reservations.values()) {
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
    return undefined
  }

  addTo(totals: StockTotals): void {
    totals.products += this.products.size
    totals.reservations += this.reservations.size
    for (const { onHand, held, sold, adjusted } of this.products.values()) {
      totals.onHand += onHand
      totals.held += held
      totals.sold += sold
      totals.adjusted += adjusted
    }
  }
}

function newProduct(): Product {
  return {
    version: 0,
    onHand: 0,
    held: 0,
    sold: 0,
    adjusted: 0,
    retired: false,
    isLimited: false,
    customers: new Map(),
  }
}

/** The one place where stock is conserved or is not. */
function unbalanced({ onHand, held, sold, adjusted }: Product): Wrong | undefined {
  if (held < 0 || onHand < 0 || sold < 0)
    return `${onHand} on hand, ${held} held, ${sold} sold: one is negative`
  if (held > onHand) return `${held} held of ${onHand} on hand: oversold`
  if (onHand + sold !== adjusted) return `${onHand} on hand and ${sold} sold, of ${adjusted} ever put in`
  return undefined
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

function count(product: Product, customerId: CustomerId | undefined, units: number): Wrong | undefined {
  if (customerId === undefined) return undefined
  const total = (product.customers.get(customerId) ?? 0) + units
  if (total < 0) return `customer ${customerId} is counted with ${total}`
  if (total === 0) product.customers.delete(customerId)
  else product.customers.set(customerId, total)
  return undefined
}

function sameCounts(
  left: ReadonlyMap<string, number> | undefined,
  right: ReadonlyMap<string, number> | undefined,
): boolean {
  if (left === undefined || right === undefined) return left === right
  if (left.size !== right.size) return false
  for (const [key, value] of left) if (right.get(key) !== value) return false
  return true
}
