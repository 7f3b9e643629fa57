/**
 * FAULTS.md, A12, five hundred times: also while it starts, with other numbers of workers and listeners each time. Several
 * data directories side by side, each with a ledger of its own.
 *
 * `TEST_SEED=<seed> TEST_KILLS=<count>` say otherwise; figures and progress are in test/results/kills.json and kills.log.
 */
import * as assert from 'uvu/assert'
import { type KillReport, killRounds, noKills } from '../support/kill-rounds.ts'
import { LongFigure } from '../support/long-figure.ts'
import { note, suite } from '../support/suite.ts'

const KILLS = Number(process.env.TEST_KILLS ?? 520)
const SIDE_BY_SIDE = 3
/** On one data directory: all of its journal is judged after each of them. */
const ROUNDS_PER_SITE = 20
const seed = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000)

const test = suite('kill -9 under load, for long', { limitMs: 3_300_000 })

test('hundreds of times loses nothing acknowledged and sells nothing twice', async () => {
  const figure = new LongFigure('kills')
  const reports: KillReport[] = []
  const killed = () => sumOf(reports).kills
  const work = async () => {
    while (killed() < KILLS) {
      const own = reports.push(noKills) - 1
      const onRound = (soFar: KillReport) => {
        reports[own] = soFar
        figure.progress(() => JSON.stringify(sumOf(reports)))
      }
      // Each directory's own seed repeats it alone.
      reports[own] = await killRounds({ rounds: ROUNDS_PER_SITE, seed: seed + own, varies: true, onRound })
    }
  }
  let fault = 'none'
  try {
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work))
  } catch (error) {
    fault = String(error)
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
