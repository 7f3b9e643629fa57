/**
 * What is asked of documents whatever their words: columns that are gone through one after the other. Each match is written
 * down, and counted where it passes: without a branch, which a processor would guess wrongly every other time, that takes a
 * fifth of the time.
 */
import type { SearchRequest } from '../search-index.ts'
import type { Kinds } from './kinds.ts'
import type { Matches } from './matches.ts'
import type { ProductColumns } from './product-columns.ts'

export type Filter = {
  readonly bounds: readonly Bounds[]
  /** By document, 1 where it passes. */
  readonly flags: readonly Uint8Array[]
  readonly kinds: WantedKinds | undefined
}

/** By document, a value that must lie between two others, both inclusive. */
type Bounds = { readonly column: Float64Array; readonly least: number; readonly most: number }
/** By document, its kind; by kind, 1 where it is wanted. */
export type WantedKinds = { readonly kind: Int32Array; readonly wanted: Uint8Array }

/** Those that are alive, and what a request asks beside. */
export function filterOf(request: SearchRequest | undefined, columns: ProductColumns): Filter {
  const { size, living, alive, inStock, price, rating, kind, kinds } = columns
  const bounds: Bounds[] = []
  const flags: Uint8Array[] = []
  if (living < size) flags.push(alive)
  if (request === undefined) return { bounds, flags, kinds: undefined }
  const { minPrice, maxPrice, minRating, category, brand } = request
  if (request.inStock) flags.push(inStock)
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
  const wanted = isAnyKind ? undefined : { kind, wanted: wantedKinds(request, kinds) }
  return { bounds, flags, kinds: wanted }
}

/** Those of the matches that pass, in their place. */
export function kept(matches: Matches, filter: Filter): Matches {
  const { kinds } = filter
  return keptOfAny(kinds === undefined ? matches : keptOfKinds(matches, kinds), filter)
}

/** The same, of whatever kinds they are. */
export function keptOfAny(matches: Matches, { bounds, flags }: Filter): Matches {
  return bounds.reduce(keptBetween, flags.reduce(keptWithFlag, matches))
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

function keptWithFlag({ documents, scores, size }: Matches, flag: Uint8Array): Matches {
  let count = 0
  for (let i = 0; i < size; i++) {
    const document = documents[i] as number
    documents[count] = document
    scores[count] = scores[i] as number
    count += flag[document] as number
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
