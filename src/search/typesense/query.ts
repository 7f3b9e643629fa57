/**
 * A request as searches that the server understands. Of what a shopper types only letters and digits get through, so no
 * operator of the server's has any power (attack 42): not `-word`, not quotes, not `*`.
 */
import { facetValuesMax, type SearchRequest, type SearchSort } from '../search-index.ts'
import { wordsOf } from '../words.ts'
import { keyOf, scaledPrice } from './indexed-product.ts'
import { searchedFieldNames, searchedFields } from './schema.ts'

/** One of the searches of `POST /multi_search`. */
export type ServerSearch = Readonly<Record<string, string | number | boolean>>

/** What is typed beyond so many words says nothing more; each of them costs the server some. */
export const queryWordsMax = 16
/** Words that are tried as the one that has only begun. */
const BEGUN_TRIES_MAX = 4
/** Brands and categories equally frequent are in no order on the server: more are asked for, so that the last places are fair. */
const FACET_VALUES_ASKED = 5 * facetValuesMax
/** Of one page, by the server's default. */
export const pageHitsMax = 250

/** What begins and ends a word that was found; no text has these characters, as words are letters and digits. */
export const MARKS = { begin: '\u0002', end: '\u0003' } as const

const EVERYTHING = '*'

/** The server knows three sorts at most, and pages by its own order where they leave two products equal. */
const SORTS: Readonly<Record<SearchSort, string>> = {
  relevance: '_text_match:desc,in_stock:desc,rating:desc',
  'price-asc': 'price:asc,product_id:asc',
  'price-desc': 'price:desc,product_id:asc',
  rating: 'rating:desc,product_id:asc',
  newest: 'created_at:desc,product_id:asc',
}
const SORT_OF_EVERYTHING = 'in_stock:desc,rating:desc,product_id:asc'

/** In `searchedFields`' order. */
const LOOKED_FOR = {
  query_by: searchedFieldNames.join(),
  query_by_weights: Object.values(searchedFields).join(),
}

/** Words as they are searched. */
export function queryWords(term: string): readonly string[] {
  return wordsOf(term).slice(0, queryWordsMax)
}

/**
 * The orders of the words that are worth asking for, the typed one first: the server takes the last word alone for one
 * that may have only begun. The others are for where the first finds nothing.
 */
export function wordOrders(words: readonly string[]): readonly (readonly string[])[] {
  const others = words.slice(0, -1).slice(-BEGUN_TRIES_MAX)
  return [
    words,
    ...others.map((word, index) => lastOf(words, words.length - 1 - others.length + index, word)),
  ]
}

function lastOf(words: readonly string[], place: number, word: string): readonly string[] {
  return [...words.toSpliced(place, 1), word]
}

/** `words` none: everything. */
export function serverSearch(
  collection: string,
  request: SearchRequest,
  words: readonly string[],
): ServerSearch {
  const isEverything = words.length === 0
  return {
    collection,
    ...wordsLookedFor(words),
    ...paging(request),
    filter_by: filterOf(request),
    sort_by: isEverything && request.sort === 'relevance' ? SORT_OF_EVERYTHING : SORTS[request.sort],
    facet_by: 'brand,categories,price_range,rated_from',
    max_facet_values: FACET_VALUES_ASKED,
    include_fields: ['id', ...(isEverything ? [] : searchedFieldNames)].join(),
    highlight_fields: LOOKED_FOR.query_by,
    highlight_start_tag: MARKS.begin,
    highlight_end_tag: MARKS.end,
  }
}

/** The pages of `per_page` hits in which those asked for lie: servers before 0.25 leave `offset` unheeded. */
export function pagesOf({ offset, limit }: Pick<SearchRequest, 'offset' | 'limit'>): readonly number[] {
  const first = Math.floor(offset / limit) + 1
  return offset % limit === 0 ? [first] : [first, first + 1]
}

/** Titles with these words, the last of which may have only begun; none is forgiven a typing error. */
export function titleSearch(collection: string, words: readonly string[], hits: number): ServerSearch {
  return {
    collection,
    ...wordsLookedFor(words),
    query_by: 'title_words',
    query_by_weights: '1',
    num_typos: 0,
    sort_by: 'rating:desc,_text_match:desc,product_id:asc',
    include_fields: 'title',
    per_page: hits,
  }
}

function wordsLookedFor(words: readonly string[]): ServerSearch {
  return {
    q: words.length === 0 ? EVERYTHING : words.join(' '),
    ...LOOKED_FOR,
    prefix: true,
    num_typos: 2,
    min_len_1typo: 4,
    // Of what is typed: a word of eight letters of which one was left out has seven.
    min_len_2typo: 7,
    // All words must be there; and one that is there as it is typed is no error of another.
    drop_tokens_threshold: 0,
    typo_tokens_threshold: 1,
    split_join_tokens: 'fallback',
  }
}

function paging(request: SearchRequest): ServerSearch {
  return { page: pagesOf(request)[0] ?? 1, per_page: request.limit }
}

function filterOf({ category, brand, minPrice, maxPrice, minRating, inStock }: SearchRequest): string {
  const parts = [
    category === undefined ? undefined : `category_keys:=${keyOf(category)}`,
    brand === undefined ? undefined : `brand_key:=${keyOf(brand)}`,
    minPrice === undefined ? undefined : `price:>=${scaledPrice(minPrice)}`,
    maxPrice === undefined ? undefined : `price:<=${scaledPrice(maxPrice)}`,
    minRating === undefined ? undefined : `rating:>=${minRating.toFixed(2)}`,
    inStock ? 'in_stock:=true' : undefined,
  ]
  return parts.filter((part) => part !== undefined).join(' && ')
}
