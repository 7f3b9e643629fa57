/**
 * Events of products with the counts right after each, packed: a block is a row, and has some dozen events of one product
 * that follow each other. A row for each event cost SQLite three times as much.
 */
import { ByteReader, ByteWriter } from '../persistence/journal/bytes.ts'
import type { Counts, Recorded } from './fold.ts'
import { unpacked } from './projection-damaged.ts'

export type StockEntry = Recorded & {
  readonly counts: Counts
  /** As in the journal; undefined for what a snapshot said, where older events are archived. */
  readonly event: Buffer | undefined
}

export type StockBlockRow = { readonly version: number; readonly events: Buffer }

/** A block that has as much is not added to: with pages of 8 KiB SQLite keeps up to 2,030 bytes of a row in its tree. */
const BLOCK_BYTES = 1_024

/** What is to be written. */
export class StockBlocks {
  /** One after the other, as they came. */
  readonly #entries = new ByteWriter(64 * 1_024)
  /** By product: the version of the first, and where each begins and ends in `#entries`. */
  readonly #added = new Map<number, { readonly version: number; readonly bounds: number[] }>()
  readonly #block = new ByteWriter(2 * BLOCK_BYTES)

  add(product: number, entry: StockEntry): void {
    const from = this.#entries.length
    writeEntry(this.#entries, entry)
    const to = this.#entries.length
    const added = this.#added.get(product)
    if (added === undefined) this.#added.set(product, { version: entry.counts.version, bounds: [from, to] })
    else added.bounds.push(from, to)
  }

  /** Hands over all that was added, in the order of the rows. The bytes are those of the next block after the call. */
  take(write: (product: number, version: number, block: Buffer) => void): void {
    const block = this.#block
    for (const [product, { version: first, bounds }] of [...this.#added].sort(byProduct)) {
      let version = first
      for (let at = 0; at < bounds.length; at += 2) {
        block.raw(this.#entries.bytes.subarray(bounds[at], bounds[at + 1]))
        const isLast = at + 2 === bounds.length
        if (!isLast && block.length < BLOCK_BYTES) continue
        write(product, version, block.bytes.subarray(0, block.length))
        block.reset()
        version = first + at / 2 + 1
      }
    }
    this.#added.clear()
    this.#entries.reset()
  }
}

/** A block's entries, the oldest first. Throws `ProjectionDamaged`. */
export function entriesOf({ version, events }: StockBlockRow): readonly StockEntry[] {
  return unpacked(() => {
    const entries: StockEntry[] = []
    const reader = new ByteReader(events)
    do entries.push(readEntry(reader, version + entries.length))
    while (!reader.isAtEnd)
    return entries
  })
}

function writeEntry(writer: ByteWriter, { sequence, atMs, counts, event }: StockEntry): void {
  const { onHand, held, sold, waiting, earmarked, retired } = counts
  writer.varint(sequence)
  writer.varint(atMs)
  writer.varint(onHand)
  writer.varint(held)
  writer.varint(sold)
  writer.varint(waiting)
  writer.varint(earmarked)
  writer.flag(retired)
  writer.varint(event === undefined ? 0 : event.length + 1)
  if (event !== undefined) writer.raw(event)
}

function readEntry(reader: ByteReader, version: number): StockEntry {
  const sequence = reader.varint()
  const atMs = reader.varint()
  const onHand = reader.varint()
  const held = reader.varint()
  const sold = reader.varint()
  const waiting = reader.varint()
  const earmarked = reader.varint()
  const retired = reader.flag()
  const size = reader.varint()
  const event = size === 0 ? undefined : reader.raw(size - 1)
  return { sequence, atMs, counts: { version, onHand, held, sold, waiting, earmarked, retired }, event }
}

/** The order of the rows, of what is kept by product. */
export function byProduct([one]: readonly [number, unknown], [other]: readonly [number, unknown]): number {
  return one - other
}
