/** Names with a number each, given as they come. */
export class Names {
  readonly #numbers = new Map<string, number>()
  readonly #names: string[] = []

  get size(): number {
    return this.#names.length
  }

  find(name: string): number | undefined {
    return this.#numbers.get(name)
  }

  numberOf(name: string): number {
    const known = this.#numbers.get(name)
    if (known !== undefined) return known
    this.#numbers.set(name, this.#names.length)
    this.#names.push(name)
    return this.#names.length - 1
  }

  nameOf(number: number): string {
    return this.#names[number] as string
  }
}
