/**
 * As `mixed-faults.test.ts`, for hundreds of servers, several data directories side by side.
 *
 * `TEST_SEED=<seed> TEST_LIVES=<count>` say otherwise; figures and progress are in test/results/mixed-faults.json and
 * mixed-faults.log.
 */
import * as assert from 'uvu/assert'
import { LongFigure } from '../support/long-figure.ts'
import { type FaultReport, mixFaults, noFaults } from '../support/mixed-faults.ts'
import { sideBySide } from '../support/side-by-side.ts'
import { note, suite } from '../support/suite.ts'

const LIVES = Number(process.env.TEST_LIVES ?? 200)
/** More than there are cores: a server that stands still needs none. */
const SIDE_BY_SIDE = 4
const LIVES_PER_SITE = 10
/** Of a fault, in the summary. */
const SHOWN = 300
const seed = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000)

const test = suite('faults of all kinds, for long', { limitMs: 3_300_000 })

test('in one server after another lose nothing acknowledged and sell nothing twice', async () => {
  const figure = new LongFigure('mixed-faults')
  const reports = Array.from({ length: Math.ceil(LIVES / LIVES_PER_SITE) }, () => ({ ...noFaults }))
  let fault = 'none'
  try {
    await sideBySide(SIDE_BY_SIDE, reports.keys(), async (at, goOn) => {
      const onLife = (soFar: FaultReport) => {
        reports[at] = soFar
        figure.progress(() => JSON.stringify(sumOf(reports)))
        goOn()
      }
      // Each directory's own seed repeats it alone.
      reports[at] = await mixFaults({ lives: LIVES_PER_SITE, seed: seed + at, onLife })
    })
  } catch (error) {
    fault = String(error).slice(0, SHOWN)
    throw error
  } finally {
    const command = `TEST_SEED=${seed} TEST_LIVES=${LIVES} npm test -- test/process/mixed-faults.long.ts`
    figure.end({ command, seed, ...sumOf(reports), fault })
  }
  const report = sumOf(reports)
  note(`TEST_SEED=${seed}: ${JSON.stringify(report)}`)
  assert.ok(report.lives >= LIVES)
  assert.ok(report.killsAmidst > 0 && report.standstills > 0 && report.clockJumps > 0)
})

test.run()

function sumOf(reports: readonly FaultReport[]): FaultReport {
  const sum = { ...noFaults }
  for (const report of reports)
    for (const [name, count] of Object.entries(report)) sum[name as keyof FaultReport] += count
  return sum
}
