/** Which of the documents found come first. */
import type { SearchSort } from '../search-index.ts'
import type { Matches } from './matches.ts'
import type { ProductColumns } from './product-columns.ts'

/** Of scores, up to the best: within one, what is in stock comes first. */
const TIERS = 10
const SCORE_STEPS = 2 ** 16
const RATING_STEPS = 512
const REVIEWS_MAX = 2 ** 20

type Page = { readonly sort: SearchSort; readonly offset: number; readonly limit: number }

/** Documents from `offset` on, `limit` of them at most, the first one first. Writes into `keys`, one a match. */
export function ranked(
  matches: Matches,
  columns: ProductColumns,
  { sort, offset, limit, keys }: Page & { readonly keys: Float64Array },
): readonly number[] {
  const { documents, size } = matches
  const wanted = Math.min(size, offset + limit)
  if (wanted <= offset) return []
  writeKeys(matches, columns, { sort, keys })
  const best = new Best(wanted, columns)
  for (let i = 0; i < size; i++) {
    const key = keys[i] as number
    if (key >= best.least) best.offer(documents[i] as number, key)
  }
  return best.inOrder().slice(offset)
}

/** The higher comes first. A loop for each: with one that asks a function, every match would pay for a call. */
function writeKeys(
  { documents, scores, size }: Matches,
  columns: ProductColumns,
  { sort, keys }: { readonly sort: SearchSort; readonly keys: Float64Array },
): void {
  const { price, rating, reviewCount, createdAtMs, inStock } = columns
  switch (sort) {
    case 'price-asc':
      for (let i = 0; i < size; i++) keys[i] = -(price[documents[i] as number] as number)
      return
    case 'price-desc':
      for (let i = 0; i < size; i++) keys[i] = price[documents[i] as number] as number
      return
    case 'newest':
      for (let i = 0; i < size; i++) keys[i] = createdAtMs[documents[i] as number] as number
      return
    case 'rating':
      for (let i = 0; i < size; i++) {
        const document = documents[i] as number
        const reviews = Math.min(reviewCount[document] as number, REVIEWS_MAX - 1)
        keys[i] = (rating[document] as number) * REVIEWS_MAX + reviews
      }
      return
    case 'relevance': {
      let most = 0
      for (let i = 0; i < size; i++) most = Math.max(most, scores[i] as number)
      const unit = most === 0 ? 0 : 1 / most
      for (let i = 0; i < size; i++) {
        const document = documents[i] as number
        const part = (scores[i] as number) * unit
        const tier = Math.round(part * TIERS) * 2 + (inStock[document] as number)
        const step = Math.round(part * (SCORE_STEPS - 1))
        keys[i] = (tier * SCORE_STEPS + step) * RATING_STEPS + (rating[document] as number)
      }
    }
  }
}

/** So many of those offered, as a heap with the last of them on top. */
class Best {
  readonly #most: number
  readonly #productIds: ProductColumns['productIds']
  readonly #documents: number[] = []
  readonly #keys: number[] = []
  /** What is below it is not among them. */
  least = Number.NEGATIVE_INFINITY

  constructor(most: number, { productIds }: ProductColumns) {
    this.#most = most
    this.#productIds = productIds
  }

  offer(document: number, key: number): void {
    const size = this.#documents.length
    if (size < this.#most) {
      this.#documents.push(document)
      this.#keys.push(key)
      this.#rise(size)
      if (size + 1 === this.#most) this.least = this.#keys[0] as number
    } else if (this.#isBehind(this.#documents[0] as number, this.#keys[0] as number, document, key)) {
      this.#documents[0] = document
      this.#keys[0] = key
      this.#sink()
      this.least = this.#keys[0] as number
    }
  }

  inOrder(): readonly number[] {
    const places = this.#documents.map((_, i) => i)
    const [documents, keys] = [this.#documents, this.#keys]
    return places
      .sort((a, b) =>
        this.#isBehind(documents[a] as number, keys[a] as number, documents[b] as number, keys[b] as number)
          ? 1
          : -1,
      )
      .map((i) => documents[i] as number)
  }

  #isBehind(a: number, keyOfA: number, b: number, keyOfB: number): boolean {
    if (keyOfA !== keyOfB) return keyOfA < keyOfB
    return (this.#productIds[a] as string) > (this.#productIds[b] as string)
  }

  #isBehindAt(a: number, b: number): boolean {
    return this.#isBehind(
      this.#documents[a] as number,
      this.#keys[a] as number,
      this.#documents[b] as number,
      this.#keys[b] as number,
    )
  }

  #rise(from: number): void {
    for (let at = from; at > 0; ) {
      const above = (at - 1) >> 1
      if (!this.#isBehindAt(at, above)) return
      this.#swap(at, above)
      at = above
    }
  }

  #sink(): void {
    const size = this.#documents.length
    for (let at = 0; ; ) {
      let last = at
      for (const below of [2 * at + 1, 2 * at + 2])
        if (below < size && this.#isBehindAt(below, last)) last = below
      if (last === at) return
      this.#swap(at, last)
      at = last
    }
  }

  #swap(a: number, b: number): void {
    for (const column of [this.#documents, this.#keys]) {
      const kept = column[a] as number
      column[a] = column[b] as number
      column[b] = kept
    }
  }
}
