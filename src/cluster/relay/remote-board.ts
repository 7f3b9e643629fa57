/**
 * The board of a shard that another node serves, kept here from what that node tells of it (stock-board.ts): whoever reads it
 * finds it as that of a worker of this node. Nobody is shown it before it is whole.
 */

import { noSale, ShardBoard, type ShardBoardMemory, type StockEntry } from '../../actors/stock-board.ts'
import type { ShardId } from '../../domain/ids.ts'
import type { Sale } from '../../domain/stock.ts'
import { BadFrame, type BoardEntryCell, boardEntryCells } from './node-words.ts'

export class RemoteBoard {
  readonly #board: ShardBoard
  #isWhole = false

  constructor(shard: ShardId) {
    this.#board = new ShardBoard(shard)
  }

  /** To be announced; empty before it is whole. */
  get memory(): readonly ShardBoardMemory[] {
    return this.#isWhole ? [this.#board.memory] : []
  }

  /** Shows what was told. True where it must be announced, for the first time or since it has grown. */
  show(cells: readonly BoardEntryCell[], isWhole: boolean): boolean {
    const { chunks } = this.#board
    const entries = entriesOf(cells)
    let next = this.#board.products
    for (const { number } of entries) {
      if (number > next) throw new BadFrame('a board with a gap')
      if (number === next) next += 1
    }
    this.#board.show(entries)
    const hasGrown = this.#board.chunks > chunks || (isWhole && !this.#isWhole)
    this.#isWhole ||= isWhole
    return this.#isWhole && hasGrown
  }
}

function entriesOf(cells: readonly BoardEntryCell[]): StockEntry[] {
  if (cells.length % boardEntryCells !== 0) throw new BadFrame('half an entry of a board')
  const entries: StockEntry[] = []
  for (let at = 0; at < cells.length; ) {
    const number = cells[at++] as number
    const version = cells[at++] as number
    const available = cells[at++] as number
    const onHand = cells[at++] as number
    const held = cells[at++] as number
    const sold = cells[at++] as number
    const retired = cells[at++] as boolean
    const sale = (cells[at++] as Sale | undefined) ?? noSale
    // What makes it come out as it was said.
    const earmarked = onHand - held - available
    entries.push({ number, version, onHand, held, earmarked, sold, retired, sale })
  }
  return entries
}
