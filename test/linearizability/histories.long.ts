/**
 * As `histories.test.ts`, by the hundred: several servers side by side, each with some histories after one another.
 *
 * `TEST_SEED=<seed> TEST_HISTORIES=<count>` say otherwise; figures and progress are in test/results/histories.json and
 * histories.log.
 */
import * as assert from 'uvu/assert'
import { LongFigure } from '../support/long-figure.ts'
import { sideBySide } from '../support/side-by-side.ts'
import { note, suite } from '../support/suite.ts'
import { checkHistories, type HistoryReport, noHistories } from './history-rounds.ts'

const HISTORIES = Number(process.env.TEST_HISTORIES ?? 240)
const OPERATIONS = 500
const SIDE_BY_SIDE = 3
/** On one data directory, whose every start has to read what was before. */
const PER_SITE = 10
/** Of a fault, in the summary. */
const SHOWN = 300
const seed = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000)

const test = suite('many histories of a real server', { limitMs: 3_300_000 })

test('that is killed in their middle are linearizable, product by product', async () => {
  const figure = new LongFigure('histories')
  const reports = Array.from({ length: Math.ceil(HISTORIES / PER_SITE) }, noHistories)
  let fault = 'none'
  try {
    await sideBySide(SIDE_BY_SIDE, reports.keys(), async (at, goOn) => {
      const onHistory = (_: unknown, soFar: HistoryReport) => {
        reports[at] = { ...soFar }
        figure.progress(() => JSON.stringify(sumOf(reports)))
        goOn()
      }
      // Each directory's own seed repeats it alone.
      const own = { histories: PER_SITE, operations: OPERATIONS, seed: seed + at }
      reports[at] = await checkHistories({ ...own, onHistory })
    })
  } catch (error) {
    fault = String(error).slice(0, SHOWN)
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
