/** Chance that repeats itself: the same throws for the same seed (mulberry32). */
export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  /** In [0, 1). */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }

  /** A whole number from the first to the last, both included. */
  between(first: number, last: number): number {
    return first + Math.floor(this.fraction() * (last - first + 1))
  }

  hits(share: number): boolean {
    return this.fraction() < share
  }

  /** One of several; there must be one. */
  pick<T>(several: readonly T[]): T {
    return several[this.between(0, several.length - 1)] as T
  }

  shuffled<T>(several: readonly T[]): T[] {
    return several
      .map((each) => ({ each, at: this.fraction() }))
      .sort((a, b) => a.at - b.at)
      .map(({ each }) => each)
  }
}
