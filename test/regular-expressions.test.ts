/**
 * FAULTS.md, attack 50: no regular expression of the program takes long for any text that may come. Each literal in the
 * source is tried on texts that make backtracking slow: its own beginning, then one or two characters again and again, then
 * one that fits nothing.
 */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { readSource } from './support/source-text.ts'
import { note, suite } from './support/suite.ts'

const SOURCE = join(import.meta.dirname, '..', 'src')
/** As long as any header field, query or path can be. */
const LENGTH = 16_384
/** Ten times what a match may take on a quiet machine; what backtracks takes seconds. */
const SLOW_MS = 100
const TRIES = 5
const CHARACTERS = [
  'a',
  'Z',
  '0',
  ' ',
  '\t',
  '-',
  '_',
  '.',
  '/',
  '@',
  ':',
  '"',
  '\\',
  '%',
  ',',
  ';',
  '=',
  '+',
  '<',
  'é',
]
const NOTHING_FITS = ['', '\u0000', '!\n']

const expressions = globSync('**/*.ts', { cwd: SOURCE }).flatMap((path) =>
  readSource(readFileSync(join(SOURCE, path), 'utf8')).regularExpressions.map((literal) => ({
    path,
    literal,
  })),
)

const test = suite('regular expressions')

test('are found in the source', () => {
  assert.ok(expressions.length > 100, String(expressions.length))
  assert.equal(readSource('const a = b / c / d; f(/[/]x/gi)').regularExpressions, ['/[/]x/gi'])
})

test('take no longer for texts that are made to be slow', () => {
  let slowest = { ms: 0, literal: '' }
  for (const { path, literal } of expressions) {
    const ms = slowestMatchOf(literal)
    if (ms > slowest.ms) slowest = { ms, literal }
    assert.ok(ms < SLOW_MS, `${path}: ${literal} took ${ms.toFixed(0)} ms`)
  }
  note(
    `${expressions.length} expressions; the slowest match took ${slowest.ms.toFixed(1)} ms: ${slowest.literal}`,
  )
})

test('that backtrack would be noticed', () => {
  // Tried from each of its characters to the last: quadratic.
  assert.ok(slowestMatchOf('/a+b/') > SLOW_MS)
})

test.run()

function slowestMatchOf(literal: string): number {
  const end = literal.lastIndexOf('/')
  const body = literal.slice(1, end)
  const expression = new RegExp(body, literal.slice(end + 1).replace(/[gy]/g, ''))
  const beginning = /^\^?((?:[\w :=@<-]|\\[./-])*)/.exec(body)?.[1]?.replaceAll('\\', '') ?? ''
  let slowest = 0
  for (const first of CHARACTERS) {
    for (const second of ['', ...CHARACTERS]) {
      const middle = (first + second).repeat(LENGTH / (second === '' ? 1 : 2))
      for (const last of NOTHING_FITS) {
        const text = beginning + middle + last
        slowest = Math.max(slowest, msOf(expression, text))
        if (slowest > SLOW_MS) return slowest
      }
    }
  }
  return slowest
}

/** Of the thread's own time, the least of some tries where it took long: others are at work on this machine. */
function msOf(expression: RegExp, text: string): number {
  let least = Number.POSITIVE_INFINITY
  for (let tries = 0; tries < TRIES && least > SLOW_MS / TRIES; tries++) {
    const { user } = process.threadCpuUsage()
    expression.test(text)
    least = Math.min(least, (process.threadCpuUsage().user - user) / 1_000)
  }
  return least
}
