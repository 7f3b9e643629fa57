/**
 * Keeps a worker's board: what its turns changed is shown once it is durable (stock-board.ts, B1).
 *
 * A turn's changes are copied as they are right after it, each product once, since the state goes on while they wait for
 * their frame. Where a product stands is answered from what is shown alone, so that nobody waits for a disk to be told.
 */
import { assert } from '../domain/assert.ts'
import type { ProductId, ShardId } from '../domain/ids.ts'
import type { StockView } from '../domain/stock.ts'
import type { Port } from '../seams.ts'
import type { FeedMessage } from './protocol.ts'
import type { StockPlace } from './requests.ts'
import type { Shard } from './shard.ts'
import { ShardBoard, type ShardBoardMemory, type StockEntry } from './stock-board.ts'

type BoardedShard = Pick<Shard, 'id' | 'state' | 'changed'>
type Kept = { readonly shard: BoardedShard; readonly board: ShardBoard }
type Gathered = {
  readonly ordinal: number
  readonly shard: ShardId
  readonly board: ShardBoard
  readonly entries: readonly StockEntry[]
}

export class BoardDesk {
  readonly #announce: (memory: readonly ShardBoardMemory[]) => void
  #kept: ReadonlyMap<ShardId, Kept> = new Map()
  /** Oldest first. */
  #gathered: Gathered[] = []
  #feed: Pick<Port<never, FeedMessage>, 'send'> | undefined

  /** `announce` is called with the whole memory: when it is filled, and whenever it has grown. */
  constructor(announce: (memory: readonly ShardBoardMemory[]) => void) {
    this.#announce = announce
  }

  /** Absent before the shards are recovered. */
  get memory(): readonly ShardBoardMemory[] | undefined {
    if (this.#kept.size === 0) return undefined
    return [...this.#kept.values()].map(({ board }) => board.memory)
  }

  /**
   * From now on this port hears what the board shows, and before any reply that rests on it leaves. It is told numbers alone:
   * whoever listens there reads the board by itself.
   */
  feed(port: Pick<Port<never, FeedMessage>, 'send'>): void {
    this.#feed = port
    if (this.memory !== undefined) port.send({ board: this.memory })
  }

  /** A new board of shards that were recovered: all of their state is durable. */
  fill(shards: readonly BoardedShard[]): void {
    this.#kept = new Map(shards.map((shard) => [shard.id, { shard, board: new ShardBoard(shard.id) }]))
    for (const { shard, board } of this.#kept.values()) {
      board.show([...shard.state.products.values()])
    }
    this.#tell()
  }

  /** Copies what a turn changed, to be shown when the frame of this ordinal is durable. */
  gather(ordinal: number, { id, changed }: BoardedShard): void {
    const stocks = changed.take()
    if (stocks.length === 0) return
    this.#gathered.push({ ordinal, shard: id, board: this.#of(id).board, entries: stocks.map(entryOf) })
  }

  /** Shows all that rests on nothing behind this ordinal. */
  release(durableOrdinal: number): void {
    let [count, hasGrown] = [0, false]
    for (const { ordinal, shard, board, entries } of this.#gathered) {
      if (ordinal > durableOrdinal) break
      count += 1
      const { chunks } = board
      board.show(entries)
      hasGrown ||= board.chunks > chunks
      this.#feed?.send({ shown: { shard, numbers: entries.map(({ number }) => number) } })
    }
    if (count > 0) this.#gathered = this.#gathered.slice(count)
    if (hasGrown) this.#tell()
  }

  /** Where a product of this shard stands, if it does yet. */
  placeOf(shard: ShardId, productId: ProductId): StockPlace {
    const { board, shard: kept } = this.#of(shard)
    const number = kept.state.products.get(productId)?.number
    const isShown = number !== undefined && number < board.products
    return { type: 'stockPlace', number: isShown ? number : undefined, products: board.products }
  }

  #of(shard: ShardId): Kept {
    const kept = this.#kept.get(shard)
    assert(kept !== undefined, 'a worker is asked about its own shards only')
    return kept
  }

  #tell(): void {
    const { memory } = this
    if (memory === undefined) return
    this.#announce(memory)
    this.#feed?.send({ board: memory })
  }
}

function entryOf({ number, version, onHand, held, earmarked, sold, retired, sale }: StockView): StockEntry {
  return { number, version, onHand, held, earmarked, sold, retired, sale }
}
