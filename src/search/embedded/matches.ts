/**
 * Which documents have what a reading asks for, and how well. The rarest slot comes first; what it finds is then looked up
 * in the others, so that a search costs what its rarest word does.
 */
import { type Filter, kept } from './filter.ts'
import { firstFrom, type Posting } from './postings.ts'
import type { Reading, Slot } from './query-plan.ts'
import type { Room, Scratch } from './scratch.ts'
import { shareOf, worthMax } from './word-weights.ts'

/** Numbers, ascending; behind `size` they mean nothing. */
export type Documents = { readonly documents: Int32Array; readonly size: number }

/** Those who are given some may write into them: nobody else has them. */
export type Matches = Documents & { readonly scores: Int32Array }

export type Corpus = {
  readonly postings: readonly Posting[]
  /** Numbers given to documents. */
  readonly size: number
  readonly living: number
  /** By weight of a word in a document, what it adds to the score; 0 where it does not count. */
  readonly worths: Int32Array
  /** What is asked of each document, whatever its words. */
  readonly filter: Filter
  readonly scratch: Scratch
}

export type Term = {
  readonly posting: Posting
  readonly worths: Int32Array
  /** How much this term counts among others. */
  readonly share: number
}

/** All of a reading's slots are met, but for `missing` of them. */
export function matchesOf(reading: Reading, corpus: Corpus, missing = 0): Matches {
  const slots = reading.map((slot) => termsOf(slot, corpus)).sort((a, b) => sizeOf(a) - sizeOf(b))
  // Whoever lacks no more than so many has one at least of so many and one more, whichever these are: of the rarest.
  const some = unionOf(slots.slice(0, missing + 1).flat(), corpus)
  if (missing === 0) return slots.slice(1).reduce((matches, slot) => withSlot(matches, slot, corpus), some)
  some.scores.fill(0, 0, some.size)
  const lacking = new Uint8Array(some.size + 1)
  return slots.reduce((matches, slot) => lackingFew(matches, slot, { corpus, lacking, missing }), some)
}

export const nothing: Matches = { documents: new Int32Array(0), scores: new Int32Array(0), size: 0 }

/** All there are. */
export function everything({ size, filter, scratch }: Corpus): Matches {
  const room = scratch.room(size)
  room.scores.fill(0, 0, size)
  const listed = filter.kinds?.listed
  if (listed !== undefined) {
    room.documents.set(listed.documents.subarray(0, listed.size))
    return kept({ ...room, size: listed.size }, { ...filter, kinds: undefined })
  }
  for (let document = 0; document < size; document++) room.documents[document] = document
  return kept({ ...room, size }, filter)
}

/** Of matches of several readings, each document once, with the best of its scores. */
export function united(all: readonly Matches[], corpus: Corpus): Matches {
  const [first, ...others] = all.filter((each) => each.size > 0)
  if (first === undefined || others.length === 0) return first ?? nothing
  const { best, marks } = corpus.scratch
  const each = [first, ...others]
  const most = each.reduce((sum, { size }) => sum + size, 0)
  const room = corpus.scratch.room(Math.min(most, corpus.size))
  for (const matches of each) {
    const { documents, scores, size } = matches
    for (let i = 0; i < size; i++) {
      const document = documents[i] as number
      best[document] = Math.max(best[document] as number, scores[i] as number)
    }
    marks.mark(matches)
  }
  return noted(room, corpus)
}

/** Those that may count for most come first. */
export function termsOf(slot: Slot, { postings, living, worths }: Corpus): readonly Term[] {
  const terms = slot.flatMap(({ word, likeness }) => {
    const posting = postings[word]
    if (posting === undefined || posting.size === 0) return []
    const share = shareOf(likeness, posting.size, Math.max(living, posting.size))
    return [{ posting, worths, share }]
  })
  return terms.sort((a, b) => b.share - a.share)
}

export function sizeOf(slot: readonly Term[]): number {
  return slot.reduce((sum, { posting }) => sum + posting.size, 0)
}

function unionOf(slot: readonly Term[], corpus: Corpus): Matches {
  const [only, ...others] = slot
  if (only === undefined) return nothing
  return kept(others.length === 0 ? allOf(only, corpus) : bestOf(slot, corpus), corpus.filter)
}

/** Written down and then counted or not, without a branch: see `filter.ts`. */
function allOf({ posting, worths, share }: Term, { scratch }: Corpus): Matches {
  const { size, documents: all, weights } = posting
  const { documents, scores } = scratch.room(size)
  let count = 0
  for (let place = 0; place < size; place++) {
    const score = Math.imul(share, worths[weights[place] as number] as number)
    documents[count] = all[place] as number
    scores[count] = score
    count = (count + Number(score > 0)) | 0
  }
  return { documents, scores, size: count }
}

/** Documents that have any of a slot's terms, with the score of the best. */
function bestOf(slot: readonly Term[], corpus: Corpus): Matches {
  const { best, marks } = corpus.scratch
  const room = corpus.scratch.room(Math.min(sizeOf(slot), corpus.size))
  for (const term of slot) {
    noteAll(term, best)
    marks.mark(term.posting)
  }
  return noted(room, corpus)
}

function noteAll({ posting, worths, share }: Term, best: Int32Array): void {
  const { size, documents, weights } = posting
  for (let place = 0; place < size; place++) {
    const document = documents[place] as number
    const score = Math.imul(share, worths[weights[place] as number] as number)
    if (score > (best[document] as number)) best[document] = score
  }
}

/** What was noted and marked, for which there must be room, and of which nothing is left behind. */
export function noted({ documents, scores }: Room, { scratch }: Corpus): Matches {
  const { best, marks } = scratch
  const all = marks.take(documents)
  let count = 0
  for (let i = 0; i < all; i++) {
    const document = documents[i] as number
    const score = best[document] as number
    best[document] = 0
    documents[count] = document
    scores[count] = score
    count = (count + Number(score > 0)) | 0
  }
  return { documents, scores, size: count }
}

/** Those of the matches that have the other slot too. */
function withSlot(matches: Matches, slot: readonly Term[], { scratch }: Corpus): Matches {
  const { documents, scores, size } = matches
  const { best } = scratch
  noteSlot(matches, slot, best)
  let count = 0
  for (let i = 0; i < size; i++) {
    const document = documents[i] as number
    const score = best[document] as number
    best[document] = 0
    documents[count] = document
    scores[count] = (scores[i] as number) + score
    count = (count + Number(score > 0)) | 0
  }
  forgetOthers(matches, slot, best)
  return { documents, scores, size: count }
}

/** Those of the matches that do not lack more slots than they may, with this one. */
function lackingFew(
  matches: Matches,
  slot: readonly Term[],
  {
    corpus,
    lacking,
    missing,
  }: { readonly corpus: Corpus; readonly lacking: Uint8Array; readonly missing: number },
): Matches {
  const { documents, scores, size } = matches
  const { best } = corpus.scratch
  noteSlot(matches, slot, best)
  let count = 0
  for (let i = 0; i < size; i++) {
    const document = documents[i] as number
    const score = best[document] as number
    best[document] = 0
    const lacks = (lacking[i] as number) + Number(score <= 0)
    documents[count] = document
    scores[count] = (scores[i] as number) + score
    lacking[count] = lacks
    count = (count + Number(lacks <= missing)) | 0
  }
  forgetOthers(matches, slot, best)
  return { documents, scores, size: count }
}

/** The best score of a slot for each of the matches, and for some documents beside. */
function noteSlot(matches: Matches, slot: readonly Term[], best: Int32Array): void {
  for (const term of slot) {
    if (!isMuchLonger(term, matches)) noteAll(term, best)
    else if (term.share * worthMax > leastOf(matches, best)) noteAmong(matches, term, best)
  }
}

/** No term that gives no more betters any of the matches. */
function leastOf({ documents, size }: Matches, best: Int32Array): number {
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < size; i++) least = Math.min(least, best[documents[i] as number] as number)
  return least
}

/** Of those beside the matches. */
function forgetOthers(matches: Matches, slot: readonly Term[], best: Int32Array): void {
  for (const term of slot) {
    if (isMuchLonger(term, matches)) continue
    const { size, documents } = term.posting
    for (let place = 0; place < size; place++) best[documents[place] as number] = 0
  }
}

/** To look for one document in a posting takes as long as to go through so many of it. */
const LEAP = 16

function isMuchLonger({ posting }: Term, { size }: Matches): boolean {
  return size * LEAP < posting.size
}

function noteAmong({ documents, size }: Matches, { posting, worths, share }: Term, best: Int32Array): void {
  const { documents: others, weights } = posting
  for (let i = 0, place = 0; i < size && place < posting.size; i++) {
    const document = documents[i] as number
    place = firstFrom(others, document, { from: place, size: posting.size })
    if (place === posting.size || others[place] !== document) continue
    const score = Math.imul(share, worths[weights[place] as number] as number)
    if (score > (best[document] as number)) best[document] = score
  }
}
