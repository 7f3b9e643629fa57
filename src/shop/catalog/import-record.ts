/**
 * What other systems call the fields of a product, in our words. Nothing is checked here but what is needed to tell what is
 * meant: the result goes through the schema that any product goes through.
 */
import { pathOfLevels } from '../../domain/category-path.ts'

export type Remark = { readonly path: string; readonly message: string }
export type MappedRecord = {
  /** By our names; without an id where the file gives none. */
  readonly fields: Readonly<Record<string, unknown>>
  readonly warnings: readonly Remark[]
}

type Field =
  | 'productId'
  | 'title'
  | 'description'
  | 'brand'
  | 'category'
  | 'price'
  | 'currency'
  | 'images'
  | 'specifications'
  | 'quantity'

/** By name in lower case without spaces and underscores. Of two names of one field the first in this list holds. */
const NAMES: ReadonlyMap<string, Field> = new Map([
  ['productid', 'productId'],
  ['sku', 'productId'],
  ['id', 'productId'],
  ['title', 'title'],
  ['name', 'title'],
  ['description', 'description'],
  ['brand', 'brand'],
  ['category', 'category'],
  ['categories', 'category'],
  ['price', 'price'],
  ['currency', 'currency'],
  ['images', 'images'],
  ['image', 'images'],
  ['specifications', 'specifications'],
  ['quantity', 'quantity'],
])
const RANKS = new Map([...NAMES.keys()].map((name, rank) => [name, rank]))
/** A column of one specification, as CSV has them. */
const SPECIFICATION = 'specifications.'
const WARNINGS_MAX = 20
const NAME_LENGTH_MAX = 64
const DECIMAL = /^\d{1,15}(?:\.\d{1,6})?$/

export function mapRecord(
  values: ReadonlyMap<string, unknown>,
  { currency }: { readonly currency: string | undefined },
): MappedRecord {
  const found = new Map<Field, { readonly rank: number; readonly value: unknown }>()
  const specifications: [string, unknown][] = []
  const warnings: Remark[] = []
  const warn = (name: string, message: string) => {
    if (warnings.length < WARNINGS_MAX) warnings.push({ path: name.slice(0, NAME_LENGTH_MAX), message })
  }
  for (const [name, value] of values) {
    if (name.startsWith(SPECIFICATION)) {
      if (value !== '') specifications.push([name.slice(SPECIFICATION.length), value])
      continue
    }
    const key = name.toLowerCase().replaceAll(/[\s_]/g, '')
    const field = NAMES.get(key)
    const rank = RANKS.get(key) ?? 0
    if (field === undefined) warn(name, 'is not known here, and was ignored')
    else if (value !== null && value !== '') {
      const other = found.get(field)
      if (other !== undefined) warn(name, `means ${field}, which is given twice`)
      if (other === undefined || rank < other.rank) found.set(field, { rank, value })
    }
  }
  const get = (field: Field) => found.get(field)?.value
  const title = spaced(get('title'))
  const brand = spaced(get('brand'))
  const given = get('productId')
  const fields = {
    productId: typeof given === 'number' ? String(given) : given,
    title,
    description: trimmed(get('description')),
    brand,
    category: categoryIn(get('category')),
    price: numberIn(get('price')),
    currency: upper(get('currency') ?? currency),
    images: listIn(get('images')),
    specifications: specificationsIn(get('specifications'), specifications, warn),
    quantity: numberIn(get('quantity')),
  }
  return { fields, warnings }
}

/** On one line. */
function spaced(value: unknown): unknown {
  return typeof value === 'string' ? value.replaceAll(/\s+/g, ' ').trim() : value
}

function trimmed(value: unknown): unknown {
  return typeof value === 'string' ? value.trim() : value
}

function upper(value: unknown): unknown {
  return typeof value === 'string' ? value.trim().toUpperCase() : value
}

/** CSV has numbers as text, and so have some systems' JSON. */
function numberIn(value: unknown): unknown {
  return typeof value === 'string' && DECIMAL.test(value.trim()) ? Number(value) : value
}

/** `A > B`, `A|B`, or a list of names. */
function categoryIn(value: unknown): unknown {
  const levels = typeof value === 'string' ? value.split('|') : value
  if (!Array.isArray(levels) || !levels.every((level) => typeof level === 'string')) return value
  if (levels.length === 0) return undefined
  return pathOfLevels(levels) ?? levels.join(' > ')
}

function listIn(value: unknown): unknown {
  return typeof value === 'string' ? value.split('|').map((part) => part.trim()) : value
}

/** An object, one written as text, and columns of their own together. */
function specificationsIn(
  value: unknown,
  columns: readonly (readonly [string, unknown])[],
  warn: (name: string, message: string) => void,
): unknown {
  const whole = typeof value === 'string' ? parsed(value) : value
  if (whole === undefined && columns.length === 0) return undefined
  if (whole !== undefined && (typeof whole !== 'object' || whole === null || Array.isArray(whole)))
    return value
  const entries = [...Object.entries(whole ?? {}), ...columns].map(([name, each]) => {
    return [name, typeof each === 'number' || typeof each === 'boolean' ? String(each) : each] as const
  })
  // An object with this name as its own would lose it on the way to the schema without a word.
  if (entries.some(([name]) => name === '__proto__'))
    warn('specifications.__proto__', 'is no name, and was ignored')
  return Object.fromEntries(entries.filter(([name]) => name !== '__proto__'))
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return text
    throw error
  }
}
