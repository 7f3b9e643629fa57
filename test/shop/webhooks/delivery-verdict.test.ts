import * as assert from 'uvu/assert'
import { retryAfterIn } from '../../../src/shop/webhooks/delivery-verdict.ts'
import { suite } from '../../support/suite.ts'

const NOW_MS = Date.parse('2026-11-28T12:00:00.000Z')
const test = suite('Retry-After')

test('is seconds or a date; the past is now, and nonsense is nothing', () => {
  const cases = [
    ['0', 0],
    ['120', 120_000],
    ['Sat, 28 Nov 2026 12:01:00 GMT', 60_000],
    ['Sat, 28 Nov 2026 11:00:00 GMT', 0],
    ['soon', undefined],
    ['-5 minutes', undefined],
    ['', undefined],
    [undefined, undefined],
  ] as const
  for (const [text, expected] of cases) assert.is(retryAfterIn(text, NOW_MS), expected, text)
})

test.run()
