/** What the documents found add up to. */
import type { FacetCount, Facets } from '../search-index.ts'
import { facetValuesMax, priceRangeName, priceRangesFrom, ratingsFrom } from '../search-index.ts'
import type { Matches } from './matches.ts'
import type { Names } from './names.ts'
import type { ProductColumns } from './product-columns.ts'

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
