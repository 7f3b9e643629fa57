/**
 * Stock counted from events by a rule of thumb of its own, sharing no code with the engine's: what the journal must add
 * up to after every single event (I1, I2, I6, I8).
 */
import type { Event, HoldEvent, ProductEvent, UnitsHeld, WaitlistServed } from '../../src/domain/events.ts'
import type { Recorded } from './journal-reader.ts'
import { SplitBooks } from './split-books.ts'

export type BookedStock = {
  version: number
  onHand: number
  held: number
  sold: number
  /** All that ever came in, less what went out by hand. */
  delivered: number
  /** Put aside for the first who waits. */
  earmarked: number
  limit: number | undefined
  readonly customers: Map<string, number>
  /** In order: who waits, and for how many. */
  readonly line: Map<string, number>
}

export type AgreedStock = Pick<BookedStock, 'version' | 'onHand' | 'held' | 'sold' | 'earmarked'>

export type BookedReservation = {
  readonly productId: string
  readonly customerId: string | undefined
  status: 'held' | 'paying' | 'confirmed' | 'released' | 'expired'
  quantity: number
  expiresAtMs: number
}

export class StockBooks {
  readonly stocks = new Map<string, BookedStock>()
  readonly reservations = new Map<string, BookedReservation>()
  /** Those of several products. */
  readonly several = new SplitBooks()
  readonly faults: string[] = []

  /** Counts one shard's events, which must be all of them. */
  count(events: readonly Recorded[]): void {
    let lastMs = 0
    events.forEach((recorded, i) => {
      const { sequence, atMs, shard, event } = recorded
      const of = 'productId' in event ? ` of ${event.productId}` : ''
      const where = `shard ${shard}, sequence ${sequence}, ${event.type}${of}`
      if (sequence !== i + 1) this.faults.push(`${where}: ${i + 1} was due (I9)`)
      if (atMs < lastMs) this.faults.push(`${where}: time goes back`)
      lastMs = atMs
      const wrong = this.#book(event, { shard, atMs })
      if (wrong !== undefined) this.faults.push(`${where}: ${wrong}`)
    })
  }

  /** What products will have once every shard was heard, and how many events that takes of each. */
  agreedStocks(): ReadonlyMap<string, AgreedStock> {
    const agreed = new Map<string, AgreedStock>()
    for (const [productId, stock] of this.stocks) {
      const { version, onHand, held, sold, earmarked } = stock
      agreed.set(productId, { version, onHand, held, sold, earmarked })
    }
    for (const [hold, to] of this.several.agreed()) {
      const stock = agreed.get(hold.productId)
      const moved = { held: to.held - hold.held, sold: to.sold - hold.sold }
      if (stock === undefined || (moved.held === 0 && moved.sold === 0)) continue
      stock.version += 1
      stock.onHand -= moved.sold
      stock.held += moved.held
      stock.sold += moved.sold
    }
    return agreed
  }

  #book(event: Event, at: { readonly shard: number; readonly atMs: number }): string | undefined {
    if (!('version' in event)) {
      // Keys are the judge's own business.
      return 'hash' in event || 'count' in event ? undefined : this.several.say(event, at)
    }
    const stock = this.#stockOf(event.productId)
    stock.version += 1
    if (event.version !== stock.version) return `version ${event.version}, and ${stock.version} was due (I9)`
    const wrong =
      event.type === 'HoldPlaced' || event.type === 'HoldSettled'
        ? this.#moveLine(stock, event, at.shard)
        : this.#move(stock, event, at.atMs)
    if (wrong !== undefined) return wrong
    const { onHand, held, sold, delivered, earmarked } = stock
    if (held < 0 || sold < 0 || onHand < held)
      return `${held} held and ${sold} sold with ${onHand} on hand (I2)`
    if (earmarked > 0 && stock.line.size === 0) return `${earmarked} put aside for nobody`
    if (onHand + sold !== delivered)
      return `${onHand} and ${sold} sold are not the ${delivered} delivered (I1)`
    return undefined
  }

  #moveLine(stock: BookedStock, event: HoldEvent, shard: number): string | undefined {
    const { customerId = undefined } =
      this.several.holds.get(`${event.reservationId}/${event.productId}`) ?? {}
    const moved = this.several.move(event, shard)
    if (typeof moved === 'string') return moved
    stock.held += moved.held
    stock.sold += moved.sold
    stock.onHand -= moved.sold
    if (event.type === 'HoldSettled') {
      this.#give(stock, customerId, moved.held + moved.sold - (event.closed ? event.sold : 0))
      return undefined
    }
    return this.#taken(stock, event)
  }

  #move(stock: BookedStock, event: Exclude<ProductEvent, HoldEvent>, atMs: number): string | undefined {
    if (event.type === 'StockAdjusted') {
      stock.onHand += event.delta
      stock.delivered += event.delta
      return stock.onHand === event.onHand ? undefined : `${event.onHand} on hand, counted ${stock.onHand}`
    }
    if (event.type === 'SaleScheduled') {
      stock.limit = event.sale.perCustomerLimit
      return undefined
    }
    switch (event.type) {
      case 'UnitsHeld':
        return this.#hold(stock, event)
      case 'ProductRetired':
        return undefined
      case 'WaitlistJoined':
        stock.line.set(event.customerId, event.quantity)
        return undefined
      case 'WaitlistLeft':
        if (event.customerId === stock.line.keys().next().value) stock.earmarked = 0
        return stock.line.delete(event.customerId) ? undefined : `${event.customerId} does not wait`
      case 'WaitlistServed': {
        const [head, quantity] = stock.line.entries().next().value ?? []
        if (head !== event.customerId || quantity !== event.quantity)
          return `${event.customerId} gets ${event.quantity}, and ${head} is first for ${quantity}`
        stock.line.delete(event.customerId)
        stock.earmarked = 0
        return this.#hold(stock, event)
      }
      case 'UnitsEarmarked':
        stock.earmarked = event.quantity
        return event.quantity > stock.onHand - stock.held ? 'more put aside than is free (I2)' : undefined
    }
    const reservation = this.reservations.get(event.reservationId)
    if (reservation === undefined) return `there is no ${event.reservationId}`
    const isLive = reservation.status === 'held' || reservation.status === 'paying'
    switch (event.type) {
      case 'HoldExtended':
      case 'PaymentStarted':
        if (!isLive) return `it is ${reservation.status} already (I6)`
        reservation.expiresAtMs = event.expiresAtMs
        if (event.type === 'PaymentStarted') reservation.status = 'paying'
        return undefined
      case 'UnitsReleased':
      case 'HoldExpired':
      case 'UnitsConfirmed':
        if (!isLive) return `it is ${reservation.status} already (I6)`
        return this.#end(stock, reservation, event, atMs)
      case 'UnitsReturned':
        stock.sold -= event.quantity
        stock.onHand += event.quantity
        this.#give(stock, reservation.customerId, -event.quantity)
        return reservation.status === 'confirmed' ? undefined : `it is ${reservation.status} (I6)`
      default:
        return undefined
    }
  }

  #hold(stock: BookedStock, event: UnitsHeld | WaitlistServed): string | undefined {
    const { reservationId, productId, customerId, quantity, expiresAtMs } = event
    if (this.reservations.has(reservationId)) return `${reservationId} is there already (I6)`
    this.reservations.set(reservationId, { productId, customerId, status: 'held', quantity, expiresAtMs })
    stock.held += quantity
    return this.#taken(stock, event)
  }

  /** Units were taken for a customer, and the reply says how many are left. */
  #taken(
    stock: BookedStock,
    event: {
      readonly customerId: string | undefined
      readonly quantity: number
      readonly available: number
    },
  ): string | undefined {
    const { customerId, quantity } = event
    const total = this.#give(stock, customerId, quantity)
    if (stock.limit !== undefined && total > stock.limit)
      return `${customerId} has ${total} of ${stock.limit} (I8)`
    const available = stock.onHand - stock.held - stock.earmarked
    return available === event.available ? undefined : `said ${event.available} left, counted ${available}`
  }

  #end(
    stock: BookedStock,
    reservation: BookedReservation,
    event: Event & { readonly type: 'UnitsReleased' | 'HoldExpired' | 'UnitsConfirmed' },
    atMs: number,
  ): string | undefined {
    const { quantity, customerId } = reservation
    if (event.quantity <= 0 || event.quantity > quantity) return `${event.quantity} of ${quantity} held (I6)`
    if (event.type === 'UnitsReleased') {
      stock.held -= event.quantity
      this.#give(stock, customerId, -event.quantity)
      if (event.quantity === quantity) reservation.status = 'released'
      else reservation.quantity -= event.quantity
      return undefined
    }
    stock.held -= quantity
    if (event.type === 'HoldExpired') {
      reservation.status = 'expired'
      this.#give(stock, customerId, -quantity)
      return atMs < reservation.expiresAtMs ? `expired ${reservation.expiresAtMs - atMs} ms early` : undefined
    }
    reservation.status = 'confirmed'
    reservation.quantity = event.quantity
    stock.onHand -= event.quantity
    stock.sold += event.quantity
    this.#give(stock, customerId, event.quantity - quantity)
    return undefined
  }

  #give(stock: BookedStock, customerId: string | undefined, units: number): number {
    if (customerId === undefined) return 0
    const total = (stock.customers.get(customerId) ?? 0) + units
    stock.customers.set(customerId, total)
    return total
  }

  #stockOf(productId: string): BookedStock {
    let stock = this.stocks.get(productId)
    if (stock === undefined) {
      stock = {
        version: 0,
        onHand: 0,
        held: 0,
        sold: 0,
        delivered: 0,
        earmarked: 0,
        limit: undefined,
        customers: new Map(),
        line: new Map(),
      }
      this.stocks.set(productId, stock)
    }
    return stock
  }
}
