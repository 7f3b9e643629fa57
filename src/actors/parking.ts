/**
 * Calls that wait for their shard while it changes hands. Nothing has happened yet of what they ask for: each is sent when
 * the shard serves at its new place, or given up when it has waited long enough.
 *
 * How long that is the supervisor says. Where shards never move, nobody waits.
 */
import { commandDeadlineMs, parkedCheckMs } from '../limits.ts'
import type { Clock, Timer, Timers } from '../seams.ts'

/** When it was asked first, by the monotonic clock. */
type Parkable = { readonly askedAtMs: number }
type Parked<Call> = { readonly call: Call; readonly untilMs: number }

export class Parking<Call extends Parkable> {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #timers: Timers
  readonly #giveUp: (call: Call, worker: number) => void
  /** By worker, each in the order in which its calls came. */
  readonly #parked = new Map<number, Parked<Call>[]>()
  #forMs = 0
  #size = 0
  #watch: Timer | undefined

  /** `giveUp` hears of calls that have waited in vain. */
  constructor(
    giveUp: (call: Call, worker: number) => void,
    seams: { readonly clock: Pick<Clock, 'monotonicMs'>; readonly timers: Timers },
  ) {
    this.#giveUp = giveUp
    this.#clock = seams.clock
    this.#timers = seams.timers
  }

  /** How long a call may wait from now on; 0 where shards never move. */
  set forMs(forMs: number) {
    this.#forMs = forMs
  }

  /** Whether calls may wait at all. */
  get isOpen(): boolean {
    return this.#forMs > 0
  }

  get size(): number {
    return this.#size
  }

  /** Lets a call wait for this worker. False where it may not, or has used up its time: it was not taken. */
  put(worker: number, call: Call): boolean {
    if (!this.isOpen) return false
    const nowMs = this.#clock.monotonicMs()
    const untilMs = Math.min(nowMs + this.#forMs, call.askedAtMs + commandDeadlineMs)
    if (untilMs <= nowMs) return false
    const parked = this.#parked.get(worker)
    if (parked === undefined) this.#parked.set(worker, [{ call, untilMs }])
    else parked.push({ call, untilMs })
    this.#size += 1
    if (this.#watch === undefined) this.#watchTime(untilMs - nowMs)
    return true
  }

  /** Takes all that wait for this worker, in their order. */
  take(worker: number): readonly Call[] {
    const parked = this.#parked.get(worker)
    if (parked === undefined) return []
    this.#parked.delete(worker)
    this.#size -= parked.length
    return parked.map(({ call }) => call)
  }

  /** Nobody is waited for any more. */
  end(): void {
    this.#watch?.cancel()
    this.#forMs = 0
    for (const worker of [...this.#parked.keys()])
      for (const call of this.take(worker)) this.#giveUp(call, worker)
  }

  /** One timer for all. It comes a little late rather than once for each of them. */
  #watchTime(delayMs: number): void {
    this.#watch = this.#timers.after(Math.max(delayMs, parkedCheckMs), () => {
      this.#watch = undefined
      const nowMs = this.#clock.monotonicMs()
      let nextMs = Number.POSITIVE_INFINITY
      for (const [worker, parked] of this.#parked) {
        const waiting = parked.filter(({ untilMs }) => untilMs > nowMs)
        this.#size -= parked.length - waiting.length
        if (waiting.length === 0) this.#parked.delete(worker)
        else this.#parked.set(worker, waiting)
        for (const { untilMs } of waiting) nextMs = Math.min(nextMs, untilMs)
        for (const { call, untilMs } of parked) if (untilMs <= nowMs) this.#giveUp(call, worker)
      }
      if (this.#size > 0 && this.#watch === undefined) this.#watchTime(nextMs - nowMs)
    })
  }
}
