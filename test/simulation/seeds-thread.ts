/** Simulates seed after seed in a thread of its own, and tells of each. */
import { parentPort, workerData } from 'node:worker_threads'
import { SimulationFailed, type SimulationReport, simulate } from './simulation.ts'

export type SeedsData = {
  readonly first: number
  /** From one seed to the next: as many as there are threads. */
  readonly stride: number
  readonly stepsEach: number
  readonly steps: number
}
export type SeedDone =
  | ({ readonly type: 'done'; readonly seed: number } & Pick<
      SimulationReport,
      'steps' | 'acknowledged' | 'deaths'
    >)
  | { readonly type: 'failed'; readonly message: string }

const { first, stride, stepsEach, steps } = workerData as SeedsData
const tell = (done: SeedDone) => parentPort?.postMessage(done)
let made = 0
for (let seed = first; made < steps; seed += stride) {
  try {
    const report = await simulate({ seed, steps: stepsEach })
    made += report.steps
    tell({
      type: 'done',
      seed,
      steps: report.steps,
      acknowledged: report.acknowledged,
      deaths: report.deaths,
    })
  } catch (error) {
    if (!(error instanceof SimulationFailed)) throw error
    made += stepsEach
    tell({ type: 'failed', message: error.message })
  }
}
