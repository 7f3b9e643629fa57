/** FAULTS.md, A14: a process that is stopped in the middle of everything, for longer than holds last. */
import { standStill } from '../support/standstill.ts'
import { suite } from '../support/suite.ts'

const test = suite('a process that stands still', { limitMs: 90_000 })

test('answers whoever waited, ends each hold once, keeps its data to itself, and has lost nothing', async () => {
  await standStill({ ms: 4_000, ttlsSeconds: [2] })
})

test.run()
