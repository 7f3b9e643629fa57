/** Products as searches meet them: real ones where a file of them is named, and as many more as are asked for, made of these. */
import { readFileSync } from 'node:fs'
import type { ProductId } from '../../src/domain/ids.ts'
import type { ProductDocument } from '../../src/search/product-document.ts'

type Real = {
  readonly name: string
  readonly description: string
  readonly brand: string | undefined
  readonly categories: readonly string[]
  readonly price: number
}

const CREATED_AT_MS = 1_767_268_800_000
const MODELS = 5_000

/** A number in [0, 1), the next of a fixed row: Numerical Recipes' "quick and dirty" generator. */
export function rowOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** `path` is a file of JSON Lines with names, descriptions, brands, categories and prices; without one they are made up. */
export function searchCatalog(
  count: number,
  { path, seed }: { readonly path?: string | undefined; readonly seed: number },
): readonly ProductDocument[] {
  const draw = rowOf(seed)
  const real = path === undefined ? madeUp() : readReal(path)
  return Array.from({ length: count }, (_, i) => {
    const one = real[i % real.length] as Real
    const other = real[Math.floor(draw() * real.length)] as Real
    return documentOf(i < real.length ? one : mixed(one, other, i), i, draw)
  })
}

function readReal(path: string): readonly Real[] {
  const lines = readFileSync(path, 'utf8').split('\n')
  return lines.flatMap((line) => (line.trim() === '' ? [] : [JSON.parse(line) as Real]))
}

/** Half a title of each, and a model's number that some forty products share. */
function mixed(one: Real, other: Real, i: number): Real {
  const first = one.name.split(' ')
  const second = other.name.split(' ')
  const title = [
    ...first.slice(0, Math.ceil(first.length * 0.6)),
    ...second.slice(second.length >> 1),
    `m${i % MODELS}`,
  ]
  return {
    ...one,
    name: title.join(' '),
    description: `${one.description.slice(0, 100)} ${other.description.slice(-150)}`,
  }
}

function documentOf(real: Real, i: number, draw: () => number): ProductDocument {
  const reviewCount = Math.floor(draw() * 10)
  return {
    productId: `p-${i}` as ProductId,
    revision: '1.0',
    title: real.name,
    brand: real.brand === undefined || real.brand === '' ? undefined : real.brand,
    categories: real.categories.map((_, level) => real.categories.slice(0, level + 1).join(' > ')),
    description: real.description,
    details: [],
    price: real.price,
    rating: reviewCount === 0 ? 0 : Math.round(100 + draw() * 400) / 100,
    reviewCount,
    createdAtMs: CREATED_AT_MS + i,
    inStock: draw() < 0.8,
  }
}

const SYLLABLES = [
  'ba',
  'co',
  'di',
  'fu',
  'ga',
  'he',
  'ki',
  'lo',
  'mu',
  'na',
  'po',
  'ri',
  'sa',
  'te',
  'vu',
  'zo',
]

/** Words as rare as words are: the n-th is drawn an n-th as often as the first. */
function madeUp(): readonly Real[] {
  const draw = rowOf(11)
  const words = Array.from({ length: 6_000 }, () =>
    Array.from(
      { length: 2 + Math.floor(draw() * 3) },
      () => SYLLABLES[Math.floor(draw() * SYLLABLES.length)],
    ).join(''),
  )
  const word = () => words[Math.floor(words.length ** draw()) - 1] ?? 'ba'
  const some = (most: number) => Array.from({ length: 2 + Math.floor(draw() * most) }, word).join(' ')
  return Array.from({ length: 1_600 }, () => ({
    name: some(9),
    description: some(50),
    brand: word(),
    categories: [word(), word()],
    price: Math.ceil(draw() * 100_000) / 100,
  }))
}
