/**
 * What has changed since it was last looked for: products of the catalog by the tables' outbox, stock by the journal. A
 * product that has changed ten thousand times has changed.
 *
 * V1  Nothing of it is kept: whoever begins reads the whole catalog and looks at all stock once, and follows from a place
 *     that was taken before. So nothing that happened meanwhile is missed, and some of it is looked at twice.
 * V2  Where the journal cannot be followed, all stock may have changed: that is told with every try to follow it.
 */
import type { Event } from '../domain/events.ts'
import type { ProductId } from '../domain/ids.ts'
import type { ThreadLog } from '../kept-thread.ts'
import { searchReadBytes, searchRetryMsMax, searchRetryMsMin } from '../limits/search.ts'
import { eventsOf } from '../persistence/journal/frame.ts'
import { JournalTailer } from '../persistence/journal/journal-tailer.ts'
import { isJournalTrouble } from '../persistence/journal/journal-trouble.ts'
import type { Position } from '../persistence/journal/position.ts'
import type { JournalPlace } from '../persistence/journal/stream-follower.ts'
import { type OutboxEvent, outboxPageMax } from '../persistence/tables/outbox.ts'
import type { Clock } from '../seams.ts'
import type { CatalogReader } from './catalog-truth.ts'
import type { SearchPosition } from './search-position.ts'

export type ChangesParts = {
  readonly tables: CatalogReader
  readonly place: JournalPlace
  readonly shards: number
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly log: ThreadLog
}

export type Changed = {
  readonly products: ReadonlySet<ProductId>
  readonly stocks: ReadonlySet<ProductId>
  /** Of stock: nothing is known of what has changed. */
  readonly isAnyStock: boolean
  readonly hasMore: boolean
  /** All changes up to here have been told. */
  readonly position: SearchPosition
}

const LOOK_MS = 1_000

export class Changes {
  readonly #parts: ChangesParts
  /** Undefined until the first look, which is where it begins: what happened before is not told. */
  #outboxId: number | undefined
  #tailer: JournalTailer | undefined
  #failures = 0
  #retryAtMs = 0
  #lookAtMs = 0

  constructor(parts: ChangesParts) {
    this.#parts = parts
  }

  /** What has changed since the last call, or some of it. Rejects with what reading the tables does. */
  async take(): Promise<Changed> {
    const { tables } = this.#parts
    const after = this.#outboxId ?? (await tables.read('outbox.last', {}))
    const events = await tables.read('outbox.after', { id: after, limit: outboxPageMax })
    const stocks = this.#takeStocks()
    // Only now: what throws before has told nobody of these.
    this.#outboxId = events.at(-1)?.id ?? after
    return {
      products: productsOf(events),
      stocks: stocks.productIds,
      isAnyStock: stocks.isAny,
      hasMore: events.length === outboxPageMax || stocks.hasMore,
      position: { tables: this.#outboxId, shards: sequencesOf(this.#tailer) },
    }
  }

  close(): void {
    this.#tailer?.close()
    this.#tailer = undefined
  }

  #takeStocks(): {
    readonly productIds: ReadonlySet<ProductId>
    readonly isAny: boolean
    readonly hasMore: boolean
  } {
    const productIds = new Set<ProductId>()
    const { place, shards, clock, log } = this.#parts
    const nowMs = clock.monotonicMs()
    if (this.#tailer === undefined && nowMs < this.#retryAtMs)
      return { productIds, isAny: false, hasMore: false }
    try {
      const isFresh = this.#tailer === undefined
      this.#tailer ??= JournalTailer.atEnd(place, { shards })
      if (nowMs >= this.#lookAtMs) {
        this.#lookAtMs = nowMs + LOOK_MS
        this.#tailer.look()
      }
      const { sections, isAtEnd } = this.#tailer.read(searchReadBytes)
      for (const { section } of sections)
        for (const event of eventsOf(section))
          if ('productId' in event && mayShow(event)) productIds.add(event.productId)
      this.#failures = 0
      return { productIds, isAny: isFresh, hasMore: !isAtEnd }
    } catch (error) {
      if (!isJournalTrouble(error)) throw error
      if (this.#failures === 0) log('error', 'search.journalTrouble', { why: error.message })
      this.#failures += 1
      this.#retryAtMs = nowMs + Math.min(searchRetryMsMax, searchRetryMsMin * 2 ** (this.#failures - 1))
      this.close()
      return { productIds, isAny: true, hasMore: false }
    }
  }
}

/** Of an event of a product. */
type OfProduct = Extract<Event, { readonly productId: ProductId }>

/**
 * Whether the first unit may be there by it, or the last one gone. Not so of most that happens in a sale: a hold that leaves
 * some, which whoever looks for the first unit has been told of before. Who is served from a line leaves what was put aside.
 */
export function mayShow(event: OfProduct): boolean {
  if (event.type === 'UnitsHeld' || event.type === 'HoldPlaced') return event.available === 0
  return !CHANGES_NO_STOCK.has(event.type)
}

const CHANGES_NO_STOCK: ReadonlySet<OfProduct['type']> = new Set([
  'HoldExtended',
  'PaymentStarted',
  'ReturnsClosed',
  'ReservationForgotten',
  'WaitlistJoined',
])

function productsOf(events: readonly OutboxEvent[]): ReadonlySet<ProductId> {
  const products = new Set<ProductId>()
  for (const { type, subjectId } of events) {
    // Of these two types the subject is a product.
    if (type === 'product.changed' || type === 'review.changed') products.add(subjectId as ProductId)
  }
  return products
}

/** Of no shard where the journal is not followed. */
function sequencesOf(tailer: JournalTailer | undefined): Position {
  return new Map([...(tailer?.checkpoints ?? [])].map(([shard, { sequence }]) => [shard, sequence]))
}
