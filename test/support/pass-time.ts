/** Time for what waits on timers and on the tables by turns. */
import type { ManualTimers } from './manual-time.ts'

/** More turns of the loop than any chain of calls to the tables takes. */
const TURNS = 12

/** Lets so much time pass in steps, with an answer from the tables in between. */
export async function passTime(timers: ManualTimers, ms: number, stepMs = 500): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    await timers.advance(Math.min(stepMs, ms - passed))
    await settleTurns()
  }
}

export async function settleTurns(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve))
}
