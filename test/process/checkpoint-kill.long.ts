/** As `checkpoint-kill.test.ts`, hundreds of times on one file. */
import * as assert from 'uvu/assert'
import { checkpointKills } from '../support/checkpoint-kills.ts'
import { LongFigure } from '../support/long-figure.ts'
import { note, suite } from '../support/suite.ts'

const seed = Number(process.env.TEST_SEED ?? 1_010)
const rounds = Number(process.env.ROUNDS ?? 300)
const test = suite('many kills around the tables’ checkpoints', { limitMs: 3_600_000 })

test('lose nothing acknowledged', async () => {
  const figure = new LongFigure('checkpoint-kill')
  const report = await checkpointKills({
    rounds,
    seed,
    onRound: (soFar) =>
      figure.progress(() => `${soFar.rounds} of ${rounds} kills, ${soFar.amid} amid a checkpoint`),
  })
  const command = `TEST_SEED=${seed} ROUNDS=${rounds} node test/support/run.ts --long test/process/checkpoint-kill.long.ts`
  figure.end({ command, ...report })
  note(JSON.stringify(report))
  assert.ok(report.amid > rounds / 10, 'many met a checkpoint')
})

test.run()
