/**
 * A search for one word, as most are, and for all that may be meant by it. Hundreds of thousands may have one of these, of whom
 * a page shows twenty: so who has one is found by marks alone, and scores are made only of those who may be on the page.
 */
import { kept } from './filter.ts'
import {
  type Corpus,
  type Documents,
  type Matches,
  noted,
  nothing,
  sizeOf,
  type Term,
  termsOf,
} from './matches.ts'
import type { Slot } from './query-plan.ts'
import { leastOfTier, type Ranked, TIERS, tierOf, unitOf } from './ranking.ts'
import type { Room } from './scratch.ts'
import { worthMax } from './word-weights.ts'

/** Those among whom the first so many are, beside all; nobody where none are wanted. */
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

/**
 * From the best tier down, until there are enough. Few words may score that much, and rare ones, so that the first tries cost
 * little, and to pass over a score costs a fifth of taking it. Once the tries have cost as much as taking all, that is done.
 */
function firstOf(terms: readonly Term[], corpus: Corpus, wanted: number): Matches {
  if (wanted === 0) return nothing
  const all = sizeOf(terms)
  const room = corpus.scratch.room(Math.min(all, corpus.size))
  let least = leastOfTier(TIERS, worthMax * Math.max(...terms.map(({ share }) => share)))
  let looked = 0
  for (let tries = 0; tries < TRIES_MAX && least > 1; tries++) {
    const those = terms.filter(({ share }) => share * worthMax >= least)
    looked += sizeOf(those)
    if (looked > PASSED_OVER_MAX * all) break
    const few = withScores(those, corpus, { least, room })
    const most = greatestOf(few)
    const tier = lowestTierFrom(least, most)
    if (countFromTier(few, { tier, most }) >= wanted) return few
    least = few.size === 0 ? least * NEXT : leastOfTier(tier > TIERS ? TIERS : tier - TIERS_MORE, most)
  }
  return withScores(terms, corpus, { least: 1, room })
}

const TRIES_MAX = 12
const PASSED_OVER_MAX = 5
/** Of a score that nobody has. */
const NEXT = 0.8
/** So many more are looked at where those of a try were too few. */
const TIERS_MORE = 2

/** The lowest of which all are among those who have at least this score; none where nobody has a score. */
function lowestTierFrom(least: number, most: number): number {
  let tier = TIERS + 1
  while (tier > 1 && leastOfTier(tier - 1, most) >= least) tier -= 1
  return tier
}

/** Whoever has at least this score. */
function withScores(
  terms: readonly Term[],
  corpus: Corpus,
  { least, room }: { readonly least: number; readonly room: Room },
): Matches {
  const { best } = corpus.scratch
  const { bits } = corpus.scratch.marks
  for (const { posting, worths, share } of terms) {
    const { documents, weights, size } = posting
    const worthLeast = Math.ceil(least / share)
    for (let place = 0; place < size; place++) {
      const worth = worths[weights[place] as number] as number
      if (worth < worthLeast) continue
      const document = documents[place] as number
      const score = Math.imul(share, worth)
      if (score > (best[document] as number)) best[document] = score
      bits[document >> 5] = (bits[document >> 5] as number) | (1 << (document & 31))
    }
  }
  return kept(noted(room, corpus), corpus.filter)
}

function greatestOf({ scores, size }: Matches): number {
  let greatest = 0
  for (let i = 0; i < size; i++) greatest = Math.max(greatest, scores[i] as number)
  return greatest
}

/** By the tiers that they will be ranked by. */
function countFromTier(
  { scores, size }: Matches,
  { tier, most }: { readonly tier: number; readonly most: number },
): number {
  const unit = unitOf(most)
  let count = 0
  for (let i = 0; i < size; i++) if (tierOf((scores[i] as number) * unit) >= tier) count += 1
  return count
}
