/**
 * Which documents have what a reading asks for, and how well. The rarest slot comes first; what it finds is then looked up
 * in the others, so that a search costs what its rarest word does.
 */
import type { Posting } from './postings.ts'
import type { Reading, Slot } from './query-plan.ts'
import { rarityOf, SATURATED } from './word-weights.ts'

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
  /** Whether a document counts: it is alive, and passes the filters. */
  readonly admits: (document: number) => boolean
}

type Term = { readonly posting: Posting; readonly worth: number }

/** All of a reading's slots are met, but for `missing` of them. */
export function matchesOf(reading: Reading, corpus: Corpus, missing = 0): Matches {
  const slots = reading.map((slot) => termsOf(slot, corpus)).sort((a, b) => sizeOf(a) - sizeOf(b))
  if (missing > 0) return mostOf(slots, corpus, missing)
  const [first, ...others] = slots
  if (first === undefined || slots.some((slot) => slot.length === 0)) return nothing
  let matches = unionOf(first, corpus)
  for (const slot of others) matches = intersected(matches, slot)
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

function termsOf(slot: Slot, { postings, living }: Corpus): readonly Term[] {
  return slot.flatMap(({ word, likeness }) => {
    const posting = postings[word]
    if (posting === undefined || posting.size === 0) return []
    return [{ posting, worth: likeness * rarityOf(posting.size, Math.max(living, posting.size)) }]
  })
}

function sizeOf(slot: readonly Term[]): number {
  return slot.reduce((sum, { posting }) => sum + posting.size, 0)
}

function unionOf(slot: readonly Term[], corpus: Corpus): Matches {
  const [only] = slot
  return slot.length === 1 && only !== undefined ? allOf(only, corpus) : scored(bestOf(slot, corpus))
}

function allOf({ posting, worth }: Term, { admits }: Corpus): Matches {
  const { size, documents: all } = posting
  const documents = new Int32Array(size)
  const scores = new Float32Array(size)
  let count = 0
  for (let place = 0; place < size; place++) {
    const document = all[place] as number
    if (!admits(document)) continue
    documents[count] = document
    scores[count] = worth * (SATURATED[posting.impactAt(place)] as number)
    count += 1
  }
  return { documents, scores, size: count }
}

/** By document, the score of the best of a slot's terms; 0 where it has none. */
function bestOf(slot: readonly Term[], { size, admits }: Corpus): Float32Array {
  const best = new Float32Array(size)
  for (const { posting, worth } of slot) {
    const { documents } = posting
    for (let place = 0; place < posting.size; place++) {
      const document = documents[place] as number
      const score = worth * (SATURATED[posting.impactAt(place)] as number)
      if (score > (best[document] as number) && admits(document)) best[document] = score
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

function intersected({ documents, scores, size }: Matches, slot: readonly Term[]): Matches {
  const best = new Float32Array(size)
  for (const { posting, worth } of slot) {
    let place = 0
    for (let i = 0; i < size && place < posting.size; i++) {
      const document = documents[i] as number
      place = posting.placeOf(document, place)
      if (place >= posting.size || posting.documents[place] !== document) continue
      best[i] = Math.max(best[i] as number, worth * (SATURATED[posting.impactAt(place)] as number))
    }
  }
  let count = 0
  for (let i = 0; i < size; i++) {
    if ((best[i] as number) <= 0) continue
    documents[count] = documents[i] as number
    scores[count] = (scores[i] as number) + (best[i] as number)
    count += 1
  }
  return { documents, scores, size: count }
}

function mostOf(slots: readonly (readonly Term[])[], corpus: Corpus, missing: number): Matches {
  const sums = new Float32Array(corpus.size)
  const met = new Uint8Array(corpus.size)
  for (const slot of slots) {
    const best = bestOf(slot, corpus)
    for (let document = 0; document < best.length; document++) {
      const score = best[document] as number
      if (score <= 0) continue
      sums[document] = (sums[document] as number) + score
      met[document] = (met[document] as number) + 1
    }
  }
  const needed = slots.length - missing
  for (let document = 0; document < sums.length; document++)
    if ((met[document] as number) < needed) sums[document] = 0
  return scored(sums)
}
