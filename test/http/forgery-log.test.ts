import * as assert from 'uvu/assert'
import { ForgeryLog } from '../../src/http/forgery-log.ts'
import { suite } from '../support/suite.ts'

const forgeries = suite('forged webhooks')

forgeries('are logged once a second, with how many there were beside', () => {
  let nowMs = 5_000
  const lines: object[] = []
  const log = new ForgeryLog({ warn: (line: object) => void lines.push(line) }, { monotonicMs: () => nowMs })
  const forgery = { provider: 'sandbox', why: 'wrong-signature' }
  for (let i = 0; i < 1_000; i++) log.note(forgery)
  assert.equal(lines, [{ ...forgery, others: undefined }])
  nowMs += 1_000
  log.note(forgery)
  assert.equal(lines.at(-1), { ...forgery, others: 999 })
  assert.is(lines.length, 2)
})

forgeries.run()
