/**
 * Which documents have what a reading asks for, and how well. The rarest slot comes first; what it finds is then looked up
 * in the others, so that a search costs what its rarest word does.
 */
import { type Filter, kept } from './filter.ts'
import { firstFrom, type Posting } from './postings.ts'
import type { Reading, Slot } from './query-plan.ts'
import { blockOf, blockSize, type Scratch } from './scratch.ts'
import { rarityOf } from './word-weights.ts'

/** Those who are given some may write into them: nobody else has them. */
export type Matches = {
  /** Numbers of documents, ascending; behind `size` they mean nothing, and neither do scores. */
  readonly documents: Int32Array
  readonly scores: Float32Array
  readonly size: number
}

export type Corpus = {
  readonly postings: readonly Posting[]
  /** Numbers given to documents. */
  readonly size: number
  readonly living: number
  /** By weight of a word in a document, what it adds to the score; 0 where it does not count. */
  readonly worths: Float32Array
  /** What is asked of each document, whatever its words. */
  readonly filter: Filter
  readonly scratch: Scratch
}

type Term = {
  readonly posting: Posting
  readonly worths: Float32Array
  /** How much this term counts among others. */
  readonly share: number
}

/** All of a reading's slots are met, but for `missing` of them. */
export function matchesOf(reading: Reading, corpus: Corpus, missing = 0): Matches {
  const slots = reading.map((slot) => termsOf(slot, corpus)).sort((a, b) => sizeOf(a) - sizeOf(b))
  const [first, ...others] = slots
  if (first === undefined) return nothing
  if (missing > 0) return mostOf(slots, corpus, missing)
  if (first.length === 0) return nothing
  let matches = unionOf(first, corpus)
  for (const slot of others) matches = withAll(matches, bestIn(matches, slot, corpus))
  return matches
}

const nothing: Matches = { documents: new Int32Array(0), scores: new Float32Array(0), size: 0 }

/** All there are. */
export function everything({ size, filter, scratch }: Corpus): Matches {
  const { documents, scores } = scratch.room(size)
  for (let document = 0; document < size; document++) documents[document] = document
  scores.fill(0, 0, size)
  return kept({ documents, scores, size }, filter)
}

/** Of matches of several readings, each document once, with the best of its scores. */
export function united(all: readonly Matches[], corpus: Corpus): Matches {
  const [first, ...others] = all.filter((each) => each.size > 0)
  if (first === undefined || others.length === 0) return first ?? nothing
  let most = 0
  for (const { documents, scores, size } of [first, ...others]) {
    for (let i = 0; i < size; i++) note(corpus.scratch, documents[i] as number, scores[i] as number)
    most += size
  }
  return noted(most, corpus)
}

function termsOf(slot: Slot, { postings, living, worths }: Corpus): readonly Term[] {
  return slot.flatMap(({ word, likeness }) => {
    const posting = postings[word]
    if (posting === undefined || posting.size === 0) return []
    const share = likeness * rarityOf(posting.size, Math.max(living, posting.size))
    return [{ posting, worths, share }]
  })
}

function sizeOf(slot: readonly Term[]): number {
  return slot.reduce((sum, { posting }) => sum + posting.size, 0)
}

function unionOf(slot: readonly Term[], corpus: Corpus): Matches {
  const [only] = slot
  const all = slot.length === 1 && only !== undefined ? allOf(only, corpus) : bestOf(slot, corpus)
  return kept(all, corpus.filter)
}

function allOf(term: Term, { scratch }: Corpus): Matches {
  const { size, documents: all } = term.posting
  const { documents, scores } = scratch.room(size)
  let count = 0
  for (let place = 0; place < size; place++) {
    const score = scoreAt(term, place)
    if (score <= 0) continue
    documents[count] = all[place] as number
    scores[count] = score
    count += 1
  }
  return { documents, scores, size: count }
}

/** Documents that have any of a slot's terms, with the score of the best. */
function bestOf(slot: readonly Term[], corpus: Corpus): Matches {
  let most = 0
  for (const term of slot) {
    const { documents, size } = term.posting
    for (let place = 0; place < size; place++)
      note(corpus.scratch, documents[place] as number, scoreAt(term, place))
    most += size
  }
  return noted(most, corpus)
}

function note({ best, blocks }: Scratch, document: number, score: number): void {
  if (score <= (best[document] as number)) return
  best[document] = score
  blocks[blockOf(document)] = 1
}

/** What was noted, `most` documents or fewer, and of which nothing is left behind. */
function noted(most: number, { scratch, size }: Corpus): Matches {
  const { best, blocks } = scratch
  const { documents, scores } = scratch.room(Math.min(most, size))
  let count = 0
  for (let from = 0; from < size; from += blockSize) {
    if (blocks[blockOf(from)] === 0) continue
    blocks[blockOf(from)] = 0
    const end = Math.min(from + blockSize, size)
    for (let document = from; document < end; document++) {
      const score = best[document] as number
      if (score <= 0) continue
      best[document] = 0
      documents[count] = document
      scores[count] = score
      count += 1
    }
  }
  return { documents, scores, size: count }
}

/** By place among the matches, the score of the best of a slot's terms; 0 where it has none. */
function bestIn(matches: Matches, slot: readonly Term[], { scratch }: Corpus): Float32Array {
  const best = scratch.zeros(matches.size)
  for (const term of slot) {
    // Whichever is much shorter is gone through, and the other one leapt through.
    if (term.posting.size * LEAP < matches.size) leapMatches(matches, term, best)
    else if (matches.size * LEAP < term.posting.size) leapPosting(matches, term, best)
    else walkBoth(matches, term, best)
  }
  return best
}

const LEAP = 8

function walkBoth({ documents, size }: Matches, term: Term, best: Float32Array): void {
  const { posting } = term
  const others = posting.documents
  for (let i = 0, place = 0; i < size && place < posting.size; ) {
    const document = documents[i] as number
    const other = others[place] as number
    if (document === other) {
      raise(best, i, scoreAt(term, place))
      i += 1
      place += 1
    } else if (document < other) i += 1
    else place += 1
  }
}

function leapPosting({ documents, size }: Matches, term: Term, best: Float32Array): void {
  const { posting } = term
  for (let i = 0, place = 0; i < size && place < posting.size; i++) {
    const document = documents[i] as number
    place = firstFrom(posting.documents, document, { from: place, size: posting.size })
    if (place < posting.size && posting.documents[place] === document) raise(best, i, scoreAt(term, place))
  }
}

function leapMatches({ documents, size }: Matches, term: Term, best: Float32Array): void {
  const { posting } = term
  for (let i = 0, place = 0; place < posting.size && i < size; place++) {
    const document = posting.documents[place] as number
    i = firstFrom(documents, document, { from: i, size })
    if (i < size && documents[i] === document) raise(best, i, scoreAt(term, place))
  }
}

function scoreAt({ posting, worths, share }: Term, place: number): number {
  return share * (worths[posting.weightAt(place)] as number)
}

function raise(best: Float32Array, i: number, score: number): void {
  if (score > (best[i] as number)) best[i] = score
}

/** Those of the matches that have the other slot too. */
function withAll({ documents, scores, size }: Matches, best: Float32Array): Matches {
  let count = 0
  for (let i = 0; i < size; i++) {
    if ((best[i] as number) <= 0) continue
    documents[count] = documents[i] as number
    scores[count] = (scores[i] as number) + (best[i] as number)
    count += 1
  }
  return { documents, scores, size: count }
}

/** Whoever lacks no more than so many slots has at least one of so many and one more, whichever these are: of the rarest. */
function mostOf(slots: readonly (readonly Term[])[], corpus: Corpus, missing: number): Matches {
  const some = unionOf(slots.slice(0, missing + 1).flat(), corpus)
  const { documents } = some
  const sums = some.scores.fill(0, 0, some.size)
  const lacking = new Uint8Array(some.size)
  let { size } = some
  for (const slot of slots) {
    const best = bestIn({ documents, scores: sums, size }, slot, corpus)
    let kept = 0
    for (let i = 0; i < size; i++) {
      const lacks = (lacking[i] as number) + ((best[i] as number) > 0 ? 0 : 1)
      if (lacks > missing) continue
      documents[kept] = documents[i] as number
      sums[kept] = (sums[i] as number) + (best[i] as number)
      lacking[kept] = lacks
      kept += 1
    }
    size = kept
  }
  return { documents, scores: sums, size }
}
