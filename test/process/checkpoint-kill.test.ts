/** FAULTS.md, A10: the process is killed while SQLite moves its write-ahead log into the file. */
import * as assert from 'uvu/assert'
import { checkpointKills } from '../support/checkpoint-kills.ts'
import { note, suite } from '../support/suite.ts'

const seed = Number(process.env.TEST_SEED ?? 10)
const test = suite('a kill around the tables’ checkpoints', { limitMs: 120_000 })

test('loses nothing acknowledged, leaves a file that SQLite finds whole, and the next start goes on', async () => {
  const { acknowledged, amid, rounds } = await checkpointKills({ rounds: 10, seed })
  note(`${rounds} kills, ${amid} amid a checkpoint; ${acknowledged} acknowledged; TEST_SEED=${seed}`)
  assert.ok(amid > 0, 'some met a checkpoint')
})

test.run()
