/**
 * What a journal says was sold, by a fold of its own: it reads frames and events with the journal's decoders, and shares
 * no rule with the engine. Trusts nothing the engine or its replies said.
 *
 * Units are *taken* while a reservation holds them and once it is confirmed, until they return. Oversold are units taken
 * beyond what was ever stocked; it is looked at after every single event, not at the end.
 */
import type { Event, UnitsHeld } from '../../src/domain/events.ts'
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
  readonly contradictions: string[] = []

  apply(event: Event): void {
    this.events += 1
    const product = this.#product(event.productId)
    if (event.type === 'StockAdjusted') product.stocked += event.delta
    else if (event.type === 'UnitsHeld') this.#hold(product, event)
    else if ('reservationId' in event) this.#change(product, event.reservationId, event)
    const taken = product.held + product.sold
    product.oversold = Math.max(product.oversold, taken - product.stocked)
  }

  #hold(product: ProductTotals, event: UnitsHeld): void {
    const { reservationId, productId, customerId, quantity } = event
    if (this.reservations.has(reservationId)) this.contradictions.push(`${reservationId} was made twice`)
    this.reservations.set(reservationId, { productId, customerId, quantity, held: quantity, sold: 0 })
    product.held += quantity
  }

  #change(product: ProductTotals, id: string, event: Exclude<Event, UnitsHeld>): void {
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
