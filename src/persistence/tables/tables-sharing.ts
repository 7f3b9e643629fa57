/**
 * Whether what this node's tables say holds for all nodes, in memory that main writes and every listener looks at. Tables in
 * a file do so while there is no other node; with two, each would have accounts and orders that the other knows nothing of.
 */
export class TablesSharing {
  readonly memory: SharedArrayBuffer
  readonly #isApart: Int32Array

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory
    this.#isApart = new Int32Array(memory)
  }

  /** There are other nodes, or may be, and they have other tables. */
  get isApart(): boolean {
    return Atomics.load(this.#isApart, 0) === 1
  }

  note(isApart: boolean): void {
    Atomics.store(this.#isApart, 0, isApart ? 1 : 0)
  }
}
