/**
 * An open loop: so many offers a second, whatever becomes of the ones before. Each is due at its own moment, and is told
 * which, so that its latency counts from there even where it was made late.
 *
 * Whoever offers more than its own thread can make falls behind for good. With a `lagMsMax`, what is due for longer is
 * dropped and counted: offering ever more at once, ever later, would measure bursts that nobody sends. Without one nothing
 * is dropped, so that a stall of this thread counts into the latency of all that was due meanwhile.
 */
export type Pace = {
  readonly perSecond: number
  readonly forMs: number
  readonly lagMsMax?: number
  readonly offer: (dueMs: number) => void
}

export type Paced = { readonly offered: number; readonly dropped: number }

const TICK_MS = 1

/** Resolves when the last was offered or dropped; what became of them is the caller's to wait for. */
export function pace({ perSecond, forMs, lagMsMax = Number.POSITIVE_INFINITY, offer }: Pace): Promise<Paced> {
  const { promise, resolve } = Promise.withResolvers<Paced>()
  const startedMs = performance.now()
  const total = Math.floor((perSecond * forMs) / 1_000)
  const perMs = perSecond / 1_000
  let next = 0
  let dropped = 0
  const tick = (): void => {
    const elapsedMs = performance.now() - startedMs
    const due = Math.min(total, Math.floor(elapsedMs * perMs))
    const oldest = Math.min(due, Math.floor((elapsedMs - lagMsMax) * perMs))
    if (oldest > next) {
      dropped += oldest - next
      next = oldest
    }
    for (; next < due; next++) offer(startedMs + next / perMs)
    if (next >= total) return resolve({ offered: total - dropped, dropped })
    // Late already: at the end of this turn of the loop, once the answers that have come are heard.
    if (performance.now() - startedMs > (next + 1) / perMs + TICK_MS) setImmediate(tick)
    else setTimeout(tick, TICK_MS)
  }
  tick()
  return promise
}
