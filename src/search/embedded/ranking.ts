/** Which of the documents found come first, and what they add up to. */

import type { FacetCount, Facets, SearchSort } from '../search-index.ts'
import { facetValuesMax, priceRangeName, priceRangesFrom, ratingsFrom } from '../search-index.ts'
import type { Matches } from './matches.ts'
import type { Names } from './names.ts'
import type { ProductColumns } from './product-columns.ts'

/** Of scores, up to the best: within one, what is in stock comes first. */
const TIERS = 10
const SCORE_STEPS = 2 ** 16
const RATING_STEPS = 512
const REVIEWS_MAX = 2 ** 20

/** Documents from `offset` on, `limit` of them at most, the first one first. */
export function ranked(
  matches: Matches,
  columns: ProductColumns,
  { sort, offset, limit }: { readonly sort: SearchSort; readonly offset: number; readonly limit: number },
): readonly number[] {
  const wanted = Math.min(matches.size, offset + limit)
  if (wanted <= offset) return []
  const best = new Best(wanted, columns)
  const keyAt = keysOf(matches, columns, sort)
  for (let i = 0; i < matches.size; i++) {
    const key = keyAt(i)
    if (key >= best.least) best.offer(matches.documents[i] as number, key)
  }
  return best.inOrder().slice(offset)
}

/** The higher comes first. */
function keysOf(matches: Matches, columns: ProductColumns, sort: SearchSort): (i: number) => number {
  const { documents, scores, size } = matches
  const { price, rating, reviewCount, createdAtMs, inStock } = columns
  const at = (i: number) => documents[i] as number
  switch (sort) {
    case 'price-asc':
      return (i) => -(price[at(i)] as number)
    case 'price-desc':
      return (i) => price[at(i)] as number
    case 'newest':
      return (i) => createdAtMs[at(i)] as number
    case 'rating':
      return (i) =>
        (rating[at(i)] as number) * REVIEWS_MAX + Math.min(reviewCount[at(i)] as number, REVIEWS_MAX - 1)
    case 'relevance': {
      let most = 0
      for (let i = 0; i < size; i++) most = Math.max(most, scores[i] as number)
      const unit = most === 0 ? 0 : 1 / most
      return (i) => {
        const part = (scores[i] as number) * unit
        const tier = Math.round(part * TIERS) * 2 + (inStock[at(i)] as number)
        const step = Math.round(part * (SCORE_STEPS - 1))
        return (tier * SCORE_STEPS + step) * RATING_STEPS + (rating[at(i)] as number)
      }
    }
  }
}

/** So many of those offered, as a heap with the last of them on top. */
class Best {
  readonly #most: number
  readonly #productIds: ProductColumns['productIds']
  readonly #documents: number[] = []
  readonly #keys: number[] = []
  /** What is below it is not among them. */
  least = Number.NEGATIVE_INFINITY

  constructor(most: number, { productIds }: ProductColumns) {
    this.#most = most
    this.#productIds = productIds
  }

  offer(document: number, key: number): void {
    const size = this.#documents.length
    if (size < this.#most) {
      this.#documents.push(document)
      this.#keys.push(key)
      this.#rise(size)
      if (size + 1 === this.#most) this.least = this.#keys[0] as number
    } else if (this.#isBehind(this.#documents[0] as number, this.#keys[0] as number, document, key)) {
      this.#documents[0] = document
      this.#keys[0] = key
      this.#sink()
      this.least = this.#keys[0] as number
    }
  }

  inOrder(): readonly number[] {
    const places = this.#documents.map((_, i) => i)
    const [documents, keys] = [this.#documents, this.#keys]
    return places
      .sort((a, b) =>
        this.#isBehind(documents[a] as number, keys[a] as number, documents[b] as number, keys[b] as number)
          ? 1
          : -1,
      )
      .map((i) => documents[i] as number)
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
    const size = this.#documents.length
    for (let at = 0; ; ) {
      let last = at
      for (const below of [2 * at + 1, 2 * at + 2])
        if (below < size && this.#isBehindAt(below, last)) last = below
      if (last === at) return
      this.#swap(at, last)
      at = last
    }
  }

  #swap(a: number, b: number): void {
    for (const column of [this.#documents, this.#keys]) {
      const kept = column[a] as number
      column[a] = column[b] as number
      column[b] = kept
    }
  }
}

export function facetsOf({ documents, size }: Matches, columns: ProductColumns): Facets {
  const brands = new Int32Array(columns.brands.size)
  const categories = new Int32Array(columns.categories.size)
  const prices = new Int32Array(priceRangesFrom.length)
  const ratings = new Int32Array(ratingsFrom.length + 1)
  const { brand, category, priceRange, ratingSteps } = columns
  for (let i = 0; i < size; i++) {
    const document = documents[i] as number
    const ofBrand = brand[document] as number
    if (ofBrand >= 0) brands[ofBrand] = (brands[ofBrand] as number) + 1
    const ofCategory = category[document] as number
    if (ofCategory >= 0) categories[ofCategory] = (categories[ofCategory] as number) + 1
    const ofPrice = priceRange[document] as number
    prices[ofPrice] = (prices[ofPrice] as number) + 1
    const ofRating = ratingSteps[document] as number
    ratings[ofRating] = (ratings[ofRating] as number) + 1
  }
  // Those within others were made after them: so each is complete before it is added to the one above.
  for (let each = categories.length - 1; each >= 0; each--) {
    const above = columns.parents[each] as number
    if (above >= 0) categories[above] = (categories[above] as number) + (categories[each] as number)
  }
  return {
    category: mostFrequent(categories, columns.categories),
    brand: mostFrequent(brands, columns.brands),
    price: named(prices, priceRangeName),
    rating: atLeast(ratings),
  }
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
