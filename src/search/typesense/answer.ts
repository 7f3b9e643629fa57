/** What the server answers to a search, and what is made of it. */
import { z } from 'zod'
import type { ProductId } from '../../domain/ids.ts'
import {
  type FacetCount,
  type Facets,
  facetValuesMax,
  priceRangeName,
  type SearchAnswer,
  type SearchHit,
  type SearchRequest,
} from '../search-index.ts'
import { wordsOf } from '../words.ts'
import { failureOf } from './failures.ts'
import { neighboursJoined } from './indexed-product.ts'
import { MARKS } from './query.ts'

const highlightSchema = z.object({ snippet: z.string().optional() })
const hitSchema = z.object({
  document: z.object({
    id: z.string().optional(),
    title: z.string().optional(),
    title_words: z.string().optional(),
    brand_words: z.string().optional(),
  }),
  highlight: z.record(z.string(), highlightSchema).default({}),
})
const foundSchema = z.object({
  found: z.int(),
  hits: z.array(hitSchema),
  facet_counts: z
    .array(
      z.object({
        field_name: z.string(),
        counts: z.array(z.object({ value: z.string(), count: z.int() })),
      }),
    )
    .default([]),
  request_params: z.object({ collection_name: z.string() }),
})
const failedSchema = z.object({ code: z.int(), error: z.string() })

export type Found = z.infer<typeof foundSchema>
type Hit = Found['hits'][number]
type Failed = z.infer<typeof failedSchema>

/** Of `POST /multi_search`: one result a search, each by itself found or failed. */
export const repliesSchema: z.ZodType<{ readonly results: readonly (Found | Failed)[] }> = z.object({
  results: z.array(z.union([foundSchema, failedSchema])),
})

/** Of one search; throws what went wrong with it. */
export function foundIn(result: Found | Failed): Found {
  if ('code' in result) throw failureOf('search', result.code, result.error)
  return result
}

/** Each once, in the server's order. */
export function titlesOf(found: Found | undefined): readonly string[] {
  return [...new Set(found?.hits.flatMap(({ document }) => document.title ?? []))]
}

const NO_FACETS: Facets = { category: [], brand: [], price: [], rating: [] }
const MARKED = new RegExp(`\\S*${MARKS.begin}\\S*`, 'g')
const ANY_MARK = new RegExp(`[${MARKS.begin}${MARKS.end}]`, 'g')

/** Pages that follow one another, and begin where the request's first hit is or before it. */
export function searchAnswer(
  pages: readonly Found[],
  { offset, limit }: Pick<SearchRequest, 'offset' | 'limit'>,
  oneOf: readonly ReadonlySet<string>[] = [],
): SearchAnswer {
  const [first] = pages
  if (first === undefined || first.found === 0) return { hits: [], total: 0, facets: NO_FACETS }
  const skipped = offset % limit
  const hits = pages.flatMap((page) => page.hits).slice(skipped, skipped + limit)
  return { hits: hits.map((hit) => hitOf(hit, oneOf)), total: first.found, facets: facetsOf(first) }
}

function hitOf(hit: Hit, oneOf: readonly ReadonlySet<string>[]): SearchHit {
  const { id = '', title_words: title = '', brand_words: brand = '' } = hit.document
  const meant = [...wordsOf(title), ...wordsOf(brand)].filter((word) => oneOf.some((each) => each.has(word)))
  return { productId: id as ProductId, words: [...new Set([...wordsFound(hit), ...meant])] }
}

/** A word of which only the beginning was typed is marked in part, and found as a whole. */
function wordsFound({ document, highlight }: Hit): readonly string[] {
  const { joined_words: joined, ...others } = highlight
  const words = Object.values(others).flatMap(({ snippet = '' }) => markedWords(snippet))
  if (words.length > 0) return words
  const titleWords = wordsOf(document.title_words ?? '')
  const pairs = new Set(markedWords(joined?.snippet ?? ''))
  return neighboursJoined(titleWords).flatMap((pair, index) =>
    pairs.has(pair) ? titleWords.slice(index, index + 2) : [],
  )
}

function markedWords(snippet: string): string[] {
  return (snippet.match(MARKED) ?? []).map((word) => word.replace(ANY_MARK, ''))
}

function facetsOf({ facet_counts: facets }: Found): Facets {
  const countsOf = (field: string) => facets.find((facet) => facet.field_name === field)?.counts ?? []
  const byNumber = (field: string) =>
    countsOf(field).map(({ value, count }) => ({ number: Number(value), count }))
  return {
    category: mostFrequent(countsOf('categories')),
    brand: mostFrequent(countsOf('brand')),
    price: byNumber('price_range')
      .toSorted((a, b) => a.number - b.number)
      .map(({ number, count }) => ({ value: priceRangeName(number), count })),
    rating: byNumber('rated_from')
      .toSorted((a, b) => b.number - a.number)
      .map(({ number, count }) => ({ value: String(number), count })),
  }
}

function mostFrequent(counts: readonly FacetCount[]): readonly FacetCount[] {
  return counts
    .map(({ value, count }) => ({ value, count }))
    .toSorted((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
    .slice(0, facetValuesMax)
}
