/** How many damaged rows of the tables are known, in memory that all threads share. Written by whoever scrubs. */
export class DamageBoard {
  readonly memory: SharedArrayBuffer
  readonly #cells: Int32Array

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory
    this.#cells = new Int32Array(memory)
  }

  /** Rows, and places that SQLite itself cannot read, as of the last walk; of this one, where it has found more. */
  get damaged(): number {
    return Atomics.load(this.#cells, 0)
  }

  /** Walks that came to their end. */
  get walks(): number {
    return Atomics.load(this.#cells, 1)
  }

  /** What the walk that is under way has found so far. */
  found(damaged: number): void {
    if (damaged > this.damaged) Atomics.store(this.#cells, 0, damaged)
  }

  finish(damaged: number): void {
    Atomics.store(this.#cells, 0, damaged)
    Atomics.add(this.#cells, 1, 1)
  }
}
