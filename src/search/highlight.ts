/** Shows where words that were found stand in a text: as HTML that is safe to insert, with `<mark>` around them. */
import { wordLengthMax, wordsOf } from './words.ts'

/** Of what is not ASCII. */
const LETTER = /[\p{L}\p{N}\p{M}’´]/u
const APOSTROPHE = 2
/** By ASCII character: 1 for a letter or a digit, `APOSTROPHE`, or 0 for what is no part of a word. */
const PLAIN = Uint8Array.from({ length: 128 }, (_, code) => {
  const sign = String.fromCharCode(code)
  return /[a-zA-Z0-9]/.test(sign) ? 1 : /['`]/.test(sign) ? APOSTROPHE : 0
})
/** Characters around the first word found, of a text that is too long to be shown whole. */
const BEFORE = 40
const LENGTH = 200
/** Of a text of which a part is shown, no more is looked through: it is done for each hit of a page, on a thread that answers all. */
const SEARCHED_MAX = 4_000
/** Of one word, as it is written. Marks without end take ever longer to be put in their order. */
const WRITTEN_MAX = 200
const ESCAPED: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

type Place = { readonly from: number; readonly to: number }

/** The whole text; undefined where none of the words stands in it. */
export function highlighted(text: string, words: Sought): string | undefined {
  const places = [...placesOf(text, words)]
  return places.length === 0 ? undefined : marked(text, places, { from: 0, to: text.length })
}

/** A part of the text around the first of the words; undefined where none of them stands in it. */
export function snippetOf(text: string, words: Sought): string | undefined {
  const places = placesOf(text.slice(0, SEARCHED_MAX), words)
  const { value: first } = places.next()
  if (first === undefined) return undefined
  const window = windowAround(text, first)
  const within = [first]
  for (const place of places) {
    if (place.to > window.to) break
    within.push(place)
  }
  const start = window.from === 0 ? '' : '…'
  const end = window.to === text.length ? '' : '…'
  return start + marked(text, within, window).trim() + end
}

/** Words as a shopper sees them: letters, digits, marks, and apostrophes between them. */
function* placesOf(text: string, sought: Sought): Generator<Place, undefined> {
  if (sought.isNothing) return
  for (let from = 0; from < text.length; ) {
    let to = from
    let isPlain = true
    while (to < text.length) {
      const code = text.charCodeAt(to)
      if (code < PLAIN.length) {
        if (PLAIN[code] === 0) break
        if (PLAIN[code] === APOSTROPHE) isPlain = false
        to += 1
      } else {
        const letter = String.fromCodePoint(text.codePointAt(to) as number)
        if (!LETTER.test(letter)) break
        isPlain = false
        to += letter.length
      }
    }
    if (to > from && sought.has(text, { from, to }, isPlain)) yield { from, to }
    from = to + 1
  }
}

/** Words that are looked for, as `wordsOf` makes them. */
export class Sought {
  readonly #words: ReadonlySet<string>
  /** A bit for each length, and for each first letter: what has none of these need not be cut out of the text. */
  readonly #lengths: number
  readonly #begins: number

  constructor(words: readonly string[]) {
    this.#words = new Set(words)
    this.#lengths = words.reduce((bits, { length }) => bits | bitOf(length), 0)
    this.#begins = words.reduce((bits, word) => bits | beginOf(word, 0), 0)
  }

  get isNothing(): boolean {
    return this.#words.size === 0
  }

  /** Plain words, which nearly all are, compare as they are but for capitals. */
  has(text: string, { from, to }: Place, isPlain: boolean): boolean {
    const length = to - from
    if (!isPlain || length > wordLengthMax)
      return wordsOf(text.slice(from, Math.min(to, from + WRITTEN_MAX))).some((word) => this.#words.has(word))
    if ((this.#lengths & bitOf(length)) === 0 || (this.#begins & beginOf(text, from)) === 0) return false
    return this.#words.has(text.slice(from, to).toLowerCase())
  }
}

/** The last one stands for all that are longer. */
function bitOf(length: number): number {
  return 1 << Math.min(length, 31)
}

/** The same for a capital and its small letter. */
function beginOf(text: string, at: number): number {
  return 1 << (text.charCodeAt(at) & 31)
}

/** Cut between words, where there are any. */
function windowAround(text: string, { from }: Place): Place {
  const begin = Math.max(0, from - BEFORE)
  const end = Math.min(text.length, begin + LENGTH)
  const space = text.indexOf(' ', begin)
  const start = begin === 0 || space === -1 || space >= from ? begin : space + 1
  const last = text.lastIndexOf(' ', end)
  return { from: start, to: end === text.length || last <= from ? end : last }
}

function marked(text: string, places: readonly Place[], { from, to }: Place): string {
  let html = ''
  let at = from
  for (const place of places) {
    if (place.from < from || place.to > to) continue
    html += `${escaped(text.slice(at, place.from))}<mark>${escaped(text.slice(place.from, place.to))}</mark>`
    at = place.to
  }
  return html + escaped(text.slice(at, to))
}

function escaped(text: string): string {
  return text.toWellFormed().replace(/[&<>"']/g, (sign) => ESCAPED[sign] as string)
}
