/**
 * What a shopper's words may stand for. A *reading* takes the words as they are, two of them as one, or one as two; each of
 * its *slots* is a word and all that may be meant by it, of which a product has to have one.
 */

import { wordsOf } from '../words.ts'
import type { Vocabulary } from './vocabulary.ts'

export type Alternative = {
  readonly word: number
  /** How surely this is what was meant, from 0 to 1. */
  readonly likeness: number
}
export type Slot = readonly Alternative[]
export type Reading = readonly Slot[]

/** How widely words are taken. */
export type Latitude = {
  /** Whether every word may go on, and not just the last, which may still be typed. */
  readonly allMayGoOn: boolean
  /** Whether words that exist may be typing errors of others. */
  readonly allMayBeWrong: boolean
}

export const narrow: Latitude = { allMayGoOn: false, allMayBeWrong: false }
export const wide: Latitude = { allMayGoOn: true, allMayBeWrong: true }

/** Words of one search; what comes behind them is not looked for. */
export const queryWordsMax = 16
/** Of one slot, from the likeliest on. */
const alternativesMax = 64
const readingsMax = 6
const GOES_ON = 0.8
const ONE_EDIT = 0.6
const TWO_EDITS = 0.35
/** Joined or taken apart, it is nearly as sure. */
const RESPELT = 0.9

export function queryWords(term: string): readonly string[] {
  return [...new Set(wordsOf(term))].slice(0, queryWordsMax)
}

export function readingsOf(words: readonly string[], vocabulary: Vocabulary, latitude: Latitude): Reading[] {
  const slots = words.map((word, i) => slotOf(word, vocabulary, { latitude, isLast: i === words.length - 1 }))
  const readings: Reading[] = [slots]
  for (const [i, word] of words.entries()) {
    if (readings.length >= readingsMax) break
    const next = words[i + 1]
    const joined =
      next === undefined ? undefined : joinedSlot(word + next, vocabulary, i + 2 === words.length)
    if (joined !== undefined) readings.push([...slots.slice(0, i), joined, ...slots.slice(i + 2)])
    const parts = vocabulary.find(word) === undefined ? partsOf(word, vocabulary) : undefined
    if (parts !== undefined) readings.push([...slots.slice(0, i), ...parts, ...slots.slice(i + 1)])
  }
  return readings
}

function slotOf(
  word: string,
  vocabulary: Vocabulary,
  { latitude, isLast }: { readonly latitude: Latitude; readonly isLast: boolean },
): Slot {
  const alternatives = new Map<number, number>()
  const exact = vocabulary.find(word)
  if (exact !== undefined) alternatives.set(exact, 1)
  if (isLast || latitude.allMayGoOn) {
    for (const longer of vocabulary.beginningWith(word, alternativesMax))
      if (longer !== exact) alternatives.set(longer, GOES_ON)
  }
  // A word that is known, or that known ones begin with, is taken for right at first.
  if (alternatives.size === 0 || latitude.allMayBeWrong) {
    for (const { number, edits } of vocabulary.near(word, editsForgiven(word)))
      if (!alternatives.has(number)) alternatives.set(number, edits === 1 ? ONE_EDIT : TWO_EDITS)
  }
  const slot = [...alternatives].map(([number, likeness]) => ({ word: number, likeness }))
  return slot.sort((a, b) => b.likeness - a.likeness).slice(0, alternativesMax)
}

const ONE_EDIT_FROM = 4
const TWO_EDITS_FROM = 8

/** Numbers are not misspelt: another one is another product. */
function editsForgiven(word: string): number {
  if (/^[0-9]+$/.test(word) || word.length < ONE_EDIT_FROM) return 0
  return word.length < TWO_EDITS_FROM ? 1 : 2
}

function joinedSlot(word: string, vocabulary: Vocabulary, isLast: boolean): Slot | undefined {
  const exact = vocabulary.find(word)
  if (exact !== undefined) return [{ word: exact, likeness: RESPELT }]
  if (!isLast || word.length < ONE_EDIT_FROM) return undefined
  const longer = vocabulary.beginningWith(word, alternativesMax)
  return longer.length === 0
    ? undefined
    : longer.map((number) => ({ word: number, likeness: RESPELT * GOES_ON }))
}

/** Two known words that are one when nothing is put between them; those that are most alike in length. */
function partsOf(word: string, vocabulary: Vocabulary): readonly Slot[] | undefined {
  if (word.length < ONE_EDIT_FROM) return undefined
  const middle = word.length / 2
  const cuts = Array.from({ length: word.length - 1 }, (_, i) => i + 1)
  for (const cut of cuts.sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle))) {
    const first = vocabulary.find(word.slice(0, cut))
    const second = vocabulary.find(word.slice(cut))
    if (first !== undefined && second !== undefined)
      return [[{ word: first, likeness: RESPELT }], [{ word: second, likeness: RESPELT }]]
  }
  return undefined
}
