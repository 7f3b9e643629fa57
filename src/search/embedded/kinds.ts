/**
 * Products that count alike: of one brand, one category, one range of prices and one of ratings. A catalog has few such kinds
 * for its size, so that a search counts the kinds it found, and each brand and category is added up from these.
 */
import type { ProductDocument } from '../product-document.ts'
import { priceRangesFrom, ratingsFrom } from '../search-index.ts'
import { Names } from './names.ts'

export const none = -1

export class Kinds {
  readonly brands = new Names()
  readonly categories = new Names()
  /** By category, the one it lies in, or `none`. One that lies in another has the higher number. */
  readonly parents: number[] = []
  /** By kind, which brand, or `none`. */
  readonly brand: number[] = []
  /** By kind, which category, or `none`. */
  readonly category: number[] = []
  /** By kind, which of the ranges. */
  readonly priceRange: number[] = []
  /** By kind, how many of `ratingsFrom` it reaches. */
  readonly ratingSteps: number[] = []
  readonly #names = new Names()

  get size(): number {
    return this.#names.size
  }

  numberOf({ brand, categories, price, rating }: ProductDocument): number {
    return this.#numberOf([
      brand === undefined ? none : this.brands.numberOf(brand),
      this.#innermost(categories),
      priceRangesFrom.findLastIndex((from) => price >= from),
      ratingsFrom.filter((from) => rating >= from).length,
    ])
  }

  /** The number here of what has this number there. */
  numberFrom(other: Kinds, kind: number): number {
    const brand = other.brand[kind] as number
    const path: string[] = []
    for (let each = other.category[kind] as number; each !== none; each = other.parents[each] as number)
      path.unshift(other.categories.nameOf(each))
    return this.#numberOf([
      brand === none ? none : this.brands.numberOf(other.brands.nameOf(brand)),
      this.#innermost(path),
      other.priceRange[kind] as number,
      other.ratingSteps[kind] as number,
    ])
  }

  #numberOf(
    parts: readonly [brand: number, category: number, priceRange: number, ratingSteps: number],
  ): number {
    const number = this.#names.numberOf(parts.join())
    if (number === this.brand.length) {
      this.brand.push(parts[0])
      this.category.push(parts[1])
      this.priceRange.push(parts[2])
      this.ratingSteps.push(parts[3])
    }
    return number
  }

  /** The number of the last category; `none` where there is none. */
  #innermost(categories: readonly string[]): number {
    let parent = none
    for (const path of categories) {
      const number = this.categories.numberOf(path)
      if (number === this.parents.length) this.parents.push(parent)
      parent = number
    }
    return parent
  }
}
