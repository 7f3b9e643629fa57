/** Texts as words that compare: in lower case, without marks, letters and digits only. */

/** The longest word that is kept whole; longer ones are cut, those of the shopper as well. */
export const wordLengthMax = 40

const ASCII = /^[\x20-\x7e\s]*$/
const ASCII_WORDS = /[a-z0-9]+/g
/** Scripts that put no space between words: each sign is one. */
const WORDS =
  /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}]|(?:(?![\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}])[\p{L}\p{N}])+/gu
const MARKS = /\p{M}+/gu
/** Within a word they are no end of it. */
const APOSTROPHES = /['’`´]/g
/** Letters that no decomposition takes apart. */
const LETTERS: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ı: 'i',
}
const WHOLE_LETTERS = /[ßæœøłđðþı]/g

export function wordsOf(text: string): string[] {
  const isAscii = ASCII.test(text)
  const folded = fold(text, isAscii)
  const words = folded.match(isAscii ? ASCII_WORDS : WORDS) ?? []
  return words.map((word) => (word.length > wordLengthMax ? word.slice(0, wordLengthMax) : word))
}

function fold(text: string, isAscii: boolean): string {
  const whole = text.replace(APOSTROPHES, '').toLowerCase()
  if (isAscii) return whole
  return whole
    .normalize('NFKD')
    .replace(MARKS, '')
    .replace(WHOLE_LETTERS, (letter) => LETTERS[letter] ?? letter)
}
