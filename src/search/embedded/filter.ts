/**
 * What is asked of documents whatever their words: columns that are gone through one after the other. Each match is written
 * down, and counted where it passes: without a branch, which a processor would guess wrongly every other time, that takes a
 * fifth of the time.
 */
import type { SearchRequest } from '../search-index.ts'
import type { Kinds } from './kinds.ts'
import type { Marks } from './marks.ts'
import type { Documents, Matches } from './matches.ts'
import type { ProductColumns } from './product-columns.ts'

export type Filter = {
  readonly bounds: readonly Bounds[]
  /** Whoever passes has them all. */
  readonly marks: readonly Marks[]
  readonly kinds: WantedKinds | undefined
}

/** By document, a value that must lie between two others, both inclusive. */
type Bounds = { readonly column: Float64Array; readonly least: number; readonly most: number }
type WantedKinds = {
  /** By document. */
  readonly kind: Int32Array
  /** By kind, 1 where it is wanted. */
  readonly wanted: Uint8Array
  /** All documents of these kinds, where they are listed. */
  readonly listed: Documents | undefined
}

/** Those that are alive, and what a request asks beside. */
export function filterOf(request: SearchRequest | undefined, columns: ProductColumns): Filter {
  const { size, living, alive, inStock, price, rating } = columns
  const bounds: Bounds[] = []
  const marks: Marks[] = []
  if (living < size) marks.push(alive)
  if (request === undefined) return { bounds, marks, kinds: undefined }
  const { minPrice, maxPrice, minRating, category, brand } = request
  if (request.inStock) marks.push(inStock)
  if (minPrice !== undefined || maxPrice !== undefined)
    bounds.push({
      column: price,
      least: minPrice ?? Number.NEGATIVE_INFINITY,
      most: maxPrice ?? Number.POSITIVE_INFINITY,
    })
  // Whole, as those of the column are: 1.1 times 100 is a little more than 110.
  if (minRating !== undefined)
    bounds.push({ column: rating, least: Math.round(minRating * 100), most: Number.POSITIVE_INFINITY })
  const isAnyKind = category === undefined && brand === undefined
  return { bounds, marks, kinds: isAnyKind ? undefined : wantedOf(request, columns) }
}

/** Those of the matches that pass, in their place. */
export function kept(matches: Matches, { bounds, marks, kinds }: Filter): Matches {
  const ofKinds = kinds === undefined ? matches : keptOfKinds(matches, kinds)
  return bounds.reduce(keptBetween, marks.reduce(keptMarked, ofKinds))
}

function keptOfKinds({ documents, scores, size }: Matches, { kind, wanted }: WantedKinds): Matches {
  let count = 0
  for (let i = 0; i < size; i++) {
    const document = documents[i] as number
    documents[count] = document
    scores[count] = scores[i] as number
    count += wanted[kind[document] as number] as number
  }
  return { documents, scores, size: count }
}

function keptMarked({ documents, scores, size }: Matches, { bits }: Marks): Matches {
  let count = 0
  for (let i = 0; i < size; i++) {
    const document = documents[i] as number
    documents[count] = document
    scores[count] = scores[i] as number
    count += ((bits[document >> 5] as number) >>> (document & 31)) & 1
  }
  return { documents, scores, size: count }
}

function keptBetween({ documents, scores, size }: Matches, { column, least, most }: Bounds): Matches {
  let count = 0
  for (let i = 0; i < size; i++) {
    const document = documents[i] as number
    const value = column[document] as number
    documents[count] = document
    scores[count] = scores[i] as number
    count = (count + (Number(value >= least) & Number(value <= most))) | 0
  }
  return { documents, scores, size: count }
}

type Wish = Pick<SearchRequest, 'category' | 'brand'>

function wantedOf(wish: Wish, { kind, kinds, ofCategory }: ProductColumns): WantedKinds {
  const category = wish.category === undefined ? undefined : kinds.categories.find(wish.category)
  const listed = wish.brand !== undefined || category === undefined ? undefined : ofCategory[category]
  return {
    kind,
    wanted: wantedKinds(wish, kinds),
    listed: listed && { documents: listed.values, size: listed.size },
  }
}

/** By kind. */
function wantedKinds({ category, brand }: Wish, kinds: Kinds): Uint8Array {
  const within = category === undefined ? undefined : categoriesWithin(category, kinds)
  const ofBrand = brand === undefined ? undefined : kinds.brands.find(brand)
  const wanted = new Uint8Array(kinds.size)
  if (brand !== undefined && ofBrand === undefined) return wanted
  for (let kind = 0; kind < wanted.length; kind++) {
    const isWithin = within === undefined || within[kinds.category[kind] as number] === 1
    if (isWithin && (ofBrand === undefined || kinds.brand[kind] === ofBrand)) wanted[kind] = 1
  }
  return wanted
}

/** By category, 1 where it is this one or lies in it. */
function categoriesWithin(path: string, { categories, parents }: Kinds): Uint8Array {
  const within = new Uint8Array(categories.size)
  const widest = categories.find(path)
  if (widest === undefined) return within
  within[widest] = 1
  // Those within others were made after them.
  for (let each = widest + 1; each < parents.length; each++)
    if (within[parents[each] as number] === 1) within[each] = 1
  return within
}
