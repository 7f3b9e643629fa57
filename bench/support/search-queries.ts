/** What people type: parts of titles, as they are or with slips of the hand. */

import type { ProductDocument } from '../../src/search/product-document.ts'
import type { SearchRequest, SearchSort } from '../../src/search/search-index.ts'
import { wordsOf } from '../../src/search/words.ts'

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789'

/** One letter more, less, other, or two that changed places, wherever in the word. */
export function misspelt(word: string, draw: () => number): string {
  const at = Math.floor(draw() * word.length)
  const letter = LETTERS[Math.floor(draw() * LETTERS.length)] as string
  const kind = Math.floor(draw() * 4)
  if (kind === 0 || word.length === 1) return word.slice(0, at) + letter + word.slice(at)
  if (kind === 1) return word.slice(0, at) + word.slice(at + 1)
  if (kind === 2) return word.slice(0, at) + letter + word.slice(at + 1)
  const first = Math.min(at, word.length - 2)
  return word.slice(0, first) + word[first + 1] + word[first] + word.slice(first + 2)
}

/** A title with slips in so many of its words, each in another one. */
export function titleWithSlips(title: string, slips: number, draw: () => number): string {
  const words = title.split(' ')
  const real = words.flatMap((word, i) => (wordsOf(word).length > 0 ? [i] : []))
  const struck = new Set<number>()
  while (struck.size < Math.min(slips, real.length))
    struck.add(real[Math.floor(draw() * real.length)] as number)
  return words.map((word, i) => (struck.has(i) ? misspelt(word, draw) : word)).join(' ')
}

/** Each makes the query string of another search of its kind. */
export const KINDS: Readonly<Record<string, (product: ProductDocument, draw: () => number) => string>> = {
  'one word': ({ title }, draw) => termOf(pickOf(wordsOf(title), draw)),
  'a few words': ({ title }, draw) => {
    const words = wordsOf(title)
    const from = Math.floor(draw() * Math.max(1, words.length - 3))
    return termOf(words.slice(from, from + 2 + Math.floor(draw() * 3)).join(' '))
  },
  'a whole title': ({ title }) => termOf(title),
  'a title with a slip': ({ title }, draw) => termOf(titleWithSlips(title, 1, draw)),
  'a word that has begun': ({ title }, draw) => {
    const word = pickOf(wordsOf(title), draw)
    return termOf(word.slice(0, 2 + Math.floor(draw() * 3)))
  },
  'a category, cheapest first': ({ categories }, draw) =>
    `category=${encodeURIComponent(categories.at(-1) ?? 'none')}&sort=price-asc&page=${1 + Math.floor(draw() * 20)}`,
  'words, in stock, up to a price': ({ title, price }, draw) =>
    `${termOf(pickOf(wordsOf(title), draw))}&inStock=true&maxPrice=${Math.ceil(price)}`,
}

const PER_PAGE = 20

/** What the server makes of such a query string. */
export function requestOf(query: string): SearchRequest {
  const asked = new URLSearchParams(query)
  const maxPrice = asked.get('maxPrice')
  return {
    term: asked.get('term') ?? '',
    category: asked.get('category') ?? undefined,
    brand: undefined,
    minPrice: undefined,
    maxPrice: maxPrice === null ? undefined : Number(maxPrice),
    minRating: undefined,
    inStock: asked.get('inStock') === 'true',
    sort: (asked.get('sort') ?? 'relevance') as SearchSort,
    offset: PER_PAGE * (Number(asked.get('page') ?? 1) - 1),
    limit: PER_PAGE,
  }
}

function pickOf(words: readonly string[], draw: () => number): string {
  return words[Math.floor(draw() * words.length)] ?? 'x'
}

function termOf(text: string): string {
  return `term=${encodeURIComponent(text)}`
}
