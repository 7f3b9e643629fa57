/**
 * What is due when: a binary heap by time. Entries are never taken out before they come up; who reads them finds out
 * whether they still hold, and adds them anew where they came too early. So one thing needs one entry, however often its
 * time is put off, and a million holds cost one timer.
 */
export class Deadlines<T> {
  #times = new Float64Array(64)
  readonly #items: T[] = []

  get size(): number {
    return this.#items.length
  }

  /** When the first is due; `Infinity` where there is none. */
  get firstAtMs(): number {
    return this.#items.length === 0 ? Number.POSITIVE_INFINITY : (this.#times[0] as number)
  }

  add(atMs: number, item: T): void {
    let at = this.#items.length
    this.#items.push(item)
    if (at === this.#times.length) {
      const grown = new Float64Array(this.#times.length * 2)
      grown.set(this.#times)
      this.#times = grown
    }
    while (at > 0) {
      const above = (at - 1) >> 1
      if ((this.#times[above] as number) <= atMs) break
      this.#move(above, at)
      at = above
    }
    this.#put(at, atMs, item)
  }

  /** Takes the first. Only where there is one. */
  take(): T {
    const first = this.#items[0] as T
    const item = this.#items.pop() as T
    const size = this.#items.length
    if (size === 0) return first
    const atMs = this.#times[size] as number
    let at = 0
    for (;;) {
      let below = at * 2 + 1
      if (below >= size) break
      if (below + 1 < size && (this.#times[below + 1] as number) < (this.#times[below] as number)) below += 1
      if ((this.#times[below] as number) >= atMs) break
      this.#move(below, at)
      at = below
    }
    this.#put(at, atMs, item)
    return first
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#times[from] as number, this.#items[from] as T)
  }

  #put(at: number, atMs: number, item: T): void {
    this.#times[at] = atMs
    this.#items[at] = item
  }
}
