import type { Clock, Random, Timers } from '../seams.ts'

const RETRY_MS_MIN = 50
const RETRY_MS_MAX = 1_000

/** How long to leave alone what has just failed; `failures` counts those in a row, `chance` in [0, 1) keeps nodes apart. */
export function retryDelayMs(failures: number, chance: number): number {
  return Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** (failures - 1)) * (0.5 + chance / 2)
}

/** Asks until there is an answer. Rejects with the last error where that is `final`, or the time is up. */
export async function untilAnswered<T>(
  ask: () => Promise<T>,
  options: {
    readonly clock: Clock
    readonly timers: Timers
    readonly random: Random
    readonly withinMs: number
    readonly isFinal: (error: unknown) => boolean
  },
): Promise<T> {
  const { clock, timers, random, withinMs, isFinal } = options
  const givenUpMs = clock.monotonicMs() + withinMs
  for (let failures = 1; ; failures++) {
    try {
      return await ask()
    } catch (error) {
      if (isFinal(error) || clock.monotonicMs() > givenUpMs) throw error
      const delayMs = retryDelayMs(failures, random.fraction())
      await new Promise<void>((resolve) => void timers.after(delayMs, resolve))
    }
  }
}
