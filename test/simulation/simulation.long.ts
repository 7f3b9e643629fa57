/** Twenty million steps of the simulation, on all cores; `STEPS` makes them more or fewer. */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import * as assert from 'uvu/assert'
import { LongFigure } from '../support/long-figure.ts'
import { note, suite } from '../support/suite.ts'
import type { SeedDone, SeedsData } from './seeds-thread.ts'

const STEPS = Number(process.env.STEPS ?? 20_000_000)
const STEPS_EACH = 5_000
const first = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))

const simulation = suite('the whole engine, simulated for long', { limitMs: 3_500_000 })

simulation('keeps its promises whatever goes wrong', async () => {
  const figure = new LongFigure('simulation')
  const threads = availableParallelism()
  const failed: string[] = []
  const sums = { seeds: 0, steps: 0, acknowledged: 0, deaths: 0 }
  const hear = (done: SeedDone) => {
    if (done.type === 'failed') {
      failed.push(done.message)
      figure.say(done.message)
    } else {
      sums.seeds += 1
      for (const name of ['steps', 'acknowledged', 'deaths'] as const) sums[name] += done[name]
    }
    figure.progress(() => `${JSON.stringify(sums)}, ${failed.length} failed`)
  }
  await Promise.all(
    Array.from({ length: threads }, (_, thread) => {
      const data = { first: first + thread, stride: threads, stepsEach: STEPS_EACH, steps: STEPS / threads }
      return runThread(data, hear)
    }),
  )
  figure.end({
    command: `TEST_SEED=${first} STEPS=${STEPS} npm run test:long -- simulation`,
    ...sums,
    failed,
  })
  note(`TEST_SEED=${first}: ${JSON.stringify(sums)}`)
  assert.equal(failed, [])
  assert.ok(sums.steps >= STEPS)
})

simulation.run()

function runThread(workerData: SeedsData, hear: (done: SeedDone) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(new URL('./seeds-thread.ts', import.meta.url), { workerData })
    thread.on('message', hear)
    thread.on('error', reject)
    thread.on('exit', () => resolve())
  })
}
