/** What the documents found add up to. */
import type { FacetCount, Facets } from '../search-index.ts'
import { facetValuesMax, priceRangeName, priceRangesFrom, ratingsFrom } from '../search-index.ts'
import type { Kinds } from './kinds.ts'
import type { Documents } from './matches.ts'
import type { Names } from './names.ts'
import type { ProductColumns } from './product-columns.ts'

export function facetsOf(matches: Documents, { kind, kinds }: ProductColumns): Facets {
  const counts = new Counts(kinds)
  if (matches.size < kinds.size) countEach(matches, kind, counts)
  else countByKind(matches, kind, counts)
  return counts.facets()
}

function countEach({ documents, size }: Documents, kind: Int32Array, counts: Counts): void {
  for (let i = 0; i < size; i++) counts.add(kind[documents[i] as number] as number, 1)
}

function countByKind({ documents, size }: Documents, kind: Int32Array, counts: Counts): void {
  const byKind = new Int32Array(counts.kinds)
  for (let i = 0; i < size; i++) {
    const of = kind[documents[i] as number] as number
    byKind[of] = (byKind[of] as number) + 1
  }
  for (const [of, count] of byKind.entries()) if (count > 0) counts.add(of, count)
}

class Counts {
  readonly #kinds: Kinds
  readonly #brands: Int32Array
  readonly #categories: Int32Array
  readonly #prices = new Int32Array(priceRangesFrom.length)
  readonly #ratings = new Int32Array(ratingsFrom.length + 1)

  constructor(kinds: Kinds) {
    this.#kinds = kinds
    this.#brands = new Int32Array(kinds.brands.size)
    this.#categories = new Int32Array(kinds.categories.size)
  }

  get kinds(): number {
    return this.#kinds.size
  }

  add(kind: number, count: number): void {
    const { brand, category, priceRange, ratingSteps } = this.#kinds
    addTo(this.#brands, brand[kind] as number, count)
    addTo(this.#categories, category[kind] as number, count)
    addTo(this.#prices, priceRange[kind] as number, count)
    addTo(this.#ratings, ratingSteps[kind] as number, count)
  }

  /** Once all are added. */
  facets(): Facets {
    const { brands, categories, parents } = this.#kinds
    // Those within others were made after them: so each is complete before it is added to the one above.
    for (let each = this.#categories.length - 1; each >= 0; each--)
      addTo(this.#categories, parents[each] as number, this.#categories[each] as number)
    return {
      category: mostFrequent(this.#categories, categories),
      brand: mostFrequent(this.#brands, brands),
      price: named(this.#prices, priceRangeName),
      rating: atLeast(this.#ratings),
    }
  }
}

function addTo(counts: Int32Array, place: number, count: number): void {
  if (place >= 0) counts[place] = (counts[place] as number) + count
}

function mostFrequent(counts: Int32Array, names: Names): readonly FacetCount[] {
  const found: FacetCount[] = []
  for (let each = 0; each < counts.length; each++) {
    const count = counts[each] as number
    if (count > 0) found.push({ value: names.nameOf(each), count })
  }
  return found.sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1)).slice(0, facetValuesMax)
}

function named(counts: Int32Array, nameOf: (place: number) => string): readonly FacetCount[] {
  return [...counts].flatMap((count, place) => (count === 0 ? [] : [{ value: nameOf(place), count }]))
}

/** Whoever reaches three steps reaches two. */
function atLeast(bySteps: Int32Array): readonly FacetCount[] {
  return ratingsFrom.flatMap((from, place) => {
    const steps = ratingsFrom.length - place
    const count = bySteps.slice(steps).reduce((sum, each) => sum + each, 0)
    return count === 0 ? [] : [{ value: String(from), count }]
  })
}
