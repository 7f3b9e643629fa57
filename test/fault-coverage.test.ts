/** docs/fault-coverage.md names tests: all of them exist, and none of the rows that one node owes is missing. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { suite } from './support/suite.ts'

const ROOT = join(import.meta.dirname, '..')
const PAGE = 'docs/fault-coverage.md'
/** Of each section, the first and the last row, and those that are other parts' business. */
const OWED: readonly (readonly [letter: string, first: number, last: number, without: readonly number[]])[] =
  [
    ['A', 1, 14, []],
    ['B', 15, 22, []],
    ['C', 23, 33, []],
    ['D', 34, 40, []],
    ['E', 41, 46, []],
    ['F', 47, 56, []],
    ['G', 57, 64, []],
    ['H', 65, 80, []],
  ]
const ATTACKS = [
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 16, 17, 18, 19, 25, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38,
  39, 40, 41, 42, 43, 44, 45, 46, 50, 51, 52, 54,
]

type Cited = { readonly row: string; readonly file: string; readonly names: readonly string[] }

const test = suite('the table of what is survived')

test('has a row for each fault and attack, and each is shown by a test', () => {
  const rows = rowsOf(readFileSync(join(ROOT, PAGE), 'utf8'))
  const numbered = OWED.flatMap(([letter, first, last, without]) => {
    const all = Array.from({ length: last - first + 1 }, (_, i) => first + i)
    return all.filter((number) => !without.includes(number)).map((number) => `${letter}${number}`)
  })
  for (const name of [...numbered, ...ATTACKS.map(String)]) {
    const row = rows.find(([first]) => first === name)
    assert.ok(row !== undefined, `${name} has no row`)
    assert.ok(/`test\/|\bas A1\b|\bthe same\b/.test(row[2] ?? ''), `${name} is shown by nothing`)
  }
})

test('names files and tests that exist', () => {
  const cited = citedIn(readFileSync(join(ROOT, PAGE), 'utf8'))
  assert.ok(cited.length > 100, `${cited.length} are named`)
  const missing = cited.flatMap(({ row, file, names }) => {
    if (!existsSync(join(ROOT, file))) return [`${row}: ${file}`]
    const known = namesIn(readFileSync(join(ROOT, file), 'utf8'))
    return names.filter((name) => !known.has(name)).map((name) => `${row}: ${file}: ${name}`)
  })
  assert.equal(missing, [])
})

test('would notice a test that is gone, renamed, or named by nothing but a comment', () => {
  const [cited] = citedIn('| A1 | x | `test/a.test.ts` *is there*, *is gone*, *is told* |')
  assert.equal(cited?.names, ['is there', 'is gone', 'is told'])
  const loop = ['of $', '{n} is there'].join('')
  const known = namesIn(`test('is there', () => {})\nmany(\`${loop}\`, async () => {}) // is told`)
  assert.equal([...known], ['is there', 'of … is there'])
})

test.run()

function rowsOf(page: string): string[][] {
  const lines = page.split('\n').filter((line) => /^\| /.test(line))
  return lines.map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '').trim()))
}

function citedIn(page: string): Cited[] {
  return rowsOf(page).flatMap(([row = '', , shownBy = '']) => {
    return [...shownBy.matchAll(/`(test\/[^`]+)`((?:(?!`test\/).)*)/g)].map(([, file = '', rest = '']) => {
      return { row, file, names: [...rest.matchAll(/\*([^*]+)\*/g)].map(([, name = '']) => name) }
    })
  })
}

/** Names of the tests that a file declares; what a loop fills in is an ellipsis. */
function namesIn(source: string): ReadonlySet<string> {
  const declared = source.matchAll(/\b\w+\(\s*(['"`])((?:\\.|(?!\1)[^\\])*?)\1,\s*(?:async )?\(/g)
  return new Set(
    [...declared].map(([, , name = '']) => name.replace(/\$\{[^}]*\}/g, '…').replaceAll('\\', '')),
  )
}
