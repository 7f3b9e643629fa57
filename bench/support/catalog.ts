/** What is on sale: a JSON Lines file of real products, or a generated one. Only names and popularity matter here. */
import { readFileSync } from 'node:fs'
import { isProductId } from '../../src/domain/ids.ts'

export type Product = { readonly id: string; readonly name: string; readonly popularity: number }

/** Of an id's 64 characters; the rest is for the number that tells equal names apart. */
const SLUG_LENGTH_MAX = 48

/** Hottest first. Throws with the line where one is no product. */
export function readCatalog(path: string): readonly Product[] {
  const lines = readFileSync(path, 'utf8').split('\n')
  const products = lines.flatMap((line, i) =>
    line.trim() === '' ? [] : [productOf(line, `${path}:${i + 1}`, i)],
  )
  return hottestFirst(products)
}

/** Popularity falls off as it does in shops: the n-th product sells an n-th of what the first does. */
export function makeCatalog(count: number): readonly Product[] {
  const products = Array.from({ length: count }, (_, i) => {
    const name = `Product ${i + 1}`
    return { id: idOf(name, i), name, popularity: Math.ceil(100_000 / (i + 1)) }
  })
  return hottestFirst(products)
}

function productOf(line: string, place: string, number: number): Product {
  const entry: unknown = JSON.parse(line)
  if (typeof entry !== 'object' || entry === null || !('name' in entry) || typeof entry.name !== 'string') {
    throw new Error(`${place}: expected an object with a name`)
  }
  const { name } = entry
  const popularity = 'popularity' in entry && typeof entry.popularity === 'number' ? entry.popularity : 0
  return { id: idOf(name, number), name, popularity }
}

/** `AT&T GoPhone`, the 7th → `at-t-gophone-7`. */
function idOf(name: string, number: number): string {
  const words = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')
  const slug = words.join('-').slice(0, SLUG_LENGTH_MAX)
  const id = `${slug === '' ? 'product' : slug}-${number + 1}`
  if (!isProductId(id)) throw new Error(`${id}, made from ${JSON.stringify(name)}, cannot be a product's id`)
  return id
}

function hottestFirst(products: readonly Product[]): readonly Product[] {
  return products.toSorted((left, right) => right.popularity - left.popularity)
}
