/**
 * The board: what each product's stock is, in memory that the worker of its shard writes and every thread may read, at
 * once and without a message.
 *
 *   a shard      [ 0 … 1,023 ][ 1,024 … 2,047 ][ 2,048 … 4,095 ] …   products by number; a chunk is as large as all before
 *   a product    [ record ][ record ]                                 the one with the newer version counts
 *   a record     begun | counts, flags, sale | done                   16 words, a line of the cache
 *
 * Owns the layout. Knows nothing of frames or threads: when anything may be shown is the affair of board-desk.ts.
 *
 * B1  It shows nothing that is not durable (S2). What a frame holds is shown right after its sync, and before any reply
 *     that rests on it leaves: whoever has an answer finds no older count here. The same of a node that is told of it by
 *     another, for answers that come by that node.
 * B2  One worker writes it, and nobody else ever.
 * B3  A reading is of one version, whole. The writer only touches the record that does not count: `begun` first, `done`
 *     last. A reader takes the record whose `done` is newer, and believes it if `begun` is still the same afterwards.
 *     Every access is atomic, or processors and compilers might turn it round.
 * B4  Readers wait for nobody: a writer that stops half-way has left the other record alone. Only who is overtaken twice
 *     within one reading reads again.
 * B5  Versions only go up. A successor's board takes the place of its predecessor's once all that was recovered is on it,
 *     and that is all that was ever durable.
 * B6  A product is counted in `products` when it can be read, and they come in the order of their numbers, which are theirs
 *     for good: whoever knows a product's number finds it on every board to come.
 * B7  When nothing is under way it is equal to the shards' states (FAULTS.md, I10). No decision is ever taken from it.
 */
import { assert } from '../domain/assert.ts'
import type { ShardId } from '../domain/ids.ts'
import { availableOf, type Sale, type StockView } from '../domain/stock.ts'

/** What stands on the board of a product. */
export type ShownStock = Pick<StockView, 'version' | 'onHand' | 'held' | 'sold' | 'retired' | 'sale'> & {
  readonly available: number
}

/** What the writer is given: counts of one moment, copied from the state. */
export type StockEntry = Pick<
  StockView,
  'number' | 'version' | 'onHand' | 'held' | 'earmarked' | 'sold' | 'retired' | 'sale'
>

/** Travels between threads; what is behind it is shared. */
export type ShardBoardMemory = {
  readonly shard: ShardId
  /** Products that can be read. */
  readonly products: SharedArrayBuffer
  readonly chunks: readonly SharedArrayBuffer[]
}

const FIRST_CHUNK_PRODUCTS = 1_024
const CHUNK_BITS = Math.log2(FIRST_CHUNK_PRODUCTS)

// Words of a record.
const BEGUN = 0
const DONE = 1
const VERSION_HIGH = 2
const FLAGS = 3
const ON_HAND = 4
const HELD = 5
const EARMARKED = 6
const SOLD_LOW = 7
const SOLD_HIGH = 8
const OPENS_LOW = 9
const OPENS_HIGH = 10
const CLOSES_LOW = 11
const CLOSES_HIGH = 12
const PER_CUSTOMER = 13
const HOLD_TTL = 14
const PER_RESERVATION = 15
const RECORD_WORDS = 16
const PRODUCT_WORDS = 2 * RECORD_WORDS

// What of a sale there is, and whether it is over for good.
const RETIRED = 1
const OPENS = 2
const CLOSES = 4
const LIMITS_CUSTOMERS = 8
const TIMES_HOLDS = 16
const LIMITS_RESERVATIONS = 32

const TWO_TO_32 = 2 ** 32
/** What is read of a product that has none. */
export const noSale: Sale = Object.freeze({})

/** The writer's end of one shard. */
export class ShardBoard {
  readonly #shard: ShardId
  readonly #products = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  readonly #chunks: Int32Array[] = []
  /** By number, which record counts. */
  #records = new Uint8Array(FIRST_CHUNK_PRODUCTS)

  constructor(shard: ShardId) {
    this.#shard = shard
  }

  get products(): number {
    return this.#products[0] as number
  }

  /** Chunks so far: with another one its memory must be announced anew. */
  get chunks(): number {
    return this.#chunks.length
  }

  get memory(): ShardBoardMemory {
    return {
      shard: this.#shard,
      products: this.#products.buffer,
      chunks: this.#chunks.map(({ buffer }) => buffer as SharedArrayBuffer),
    }
  }

  /**
   * Shows what has become durable, in this order. Every record is looked at before the first is written: the processor then
   * fetches them side by side, where behind atomic stores it would wait for one after the other, a tenth of the worker's time.
   */
  show(stocks: readonly StockEntry[]): void {
    for (const { number, version } of stocks) {
      if (number >= this.products) continue
      const chunk = chunkOf(number)
      const at = wordOf(number, chunk) + this.#spareOf(number)
      assert(version >= versionIn(this.#chunks[chunk] as Int32Array, at), 'versions only go up (B5)')
    }
    for (const stock of stocks) this.#show(stock)
  }

  /** Where within a product's words the record begins that does not count. */
  #spareOf(number: number): number {
    return (1 - (this.#records[number] as number)) * RECORD_WORDS
  }

  #show(stock: StockEntry): void {
    const { number, version, sale } = stock
    assert(number <= this.products, 'products come in order (B6)')
    const chunk = chunkOf(number)
    if (chunk === this.#chunks.length) this.#addChunk()
    const words = this.#chunks[chunk] as Int32Array
    const product = wordOf(number, chunk)
    const isFirst = number === this.products
    // Nobody reads it yet (B6): the record that has never been written is made to look older.
    if (isFirst) Atomics.store(words, product + DONE, (version - 1) | 0)
    const at = product + this.#spareOf(number)
    this.#records[number] = 1 - (this.#records[number] as number)
    const flags = flagsOf(stock)
    Atomics.store(words, at + BEGUN, version | 0)
    put(words, at + ON_HAND, stock.onHand)
    put(words, at + HELD, stock.held)
    put(words, at + EARMARKED, stock.earmarked)
    put(words, at + SOLD_LOW, stock.sold | 0)
    put(words, at + SOLD_HIGH, highOf(stock.sold))
    put(words, at + VERSION_HIGH, highOf(version))
    put(words, at + FLAGS, flags)
    if ((flags & ~RETIRED) !== 0) showSale(words, at, sale)
    Atomics.store(words, at + DONE, version | 0)
    if (isFirst) Atomics.store(this.#products, 0, number + 1)
  }

  #addChunk(): void {
    const products = this.#chunks.length === 0 ? FIRST_CHUNK_PRODUCTS : this.products
    const bytes = products * PRODUCT_WORDS * Int32Array.BYTES_PER_ELEMENT
    this.#chunks.push(new Int32Array(new SharedArrayBuffer(bytes)))
    const records = new Uint8Array(this.products + products)
    records.set(this.#records.subarray(0, this.products))
    this.#records = records
  }
}

/** A reader's end of one shard. */
export class ShardBoardReader {
  readonly #products: Int32Array
  readonly #chunks: readonly Int32Array[]

  constructor({ products, chunks }: ShardBoardMemory) {
    this.#products = new Int32Array(products)
    this.#chunks = chunks.map((chunk) => new Int32Array(chunk))
  }

  /** Products that can be read: those whose numbers are below it. */
  get products(): number {
    return Atomics.load(this.#products, 0)
  }

  /** The newest durable stock of the product of this number; absent where there is none yet. */
  read(number: number): ShownStock | undefined {
    if (number >= this.products) return undefined
    const chunk = chunkOf(number)
    const words = this.#chunks[chunk]
    // A product of a chunk that was not announced to this thread yet.
    if (words === undefined) return undefined
    const product = wordOf(number, chunk)
    for (;;) {
      const at = newerRecord(words, product)
      const done = Atomics.load(words, at + DONE)
      const shown = readRecord(words, at)
      if (Atomics.load(words, at + BEGUN) === done) return shown
    }
  }
}

function readRecord(words: Int32Array, at: number): ShownStock {
  const flags = Atomics.load(words, at + FLAGS)
  const onHand = Atomics.load(words, at + ON_HAND)
  const held = Atomics.load(words, at + HELD)
  const earmarked = Atomics.load(words, at + EARMARKED)
  return {
    version: versionIn(words, at),
    available: availableOf({ onHand, held, earmarked }),
    onHand,
    held,
    sold: wideIn(words, at + SOLD_LOW),
    retired: (flags & RETIRED) !== 0,
    sale: (flags & ~RETIRED) === 0 ? noSale : readSale(words, at, flags),
  }
}

function readSale(words: Int32Array, at: number, flags: number): Sale {
  return {
    opensAtMs: flags & OPENS ? wideIn(words, at + OPENS_LOW) : undefined,
    closesAtMs: flags & CLOSES ? wideIn(words, at + CLOSES_LOW) : undefined,
    perCustomerLimit: flags & LIMITS_CUSTOMERS ? Atomics.load(words, at + PER_CUSTOMER) : undefined,
    holdTtlMs: flags & TIMES_HOLDS ? Atomics.load(words, at + HOLD_TTL) : undefined,
    maxPerReservation: flags & LIMITS_RESERVATIONS ? Atomics.load(words, at + PER_RESERVATION) : undefined,
  }
}

function showSale(words: Int32Array, at: number, sale: Sale): void {
  put(words, at + OPENS_LOW, (sale.opensAtMs ?? 0) | 0)
  put(words, at + OPENS_HIGH, highOf(sale.opensAtMs ?? 0))
  put(words, at + CLOSES_LOW, (sale.closesAtMs ?? 0) | 0)
  put(words, at + CLOSES_HIGH, highOf(sale.closesAtMs ?? 0))
  put(words, at + PER_CUSTOMER, sale.perCustomerLimit ?? 0)
  put(words, at + HOLD_TTL, sale.holdTtlMs ?? 0)
  put(words, at + PER_RESERVATION, sale.maxPerReservation ?? 0)
}

function flagsOf({ retired, sale }: StockEntry): number {
  return (
    (retired ? RETIRED : 0) |
    (sale.opensAtMs === undefined ? 0 : OPENS) |
    (sale.closesAtMs === undefined ? 0 : CLOSES) |
    (sale.perCustomerLimit === undefined ? 0 : LIMITS_CUSTOMERS) |
    (sale.holdTtlMs === undefined ? 0 : TIMES_HOLDS) |
    (sale.maxPerReservation === undefined ? 0 : LIMITS_RESERVATIONS)
  )
}

/** Only where it differs: most events change two words, and an atomic store costs as much as all else here. */
function put(words: Int32Array, word: number, value: number): void {
  if (words[word] !== value) Atomics.store(words, word, value)
}

/** Where the record begins that counts. Low halves begin anew at 2³²: their difference says which is newer. */
function newerRecord(words: Int32Array, product: number): number {
  const first = Atomics.load(words, product + DONE)
  const second = Atomics.load(words, product + RECORD_WORDS + DONE)
  return ((second - first) | 0) > 0 ? product + RECORD_WORDS : product
}

function versionIn(words: Int32Array, at: number): number {
  return Atomics.load(words, at + VERSION_HIGH) * TWO_TO_32 + (Atomics.load(words, at + DONE) >>> 0)
}

function wideIn(words: Int32Array, low: number): number {
  return Atomics.load(words, low + 1) * TWO_TO_32 + (Atomics.load(words, low) >>> 0)
}

function highOf(value: number): number {
  return Math.floor(value / TWO_TO_32)
}

function chunkOf(number: number): number {
  return 32 - Math.clz32(number >>> CHUNK_BITS)
}

function wordOf(number: number, chunk: number): number {
  const first = chunk === 0 ? 0 : (FIRST_CHUNK_PRODUCTS / 2) << chunk
  return (number - first) * PRODUCT_WORDS
}
