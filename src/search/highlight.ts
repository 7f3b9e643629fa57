/** Shows where words that were found stand in a text: as HTML that is safe to insert, with `<mark>` around them. */
import { wordsOf } from './words.ts'

const WORD = /[\p{L}\p{N}\p{M}'’`´]+/gu
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
export function highlighted(text: string, words: readonly string[]): string | undefined {
  const places = [...placesOf(text, words)]
  return places.length === 0 ? undefined : marked(text, places, { from: 0, to: text.length })
}

/** A part of the text around the first of the words; undefined where none of them stands in it. */
export function snippetOf(text: string, words: readonly string[]): string | undefined {
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

function* placesOf(text: string, words: readonly string[]): Generator<Place, undefined> {
  const sought = new Set(words)
  if (sought.size === 0) return
  for (const { 0: word, index } of text.matchAll(WORD)) {
    if (wordsOf(word.slice(0, WRITTEN_MAX)).some((each) => sought.has(each)))
      yield { from: index, to: index + word.length }
  }
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
