/** Which of the documents found come first. */
import type { SearchSort } from '../search-index.ts'
import { Best } from './best.ts'
import type { Documents, Matches } from './matches.ts'
import type { ProductColumns } from './product-columns.ts'

/** All that were found, and those among whom the most relevant are: as many as are wanted, or all. */
export type Ranked = { readonly found: Documents; readonly first: Matches }
type Page = { readonly sort: SearchSort; readonly offset: number; readonly limit: number }

/** Documents from `offset` on, `limit` of them at most, the first one first. */
export function ranked(
  { found, first }: Ranked,
  columns: ProductColumns,
  { sort, offset, limit }: Page,
): readonly number[] {
  const wanted = Math.min(found.size, offset + limit)
  if (wanted <= offset) return []
  const best = new Best(wanted, columns.productIds)
  if (sort === 'relevance') offerByScore(first, columns, best)
  else offerByColumn(found, columns, { sort, best })
  return best.inOrderFrom(offset)
}

const REVIEWS_MAX = 2 ** 20

/** A loop for each: with one that asks a function, every match would pay for a call. */
function offerByColumn(
  { documents, size }: Documents,
  { price, rating, reviewCount, createdAtMs }: ProductColumns,
  { sort, best }: { readonly sort: Exclude<SearchSort, 'relevance'>; readonly best: Best },
): void {
  switch (sort) {
    case 'price-asc':
      for (let i = 0; i < size; i++) {
        const document = documents[i] as number
        const key = -(price[document] as number)
        if (key >= best.least) best.offer(document, key)
      }
      return
    case 'price-desc':
      for (let i = 0; i < size; i++) {
        const document = documents[i] as number
        const key = price[document] as number
        if (key >= best.least) best.offer(document, key)
      }
      return
    case 'newest':
      for (let i = 0; i < size; i++) {
        const document = documents[i] as number
        const key = createdAtMs[document] as number
        if (key >= best.least) best.offer(document, key)
      }
      return
    case 'rating':
      for (let i = 0; i < size; i++) {
        const document = documents[i] as number
        const reviews = Math.min(reviewCount[document] as number, REVIEWS_MAX - 1)
        const key = (rating[document] as number) * REVIEWS_MAX + reviews
        if (key >= best.least) best.offer(document, key)
      }
  }
}

/** Of scores, up to the best: within one, what is in stock comes first. */
export const TIERS = 10
const SCORE_STEPS = 2 ** 16
const RATING_STEPS = 512

function offerByScore(
  { documents, scores, size }: Matches,
  { inStock, rating }: ProductColumns,
  best: Best,
): void {
  let most = 0
  for (let i = 0; i < size; i++) if ((scores[i] as number) > most) most = scores[i] as number
  const unit = unitOf(most)
  let { least } = best
  let leastScore = 0
  for (let i = 0; i < size; i++) {
    const score = scores[i] as number
    if (score < leastScore) continue
    const part = score * unit
    const document = documents[i] as number
    const tier = tierOf(part) * 2 + Number(inStock.has(document))
    const step = Math.round(part * (SCORE_STEPS - 1))
    const key = (tier * SCORE_STEPS + step) * RATING_STEPS + (rating[document] as number)
    if (key < least) continue
    best.offer(document, key)
    if (best.least === least) continue
    least = best.least
    leastScore = leastPartFor(least) * most
  }
}

/** What makes a score a part of the best one. */
export function unitOf(most: number): number {
  return most === 0 ? 0 : 1 / most
}

export function tierOf(part: number): number {
  return Math.round(part * TIERS)
}

/** Whoever has less is in a lower tier, where this is the best score; scores are whole, and one is lost to rounding. */
export function leastOfTier(tier: number, most: number): number {
  return Math.max(0, Math.floor(((tier - 0.5) / TIERS) * most) - 1)
}

/** Whatever has less of the best score has a lower key, be it in stock and rated as it may. */
function leastPartFor(key: number): number {
  const steps = Math.floor(key / RATING_STEPS)
  const tier = Math.floor(steps / SCORE_STEPS)
  const ofTier = ((tier >> 1) - 0.5) / TIERS
  const isInStock = tier % 2 === 1
  const ofStep = ((steps % SCORE_STEPS) - 0.5) / (SCORE_STEPS - 1)
  return (isInStock ? Math.max(ofTier, ofStep) : ofTier) - ROUNDING
}

/** More than what is lost where a part is divided and multiplied again. */
const ROUNDING = 1e-9
