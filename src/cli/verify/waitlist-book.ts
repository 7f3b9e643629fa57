/**
 * The line of those who wait for one product, as the events make it: served in order, nobody who did not wait, nobody
 * before them who came later.
 */
import { unreachable } from '../../domain/assert.ts'
import type { WaitlistEvent, WaitlistServed } from '../../domain/events.ts'
import type { CustomerId, ReservationId } from '../../domain/ids.ts'
import type { Stock } from '../../domain/stock.ts'
import type { Waitlist } from '../../domain/waitlist.ts'
import { available, type Product } from './product-book.ts'
import type { Wrong } from './wrong.ts'

type Waiting = { readonly quantity: number; readonly reservationId: ReservationId }

export class WaitlistBook {
  /** In order. */
  readonly line = new Map<CustomerId, Waiting>()
  /** Holds that the line was given and that still live. */
  readonly #served = new Map<CustomerId, ReservationId>()
  /**
   * What a newcomer can have: the least that was available at any time since somebody waits. All that came free since is
   * the line's. Without a line there is no such bound.
   */
  #forNewcomers: number | undefined

  goOnFrom({ waitlist }: Stock, free: number): void {
    for (const [customerId, waiting] of waitlist?.line ?? []) this.line.set(customerId, waiting)
    for (const [customerId, id] of waitlist?.served ?? []) this.#served.set(customerId, id)
    if (this.line.size > 0) this.#forNewcomers = free
  }

  /** Somebody takes units who does not stand in line. To be asked before they are taken. */
  passBy(quantity: number): Wrong | undefined {
    const free = this.#forNewcomers
    if (free === undefined) return undefined
    this.#forNewcomers = free - quantity
    return quantity <= free
      ? undefined
      : `takes ${quantity} while ${this.line.size} wait, and ${free} are not theirs`
  }

  /** To be told after every event of the product. */
  look(product: Product): void {
    if (this.line.size === 0) this.#forNewcomers = undefined
    else this.#forNewcomers = Math.max(0, Math.min(this.#forNewcomers ?? Infinity, available(product)))
  }

  /** Whoever is served leaves the line, with what was put aside for them; that they hold it now is not said here. */
  apply(product: Product, event: WaitlistEvent, atMs: number): Wrong | undefined {
    switch (event.type) {
      case 'WaitlistJoined':
        return this.#join(product, event)
      case 'WaitlistLeft':
        return this.#leave(product, event, atMs)
      case 'WaitlistServed':
        return this.#serve(product, event)
      case 'UnitsEarmarked': {
        const free = product.onHand - product.held
        product.earmarked = event.quantity
        if (event.quantity < 0 || event.quantity > free)
          return `puts ${event.quantity} aside, and ${free} are free`
        return event.quantity > 0 && this.line.size === 0
          ? `puts ${event.quantity} aside, and nobody waits`
          : undefined
      }
      default:
        return unreachable(event)
    }
  }

  /** A reservation of this product ended. */
  end(customerId: CustomerId | undefined, id: ReservationId): void {
    if (customerId !== undefined && this.#served.get(customerId) === id) this.#served.delete(customerId)
  }

  isAs(waitlist: Waitlist | undefined): boolean {
    if (this.line.size !== (waitlist?.line.size ?? 0)) return false
    if (this.#served.size !== (waitlist?.served.size ?? 0)) return false
    const theirs = [...(waitlist?.line.values() ?? [])]
    const isSameLine = [...this.line].every(([customerId, { quantity, reservationId }], place) => {
      const other = theirs[place]
      return (
        other?.customerId === customerId &&
        other.quantity === quantity &&
        other.reservationId === reservationId
      )
    })
    return isSameLine && [...this.#served].every(([id, of]) => waitlist?.served.get(id) === of)
  }

  #join(product: Product, event: WaitlistEvent & { readonly type: 'WaitlistJoined' }): Wrong | undefined {
    const { customerId, quantity, reservationId } = event
    if (this.line.has(customerId)) return `customer ${customerId} stands in line already`
    const free = available(product)
    if (quantity <= free || quantity <= 0) return `waits for ${quantity}, and ${free} are available`
    this.line.set(customerId, { quantity, reservationId })
    return undefined
  }

  #leave(
    product: Product,
    { customerId, cause }: WaitlistEvent & { readonly type: 'WaitlistLeft' },
    atMs: number,
  ): Wrong | undefined {
    const waiting = this.line.get(customerId)
    if (waiting === undefined) return `customer ${customerId} does not stand in line`
    const [head] = this.line.keys()
    this.line.delete(customerId)
    if (head === customerId) product.earmarked = 0
    const { opensAtMs, closesAtMs, perCustomerLimit = Infinity, maxPerReservation = Infinity } = product.sale
    switch (cause) {
      case 'left':
        return undefined
      case 'retired':
        return product.retired ? undefined : 'the product is not retired'
      case 'saleClosed': {
        const isOver = closesAtMs !== undefined && closesAtMs <= atMs
        const isPutOff = opensAtMs !== undefined && opensAtMs > atMs
        return isOver || isPutOff ? undefined : 'the sale is not over'
      }
      case 'overLimit': {
        const total = (product.customers.get(customerId) ?? 0) + waiting.quantity
        return total > perCustomerLimit || waiting.quantity > maxPerReservation
          ? undefined
          : `customer ${customerId} would have no more than ${total}`
      }
      default:
        return unreachable(cause)
    }
  }

  #serve(product: Product, event: WaitlistServed): Wrong | undefined {
    const { customerId, reservationId, quantity } = event
    const waiting = this.line.get(customerId)
    if (waiting === undefined) return `customer ${customerId} does not stand in line`
    const [head] = this.line.keys()
    if (head !== customerId) return `customer ${customerId} is served, and ${head} is first in line`
    if (waiting.quantity !== quantity || waiting.reservationId !== reservationId)
      return `customer ${customerId} waits for ${waiting.quantity} as ${waiting.reservationId}`
    this.line.delete(customerId)
    this.#served.set(customerId, reservationId)
    product.earmarked = 0
    return undefined
  }
}
