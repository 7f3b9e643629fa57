/**
 * Live stock as a listener sees it: read off the boards that the workers of its shards keep (stock-board.ts), at once, and
 * while a worker is down as it was shown last.
 *
 * The board of another node's worker comes after the worker itself: until it is whole, the shard is asked for the stock.
 *
 * To read a board one must know a product's number. Its shard is asked for that once, and again where it was forgotten. That
 * a shard has no such product is remembered with how many it had: with one more on its board it is asked anew.
 */
import { assert } from '../domain/assert.ts'
import { type ProductId, type ShardId, shardOf } from '../domain/ids.ts'
import { absentStocksKnownMax, stockPlacesKnownMax, stocksSoughtMax } from '../limits.ts'
import type { Clock } from '../seams.ts'
import { EngineError } from './engine-error.ts'
import type { FindStock, ReadStock, ReplyTo } from './requests.ts'
import { workerOf } from './routing.ts'
import { type ShardBoardMemory, ShardBoardReader, type ShownStock } from './stock-board.ts'

/** Stock of one version, durable. */
export type StockGlance = ShownStock & {
  readonly productId: ProductId
  /** By the wall clock, when this was the newest for certain: now, or while its shard is down, when that went down. */
  readonly asOfMs: number
}

/** Absent where the product has no stock. */
export type Glance = StockGlance | undefined
/** One of many: an error where nothing can be said now. */
export type Glanced = Glance | EngineError

/** Of one worker. */
type Board = {
  readonly shards: ReadonlyMap<ShardId, ShardBoardReader>
  /** When the worker that keeps it ended; a successor keeps another one. */
  endedAtMs: number | undefined
}

type Ask = <R extends FindStock | ReadStock>(request: R) => Promise<ReplyTo<R>>

export class StockGlances {
  readonly #ask: Ask
  readonly #clock: Pick<Clock, 'wallMs'>
  readonly #shards: number
  readonly #workers: number
  readonly #boards: (Board | undefined)[] = []
  /** Numbers of products; the oldest look-up goes first. */
  readonly #places = new Map<ProductId, number>()
  /** Of products that did not exist, how many their shard had. */
  readonly #absent = new Map<ProductId, number>()
  /** Whoever wants to know the same waits for the same answer. */
  readonly #sought = new Map<ProductId, Promise<Glance>>()

  constructor(
    ask: Ask,
    options: { readonly clock: Pick<Clock, 'wallMs'>; readonly shards: number; readonly workers: number },
  ) {
    this.#ask = ask
    this.#clock = options.clock
    this.#shards = options.shards
    this.#workers = options.workers
  }

  /** From now on this is the board of this worker. */
  show(worker: number, memory: readonly ShardBoardMemory[]): void {
    const shards = new Map(memory.map((shard) => [shard.shard, new ShardBoardReader(shard)]))
    this.#boards[worker] = { shards, endedAtMs: undefined }
  }

  /** The worker has ended: its board stays as it is. */
  noteEnd(worker: number): void {
    const board = this.#boards[worker]
    if (board !== undefined) board.endedAtMs ??= this.#clock.wallMs()
  }

  /** See `Engine.glance`. */
  at(productId: ProductId): Glance | Promise<Glance> {
    const shard = shardOf(productId, this.#shards)
    const board = this.#boards[workerOf(shard, this.#workers)]
    const reader = board?.shards.get(shard)
    if (board === undefined || reader === undefined) return this.#seek(productId)
    const place = this.#places.get(productId)
    if (place !== undefined) return this.#glance(productId, reader.read(place), board)
    return this.#absent.get(productId) === reader.products ? undefined : this.#seek(productId)
  }

  /** See `Engine.glanceMany`. */
  many(productIds: readonly ProductId[]): readonly Glanced[] | Promise<readonly Glanced[]> {
    const glances = productIds.map((productId) => this.at(productId))
    return glances.every((glance): glance is Glance => !(glance instanceof Promise))
      ? glances
      : Promise.all(glances.map((glance) => glancedOf(glance)))
  }

  /** See `Engine.isShownLive`. */
  isLive(productId: ProductId): boolean {
    const board = this.#boards[workerOf(shardOf(productId, this.#shards), this.#workers)]
    return board !== undefined && board.endedAtMs === undefined
  }

  #glance(productId: ProductId, shown: ShownStock | undefined, { endedAtMs }: Board): Glance {
    if (shown === undefined) return undefined
    const { version, available, onHand, held, sold, retired, sale } = shown
    const asOfMs = endedAtMs ?? this.#clock.wallMs()
    return { productId, version, available, onHand, held, sold, retired, sale, asOfMs }
  }

  #seek(productId: ProductId): Promise<Glance> {
    const sought = this.#sought.get(productId)
    if (sought !== undefined) return sought
    if (this.#sought.size >= stocksSoughtMax) {
      const why = `${stocksSoughtMax} products are looked for already`
      return Promise.reject(new EngineError('overloaded', why))
    }
    const found = this.#seekAt(productId).finally(() => this.#sought.delete(productId))
    this.#sought.set(productId, found)
    return found
  }

  async #seekAt(productId: ProductId): Promise<Glance> {
    const reply = await this.#ask({ type: 'findStock', productId })
    assert(reply.type === 'stockPlace', 'where a product stands is not refused')
    const { number, products } = reply
    if (number === undefined) {
      remember(this.#absent, { productId, number: products, max: absentStocksKnownMax })
      return undefined
    }
    this.#absent.delete(productId)
    remember(this.#places, { productId, number, max: stockPlacesKnownMax })
    const shard = shardOf(productId, this.#shards)
    const board = this.#boards[workerOf(shard, this.#workers)]
    const reader = board?.shards.get(shard)
    if (board === undefined || reader === undefined) return this.#read(productId)
    return this.#glance(productId, reader.read(number), board)
  }

  /** As its shard answers, where its board cannot be read yet. */
  async #read(productId: ProductId): Promise<Glance> {
    const reply = await this.#ask({ type: 'readStock', productId })
    if (reply.type === 'refused') return undefined
    const { version, available, onHand, held, sold, retired, sale, asOfMs } = reply
    return { productId, version, available, onHand, held, sold, retired, sale, asOfMs }
  }
}

async function glancedOf(glance: Glance | Promise<Glance>): Promise<Glanced> {
  try {
    return await glance
  } catch (error) {
    if (error instanceof EngineError) return error
    throw error
  }
}

function remember(
  known: Map<ProductId, number>,
  {
    productId,
    number,
    max,
  }: { readonly productId: ProductId; readonly number: number; readonly max: number },
): void {
  known.delete(productId)
  if (known.size >= max) {
    const [oldest] = known.keys()
    if (oldest !== undefined) known.delete(oldest)
  }
  known.set(productId, number)
}
