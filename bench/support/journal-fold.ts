/**
 * What a journal says was sold, by a fold of its own: it reads frames and events with the journal's decoders, and shares
 * no rule with the engine. Trusts nothing the engine or its replies said.
 *
 * Units are *taken* while a reservation holds them and once it is confirmed, until they return. Oversold are units taken
 * beyond what was ever stocked; it is looked at after every single event, not at the end.
 */
import type {
  Event,
  HoldEvent,
  ReservationEvent,
  SplitHeld,
  UnitsHeld,
  WaitlistServed,
} from '../../src/domain/events.ts'
import { realDisk } from '../../src/persistence/journal/disk.ts'
import { eventsOf } from '../../src/persistence/journal/frame.ts'
import { framesOf, readCatalog } from '../../src/persistence/journal/streams.ts'

export type ProductTotals = {
  stocked: number
  held: number
  sold: number
  /** The most units that were ever taken beyond what was stocked. */
  oversold: number
}

export type FoldedReservation = {
  readonly productId: string
  readonly customerId: string | undefined
  /** As it was made. */
  readonly quantity: number
  held: number
  sold: number
}

export type JournalFold = {
  readonly events: number
  readonly products: ReadonlyMap<string, ProductTotals>
  readonly reservations: ReadonlyMap<string, FoldedReservation>
  /** Lines of reservations of several products, by `<reservation id>/<product id>`. */
  readonly holds: ReadonlyMap<string, FoldedReservation>
  /** Reservations of several products, as they were made. */
  readonly splits: ReadonlyMap<string, SplitHeld>
  /** What no journal should say: a gap, an id made twice, more released than held. Empty where all is well. */
  readonly contradictions: readonly string[]
}

/** Every event of a journal directory that no process writes any more, by stream and sequence. Throws `JournalDamaged`. */
export function* readJournal(
  directory: string,
): Generator<{ readonly gap: string | undefined; event: Event }> {
  const catalog = readCatalog(realDisk, directory)
  const next = new Map<number, number>()
  for (const stream of catalog.streams) {
    for (const frame of framesOf(realDisk, catalog, stream, { fromSegment: 0 })) {
      if (frame.kind !== 'batch') continue
      for (const section of frame.sections) {
        const expected = next.get(section.shard) ?? 1
        const isGap = section.firstSequence !== expected
        let gap = isGap ? `shard ${section.shard}: ${section.firstSequence}, not ${expected}` : undefined
        for (const event of eventsOf(section)) {
          yield { gap, event }
          gap = undefined
        }
        next.set(section.shard, section.firstSequence + section.count)
      }
    }
  }
}

/** Reads the whole journal. `onHeld` sees each reservation as it was made. */
export function foldJournal(directory: string, onHeld: (event: UnitsHeld) => void = () => {}): JournalFold {
  const fold = new Fold()
  for (const { gap, event } of readJournal(directory)) {
    if (gap !== undefined) fold.contradictions.push(`sequences have a gap in ${gap}`)
    if (event.type === 'UnitsHeld') onHeld(event)
    fold.apply(event)
  }
  return fold
}

class Fold implements JournalFold {
  events = 0
  readonly products = new Map<string, ProductTotals>()
  readonly reservations = new Map<string, FoldedReservation>()
  readonly holds = new Map<string, FoldedReservation>()
  readonly splits = new Map<string, SplitHeld>()
  readonly contradictions: string[] = []

  apply(event: Event): void {
    this.events += 1
    if (event.type === 'SplitHeld') {
      if (this.splits.has(event.reservationId))
        this.contradictions.push(`${event.reservationId} was made twice`)
      this.splits.set(event.reservationId, event)
    }
    if (!('version' in event)) return
    const product = this.#product(event.productId)
    switch (event.type) {
      case 'StockAdjusted':
        product.stocked += event.delta
        break
      case 'UnitsHeld':
      case 'WaitlistServed':
        this.#hold(product, event)
        break
      case 'HoldPlaced':
      case 'HoldSettled':
        this.#place(product, event)
        break
      case 'SaleScheduled':
      case 'ProductRetired':
      case 'WaitlistJoined':
      case 'WaitlistLeft':
      case 'UnitsEarmarked':
        break
      default:
        this.#change(product, event)
    }
    const taken = product.held + product.sold
    product.oversold = Math.max(product.oversold, taken - product.stocked)
  }

  #hold(product: ProductTotals, event: UnitsHeld | WaitlistServed): void {
    const { reservationId, productId, customerId, quantity } = event
    if (this.reservations.has(reservationId)) this.contradictions.push(`${reservationId} was made twice`)
    this.reservations.set(reservationId, { productId, customerId, quantity, held: quantity, sold: 0 })
    product.held += quantity
  }

  /** A settlement says what a hold stands at; what it held and no longer has went back. */
  #place(product: ProductTotals, event: HoldEvent): void {
    const { reservationId, productId } = event
    const name = `${reservationId}/${productId}`
    const before = this.holds.get(name)
    if (event.type === 'HoldPlaced') {
      const { customerId, quantity } = event
      if (before !== undefined && before.held + before.sold > 0)
        this.contradictions.push(`${name} is held twice`)
      this.holds.set(name, { productId, customerId, quantity, held: quantity, sold: 0 })
      product.held += quantity
      return
    }
    if (before === undefined) {
      this.contradictions.push(`${event.type} of ${name}, which was never held`)
      return
    }
    const { held, sold } = event
    if (held > before.held || sold - before.sold > before.held - held)
      this.contradictions.push(`${name} has ${held} held and ${sold} sold of ${before.held} held`)
    product.held += held - before.held
    product.sold += sold - before.sold
    Object.assign(before, { held, sold })
  }

  #change(product: ProductTotals, event: ReservationEvent): void {
    const { reservationId: id } = event
    const reservation = this.reservations.get(id)
    if (reservation === undefined || reservation.productId !== event.productId) {
      this.contradictions.push(`${event.type} of ${id}, which was never made`)
      return
    }
    const before = { held: reservation.held, sold: reservation.sold }
    switch (event.type) {
      case 'UnitsReleased':
      case 'HoldExpired':
        reservation.held -= event.quantity
        break
      case 'UnitsConfirmed':
        reservation.held = 0
        reservation.sold = event.quantity
        if (event.quantity > before.held) this.contradictions.push(`${id} sold more than it held`)
        break
      case 'UnitsReturned':
        reservation.sold -= event.quantity
    }
    if (reservation.held < 0 || reservation.sold < 0)
      this.contradictions.push(`${id} gave back what it had not`)
    product.held += reservation.held - before.held
    product.sold += reservation.sold - before.sold
  }

  #product(id: string): ProductTotals {
    const known = this.products.get(id)
    if (known !== undefined) return known
    const made = { stocked: 0, held: 0, sold: 0, oversold: 0 }
    this.products.set(id, made)
    return made
  }
}
