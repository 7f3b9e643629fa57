/**
 * The words of all products, each with a number, and what a shopper's word may stand for among them: the word itself,
 * those that begin with it, and those that it is a typing error of.
 */
import { editsBetween } from '../../edit-distance.ts'
import { Memo } from './memo.ts'

/** A word, and how far it is from another one. */
type Near = { readonly number: number; readonly edits: number }

/** Words that came since the last sorting, which are looked through one by one. */
const recentMax = 1_024
/** Words of which it is known which others are near. */
const nearMax = 4_096

export class Vocabulary {
  readonly #numbers = new Map<string, number>()
  readonly #words: string[] = []
  /** By number: which letters a word has, a bit each. */
  #letters = new Uint32Array(1_024)
  /** By length, numbers. */
  readonly #byLength: number[][] = []
  /** Numbers in the order of their words, of all but the recent ones. */
  #sorted: number[] = []
  #recent: number[] = []
  /** Since the last word was added. */
  readonly #near = new Memo<readonly Near[]>(nearMax)

  get size(): number {
    return this.#words.length
  }

  wordOf(number: number): string {
    return this.#words[number] as string
  }

  find(word: string): number | undefined {
    return this.#numbers.get(word)
  }

  /** The word's number, which it is given here unless it has one. */
  add(word: string): number {
    const known = this.#numbers.get(word)
    if (known !== undefined) return known
    const number = this.#words.length
    this.#numbers.set(word, number)
    this.#words.push(word)
    if (number === this.#letters.length) {
      const letters = new Uint32Array(2 * number)
      letters.set(this.#letters)
      this.#letters = letters
    }
    this.#letters[number] = lettersOf(word)
    const ofLength = this.#byLength[word.length]
    if (ofLength === undefined) this.#byLength[word.length] = [number]
    else ofLength.push(number)
    this.#recent.push(number)
    this.#near.clear()
    return number
  }

  /** Numbers of words that begin like this, the word itself included; `most` of them. */
  beginningWith(start: string, most: number): number[] {
    if (this.#recent.length > recentMax) this.#sort()
    const found: number[] = []
    for (let at = this.#firstFrom(start); at < this.#sorted.length && found.length < most; at++) {
      const number = this.#sorted[at] as number
      if (!this.wordOf(number).startsWith(start)) break
      found.push(number)
    }
    for (const number of this.#recent) {
      if (found.length >= most) break
      if (this.wordOf(number).startsWith(start)) found.push(number)
    }
    return found
  }

  /** Words within so many edits of this one, and not the word itself, with how many they are. */
  near(word: string, edits: number): readonly Near[] {
    return this.#near.get(`${edits} ${word}`, () => this.#lookNear(word, edits))
  }

  #lookNear(word: string, edits: number): readonly Near[] {
    const letters = lettersOf(word)
    const found: Near[] = []
    for (let length = Math.max(1, word.length - edits); length <= word.length + edits; length++) {
      for (const number of this.#byLength[length] ?? []) {
        // An edit brings one letter at most, and takes one away at most.
        if (bitsOf((this.#letters[number] as number) ^ letters) > 2 * edits) continue
        const distance = editsBetween(word, this.wordOf(number), edits)
        if (distance > 0 && distance <= edits) found.push({ number, edits: distance })
      }
    }
    return found
  }

  #sort(): void {
    const recent = this.#recent.sort((a, b) => (this.wordOf(a) < this.wordOf(b) ? -1 : 1))
    const merged: number[] = []
    let at = 0
    for (const number of this.#sorted) {
      while (at < recent.length && this.wordOf(recent[at] as number) < this.wordOf(number))
        merged.push(recent[at++] as number)
      merged.push(number)
    }
    this.#sorted = merged.concat(recent.slice(at))
    this.#recent = []
  }

  /** Place of the first word that does not come before this one. */
  #firstFrom(word: string): number {
    let [low, high] = [0, this.#sorted.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.wordOf(this.#sorted[middle] as number) < word) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Letters and digits share the bits as they come. */
function lettersOf(word: string): number {
  let letters = 0
  for (let i = 0; i < word.length; i++) letters |= 1 << (word.charCodeAt(i) & 31)
  return letters >>> 0
}

/** Hacker's Delight, 5-1. */
function bitsOf(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555)
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333)
  return (((bits + (bits >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24
}
