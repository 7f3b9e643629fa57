/**
 * A request as searches that the server understands. Of what a shopper types only letters and digits get through, so no
 * operator of the server's has any power (attack 42): not `-word`, not quotes, not `*`.
 */
import { facetValuesMax, type SearchRequest, type SearchSort } from '../search-index.ts'
import { wordsOf } from '../words.ts'
import { keyOf, scaledPrice } from './indexed-product.ts'
import { searchedFieldNames, searchedFields } from './schema.ts'
import { slipsFrom, slipsOf } from './slips.ts'

/** One of the searches of `POST /multi_search`. */
export type ServerSearch = Readonly<Record<string, string | number | boolean>>

/** What is typed beyond so many words says nothing more; each of them costs the server some. */
export const queryWordsMax = 16
/** Ways to read what finds nothing; the lists of each make some 10 kB. */
const READINGS_MAX = 12
/** Who gets more words wrong than so many means nothing that is here; looking for it would cost the server half a second. */
const UNKNOWN_MAX = 3
const FEW_WORDS = 3
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

/** Whether any product has this word, as it is. */
export function wordProbe(collection: string, word: string): ServerSearch {
  return {
    ...wordsLookedFor([word]),
    collection,
    num_typos: 0,
    prefix: false,
    per_page: 0,
    split_join_tokens: 'off',
  }
}

/** One way to read words that find nothing as they were typed. */
export type Reading = {
  readonly words: readonly string[]
  /** Of each of these a product must have one. */
  readonly oneOf: readonly ReadonlySet<string>[]
}

/** What words may mean that find nothing as they were typed, what is likelier first; some of them no product has. */
export function readingsOf(words: readonly string[], isKnown: (word: string) => boolean): readonly Reading[] {
  const known = words.filter(isKnown)
  const unknown = words.filter((word) => !isKnown(word))
  if (unknown.length > UNKNOWN_MAX) return []
  // The server takes the last word for one that may have only begun, and forgives errors in the last ones: see slips.ts.
  const begun = unknown.map((last) => ({ words: [...known, ...without(unknown, last), last], oneOf: [] }))
  // Among others a word of three letters says enough: "samsung galaxy cll phone".
  const lengthMin = words.length < FEW_WORDS ? slipsFrom : slipsFrom - 1
  const isLongEnough = (word: string) => word.length >= lengthMin
  const mayBeSlips = unknown.every(isLongEnough)
  const slipped = mayBeSlips && unknown.length > 0 ? [{ words: known, oneOf: unknown.map(slipsOf) }] : []
  // An error may make a word of a word.
  const confused = mayBeSlips
    ? known.filter(isLongEnough).map((word) => ({
        words: without(known, word),
        oneOf: [...unknown, word].map(slipsOf),
      }))
    : []
  return [...begun.toReversed(), ...slipped, ...confused].slice(0, READINGS_MAX)
}

function without(words: readonly string[], word: string): readonly string[] {
  return words.toSpliced(words.indexOf(word), 1)
}

/** Whether a search finds anything: without all that costs more than that. */
export function trialOf({ facet_by: _facets, sort_by: _sort, ...search }: ServerSearch): ServerSearch {
  return { ...search, per_page: 0 }
}

export function readSearch(
  collection: string,
  request: SearchRequest,
  { words, oneOf }: Reading,
): ServerSearch {
  const search = serverSearch(collection, request, words)
  const slips = oneOf.map((each) => {
    const list = [...each].join()
    return `(title_words:[${list}] || brand_words:[${list}])`
  })
  return {
    ...search,
    include_fields: ['id', ...searchedFieldNames].join(),
    filter_by: [search.filter_by, ...slips].filter((part) => part !== '').join(' && '),
  }
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
