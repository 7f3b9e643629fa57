import type { Clock, Timers } from '../../seams.ts'

export type Seams = { readonly clock: Clock; readonly timers: Timers }

const tryEveryMs = 50

/** What `attempt` comes to, asked again while it rejects. Rejects with what it said last, once the time is over or `isOver`. */
export async function until<T>(
  attempt: () => Promise<T>,
  options: Seams & { readonly withinMs: number; readonly what: string; readonly isOver?: () => boolean },
): Promise<T> {
  const { clock, timers, withinMs, what, isOver = () => false } = options
  const givenUpMs = clock.monotonicMs() + withinMs
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      if (isOver() || clock.monotonicMs() > givenUpMs) throw new Error(`${what}: ${why}`, { cause: error })
    }
    await pause(tryEveryMs, timers)
  }
}

export function pause(ms: number, timers: Timers): Promise<void> {
  return new Promise((resolve) => void timers.after(ms, resolve))
}
