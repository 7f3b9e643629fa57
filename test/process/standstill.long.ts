/** FAULTS.md, A14, at its full length: for longer than clients wait, and than a server that answers would let anything be. */
import * as assert from 'uvu/assert'
import { standStill } from '../support/standstill.ts'
import { note, suite } from '../support/suite.ts'

const test = suite('a process that stands still for long', { limitMs: 240_000 })

test('ends each hold once, whoever was not answered can ask again, and nothing is lost', async () => {
  const { unanswered } = await standStill({ ms: 32_000, ttlsSeconds: [5, 12, 20, 30] })
  note(`${unanswered} were not answered`)
  assert.ok(unanswered > 0, 'its buyers gave up waiting')
})

test.run()
