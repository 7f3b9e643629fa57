/** The documents with the highest keys, so many of those offered: a heap with the last of them on top. */
import type { ProductColumns } from './product-columns.ts'

export class Best {
  readonly #productIds: ProductColumns['productIds']
  readonly #documents: Int32Array
  readonly #keys: Float64Array
  #size = 0
  /** What is below it is not among them. */
  least = Number.NEGATIVE_INFINITY

  constructor(most: number, productIds: ProductColumns['productIds']) {
    this.#productIds = productIds
    this.#documents = new Int32Array(most)
    this.#keys = new Float64Array(most)
  }

  offer(document: number, key: number): void {
    if (this.#size < this.#keys.length) {
      const place = this.#size++
      this.#set(place, document, key)
      this.#rise(place)
    } else if (this.#isBehind(this.#documents[0] as number, this.#keys[0] as number, document, key)) {
      this.#set(0, document, key)
      this.#sink()
    }
    if (this.#size === this.#keys.length) this.least = this.#keys[0] as number
  }

  inOrder(): readonly number[] {
    const places = Array.from({ length: this.#size }, (_, i) => i)
    return places
      .sort((a, b) => (this.#isBehindAt(a, b) ? 1 : -1))
      .map((place) => this.#documents[place] as number)
  }

  #set(place: number, document: number, key: number): void {
    this.#documents[place] = document
    this.#keys[place] = key
  }

  #isBehind(a: number, keyOfA: number, b: number, keyOfB: number): boolean {
    if (keyOfA !== keyOfB) return keyOfA < keyOfB
    return (this.#productIds[a] as string) > (this.#productIds[b] as string)
  }

  #isBehindAt(a: number, b: number): boolean {
    return this.#isBehind(
      this.#documents[a] as number,
      this.#keys[a] as number,
      this.#documents[b] as number,
      this.#keys[b] as number,
    )
  }

  #rise(from: number): void {
    for (let at = from; at > 0; ) {
      const above = (at - 1) >> 1
      if (!this.#isBehindAt(at, above)) return
      this.#swap(at, above)
      at = above
    }
  }

  #sink(): void {
    for (let at = 0; ; ) {
      let last = at
      for (let below = 2 * at + 1; below <= 2 * at + 2 && below < this.#size; below++)
        if (this.#isBehindAt(below, last)) last = below
      if (last === at) return
      this.#swap(at, last)
      at = last
    }
  }

  #swap(a: number, b: number): void {
    const document = this.#documents[a] as number
    const key = this.#keys[a] as number
    this.#set(a, this.#documents[b] as number, this.#keys[b] as number)
    this.#set(b, document, key)
  }
}
