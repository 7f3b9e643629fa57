/**
 * FAULTS.md, A12, five hundred times: also while it starts, with other numbers of workers and listeners each time. Several
 * data directories side by side, each with a ledger of its own.
 *
 * `TEST_SEED=<seed> TEST_KILLS=<count>` say otherwise; figures and progress are in test/results/kills.json and kills.log.
 */
import * as assert from 'uvu/assert'
import { type KillReport, killRounds, noKills } from '../support/kill-rounds.ts'
import { LongFigure } from '../support/long-figure.ts'
import { sideBySide } from '../support/side-by-side.ts'
import { note, suite } from '../support/suite.ts'

const KILLS = Number(process.env.TEST_KILLS ?? 520)
/** More than there are cores: much of a round is spent waiting for shards in doubt. */
const SIDE_BY_SIDE = 6
/** On one data directory: all of its journal is judged after each of them. */
const ROUNDS_PER_SITE = 20
/** Of a fault, in the summary. */
const SHOWN = 300
const seed = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000)

const test = suite('kill -9 under load, for long', { limitMs: 3_300_000 })

test('hundreds of times loses nothing acknowledged and sells nothing twice', async () => {
  const figure = new LongFigure('kills')
  const reports: KillReport[] = []
  /** Each directory's own seed repeats it alone. */
  function* seeds() {
    for (let own = seed; sumOf(reports).kills < KILLS; own++) yield own
  }
  let fault = 'none'
  try {
    await sideBySide(SIDE_BY_SIDE, seeds(), async (own, goOn) => {
      const at = reports.push(noKills) - 1
      const onRound = (soFar: KillReport) => {
        reports[at] = soFar
        figure.progress(() => JSON.stringify(sumOf(reports)))
        goOn()
      }
      reports[at] = await killRounds({ rounds: ROUNDS_PER_SITE, seed: own, varies: true, onRound })
    })
  } catch (error) {
    fault = String(error).slice(0, SHOWN)
    throw error
  } finally {
    const command = `TEST_SEED=${seed} TEST_KILLS=${KILLS} npm test -- test/process/kill.long.ts`
    figure.end({ command, seed, directories: reports.length, ...sumOf(reports), fault })
  }
  const report = sumOf(reports)
  note(`TEST_SEED=${seed}: ${JSON.stringify(report)}`)
  assert.ok(report.kills >= KILLS)
  assert.ok(report.acknowledged > 10 * KILLS)
  assert.ok(report.unknown > 0 && report.resolved > 0 && report.pending > 0)
})

test.run()

function sumOf(reports: readonly KillReport[]): KillReport {
  const sum: { -readonly [name in keyof KillReport]: number } = { ...noKills }
  for (const report of reports)
    for (const [name, count] of Object.entries(report)) sum[name as keyof KillReport] += count
  return sum
}
