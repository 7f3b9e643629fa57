/**
 * Whether what this node has was restored from a backup and not yet reconciled, in memory that main and the desk write and
 * every listener looks at before it sells anything.
 */
export class RestorationBoard {
  readonly memory: SharedArrayBuffer
  readonly #cells: Int32Array

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory
    this.#cells = new Int32Array(memory)
  }

  get isOpen(): boolean {
    return Atomics.load(this.#cells, 0) === 1
  }

  /** Payments that keep it open, as far as the provider's list was looked at. */
  get undecided(): number {
    return Atomics.load(this.#cells, 1)
  }

  note(isOpen: boolean, undecided = 0): void {
    Atomics.store(this.#cells, 1, undecided)
    Atomics.store(this.#cells, 0, isOpen ? 1 : 0)
  }
}
