/** A product as the server keeps it. */
import { createHash } from 'node:crypto'
import type { ProductDocument } from '../product-document.ts'
import { priceRangesFrom, ratingsFrom } from '../search-index.ts'
import { wordsOf } from '../words.ts'
import type { SearchedField } from './schema.ts'

export type IndexedProduct = Readonly<Record<SearchedField, string>> & {
  readonly id: string
  readonly product_id: string
  readonly revision: string
  readonly title: string
  readonly brand?: string
  readonly brand_key?: string
  readonly categories: readonly string[]
  readonly category_keys: readonly string[]
  /** As `scaledPrice` has it. */
  readonly price: number
  /** Place in `priceRangesFrom`. */
  readonly price_range: number
  readonly rating: number
  /** Those of `ratingsFrom` that it reaches. */
  readonly rated_from: readonly number[]
  readonly created_at: number
  readonly in_stock: boolean
}

/** Currencies have up to three digits (`money.ts`); the server's `float` has 24 bits, which are two too few for 199,999.99. */
const PRICE_SCALE = 1_000

/** In thousandths: a whole number, which the server compares exactly. */
export function scaledPrice(price: number): number {
  const scaled = Math.round(price * PRICE_SCALE)
  return Math.min(Number.MAX_SAFE_INTEGER, Math.max(Number.MIN_SAFE_INTEGER, scaled))
}

/**
 * A brand or a category as filters name it. The server compares words, whatever their case, and drops signs: to it
 * `Nomad & Söhne` equals `nomad, sohne`. And of what is asked for only these digits reach a filter, which therefore nobody
 * can break out of (attack 42).
 */
export function keyOf(value: string): string {
  return createHash('sha256').update(value).digest('hex').slice(0, 32)
}

export function indexedProduct(document: ProductDocument): IndexedProduct {
  const { productId, revision, title, brand, categories, description, details } = document
  const { price, rating, createdAtMs, inStock } = document
  const titleWords = wordsOf(title)
  const detailWords = details.map(wordsOf)
  return {
    id: productId,
    product_id: productId,
    revision,
    title,
    ...(brand !== undefined && { brand, brand_key: keyOf(brand) }),
    categories,
    category_keys: categories.map(keyOf),
    title_words: titleWords.join(' '),
    brand_words: wordsOf(brand ?? '').join(' '),
    category_words: wordsOf(categories.at(-1) ?? '').join(' '),
    detail_words: detailWords.flat().join(' '),
    joined_words: [...new Set([titleWords, ...detailWords].flatMap(neighboursJoined))].join(' '),
    description_words: wordsOf(description).join(' '),
    price: scaledPrice(price),
    price_range: priceRangesFrom.findLastIndex((from) => price >= from),
    rating,
    rated_from: ratingsFrom.filter((from) => rating >= from),
    created_at: createdAtMs,
    in_stock: inStock,
  }
}

/** `usb` and `c` as `usbc`: so one who leaves out a hyphen or a blank finds the product, on every version of the server. */
export function neighboursJoined(words: readonly string[]): string[] {
  return words.slice(1).map((word, index) => `${words[index]}${word}`)
}
