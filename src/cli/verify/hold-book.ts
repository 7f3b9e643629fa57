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
  held: number
  sold: number
  /** Of the newest settlement that changed it; 0 before the first. */
  step: number
  /** Units left to take when it was placed. */
  readonly available: number
  /** Its reservation had a hold here before, which was settled: a command that was heard again. */
  readonly isRepeated: boolean
  /** Of its newest event. */
  at: At
}

export class HoldBook {
  readonly #holds = new Map<ReservationId, Map<ProductId, BookedHold>>()
  /** When holds were over that were placed here, for as long as their commands may be heard again. */
  readonly #over = new Map<string, number>()
  /** Whether a command may have been heard before the first event that is known. */
  #beganLate = false

  goOnFrom(state: ShardView, at: At): void {
    this.#beganLate = true
    for (const [id, holds] of state.holds) {
      const booked = holds.map(({ stock, customerId, held, sold, step }): [ProductId, BookedHold] => [
        stock.productId,
        { customerId, held, sold, step, available: 0, isRepeated: false, at },
      ])
      this.#holds.set(id, new Map(booked))
    }
  }

  /** By reservation and product. */
  *all(): Generator<readonly [ReservationId, ProductId, BookedHold]> {
    for (const [id, holds] of this.#holds) for (const [productId, hold] of holds) yield [id, productId, hold]
  }

  find(id: ReservationId, productId: ProductId): BookedHold | undefined {
    return this.#holds.get(id)?.get(productId)
  }

  /** When the hold that was here was over; `undefined` where none was, lately. */
  overAtMs(id: ReservationId, productId: ProductId): number | undefined {
    return this.#over.get(nameOf(id, productId))
  }

  place(product: Product, event: HoldPlaced, at: At): Wrong | undefined {
    const { reservationId, productId, customerId, quantity, available } = event
    const ofReservation = this.#holds.get(reservationId) ?? new Map<ProductId, BookedHold>()
    if (ofReservation.has(productId)) return `reservation ${reservationId} has a hold already`
    const isRepeated = this.#beganLate || this.#over.has(nameOf(reservationId, productId))
    ofReservation.set(productId, { customerId, held: quantity, sold: 0, step: 0, available, isRepeated, at })
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
        theirs.every(({ stock, customerId, held, sold, step }) => {
          const hold = own.get(stock.productId)
          return (
            hold?.held === held && hold.sold === sold && hold.step === step && hold.customerId === customerId
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
