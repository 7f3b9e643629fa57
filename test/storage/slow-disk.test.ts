/** A slow disk and one that gets stuck, under the whole scenario; what a worker does then is in actors/slow-disk.test.ts. */
import * as assert from 'uvu/assert'
import { note, suite } from '../support/suite.ts'
import { countCalls } from './crash-sweep.ts'
import { runSlowly, runStuckFrom } from './slow-disk.ts'

const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
const slow = suite('a disk', { limitMs: 300_000 })

for (const syncMs of [50, 500]) {
  slow(`whose syncs take ${syncMs} ms delays what it keeps, and loses nothing`, async () => {
    const acknowledged = await runSlowly(syncMs)
    assert.ok(acknowledged > 80, String(acknowledged))
  })
}

slow('whose syncs take five seconds keeps what it acknowledged, however little', async () => {
  const acknowledged = await runSlowly(5_000)
  assert.ok(acknowledged > 10, String(acknowledged))
})

slow('whose syncs stop returning acknowledges nothing more, and a new start serves', async () => {
  const total = await countCalls()
  for (let n = 1 + (seed % 199); n < total; n += 199) {
    const { acknowledged, states } = await runStuckFrom(n)
    note(`TEST_SEED=${seed}: stuck from call ${n}: ${acknowledged} acknowledged, ${states.join()}`)
    assert.ok(states.some((state) => state === 'starting' || state === 'stopped'))
  }
})

slow.run()
