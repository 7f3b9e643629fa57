import type { Event } from '../domain/events.ts'
import type { evolve } from '../domain/evolve.ts'
import type { ReservationRow } from '../domain/reservation-row.ts'
import type { ShardState, Stock, StockView } from '../domain/stock.ts'

/** Power of two. */
const RECENT = 256

/** Products of a shard that have changed since they were last taken, hardly any of them twice. */
export class ChangedStocks {
  #stocks: StockView[] = []
  /**
   * By the low bits of its number, the product noted last, and for which taking. What is wanted most is noted once; to know
   * it of all products would take a table that is never in the processor's cache, and cost each hold more than to be shown twice.
   */
  readonly #recent: (StockView | undefined)[] = Array.from({ length: RECENT }, () => undefined)
  readonly #notedFor = new Float64Array(RECENT)
  #taking = 1

  /** Of an event that was applied, and the reservation it changed. */
  note({ products }: ShardState, event: Event, reservation: ReturnType<typeof evolve>): void {
    // The most frequent event by far, and what it made knows its product: to search for it by its id would cost a tenth of
    // the whole decision.
    if (event.type === 'UnitsHeld') this.#note((reservation as ReservationRow).stock)
    else if ('productId' in event) this.#note(products.get(event.productId) as Stock)
  }

  #note(stock: StockView): void {
    const at = stock.number % RECENT
    if (this.#recent[at] === stock && this.#notedFor[at] === this.#taking) return
    this.#recent[at] = stock
    this.#notedFor[at] = this.#taking
    this.#stocks.push(stock)
  }

  take(): readonly StockView[] {
    const stocks = this.#stocks
    if (stocks.length === 0) return stocks
    this.#stocks = []
    this.#taking += 1
    return stocks
  }
}
