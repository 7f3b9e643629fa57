/**
 * What the shards of a worker may keep in memory, all of them together.
 *
 * V8 ends a thread whose heap is full, and whoever replays its state would end likewise, again and again. So long before
 * that, what would make another record is refused; whatever exists can still be settled (F1 in domain/footprint.ts).
 */
import {
  letterBytes,
  mailboxHeapShare,
  mailboxMax,
  recordsHeapShare,
  recordsShortShare,
  workerBaseBytes,
} from '../limits.ts'

const MIB = 1_024 * 1_024

export class MemoryBudget {
  readonly maxBytes: number
  /** What was turned away for want of memory. */
  refused = 0
  #usedBytes = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  /** No further record is made. */
  get isSpent(): boolean {
    return this.#usedBytes >= this.maxBytes
  }

  /** What need not be known any longer is forgotten as soon as it may be. */
  get isShort(): boolean {
    return this.#usedBytes >= this.maxBytes * recordsShortShare
  }

  /** Negative gives back. */
  add(bytes: number): void {
    this.#usedBytes += bytes
  }
}

/** Bytes of records that fit safely into a worker's heap. */
export function recordBytesMax(heapMb: number): number {
  return Math.floor((heapMb * MIB - workerBaseBytes) * recordsHeapShare)
}

/** Letters that fit safely into a worker's heap beside the records. */
export function mailboxMaxOf(heapMb: number): number {
  return Math.min(mailboxMax, Math.floor((heapMb * MIB * mailboxHeapShare) / letterBytes))
}
