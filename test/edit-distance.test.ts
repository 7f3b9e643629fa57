import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { editsBetween } from '../src/edit-distance.ts'
import { suite } from './support/suite.ts'

/** The whole table, by the book. */
function editsByTheBook(a: string, b: string): number {
  const table = Array.from({ length: a.length + 1 }, (_, i) =>
    Array.from({ length: b.length + 1 }, (__, j) => (i === 0 ? j : j === 0 ? i : 0)),
  )
  const at = (i: number, j: number) => table[i]?.[j] ?? Number.POSITIVE_INFINITY
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      const isSwapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const swapped = i > 1 && j > 1 && isSwapped ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY
      const row = table[i] as number[]
      row[j] = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + cost, swapped)
    }
  }
  return at(a.length, b.length)
}

const edits = suite('edits between words')

edits('are counted as the whole table counts them, up to the limit', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 12 })
  fc.assert(
    fc.property(word, word, fc.integer({ min: 0, max: 3 }), (a, b, limit) => {
      assert.is(editsBetween(a, b, limit), Math.min(editsByTheBook(a, b), limit + 1), `${a} ${b} ${limit}`)
    }),
    { numRuns: 5_000 },
  )
})

edits('take two letters that changed places for one', () => {
  assert.is(editsBetween('ihpone', 'iphone', 2), 1)
  assert.is(editsBetween('wierlses', 'wireless', 2), 2)
  assert.is(editsBetween('x'.repeat(40), 'x'.repeat(39), 2), 1)
})

edits.run()
