/**
 * What one other node has been told of the board of a shard that this node serves: all of it once, piece by piece, then each
 * product that it shows anew. Reads the board by itself (stock-board.ts, B4), so that no worker is kept waiting.
 */
import { noSale, type ShardBoardReader } from '../../actors/stock-board.ts'
import { relayBoardProducts } from '../../limits/relay.ts'
import type { BoardEntryCell } from './node-words.ts'

export type BoardPart = { readonly entries: readonly BoardEntryCell[]; readonly isWhole: boolean }

export class BoardFeed {
  /** Products whose numbers are below it have been told of. */
  #told = 0
  /** Of those, the ones that have changed since. */
  readonly #changed = new Set<number>()
  #isWhole = false

  get isWhole(): boolean {
    return this.#isWhole
  }

  note(numbers: readonly number[]): void {
    for (const number of numbers) if (number < this.#told) this.#changed.add(number)
  }

  /**
   * What of it must be said before anything that rests on the board as it is: where all was told, also what has come since.
   * Absent where there is nothing.
   */
  news(reader: ShardBoardReader): BoardPart | undefined {
    const entries: BoardEntryCell[] = []
    for (const number of this.#changed) write(entries, reader, number)
    this.#changed.clear()
    if (this.#isWhole) this.#goOn(entries, reader, Number.POSITIVE_INFINITY)
    return entries.length === 0 ? undefined : { entries, isWhole: this.#isWhole }
  }

  /** The next piece, until it is whole. */
  piece(reader: ShardBoardReader): BoardPart {
    const entries: BoardEntryCell[] = []
    for (const number of this.#changed) write(entries, reader, number)
    this.#changed.clear()
    this.#goOn(entries, reader, this.#told + relayBoardProducts)
    this.#isWhole = this.#told === reader.products
    return { entries, isWhole: this.#isWhole }
  }

  #goOn(entries: BoardEntryCell[], reader: ShardBoardReader, toMax: number): void {
    while (this.#told < toMax && write(entries, reader, this.#told)) this.#told += 1
  }
}

/** False where no such product can be read yet, or not by this reader: its board has grown, and is announced anew. */
function write(entries: BoardEntryCell[], reader: ShardBoardReader, number: number): boolean {
  const shown = reader.read(number)
  if (shown === undefined) return false
  const { version, available, onHand, held, sold, retired, sale } = shown
  entries.push(number, version, available, onHand, held, sold, retired, sale === noSale ? undefined : sale)
  return true
}
