/**
 * Edits between two words, where two letters that changed places are one: the optimal string alignment distance
 * (Damerau 1964; Wagner and Fischer's table, of which only the band within the limit is filled).
 */

import { assert } from './domain/assert.ts'

const lengthMax = 100
const emptyRow = () => new Uint8Array(lengthMax + 2)
const rows = [emptyRow(), emptyRow(), emptyRow()] as const

/** At most `limit`, or `limit + 1` for any number above. Words are no longer than 100 letters. */
export function editsBetween(a: string, b: string, limit: number): number {
  assert(a.length <= lengthMax && b.length <= lengthMax, 'words of this length are nobody’s slip')
  const beyond = limit + 1
  if (Math.abs(a.length - b.length) > limit) return beyond
  let [older, previous, current] = rows
  for (let j = 0; j <= b.length; j++) previous[j] = Math.min(j, beyond)
  for (let i = 1; i <= a.length; i++) {
    const from = Math.max(1, i - limit)
    const to = Math.min(b.length, i + limit)
    current[from - 1] = from === 1 ? Math.min(i, beyond) : beyond
    let least = current[from - 1] as number
    for (let j = from; j <= to; j++) {
      const isSame = a.charCodeAt(i - 1) === b.charCodeAt(j - 1)
      let edits = (previous[j - 1] as number) + (isSame ? 0 : 1)
      edits = Math.min(edits, (j < i + limit ? (previous[j] as number) : beyond) + 1)
      edits = Math.min(edits, (current[j - 1] as number) + 1)
      const isSwapped =
        i > 1 &&
        j > 1 &&
        a.charCodeAt(i - 1) === b.charCodeAt(j - 2) &&
        a.charCodeAt(i - 2) === b.charCodeAt(j - 1)
      if (isSwapped) edits = Math.min(edits, (older[j - 2] as number) + 1)
      current[j] = Math.min(edits, beyond)
      least = Math.min(least, edits)
    }
    if (to < b.length) current[to + 1] = beyond
    if (least > limit) return beyond
    ;[older, previous, current] = [previous, current, older]
  }
  return previous[b.length] as number
}
