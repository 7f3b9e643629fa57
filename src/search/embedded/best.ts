/**
 * The documents with the highest keys, so many of those offered. They are taken as they come; once there is no more room, all but
 * the best are let go of. So the order of offering does not matter, as it does for a heap, which the worst keys first keep busy.
 */
import type { ProductColumns } from './product-columns.ts'

/** Taken beyond those that are wanted, before some are let go of. */
const SPARE = 64

export class Best {
  readonly #most: number
  readonly #productIds: ProductColumns['productIds']
  readonly #documents: Int32Array
  readonly #keys: Float64Array
  #size = 0
  /** What is below it is not among them. */
  least = Number.NEGATIVE_INFINITY

  constructor(most: number, productIds: ProductColumns['productIds']) {
    this.#most = most
    this.#productIds = productIds
    const room = 2 * most + SPARE
    this.#documents = new Int32Array(room)
    this.#keys = new Float64Array(room)
  }

  offer(document: number, key: number): void {
    const place = this.#size++
    this.#documents[place] = document
    this.#keys[place] = key
    if (this.#size === this.#keys.length) this.#cut()
  }

  /** The first one first; without so many of these. */
  inOrderFrom(offset: number): readonly number[] {
    if (this.#size > this.#most) this.#cut()
    this.#select(offset)
    const places = Array.from({ length: this.#size - offset }, (_, i) => offset + i)
    return places
      .sort((a, b) => (this.#isAhead(a, this.#documents[b] as number, this.#keys[b] as number) ? -1 : 1))
      .map((place) => this.#documents[place] as number)
  }

  #cut(): void {
    this.#select(this.#most)
    this.#size = this.#most
    let least = Number.POSITIVE_INFINITY
    for (let place = 0; place < this.#size; place++) least = Math.min(least, this.#keys[place] as number)
    this.least = least
  }

  /** Brings the first so many to the front, in no order: Hoare's FIND (1961). */
  #select(count: number): void {
    let [left, right] = [0, this.#size - 1]
    while (left < right) {
      const middle = (left + right) >> 1
      const [document, key] = [this.#documents[middle] as number, this.#keys[middle] as number]
      let [i, j] = [left, right]
      while (i <= j) {
        while (this.#isAhead(i, document, key)) i += 1
        while (this.#isBehind(j, document, key)) j -= 1
        if (i <= j) this.#swap(i++, j--)
      }
      if (count <= j) right = j
      else if (count >= i) left = i
      else return
    }
  }

  #isAhead(place: number, document: number, key: number): boolean {
    const own = this.#keys[place] as number
    if (own !== key) return own > key
    return this.#productIdAt(place) < (this.#productIds[document] as string)
  }

  #isBehind(place: number, document: number, key: number): boolean {
    const own = this.#keys[place] as number
    if (own !== key) return own < key
    return this.#productIdAt(place) > (this.#productIds[document] as string)
  }

  #productIdAt(place: number): string {
    return this.#productIds[this.#documents[place] as number] as string
  }

  #swap(a: number, b: number): void {
    const document = this.#documents[a] as number
    const key = this.#keys[a] as number
    this.#documents[a] = this.#documents[b] as number
    this.#keys[a] = this.#keys[b] as number
    this.#documents[b] = document
    this.#keys[b] = key
  }
}
