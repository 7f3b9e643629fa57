/** Whole numbers in a row that grows at its end. */
export class Numbers {
  #values = new Int32Array(2)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Behind `size` they mean nothing. */
  get values(): Int32Array {
    return this.#values
  }

  push(value: number): void {
    if (this.#size === this.#values.length) {
      const values = new Int32Array(2 * this.#size)
      values.set(this.#values)
      this.#values = values
    }
    this.#values[this.#size] = value
    this.#size += 1
  }

  /** Lets go of all but the first so many. */
  cut(size: number): void {
    this.#size = size
  }
}
