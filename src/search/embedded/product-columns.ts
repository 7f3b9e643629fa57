/**
 * What products are filtered, counted and sorted by, a column each, by the document's number. A product that is told anew
 * gets a new number; its old one is not alive any more.
 */
import type { ProductId } from '../../domain/ids.ts'
import type { ProductDocument } from '../product-document.ts'
import { priceRangesFrom, ratingsFrom } from '../search-index.ts'
import { Names } from './names.ts'

const FIRST_CAPACITY = 1_024
const NONE = -1

export class ProductColumns {
  readonly brands: Names
  readonly categories: Names
  /** By category, the one it lies in, or -1. One that lies in another has the higher number. */
  readonly parents: number[]
  readonly productIds: ProductId[] = []
  readonly revisions: string[] = []
  readonly titles: string[] = []
  alive = new Uint8Array(FIRST_CAPACITY)
  inStock = new Uint8Array(FIRST_CAPACITY)
  brand = new Int32Array(FIRST_CAPACITY)
  category = new Int32Array(FIRST_CAPACITY)
  price = new Float64Array(FIRST_CAPACITY)
  /** Which of the ranges. */
  priceRange = new Uint8Array(FIRST_CAPACITY)
  /** In hundredths. */
  rating = new Uint16Array(FIRST_CAPACITY)
  /** How many of `ratingsFrom` it reaches. */
  ratingSteps = new Uint8Array(FIRST_CAPACITY)
  reviewCount = new Int32Array(FIRST_CAPACITY)
  createdAtMs = new Float64Array(FIRST_CAPACITY)
  /** Numbers given, alive or not. */
  size = 0
  living = 0

  /** With the names that others have. */
  constructor(
    { brands, categories, parents }: Pick<ProductColumns, 'brands' | 'categories' | 'parents'> = noNames(),
  ) {
    this.brands = brands
    this.categories = categories
    this.parents = parents
  }

  /** Answers the document's number. */
  add(document: ProductDocument): number {
    if (this.size === this.alive.length) this.#grow()
    const number = this.size
    this.size += 1
    this.living += 1
    this.productIds.push(document.productId)
    this.revisions.push(document.revision)
    this.titles.push(document.title)
    this.alive[number] = 1
    this.inStock[number] = document.inStock ? 1 : 0
    this.brand[number] = document.brand === undefined ? NONE : this.brands.numberOf(document.brand)
    this.category[number] = this.#placeIn(document.categories)
    this.price[number] = document.price
    this.priceRange[number] = priceRangesFrom.findLastIndex((from) => document.price >= from)
    this.rating[number] = Math.round(document.rating * 100)
    this.ratingSteps[number] = ratingsFrom.filter((from) => document.rating >= from).length
    this.reviewCount[number] = document.reviewCount
    this.createdAtMs[number] = document.createdAtMs
    return number
  }

  bury(number: number): void {
    if (this.alive[number] === 0) return
    this.alive[number] = 0
    this.living -= 1
  }

  /** By number, which one the document has in `packed`; -1 for the dead. */
  numbersOfLiving(): Int32Array {
    const numbers = new Int32Array(this.size).fill(NONE)
    let living = 0
    for (let number = 0; number < this.size; number++)
      if (this.alive[number] === 1) numbers[number] = living++
    return numbers
  }

  /** The same without the dead, in the same order. */
  packed(): ProductColumns {
    const packed = new ProductColumns(this)
    for (let number = 0; number < this.size; number++)
      if (this.alive[number] === 1) packed.#copy(number, this)
    return packed
  }

  #copy(from: number, other: ProductColumns): void {
    if (this.size === this.alive.length) this.#grow()
    const number = this.size
    this.size += 1
    this.living += 1
    this.productIds.push(other.productIds[from] as ProductId)
    this.revisions.push(other.revisions[from] as string)
    this.titles.push(other.titles[from] as string)
    for (const column of COLUMNS) this[column][number] = other[column][from] as number
  }

  #placeIn(categories: readonly string[]): number {
    let parent = NONE
    for (const path of categories) {
      const number = this.categories.numberOf(path)
      if (number === this.parents.length) this.parents.push(parent)
      parent = number
    }
    return parent
  }

  #grow(): void {
    const capacity = 2 * this.alive.length
    this.alive = longer(new Uint8Array(capacity), this.alive)
    this.inStock = longer(new Uint8Array(capacity), this.inStock)
    this.brand = longer(new Int32Array(capacity), this.brand)
    this.category = longer(new Int32Array(capacity), this.category)
    this.price = longer(new Float64Array(capacity), this.price)
    this.priceRange = longer(new Uint8Array(capacity), this.priceRange)
    this.rating = longer(new Uint16Array(capacity), this.rating)
    this.ratingSteps = longer(new Uint8Array(capacity), this.ratingSteps)
    this.reviewCount = longer(new Int32Array(capacity), this.reviewCount)
    this.createdAtMs = longer(new Float64Array(capacity), this.createdAtMs)
  }
}

const COLUMNS = [
  'alive',
  'inStock',
  'brand',
  'category',
  'price',
  'priceRange',
  'rating',
  'ratingSteps',
  'reviewCount',
  'createdAtMs',
] as const

function noNames() {
  return { brands: new Names(), categories: new Names(), parents: [] }
}

function longer<Column extends { set(from: Column): void }>(empty: Column, from: Column): Column {
  empty.set(from)
  return empty
}
