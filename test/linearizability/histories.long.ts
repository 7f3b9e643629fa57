/**
 * As `histories.test.ts`, by the hundred: several servers side by side, each with some histories after one another.
 *
 * `TEST_SEED=<seed> TEST_HISTORIES=<count>` say otherwise; figures and progress are in test/results/histories.json and
 * histories.log.
 */
import * as assert from 'uvu/assert'
import { LongFigure } from '../support/long-figure.ts'
import { note, suite } from '../support/suite.ts'
import { checkHistories, type HistoryReport, noHistories } from './history-rounds.ts'

const HISTORIES = Number(process.env.TEST_HISTORIES ?? 240)
const OPERATIONS = 500
const SIDE_BY_SIDE = 3
/** On one data directory, whose every start has to read what was before. */
const PER_SITE = 10
const seed = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000)

const test = suite('many histories of a real server', { limitMs: 3_300_000 })

test('that is killed in their middle are linearizable, product by product', async () => {
  const figure = new LongFigure('histories')
  const sites = Math.ceil(HISTORIES / PER_SITE)
  const reports = Array.from({ length: sites }, noHistories)
  const waiting = [...reports.keys()]
  const work = async () => {
    for (let site = waiting.shift(); site !== undefined; site = waiting.shift()) {
      const own = site
      reports[own] = await checkHistories({
        histories: PER_SITE,
        // Each site's own seed repeats it alone.
        seed: seed + own,
        operations: OPERATIONS,
        onHistory: (_, soFar) => {
          reports[own] = { ...soFar }
          figure.progress(() => JSON.stringify(sumOf(reports)))
        },
      })
    }
  }
  let fault = 'none'
  try {
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work))
  } catch (error) {
    fault = String(error)
    throw error
  } finally {
    const command = `TEST_SEED=${seed} TEST_HISTORIES=${HISTORIES} npm test -- test/linearizability/histories.long.ts`
    figure.end({ command, seed, operationsEach: OPERATIONS, ...sumOf(reports), fault })
  }
  const report = sumOf(reports)
  note(`TEST_SEED=${seed}: ${JSON.stringify(report)}`)
  assert.ok(report.histories >= HISTORIES)
  assert.ok(report.kills >= HISTORIES)
  assert.ok(report.unanswered > HISTORIES && report.askedAgain > HISTORIES)
})

test.run()

function sumOf(reports: readonly HistoryReport[]): HistoryReport {
  const sum = noHistories()
  for (const report of reports)
    for (const [name, count] of Object.entries(report)) sum[name as keyof HistoryReport] += count
  return sum
}
