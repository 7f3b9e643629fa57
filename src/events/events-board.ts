/** Whether other systems are told of what happens, in memory that all threads share. Written by whoever tells. */
import type { RelayTrouble } from './relay.ts'

/** By number; 0 is none. */
const TROUBLES: readonly RelayTrouble[] = ['broker', 'journal', 'tables']

export class EventsBoard {
  readonly memory: SharedArrayBuffer
  readonly #cells: Int32Array

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory
    this.#cells = new Int32Array(memory)
  }

  /** What keeps it from telling. */
  get trouble(): RelayTrouble | undefined {
    return TROUBLES[Atomics.load(this.#cells, 0) - 1]
  }

  note(trouble: RelayTrouble | undefined): void {
    Atomics.store(this.#cells, 0, trouble === undefined ? 0 : TROUBLES.indexOf(trouble) + 1)
  }
}
