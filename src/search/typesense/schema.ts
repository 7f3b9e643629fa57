/**
 * How a collection of products looks, and what it is called. Shoppers' words are looked for in `…_words` alone, which are
 * folded and taken apart by us (`words.ts`): so a word is the same for every version of the server, and for the other index.
 */
import type { CollectionFieldSchema } from 'typesense'
import type { Random } from '../../seams.ts'

/** A field that is searched: its weight among them. */
export const searchedFields = {
  title_words: 6,
  brand_words: 4,
  category_words: 3,
  detail_words: 2,
  joined_words: 1,
  description_words: 1,
} as const
export type SearchedField = keyof typeof searchedFields
export const searchedFieldNames = Object.keys(searchedFields) as readonly SearchedField[]

/** What else a document has (`title`, `revision`) is stored and not indexed. */
export const fields: readonly CollectionFieldSchema[] = [
  ...searchedFieldNames.map((name) => ({ name, type: 'string', optional: true }) as const),
  { name: 'brand', type: 'string', facet: true, optional: true },
  { name: 'categories', type: 'string[]', facet: true, optional: true },
  { name: 'brand_key', type: 'string', optional: true },
  { name: 'category_keys', type: 'string[]', optional: true },
  { name: 'price', type: 'int64', sort: true },
  { name: 'price_range', type: 'int32', facet: true },
  { name: 'rating', type: 'float', sort: true },
  { name: 'rated_from', type: 'int32[]', facet: true },
  { name: 'created_at', type: 'int64', sort: true },
  { name: 'in_stock', type: 'bool', sort: true },
  // The server sorts by no `id`.
  { name: 'product_id', type: 'string', sort: true },
]

/** Whether a collection that a server has is one that this version of the schema would make. */
export function isSchemaOfOurs(found: readonly CollectionFieldSchema[]): boolean {
  const shape = ({ name, type, facet = false, optional = false }: CollectionFieldSchema) =>
    [name, type, facet, optional].join()
  return found.map(shape).sort().join() === fields.map(shape).sort().join()
}

const STAMP_MS_DIGITS = 13
const CHANCE_DIGITS = 6

/** A name that no collection has had: `holdfast_products_1767268800000_4fz0q1`. */
export function collectionName(alias: string, nowMs: number, random: Random): string {
  const stamp = String(Math.trunc(nowMs)).padStart(STAMP_MS_DIGITS, '0')
  const chance = Math.floor(random.fraction() * 36 ** CHANCE_DIGITS).toString(36)
  return `${alias}_${stamp}_${chance.padStart(CHANCE_DIGITS, '0')}`
}

/** Whether a collection was made for this alias, and for none whose name only begins the same. */
export function isMadeFor(alias: string, collection: string): boolean {
  const rest = collection.startsWith(`${alias}_`) ? collection.slice(alias.length + 1) : ''
  return /^[0-9]{13}_[0-9a-z]{6}$/.test(rest)
}
