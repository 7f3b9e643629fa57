/** Holds of split reservations in the products of one shard, as the events make them. */
import type { HoldPlaced, HoldSettled } from '../../domain/events.ts'
import type { CustomerId, ProductId, ReservationId } from '../../domain/ids.ts'
import type { ShardView } from '../../domain/stock.ts'
import { count, type Product, take } from './product-book.ts'
import { forgetOld, type Wrong } from './wrong.ts'

/** Where an event stands in its shard. */
export type At = { readonly sequence: number; readonly atMs: number }

export type BookedHold = {
  readonly customerId: CustomerId | undefined
  /** Its product's version when it was placed: by it a home knows its own from what a command placed that was heard again. */
  readonly holdVersion: number
  held: number
  sold: number
  /** Of the newest settlement that changed it; 0 before the first. */
  step: number
  /** Units left to take when it was placed. */
  readonly available: number
  /** Of its newest event. */
  at: At
}

export class HoldBook {
  readonly #holds = new Map<ReservationId, Map<ProductId, BookedHold>>()
  /** When holds came to their end, lately. */
  readonly #over = new Map<string, number>()

  goOnFrom(state: ShardView, at: At): void {
    for (const [id, holds] of state.holds) {
      const booked = new Map<ProductId, BookedHold>()
      for (const { stock, customerId, holdVersion, held, sold, step } of holds)
        booked.set(stock.productId, { customerId, holdVersion, held, sold, step, available: 0, at })
      this.#holds.set(id, booked)
    }
  }

  /** By reservation and product. */
  *all(): Generator<readonly [ReservationId, ProductId, BookedHold]> {
    for (const [id, holds] of this.#holds) for (const [productId, hold] of holds) yield [id, productId, hold]
  }

  find(id: ReservationId, productId: ProductId): BookedHold | undefined {
    return this.#holds.get(id)?.get(productId)
  }

  /** When the last hold that was here came to its end; `undefined` where none did lately. */
  overAtMs(id: ReservationId, productId: ProductId): number | undefined {
    return this.#over.get(nameOf(id, productId))
  }

  place(product: Product, event: HoldPlaced, at: At): Wrong | undefined {
    const { reservationId, productId, version: holdVersion, customerId, quantity, available } = event
    const ofReservation = this.#holds.get(reservationId) ?? new Map<ProductId, BookedHold>()
    if (ofReservation.has(productId)) return `reservation ${reservationId} has a hold already`
    const placed = { customerId, holdVersion, held: quantity, sold: 0, step: 0, available, at }
    ofReservation.set(productId, placed)
    this.#holds.set(reservationId, ofReservation)
    return product.waitlist.passBy(quantity) ?? take(product, event, available)
  }

  settle(product: Product, event: HoldSettled, at: At): Wrong | undefined {
    const { reservationId, productId, step, held, sold, closed } = event
    const ofReservation = this.#holds.get(reservationId)
    const hold = ofReservation?.get(productId)
    if (ofReservation === undefined || hold === undefined) return `reservation ${reservationId} holds nothing`
    if (step <= hold.step) return `settlement ${step} comes after ${hold.step}`
    if (held < 0 || sold < 0 || held > hold.held) return `holds ${held}, sold ${sold}, of ${hold.held} held`
    const gained = sold - hold.sold
    if (gained > 0 && hold.sold > 0) return `sells ${gained} more, and sold ${hold.sold} before`
    if (gained > hold.held - held) return `sells ${gained} of ${hold.held} held, and keeps ${held}`
    if (held > 0 && (sold > 0 || closed)) return `holds ${held} of what was confirmed`
    product.held += held - hold.held
    product.sold += gained
    product.onHand -= gained
    const counted = held - hold.held + gained - (closed ? sold : 0)
    Object.assign(hold, { held, sold, step, at })
    if (closed || held + sold === 0) {
      ofReservation.delete(productId)
      if (ofReservation.size === 0) this.#holds.delete(reservationId)
      forgetOld(this.#over, at.atMs, (overAtMs) => overAtMs)
      const name = nameOf(reservationId, productId)
      this.#over.delete(name)
      this.#over.set(name, at.atMs)
    }
    return count(product, hold.customerId, counted)
  }

  /** Where it differs from what the engine wrote down at the same sequence. */
  differenceFrom({ holds }: ShardView): Wrong | undefined {
    if (holds.size !== this.#holds.size)
      return `it has holds of ${holds.size} split reservations, and the events make ${this.#holds.size}`
    for (const [id, theirs] of holds) {
      const own = this.#holds.get(id)
      const isSame =
        own?.size === theirs.length &&
        theirs.every(({ stock, customerId, holdVersion, held, sold, step }) => {
          const hold = own.get(stock.productId)
          return (
            hold?.holdVersion === holdVersion &&
            hold.held === held &&
            hold.sold === sold &&
            hold.step === step &&
            hold.customerId === customerId
          )
        })
      if (!isSame) return `the holds of reservation ${id} differ from what the events make`
    }
    return undefined
  }
}

function nameOf(id: ReservationId, productId: ProductId): string {
  return `${id}/${productId}`
}
