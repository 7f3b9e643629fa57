/** What the pool of connections is at, in memory that all threads share. Written by the tables' thread alone. */

const CELLS = [
  /** Connections there are, and those that somebody is using. */
  'size',
  'inUse',
  /** Operations that wait for one now; those that have had one, and how long all of them waited. */
  'waiting',
  'waits',
  'waitedMs',
  /** Operations that began anew because another transaction was in the way. */
  'retries',
  /** Those that nobody could carry out, because PostgreSQL was away. */
  'lost',
  /** 1 while notices of other nodes are heard. */
  'isListening',
] as const

export type PoolCell = (typeof CELLS)[number]

export class PoolBoard {
  readonly memory: SharedArrayBuffer
  readonly #cells: Float64Array

  constructor(
    memory: SharedArrayBuffer = new SharedArrayBuffer(CELLS.length * Float64Array.BYTES_PER_ELEMENT),
  ) {
    this.memory = memory
    this.#cells = new Float64Array(memory)
  }

  get(cell: PoolCell): number {
    return this.#cells[CELLS.indexOf(cell)] ?? 0
  }

  set(cell: PoolCell, value: number): void {
    this.#cells[CELLS.indexOf(cell)] = value
  }

  add(cell: PoolCell, by: number): void {
    this.set(cell, this.get(cell) + by)
  }
}
