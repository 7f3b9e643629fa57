/**
 * Which of a shard's lines have something to come by themselves: those that could have more than one go was to give, and
 * those whose sale closes.
 */
import type { Stock } from '../domain/stock.ts'
import { Deadlines } from './deadlines.ts'

export class WaitingLines {
  readonly #unfinished = new Set<Stock>()
  readonly #closings = new Deadlines<Stock>()
  /** Of each product in `#closings` its first entry: only a sale that closes sooner needs another. */
  readonly #closingAtMs = new Map<Stock, number>()

  /** At a start: a line that was being served, or emptied, goes on. Each is looked at once, and few have more to come. */
  resume(stock: Stock): void {
    if (stock.waitlist === undefined) return
    stock.waitlist.freed = 0
    this.note(stock, stock.waitlist.line.size > 0)
    this.watch(stock)
  }

  /** When the first has something to come. */
  firstAtMs(nowMs: number): number {
    return this.#unfinished.size > 0 ? nowMs : this.#closings.firstAtMs
  }

  /** After its line was served: whether it can have more. */
  note(stock: Stock, hasMore: boolean): void {
    if (hasMore) this.#unfinished.add(stock)
    else this.#unfinished.delete(stock)
  }

  isUnfinished(stock: Stock): boolean {
    return this.#unfinished.has(stock)
  }

  /** To be told when somebody joined the line, and when a sale was scheduled. */
  watch(stock: Stock): void {
    const { closesAtMs } = stock.sale
    if (closesAtMs === undefined || (stock.waitlist?.line.size ?? 0) === 0) return
    if (closesAtMs >= (this.#closingAtMs.get(stock) ?? Number.POSITIVE_INFINITY)) return
    this.#closings.add(closesAtMs, stock)
    this.#closingAtMs.set(stock, closesAtMs)
  }

  /** All whose line is to be served now; looks at no more than `max` sales that were to close. */
  takeDue(nowMs: number, max: number): readonly Stock[] {
    for (let looked = 0; looked < max && this.#closings.firstAtMs <= nowMs; looked++) {
      const atMs = this.#closings.firstAtMs
      const stock = this.#closings.take()
      if (this.#closingAtMs.get(stock) === atMs) this.#closingAtMs.delete(stock)
      if ((stock.sale.closesAtMs ?? Number.POSITIVE_INFINITY) <= nowMs) this.#unfinished.add(stock)
      else this.watch(stock)
    }
    return [...this.#unfinished]
  }
}
