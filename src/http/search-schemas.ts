/** The shapes of what is searched for and found. */
import { z } from 'zod'
import { categoryLengthMax } from '../domain/category-path.ts'
import { brandLengthMax } from '../limits/catalog.ts'
import { searchDepthMax, searchPageMax, searchTermLengthMax, suggestionsMax } from '../limits/search.ts'
import { searchSorts } from '../search/search-index.ts'
import { currency } from './product-schemas.ts'
import { count, plainText, productId } from './schemas.ts'

const POSITION_LENGTH_MAX = 20_000
const PRICE_TEXT = /^\d{1,12}(?:\.\d{1,3})?$/

const term = z.string().max(searchTermLengthMax).optional().meta({
  description: 'Words in any order, the last of them perhaps only begun. Typing errors are forgiven.',
  example: 'ihpone pro',
})
const price = z
  .string()
  .regex(PRICE_TEXT, { error: 'must be a price such as 99.95' })
  .optional()
  .meta({ example: '99.95' })

function whole(most: number, description: string) {
  return z
    .string()
    .refine((text) => /^[1-9]\d{0,4}$/.test(text) && Number(text) <= most, {
      error: `must be a whole number from 1 to ${most}`,
    })
    .optional()
    .meta({ description, example: '1' })
}

export const searchQuery = z
  .strictObject({
    term,
    category: plainText(categoryLengthMax).optional().meta({
      description: 'A name, or a path `A > B`: products of it, and of all that lies in it.',
      example: 'Phones',
    }),
    brand: plainText(brandLengthMax).optional().meta({ example: 'Google' }),
    minPrice: price,
    maxPrice: price,
    minRating: z
      .string()
      .regex(/^(?:[0-4](?:\.\d{1,2})?|5(?:\.0{1,2})?)$/, { error: 'must be a number from 0 to 5' })
      .optional()
      .meta({ example: '4' }),
    inStock: z
      .enum(['true', 'false'])
      .optional()
      .meta({ description: '`true`: only what can be had now.', example: 'true' }),
    sort: z
      .enum(searchSorts)
      .optional()
      .meta({ description: '`relevance` unless given: the better match, then what is in stock.' }),
    page: whole(searchDepthMax, `From 1. No more than ${searchDepthMax} products can be paged through.`),
    perPage: whole(searchPageMax, `Products of a page, 20 unless given, ${searchPageMax} at most.`),
    minPosition: z.string().max(POSITION_LENGTH_MAX).optional().meta({
      description:
        'The `Holdfast-Position` of a change, or the `position` of a search, that this one must hold.',
      example: 't42',
    }),
  })
  .refine(({ minPrice, maxPrice }) => !(Number(minPrice) > Number(maxPrice)), {
    path: ['maxPrice'],
    error: 'must not be below minPrice',
  })

export const suggestQuery = z.strictObject({
  term: z.string().min(1).max(searchTermLengthMax).meta({ example: 'pix' }),
  limit: whole(suggestionsMax, `Suggestions, ${suggestionsMax} at most and unless given.`),
})

const facet = z.array(z.strictObject({ value: z.string(), count }))
const html = z.string().meta({ description: 'HTML, escaped, with `<mark>` around what was found.' })

export const searchReply = z
  .strictObject({
    products: z.array(
      z.strictObject({
        productId,
        title: z.string(),
        price: z.number(),
        currency,
        thumbnail: z.string().optional(),
        rating: z.number(),
        reviewCount: count,
        availableQty: count.meta({ description: 'As it is now, whatever the index knows.' }),
        highlights: z.strictObject({ title: html.optional(), description: html.optional() }),
      }),
    ),
    facets: z.strictObject({ category: facet, brand: facet, price: facet, rating: facet }).meta({
      description:
        'Of all that was found. `100-250` is from 100 to below 250; rating `4` is 4 and better. The 20 most frequent categories and brands.',
    }),
    pagination: z.strictObject({
      page: count,
      perPage: count,
      total: count.meta({ description: 'Of all that was found.' }),
      totalPages: count.meta({ description: 'Of those that can be paged through.' }),
    }),
    tookMs: z.number().meta({ description: 'Milliseconds, of the search alone.' }),
    position: z.string().meta({ description: 'Up to where the index had come: a `minPosition` for others.' }),
  })
  .meta({ id: 'FoundProducts' })

export const suggestReply = z
  .strictObject({ suggestions: z.array(z.string()), position: z.string() })
  .meta({ id: 'Suggestions' })
