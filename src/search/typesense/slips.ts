/**
 * Words that somebody may have meant who typed another one. The server forgives errors by itself, and (seen in 0.24) not
 * where a letter too many, too few or out of place is among the first two; nor in more than the last words of many. So
 * where it finds nothing it is asked for all words that are one slip away: a list in a filter, which it looks up word by word.
 */

/** A word of three letters is one slip away from too many others. */
export const slipsFrom = 4

const LATIN = 'abcdefghijklmnopqrstuvwxyz'
const DIGITS = '0123456789'
/** What a slip may put in, by what is in the word already. */
const ALPHABETS: readonly (readonly [kind: RegExp, letters: string])[] = [
  [/[a-z]/, LATIN],
  [/[0-9]/, DIGITS],
  [/[α-ω]/, 'αβγδεζηθικλμνξοπρστυφχψω'],
  [/[а-я]/, 'абвгдежзийклмнопрстуфхцчшщъыьэюя'],
]

/** Each that one letter makes which is put in, left out, replaced, or has changed places with its neighbour. */
export function slipsOf(word: string): ReadonlySet<string> {
  const letters = [...word]
  const alphabet = ALPHABETS.flatMap(([kind, known]) => (kind.test(word) ? [...known] : []))
  const slips = new Set<string>()
  for (let at = 0; at <= letters.length; at++) {
    const [before, here, next, after] = [
      letters.slice(0, at),
      letters[at],
      letters[at + 1],
      letters.slice(at + 2),
    ]
    const add = (...parts: readonly (string | undefined)[]) => slips.add([...before, ...parts].join(''))
    const rest = letters.slice(at + 1)
    for (const other of alphabet) {
      add(other, ...letters.slice(at))
      if (here !== undefined) add(other, ...rest)
    }
    if (here !== undefined) add(...rest)
    if (next !== undefined) add(next, here, ...after)
  }
  slips.delete(word)
  return slips
}
