/**
 * A search for one word, as most are, and for all that may be meant by it. Hundreds of thousands may have one of these, of whom
 * a page shows twenty: so who has one is found by marks alone, and scores are made only of those who may be on the page.
 */
import { kept } from './filter.ts'
import { type Corpus, type Documents, type Matches, noted, sizeOf, type Term, termsOf } from './matches.ts'
import type { Slot } from './query-plan.ts'
import { leastOfTier, type Ranked, TIERS } from './ranking.ts'
import { worthMax } from './word-weights.ts'

/** Those among whom the first so many are, beside all. */
export function withOneWord(slot: Slot, corpus: Corpus, wanted: number): Ranked {
  const terms = termsOf(slot, corpus)
  const found = withAny(terms, corpus)
  return { found, first: firstOf(terms, corpus, Math.min(wanted, found.size)) }
}

function withAny(terms: readonly Term[], { scratch, filter, size }: Corpus): Documents {
  const room = scratch.room(Math.min(sizeOf(terms), size))
  const { marks } = scratch
  for (const { posting } of terms) marks.mark(posting)
  for (const marked of filter.marks) marks.keepIf(marked)
  return kept({ ...room, size: marks.take(room.documents) }, { ...filter, marks: [] })
}

/** From the tier of the best down, until there are enough. */
function firstOf(terms: readonly Term[], corpus: Corpus, wanted: number): Matches {
  let least = leastOfTier(TIERS, worthMax * Math.max(0, ...terms.map(({ share }) => share)))
  for (let tier = TIERS; least > 1; ) {
    const few = withScores(terms, corpus, least)
    const most = greatestOf(few)
    // Once somebody has the best score, tiers are as they will be ranked.
    if (leastOfTier(tier, most) < least) {
      least = few.size === 0 ? least * NEXT : leastOfTier(tier, most)
      continue
    }
    if (countFrom(few, leastOfTier(tier, most)) >= wanted) return few
    tier -= 2
    least = leastOfTier(tier, most)
  }
  return withScores(terms, corpus, 1)
}

/** Of a score that nobody has. */
const NEXT = 0.8

/** Whoever has at least this score. */
function withScores(terms: readonly Term[], corpus: Corpus, least: number): Matches {
  const { best } = corpus.scratch
  const { bits } = corpus.scratch.marks
  let most = 0
  for (const { posting, worths, share } of terms) {
    if (share * worthMax < least) continue
    const { documents, weights, size } = posting
    const worthLeast = Math.ceil(least / share)
    most += size
    for (let place = 0; place < size; place++) {
      const worth = worths[weights[place] as number] as number
      if (worth < worthLeast) continue
      const document = documents[place] as number
      const score = Math.imul(share, worth)
      if (score > (best[document] as number)) best[document] = score
      bits[document >> 5] = (bits[document >> 5] as number) | (1 << (document & 31))
    }
  }
  return kept(noted(most, corpus), corpus.filter)
}

function greatestOf({ scores, size }: Matches): number {
  let greatest = 0
  for (let i = 0; i < size; i++) greatest = Math.max(greatest, scores[i] as number)
  return greatest
}

function countFrom({ scores, size }: Matches, least: number): number {
  let count = 0
  for (let i = 0; i < size; i++) if ((scores[i] as number) >= least) count += 1
  return count
}
