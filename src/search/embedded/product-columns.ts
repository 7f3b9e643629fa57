/**
 * What products are filtered, counted and sorted by, a column each, by the document's number. A product that is told anew
 * gets a new number; its old one is not alive any more.
 */
import type { ProductId } from '../../domain/ids.ts'
import type { ProductDocument } from '../product-document.ts'
import { Kinds, none } from './kinds.ts'
import { Marks } from './marks.ts'
import { Numbers } from './numbers.ts'

const FIRST_CAPACITY = 1_024

export class ProductColumns {
  readonly kinds = new Kinds()
  readonly productIds: ProductId[] = []
  readonly revisions: string[] = []
  readonly titles: string[] = []
  readonly alive = new Marks()
  readonly inStock = new Marks()
  /** By category, the documents in it and in those that lie in it, alive or not. */
  readonly ofCategory: Numbers[] = []
  kind = new Int32Array(FIRST_CAPACITY)
  price = new Float64Array(FIRST_CAPACITY)
  /** In hundredths. */
  rating = new Float64Array(FIRST_CAPACITY)
  reviewCount = new Int32Array(FIRST_CAPACITY)
  createdAtMs = new Float64Array(FIRST_CAPACITY)
  /** Numbers given, alive or not. */
  size = 0
  living = 0

  /** Answers the document's number. */
  add(document: ProductDocument): number {
    if (this.size === this.kind.length) this.#grow()
    const number = this.size
    this.size += 1
    this.living += 1
    this.productIds.push(document.productId)
    this.revisions.push(document.revision)
    this.titles.push(document.title)
    this.alive.set(number, true)
    this.inStock.set(number, document.inStock)
    this.kind[number] = this.kinds.numberOf(document)
    this.#listByCategory(number)
    this.price[number] = document.price
    this.rating[number] = Math.round(document.rating * 100)
    this.reviewCount[number] = document.reviewCount
    this.createdAtMs[number] = document.createdAtMs
    return number
  }

  bury(number: number): void {
    if (!this.alive.has(number)) return
    this.alive.set(number, false)
    this.living -= 1
  }

  /** By number, which one the document has in `packed`; -1 for the dead. */
  numbersOfLiving(): Int32Array {
    const numbers = new Int32Array(this.size).fill(-1)
    let living = 0
    for (let number = 0; number < this.size; number++) if (this.alive.has(number)) numbers[number] = living++
    return numbers
  }

  /** The same without the dead, and without the kinds and names that only those had, in the same order. */
  packed(): ProductColumns {
    const packed = new ProductColumns()
    for (let number = 0; number < this.size; number++) if (this.alive.has(number)) packed.#copy(number, this)
    return packed
  }

  #copy(from: number, other: ProductColumns): void {
    if (this.size === this.kind.length) this.#grow()
    const number = this.size
    this.size += 1
    this.living += 1
    this.productIds.push(other.productIds[from] as ProductId)
    this.revisions.push(other.revisions[from] as string)
    this.titles.push(other.titles[from] as string)
    this.alive.set(number, true)
    this.inStock.set(number, other.inStock.has(from))
    for (const column of COLUMNS) this[column][number] = other[column][from] as number
    this.kind[number] = this.kinds.numberFrom(other.kinds, other.kind[from] as number)
    this.#listByCategory(number)
  }

  #listByCategory(number: number): void {
    const { category, parents } = this.kinds
    const innermost = category[this.kind[number] as number] as number
    for (let each = innermost; each !== none; each = parents[each] as number) {
      this.ofCategory[each] ??= new Numbers()
      this.ofCategory[each]?.push(number)
    }
  }

  #grow(): void {
    const capacity = 2 * this.kind.length
    this.kind = longer(new Int32Array(capacity), this.kind)
    this.price = longer(new Float64Array(capacity), this.price)
    this.rating = longer(new Float64Array(capacity), this.rating)
    this.reviewCount = longer(new Int32Array(capacity), this.reviewCount)
    this.createdAtMs = longer(new Float64Array(capacity), this.createdAtMs)
  }
}

const COLUMNS = ['price', 'rating', 'reviewCount', 'createdAtMs'] as const

function longer<Column extends { set(from: Column): void }>(empty: Column, from: Column): Column {
  empty.set(from)
  return empty
}
