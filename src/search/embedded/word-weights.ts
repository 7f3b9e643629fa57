/**
 * How much each word says of a product: BM25F's weighted frequency (Zaragoza and others, TREC 13; Robertson and Zaragoza,
 * "The Probabilistic Relevance Framework", 2009, 3.6), in which fields are added up before anything is bent. Lengths are
 * compared with usual ones, not with the catalog's mean: what a product is worth changes with no other product.
 */
import type { ProductDocument } from '../product-document.ts'
import { wordsOf } from '../words.ts'
import { inTitle, type Weight } from './postings.ts'

type Field = {
  /** Of one word in a text of usual length. */
  readonly boost: number
  readonly usualWords: number
  /** From 0, where length is nothing, to 1, where twice the length halves a word's weight. */
  readonly byLength: number
  textsOf(document: ProductDocument): readonly string[]
}

const FIELDS: readonly Field[] = [
  { boost: 6, usualWords: 10, byLength: 0.4, textsOf: ({ title }) => [title] },
  { boost: 4, usualWords: 2, byLength: 0, textsOf: ({ brand }) => (brand === undefined ? [] : [brand]) },
  { boost: 3, usualWords: 4, byLength: 0.3, textsOf: ({ categories }) => categories.slice(-1) },
  { boost: 2, usualWords: 20, byLength: 0.5, textsOf: ({ details }) => details },
  { boost: 1, usualWords: 50, byLength: 0.6, textsOf: ({ description }) => [description] },
]

/** Weights are kept in steps of a quarter, in 7 bits. */
const STEPS = 4
const IMPACT_MAX = inTitle - 1
/** How soon more of a word says nothing more: BM25's k1, for frequencies that are boosted. */
const SATURATION = 4

/** By word. */
export function weightsOf(document: ProductDocument): ReadonlyMap<string, Weight> {
  const weights = new Map<string, { impact: number; isInTitle: boolean }>()
  for (const [place, field] of FIELDS.entries()) {
    const words = field.textsOf(document).flatMap(wordsOf)
    const length = 1 - field.byLength + field.byLength * (words.length / field.usualWords)
    const each = (STEPS * field.boost) / length
    for (const word of words) {
      const known = weights.get(word)
      if (known === undefined) weights.set(word, { impact: each, isInTitle: place === 0 })
      else known.impact += each
    }
  }
  for (const weight of weights.values())
    weight.impact = Math.max(1, Math.min(IMPACT_MAX, Math.round(weight.impact)))
  return weights
}

/**
 * A score is a whole number, which a processor adds and compares in half the time of a fraction: what a word is worth in a
 * document, in steps of 1 / `worthSteps`, times its share, in steps of 1 / `shareSteps`. The sum of a search's words, 17 at
 * most where one of them is taken apart, is below 2^31.
 */
const worthSteps = 4_096
const shareSteps = 2_048
const shareMax = 15 * shareSteps

/** By a posting's weight, what it adds to a score; never 0, but for `worthInTitle`. */
export const worthAnywhere: Int32Array = Int32Array.from({ length: 2 * inTitle }, (_, weight) => {
  const frequency = (weight % inTitle) / STEPS
  return Math.ceil((worthSteps * frequency) / (SATURATION + frequency))
})
/** No word is worth more. */
export const worthMax = worthSteps

/** The same of words in titles alone. */
export const worthInTitle: Int32Array = worthAnywhere.map((worth, weight) => (weight < inTitle ? 0 : worth))

/**
 * How much a word counts among others, never 0: how likely it is meant, times how rare it is, which is how much it tells:
 * BM25's inverse document frequency, never below 0.
 */
export function shareOf(likeness: number, documentsWithIt: number, documents: number): number {
  const rarity = Math.log(1 + (documents - documentsWithIt + 0.5) / (documentsWithIt + 0.5))
  return Math.max(1, Math.min(shareMax, Math.round(shareSteps * likeness * rarity)))
}
