import * as assert from 'uvu/assert'
import { bytesText, countOf, progressBar, quoted, table } from '../../src/cli/terminal.ts'
import { timeText } from '../../src/persistence/journal/event-fields.ts'
import { suite } from '../support/suite.ts'

const test = suite('what commands write')

test('a bar shows bytes and percentage, at most ten times a second, and goes away', () => {
  let out = ''
  let nowMs = 0
  const clock = { wallMs: () => nowMs, monotonicMs: () => nowMs }
  const write = (text: string) => {
    out += text
  }
  const bar = progressBar(2_048, { write }, clock)
  for (let i = 0; i < 10; i++) bar.advance(100)
  assert.is(out.split('\r').length - 1, 1, 'drawn once within a tenth of a second')
  nowMs = 150
  bar.advance(24)
  assert.match(out, ' 50 %  1.0 KiB of 2.0 KiB')
  nowMs = 300
  bar.advance(9_999)
  assert.match(out, '100 %')
  bar.done()
  assert.ok(out.endsWith('\r\u001b[K'))
})

test('bytes, counts, times and tables read well', () => {
  assert.is(bytesText(1_023), '1023 B')
  assert.is(bytesText(32 * 1_024 * 1_024), '32.0 MiB')
  assert.is(countOf(1, 'frame'), '1 frame')
  assert.is(countOf(12_345, 'frame'), '12,345 frames')
  assert.is(timeText(0), '1970-01-01T00:00:00.000Z')
  assert.is(timeText(1e300), '1e+300 ms')
  assert.equal(
    table([
      ['name', 'count'],
      ['a', 1_000],
      ['bcdef', 2],
    ]),
    ['name   count', 'a      1,000', 'bcdef      2'],
  )
})

test("a client's text cannot steer the terminal", () => {
  assert.is(quoted('a"b\u001b[2J\u009b\u202e\u2028'), '"a\\"b\\u001b[2J\\u009b\\u202e\\u2028"')
})

test.run()
