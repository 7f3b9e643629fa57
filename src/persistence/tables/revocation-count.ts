/**
 * How many revocations the tables have told of, in memory that all threads share.
 *
 * What was revoked is told to every thread by a message, and who asked for it by another one. Which of two threads reads its
 * message first nobody knows, and a request can come to the slower one in between. So the count goes up before any message
 * leaves: a thread that has heard of fewer knows that what it remembers may be over, and asks the tables until it has.
 */
import type { Notice } from './operation.ts'

export class RevocationCount {
  readonly memory: SharedArrayBuffer
  readonly #cell: Int32Array

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory
    this.#cell = new Int32Array(memory)
  }

  /** Of all, as far as they can be told apart: it wraps around. */
  get told(): number {
    return Atomics.load(this.#cell, 0)
  }

  /** Counts those among the notices that are about to be sent; answers how many there are now. */
  count(notices: readonly Notice[]): number {
    const revocations = notices.filter(({ type }) => ENDS.includes(type))
    if (revocations.length > 0) Atomics.add(this.#cell, 0, revocations.length)
    return this.told
  }
}

const ENDS: readonly Notice['type'][] = ['keyRevoked', 'sessionsChanged', 'missed']
