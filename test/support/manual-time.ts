/** Time that stands still until a test moves it: a clock, and timers that run by it in one order, always the same. */
import type { Clock, Timer, Timers } from '../../src/seams.ts'

export class ManualClock implements Clock {
  #wallMs: number
  #monotonicMs = 1_000

  constructor(wallMs: number) {
    this.#wallMs = wallMs
  }

  /** Whole milliseconds, as a machine's clock tells them. */
  wallMs(): number {
    return Math.floor(this.#wallMs)
  }

  monotonicMs(): number {
    return this.#monotonicMs
  }

  pass(ms: number): void {
    this.#wallMs += ms
    this.#monotonicMs += ms
  }

  /** What an operator, or a time server, does to a machine's clock: monotonic time does not notice. */
  setWall(wallMs: number): void {
    this.#wallMs = wallMs
  }
}

type Soon = { readonly thread: number; readonly call: () => void }
type Waiting = { readonly atMs: number; readonly order: number; readonly call: () => void }

/** More rounds than anything here needs; whoever asks again and again for a turn that changes nothing stops at it. */
const ROUNDS_MAX = 1_000

export class ManualTimers {
  readonly clock: ManualClock
  /** Calls that were made, for whoever counts them. */
  made = 0
  /** Where it is set, threads take their turns by chance; each one's own calls keep their order. */
  random: (() => number) | undefined
  readonly #waiting = new Set<Waiting>()
  #soon: Soon[] = []
  #sessions = 0
  #order = 0

  constructor(clock: ManualClock) {
    this.clock = clock
  }

  /** Timers of one thread: none of them calls after its end. */
  session(): Timers & { end(): void } {
    let isOver = false
    const own = new Set<Waiting>()
    const thread = this.#sessions++
    return {
      after: (delayMs, call) => {
        const waiting = this.#add(delayMs, () => {
          own.delete(waiting)
          if (!isOver) call()
        })
        own.add(waiting)
        return { cancel: () => this.#cancel(own, waiting) }
      },
      soon: (call) => {
        const unlessOver = () => {
          if (!isOver) call()
        }
        this.#soon.push({ thread, call: unlessOver })
      },
      end: () => {
        isOver = true
        for (const waiting of own) this.#waiting.delete(waiting)
      },
    }
  }

  /** When the next timer rings, by the monotonic clock; `Infinity` where there is none. */
  get nextAtMs(): number {
    return this.#next()?.atMs ?? Number.POSITIVE_INFINITY
  }

  /** Timers that wait. */
  get size(): number {
    return this.#waiting.size
  }

  /** Lets everything run that can run without time passing. */
  async settle(): Promise<void> {
    for (let round = 0; round < ROUNDS_MAX; round++) if (!(await this.step())) return
  }

  /** Lets what was asked for soon have its one turn. False where nothing was. */
  async step(): Promise<boolean> {
    await microtasks()
    const calls = this.#soon
    this.#soon = []
    for (const { call } of this.random === undefined ? calls : mixed(calls, this.random)) {
      this.made += 1
      call()
    }
    return calls.length > 0
  }

  /** Rings the next timer, at its time. False where none waits. */
  ringNext(): boolean {
    const next = this.#next()
    if (next === undefined) return false
    this.clock.pass(Math.max(0, next.atMs - this.clock.monotonicMs()))
    this.#waiting.delete(next)
    this.made += 1
    next.call()
    return true
  }

  /** Lets so much time pass, ringing each timer at its time. */
  async advance(ms: number): Promise<void> {
    const endMs = this.clock.monotonicMs() + ms
    await this.settle()
    for (;;) {
      if (this.nextAtMs > endMs) break
      this.ringNext()
      await this.settle()
    }
    this.clock.pass(endMs - this.clock.monotonicMs())
  }

  #add(delayMs: number, call: () => void): Waiting {
    this.#order += 1
    // Node rings no timer within the millisecond in which it is set.
    const atMs = this.clock.monotonicMs() + Math.max(1, delayMs)
    const waiting = { atMs, order: this.#order, call }
    this.#waiting.add(waiting)
    return waiting
  }

  #cancel(own: Set<Waiting>, waiting: Waiting): void {
    own.delete(waiting)
    this.#waiting.delete(waiting)
  }

  #next(): Waiting | undefined {
    let next: Waiting | undefined
    for (const waiting of this.#waiting) {
      if (next === undefined || waiting.atMs < next.atMs) next = waiting
      else if (waiting.atMs === next.atMs && waiting.order < next.order) next = waiting
    }
    return next
  }
}

/** All of them, in an order in which threads that run beside each other could have come to them. */
function* mixed(calls: readonly Soon[], random: () => number): Generator<Soon> {
  const threads = [...Map.groupBy(calls, ({ thread }) => thread).values()]
  while (threads.length > 0) {
    const at = Math.floor(random() * threads.length)
    const thread = threads[at] as Soon[]
    yield thread.shift() as Soon
    if (thread.length === 0) threads.splice(at, 1)
  }
}

/** Every promise that can go on has gone on; nothing here waits for the outside, so one turn of the loop is enough. */
function microtasks(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

export type { Timer }
