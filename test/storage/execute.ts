/**
 * Carries the scenario out: a machine whose process calls are made of one by one, until they are answered, and which may be
 * cut off in the middle of any of them.
 */

import { respawnDelayMs } from '../../src/actors/respawn-delay.ts'
import { SimulatedMachine } from '../simulation/simulated-machine.ts'
import type { CallOutcome } from '../support/http-call.ts'
import type { ShopRequest } from '../support/load-client.ts'
import { randomFrom } from '../support/load-client.ts'
import { MemoryDisk, SessionOver } from '../support/memory-disk.ts'

/** The power is gone, or the process: whatever the scenario still wanted to do will not happen. */
class Cut extends Error {
  override readonly name = 'Cut'
}

/** Two dozen events fill one. */
const SEGMENT_BYTES = 8 * 1_024
/** More turns than any reply needs from its worker to its caller: one that does not wait for its sync is seen. */
const SYNC_TURNS = 12
/** After this long without any answer nobody waits any more (I11). */
const PATIENCE_MS = 120_000
/** As long as somebody waits for a process to be ready before asking all the same. */
const START_MS = 60_000
const TURNS_MAX = 2_000
const SEED = 4

export class Execution {
  readonly machine: SimulatedMachine
  /** Called whenever a caller was told something. */
  onAnswer: (() => void) | undefined
  /** Syncs take this long; where it is absent, some turns and no time. */
  syncMs: number | undefined
  /** Syncs do not return any more, those under way among them. */
  isStuck = false
  #isCut = false

  constructor(disk: MemoryDisk = new MemoryDisk()) {
    const options = {
      segmentBytes: SEGMENT_BYTES,
      returnDays: 1,
      snapshotSegments: 1,
      acceptClock: true,
      respawnMs: respawnDelayMs,
    }
    this.machine = new SimulatedMachine(randomFrom(SEED), options)
    this.resume(disk)
  }

  /** Goes on after a cut, with this disk. */
  resume(disk: MemoryDisk): void {
    this.#isCut = false
    this.machine.disk = disk
    const { soon, after } = this.machine.timers.session()
    const wait = (turns: number, finish: () => void): void =>
      soon(() => (turns === 0 ? finish() : wait(turns - 1, finish)))
    disk.finishLater = (finish) => {
      const unlessStuck = () => {
        if (!this.isStuck) finish()
      }
      if (this.syncMs === undefined) wait(SYNC_TURNS, unlessStuck)
      else after(this.syncMs, unlessStuck)
    }
  }

  get disk(): MemoryDisk {
    return this.machine.disk
  }

  /** The process ends before this call to the disk takes effect, and nothing follows. */
  cut(): never {
    this.#isCut = true
    this.machine.process?.end()
    throw new Cut()
  }

  /** Runs a script to its end, or to the cut; the process ends with it. */
  async run(script: () => Promise<void>): Promise<void> {
    try {
      await script()
    } catch (error) {
      if (!(this.#isCut && (error instanceof Cut || error instanceof SessionOver))) throw error
    } finally {
      this.machine.process?.end()
    }
  }

  /** A new process on the same disk, and another where that one ends at once. With neither nobody can be asked. */
  async start(workers: number): Promise<void> {
    this.#checkCut()
    if (!(await this.machine.start(workers))) {
      this.#checkCut()
      await this.machine.start(workers)
    }
    await this.settle()
    const { timers } = this.machine
    const untilMs = timers.clock.monotonicMs() + START_MS
    while (this.states.includes('starting') && timers.nextAtMs <= untilMs) {
      timers.ringNext()
      await this.settle()
    }
  }

  /** What the workers say they are. */
  get states(): readonly string[] {
    const { process } = this.machine
    return process?.engine.lives.map((lives) => lives.at(-1)?.state.type ?? 'none') ?? []
  }

  /** An orderly end. */
  async stop(): Promise<void> {
    await this.machine.process?.stop()
    await this.settle()
    this.machine.process?.end()
  }

  /** Ends it with whatever it does. */
  kill(): void {
    this.machine.process?.end()
  }

  /** Begins a call, which is answered when something lets time or turns pass. */
  async call(
    target: readonly [method: string, path: string],
    request: ShopRequest = {},
  ): Promise<CallOutcome> {
    const { process } = this.machine
    if (process === undefined || process.hasExited)
      return { type: 'unreached', why: 'no process could start' }
    const outcome = await process.call(target, request)
    return outcome
  }

  /** Lets everything go on until all of these are answered. */
  async answers<T>(calls: readonly Promise<T>[]): Promise<T[]> {
    const { timers } = this.machine
    let given: { readonly values: T[] } | { readonly error: unknown } | undefined
    Promise.all(calls).then(
      (values) => {
        given = { values }
      },
      (error: unknown) => {
        given = { error }
      },
    )
    const untilMs = timers.clock.monotonicMs() + PATIENCE_MS
    while (given === undefined) {
      this.#checkCut()
      if (!(await this.#turn()) && given === undefined && !timers.ringNext())
        throw new Error('nobody will answer any more (I11)')
      if (timers.clock.monotonicMs() > untilMs) throw new Error(`no answer within ${PATIENCE_MS} ms (I11)`)
    }
    const done = given as { readonly values: T[] } | { readonly error: unknown }
    if ('error' in done) throw done.error
    this.onAnswer?.()
    await this.settle()
    return done.values
  }

  /** Lets everything go on that can without time passing. */
  async settle(): Promise<void> {
    for (let turns = 0; turns < TURNS_MAX && (await this.#turn()); turns++) this.#checkCut()
    this.#checkCut()
  }

  /** Lets so much time pass, ringing each timer at its time. */
  async advance(ms: number): Promise<void> {
    const { timers } = this.machine
    const endMs = timers.clock.monotonicMs() + ms
    await this.settle()
    while (timers.nextAtMs <= endMs) {
      timers.ringNext()
      await this.settle()
    }
    timers.clock.pass(endMs - timers.clock.monotonicMs())
  }

  /** A machine that is put to sleep for so long. */
  async sleep(ms: number): Promise<void> {
    this.machine.timers.clock.pass(ms)
    await this.advance(1_000)
  }

  async #turn(): Promise<boolean> {
    const went = await this.machine.timers.step()
    if (this.machine.process?.hasExited === false) this.machine.process.tend()
    return went
  }

  #checkCut(): void {
    if (this.#isCut) throw new Cut()
  }
}
