/**
 * Which documents have what a reading asks for, and how well. The rarest slot comes first; what it finds is then looked up
 * in the others, so that a search costs what its rarest word does.
 */
import { type Filter, kept, keptOfAny, type WantedKinds } from './filter.ts'
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
  // Whoever lacks no more than so many has one at least of so many and one more, whichever these are: of the rarest.
  const some = unionOf(slots.slice(0, missing + 1).flat(), corpus)
  if (missing === 0) return slots.slice(1).reduce((matches, slot) => withSlot(matches, slot, corpus), some)
  some.scores.fill(0, 0, some.size)
  const lacking = new Uint8Array(some.size + 1)
  return slots.reduce((matches, slot) => lackingFew(matches, slot, { corpus, lacking, missing }), some)
}

const nothing: Matches = { documents: new Int32Array(0), scores: new Float32Array(0), size: 0 }

/** All there are. */
export function everything({ size, filter, scratch }: Corpus): Matches {
  const { documents, scores } = scratch.room(size)
  const count =
    filter.kinds === undefined ? writeAll(documents, size) : writeOfKinds(documents, size, filter.kinds)
  scores.fill(0, 0, count)
  return keptOfAny({ documents, scores, size: count }, filter)
}

function writeAll(documents: Int32Array, size: number): number {
  for (let document = 0; document < size; document++) documents[document] = document
  return size
}

/** Answers how many they are. */
function writeOfKinds(documents: Int32Array, size: number, { kind, wanted }: WantedKinds): number {
  let count = 0
  for (let document = 0; document < size; document++) {
    documents[count] = document
    count += wanted[kind[document] as number] as number
  }
  return count
}

/** Of matches of several readings, each document once, with the best of its scores. */
export function united(all: readonly Matches[], corpus: Corpus): Matches {
  const [first, ...others] = all.filter((each) => each.size > 0)
  if (first === undefined || others.length === 0) return first ?? nothing
  const { best, blocks } = corpus.scratch
  let most = 0
  for (const matches of [first, ...others]) {
    const { documents, scores, size } = matches
    for (let i = 0; i < size; i++) {
      const document = documents[i] as number
      best[document] = Math.max(best[document] as number, scores[i] as number)
    }
    markBlocks(matches, blocks)
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
    const score = share * (worths[weights[place] as number] as number)
    documents[count] = all[place] as number
    scores[count] = score
    count = (count + Number(score > 0)) | 0
  }
  return { documents, scores, size: count }
}

/** Documents that have any of a slot's terms, with the score of the best. */
function bestOf(slot: readonly Term[], corpus: Corpus): Matches {
  const { best, blocks } = corpus.scratch
  for (const term of slot) {
    noteAll(term, best)
    markBlocks(term.posting, blocks)
  }
  return noted(sizeOf(slot), corpus)
}

function noteAll({ posting, worths, share }: Term, best: Float32Array): void {
  const { size, documents, weights } = posting
  for (let place = 0; place < size; place++) {
    const document = documents[place] as number
    const score = share * (worths[weights[place] as number] as number)
    if (score > (best[document] as number)) best[document] = score
  }
}

function markBlocks({ size, documents }: Pick<Matches, 'size' | 'documents'>, blocks: Uint8Array): void {
  for (let place = 0; place < size; place++) blocks[blockOf(documents[place] as number)] = 1
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
      best[document] = 0
      documents[count] = document
      scores[count] = score
      count = (count + Number(score > 0)) | 0
    }
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
function noteSlot(matches: Matches, slot: readonly Term[], best: Float32Array): void {
  for (const term of slot) {
    if (isMuchLonger(term, matches)) noteAmong(matches, term, best)
    else noteAll(term, best)
  }
}

/** Of those beside the matches. */
function forgetOthers(matches: Matches, slot: readonly Term[], best: Float32Array): void {
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

function noteAmong({ documents, size }: Matches, { posting, worths, share }: Term, best: Float32Array): void {
  const { documents: others, weights } = posting
  for (let i = 0, place = 0; i < size && place < posting.size; i++) {
    const document = documents[i] as number
    place = firstFrom(others, document, { from: place, size: posting.size })
    if (place === posting.size || others[place] !== document) continue
    const score = share * (worths[weights[place] as number] as number)
    if (score > (best[document] as number)) best[document] = score
  }
}
