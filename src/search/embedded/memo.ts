/** Answers that are kept until they may be wrong, so many at most; the oldest goes first. */
export class Memo<Value extends object> {
  readonly #most: number
  readonly #known = new Map<string, Value>()

  constructor(most: number) {
    this.#most = most
  }

  get(key: string, make: () => Value): Value {
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const made = make()
    if (this.#known.size >= this.#most) {
      const [oldest] = this.#known.keys()
      if (oldest !== undefined) this.#known.delete(oldest)
    }
    this.#known.set(key, made)
    return made
  }

  clear(): void {
    this.#known.clear()
  }
}
