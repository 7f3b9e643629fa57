/** A bit for each document: a thirtieth of what a list of them takes, so that it stays within a processor's first cache. */
import type { Documents } from './matches.ts'

const FIRST_BITS = 1_024

export class Marks {
  #bits: Int32Array

  constructor(documents = FIRST_BITS) {
    this.#bits = new Int32Array((documents >> 5) + 1)
  }

  /** 32 documents in each, the first one lowest. */
  get bits(): Int32Array {
    return this.#bits
  }

  has(document: number): boolean {
    return (((this.#bits[document >> 5] as number) >>> (document & 31)) & 1) === 1
  }

  /** Makes room for it, if need be. */
  set(document: number, isMarked: boolean): void {
    const at = document >> 5
    if (at >= this.#bits.length) {
      const bits = new Int32Array(2 * at)
      bits.set(this.#bits)
      this.#bits = bits
    }
    const bit = 1 << (document & 31)
    this.#bits[at] = isMarked ? (this.#bits[at] as number) | bit : (this.#bits[at] as number) & ~bit
  }

  /** There must be room for all. */
  mark({ documents, size }: Documents): void {
    const bits = this.#bits
    for (let i = 0; i < size; i++) {
      const document = documents[i] as number
      bits[document >> 5] = (bits[document >> 5] as number) | (1 << (document & 31))
    }
  }

  /** Takes away the marks that the others do not have. */
  keepIf({ bits: others }: Marks): void {
    const bits = this.#bits
    for (let at = 0; at < bits.length; at++) bits[at] = (bits[at] as number) & (others[at] ?? 0)
  }

  /** Writes down what is marked, in order, answers how many that are, and takes all marks away. */
  take(documents: Int32Array): number {
    const bits = this.#bits
    let count = 0
    for (let at = 0; at < bits.length; at++) {
      let rest = bits[at] as number
      if (rest === 0) continue
      bits[at] = 0
      while (rest !== 0) {
        const lowest = rest & -rest
        documents[count] = (at << 5) + 31 - Math.clz32(lowest)
        count += 1
        rest ^= lowest
      }
    }
    return count
  }
}
