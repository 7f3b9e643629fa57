/**
 * Which documents have what a reading asks for, and how well. The rarest slot comes first; what it finds is then looked up
 * in the others, so that a search costs what its rarest word does.
 */
import { firstFrom, type Posting } from './postings.ts'
import type { Reading, Slot } from './query-plan.ts'
import { rarityOf } from './word-weights.ts'

export type Matches = {
  /** Numbers of documents, ascending; `size` of them. */
  readonly documents: Int32Array
  readonly scores: Float32Array
  readonly size: number
}

export type Corpus = {
  readonly postings: readonly Posting[]
  /** Numbers given to documents. */
  readonly size: number
  readonly living: number
  /** By document, 1 where it counts at all. */
  readonly alive: Uint8Array
  /** By weight of a word in a document, what it adds to the score; 0 where it does not count. */
  readonly worths: Float32Array
  /** What else is asked of one; undefined where that is nothing. */
  readonly filter: ((document: number) => boolean) | undefined
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
  for (const slot of others) matches = withAll(matches, bestIn(matches, slot))
  return matches
}

const nothing: Matches = { documents: new Int32Array(0), scores: new Float32Array(0), size: 0 }

/** Of matches of several readings, each document once, with the best of its scores. */
export function united(all: readonly Matches[], size: number): Matches {
  const [first, ...others] = all.filter((each) => each.size > 0)
  if (first === undefined || others.length === 0) return first ?? nothing
  const best = new Float32Array(size)
  for (const { documents, scores, size: count } of [first, ...others]) {
    for (let i = 0; i < count; i++) {
      const document = documents[i] as number
      best[document] = Math.max(best[document] as number, scores[i] as number)
    }
  }
  return scored(best)
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
  return slot.length === 1 && only !== undefined ? allOf(only, corpus) : scored(bestOf(slot, corpus))
}

function allOf(term: Term, { alive, filter }: Corpus): Matches {
  const { size, documents: all } = term.posting
  const documents = new Int32Array(size)
  const scores = new Float32Array(size)
  let count = 0
  for (let place = 0; place < size; place++) {
    const document = all[place] as number
    if (alive[document] === 0 || (filter !== undefined && !filter(document))) continue
    const score = scoreAt(term, place)
    if (score <= 0) continue
    documents[count] = document
    scores[count] = score
    count += 1
  }
  return { documents, scores, size: count }
}

/** By document, the score of the best of a slot's terms; 0 where it has none. */
function bestOf(slot: readonly Term[], { size, alive, filter }: Corpus): Float32Array {
  const best = new Float32Array(size)
  for (const term of slot) {
    const { documents, size: count } = term.posting
    for (let place = 0; place < count; place++) {
      const document = documents[place] as number
      const score = scoreAt(term, place)
      if (score <= (best[document] as number) || alive[document] === 0) continue
      if (filter === undefined || filter(document)) best[document] = score
    }
  }
  return best
}

function scored(best: Float32Array): Matches {
  let size = 0
  for (let document = 0; document < best.length; document++) if ((best[document] as number) > 0) size += 1
  const documents = new Int32Array(size)
  const scores = new Float32Array(size)
  let count = 0
  for (let document = 0; document < best.length; document++) {
    const score = best[document] as number
    if (score <= 0) continue
    documents[count] = document
    scores[count] = score
    count += 1
  }
  return { documents, scores, size }
}

/** By place among the matches, the score of the best of a slot's terms; 0 where it has none. */
function bestIn(matches: Matches, slot: readonly Term[]): Float32Array {
  const best = new Float32Array(matches.size)
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
  const some = scored(bestOf(slots.slice(0, missing + 1).flat(), corpus))
  const { documents } = some
  const sums = new Float32Array(some.size)
  const lacking = new Uint8Array(some.size)
  let { size } = some
  for (const slot of slots) {
    const best = bestIn({ documents, scores: sums, size }, slot)
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
