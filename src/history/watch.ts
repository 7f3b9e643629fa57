/**
 * Tells who watches which product that it has changed. Reads the journal's end while anybody watches anything, and by
 * itself: what the projection is behind is nothing to whoever watches.
 */
import type { ProductId } from '../domain/ids.ts'
import { historyReadBytes } from '../limits.ts'
import { eventsOf, type StreamId } from '../persistence/journal/frame.ts'
import { JournalTailer } from '../persistence/journal/journal-tailer.ts'
import type { JournalPlace } from '../persistence/journal/stream-follower.ts'

/** By watcher, the products. */
export type Changed<Watcher> = ReadonlyMap<Watcher, ReadonlySet<ProductId>>

export class Watch<Watcher> {
  readonly #place: JournalPlace
  readonly #shards: number
  readonly #watchers = new Map<ProductId, Set<Watcher>>()
  #tailer: JournalTailer | undefined

  constructor(place: JournalPlace, shards: number) {
    this.#place = place
    this.#shards = shards
  }

  get products(): number {
    return this.#watchers.size
  }

  /**
   * From the return on, every further change is told; where it throws what reading the journal throws, from the first read
   * on that does not.
   */
  add(watcher: Watcher, productId: ProductId): void {
    const watchers = this.#watchers.get(productId) ?? new Set()
    watchers.add(watcher)
    this.#watchers.set(productId, watchers)
    this.#tailer ??= JournalTailer.atEnd(this.#place, { shards: this.#shards })
  }

  remove(watcher: Watcher, productId: ProductId): void {
    const watchers = this.#watchers.get(productId)
    watchers?.delete(watcher)
    if (watchers?.size === 0) this.#watchers.delete(productId)
    if (this.#watchers.size === 0) this.close()
  }

  /** Forgets a watcher that is gone. */
  forget(watcher: Watcher): void {
    for (const productId of this.#watchers.keys()) this.remove(watcher, productId)
  }

  noteDurable(stream: StreamId, ordinal: number): void {
    if (this.#tailer?.noteDurable(stream, ordinal) === false) this.#tailer.look()
  }

  look(): void {
    this.#tailer?.look()
  }

  /**
   * What has changed for whom, and whether there may be more. Where it could not read before, anything may have changed.
   * Throws what reading the journal throws.
   */
  read(): { readonly changed: Changed<Watcher>; readonly isAtEnd: boolean } {
    if (this.#watchers.size === 0) return { changed: new Map(), isAtEnd: true }
    if (this.#tailer === undefined) {
      this.#tailer = JournalTailer.atEnd(this.#place, { shards: this.#shards })
      return { changed: this.all(), isAtEnd: false }
    }
    const { sections, isAtEnd } = this.#tailer.read(historyReadBytes)
    const products = new Set<ProductId>()
    for (const { section } of sections)
      for (const event of eventsOf(section)) if ('productId' in event) products.add(event.productId)
    return { changed: this.#changed(products), isAtEnd }
  }

  /** As if everything had changed. */
  all(): Changed<Watcher> {
    return this.#changed(this.#watchers.keys())
  }

  /** Begins anew at the journal's end with the next read. */
  close(): void {
    this.#tailer?.close()
    this.#tailer = undefined
  }

  #changed(products: Iterable<ProductId>): Changed<Watcher> {
    const changed = new Map<Watcher, Set<ProductId>>()
    for (const productId of products) {
      for (const watcher of this.#watchers.get(productId) ?? []) {
        const ofWatcher = changed.get(watcher)
        if (ofWatcher === undefined) changed.set(watcher, new Set([productId]))
        else ofWatcher.add(productId)
      }
    }
    return changed
  }
}
