/** What is asked of documents whatever their words: columns with bounds, gone through one after the other. */
import type { SearchRequest } from '../search-index.ts'
import type { Matches } from './matches.ts'
import type { ProductColumns } from './product-columns.ts'

type Column = Uint8Array | Uint16Array | Int32Array | Float64Array

/** By document, a value that must lie between two others, both inclusive. */
type Bounds = { readonly column: Column; readonly least: number; readonly most: number }

export type Filter = {
  readonly bounds: readonly Bounds[]
  readonly within: Within | undefined
}

/** By document, a category, or -1; by category, 1 where it is wanted. */
type Within = { readonly column: Int32Array; readonly wanted: Uint8Array }

/** Those that are alive, and what a request asks beside. */
export function filterOf(request: SearchRequest | undefined, columns: ProductColumns): Filter {
  const { size, living, alive, inStock, price, rating, brand, brands } = columns
  const bounds: Bounds[] = []
  if (living < size) bounds.push(exactly(alive, 1))
  if (request === undefined) return { bounds, within: undefined }
  const { minPrice, maxPrice, minRating, category } = request
  if (request.inStock) bounds.push(exactly(inStock, 1))
  if (request.brand !== undefined) bounds.push(exactly(brand, brands.find(request.brand) ?? NOBODY))
  if (minPrice !== undefined || maxPrice !== undefined)
    bounds.push({
      column: price,
      least: minPrice ?? Number.NEGATIVE_INFINITY,
      most: maxPrice ?? Number.POSITIVE_INFINITY,
    })
  // Whole, as those of the column are: 1.1 times 100 is a little more than 110.
  if (minRating !== undefined)
    bounds.push({ column: rating, least: Math.round(minRating * 100), most: Number.POSITIVE_INFINITY })
  return { bounds, within: category === undefined ? undefined : withinCategory(category, columns) }
}

/** Those of the matches that pass, in their place. */
export function kept(matches: Matches, { bounds, within }: Filter): Matches {
  const some = within === undefined ? matches : keptWithin(matches, within)
  return bounds.reduce(keptBetween, some)
}

function keptWithin({ documents, scores, size }: Matches, { column, wanted }: Within): Matches {
  let count = 0
  for (let i = 0; i < size; i++) {
    const document = documents[i] as number
    const category = column[document] as number
    if (category < 0 || wanted[category] === 0) continue
    documents[count] = document
    scores[count] = scores[i] as number
    count += 1
  }
  return { documents, scores, size: count }
}

function keptBetween({ documents, scores, size }: Matches, { column, least, most }: Bounds): Matches {
  let count = 0
  for (let i = 0; i < size; i++) {
    const document = documents[i] as number
    const value = column[document] as number
    if (value < least || value > most) continue
    documents[count] = document
    scores[count] = scores[i] as number
    count += 1
  }
  return { documents, scores, size: count }
}

/** A brand that no document has. */
const NOBODY = -2

function exactly(column: Column, value: number): Bounds {
  return { column, least: value, most: value }
}

function withinCategory(path: string, { category, categories, parents }: ProductColumns): Within {
  const wanted = new Uint8Array(categories.size)
  const widest = categories.find(path)
  if (widest === undefined) return { column: category, wanted }
  wanted[widest] = 1
  // Those within others were made after them.
  for (let each = widest + 1; each < parents.length; each++)
    if (wanted[parents[each] as number] === 1) wanted[each] = 1
  return { column: category, wanted }
}
