/**
 * A machine that a simulation owns: a disk and a clock that last, and the process that runs on them, which may end at any
 * moment. The process is the whole engine with its workers and the HTTP app, as a function, before it.
 *
 * What main's supervisor does between workers is done here: one that ended is started again after a while, and snapshots
 * are taken when journals roll.
 */

import { SplitCoordinator } from '../../src/actors/split-coordinator.ts'
import { snapshotSegments } from '../../src/limits.ts'
import { removeUnfinished } from '../../src/persistence/journal/snapshot.ts'
import { JournalDamaged } from '../../src/persistence/journal/streams.ts'
import { fakes } from '../http/fake-parts.ts'
import type { CallOutcome } from '../support/http-call.ts'
import { InProcessEngine, snapshotDirectory, startMs, type WorkerLife } from '../support/in-process-engine.ts'
import type { Shop, ShopRequest } from '../support/load-client.ts'
import { ManualClock, ManualTimers } from '../support/manual-time.ts'
import { type Fate, MemoryDisk, SessionOver } from '../support/memory-disk.ts'

export const SHARDS = 8

export type MachineOptions = {
  readonly segmentBytes: number
  readonly returnDays: number
  /** Segments between two snapshots of a running worker. */
  readonly snapshotSegments: number
  /** Believe the clock at every start, whatever was recorded. */
  readonly acceptClock: boolean
  /** How long after its end a worker is started again that has ended so often without having served. */
  readonly respawnMs: (failures: number) => number
}

const RESPAWN_MS = 50
/** A few dozen kilobytes of events fill a segment, so that a run sees many. */
const USUAL: MachineOptions = {
  segmentBytes: 64 * 1_024,
  returnDays: 60,
  snapshotSegments,
  acceptClock: false,
  respawnMs: () => RESPAWN_MS,
}
/** As pino writes it. */
const ERROR_LEVEL = 50
/** Nobody asks a machine that is as still as this. */
const TURNED_AWAY_MS = 20

export class SimulatedMachine {
  readonly timers = new ManualTimers(new ManualClock(startMs))
  disk = new MemoryDisk()
  /** How often what a worker had in memory was compared with a replay. */
  checksCompared = 0
  readonly options: MachineOptions
  readonly #random: () => number
  #process: Process | undefined
  /** Calls to the disks before this one. */
  #callsBefore = 0

  constructor(random: () => number, options: MachineOptions = USUAL) {
    this.#random = random
    this.options = options
    this.timers.random = random
  }

  /** The process that runs now; none where it has ended. */
  get process(): Process | undefined {
    return this.#process
  }

  /** What has happened so far: calls that the scheduler made, and calls to the disk that returned or failed. */
  get steps(): number {
    return this.timers.made + this.#callsBefore + this.disk.calls
  }

  /** Starts a process. False where it ended before it could serve: its disk failed. */
  async start(workers: number): Promise<boolean> {
    this.#process = undefined
    try {
      const started = new Process(this, { workers, random: this.#random })
      this.#process = started
      await started.start()
      return true
    } catch (error) {
      this.#process?.end()
      this.#process = undefined
      if (!isOfDisk(error)) throw error
      return false
    }
  }

  /** The process ends in the middle of whatever it does; where the power goes with it, so does what was not synced. */
  crash(power?: (index: number) => Fate): void {
    this.#process?.end()
    this.#process = undefined
    const { disk } = this
    disk.heal()
    this.#callsBefore += disk.calls
    this.disk = power === undefined ? disk.copy() : disk.afterPowerLoss(power)
  }
}

/** One life of the process. */
export class Process implements Shop {
  readonly engine: InProcessEngine
  readonly #machine: SimulatedMachine
  readonly #fakes: ReturnType<typeof fakes>
  readonly #timers: ReturnType<ManualTimers['session']>
  readonly #died = Promise.withResolvers<CallOutcome>()
  readonly #snapshotted = new Map<WorkerLife, number>()
  readonly #respawning = new Set<WorkerLife>()
  /** Calls that wait for an answer. */
  underWay = 0
  answered = 0
  hasExited = false

  constructor(
    machine: SimulatedMachine,
    options: { readonly workers: number; readonly random: () => number },
  ) {
    this.#machine = machine
    const { disk, timers } = machine
    const { workers, random } = options
    const session = disk.session()
    if (session.exists(snapshotDirectory)) removeUnfinished(session, snapshotDirectory)
    const { segmentBytes, returnDays, acceptClock } = machine.options
    this.engine = new InProcessEngine({
      disk,
      timers,
      workers,
      shards: SHARDS,
      segmentBytes,
      returnDays,
      acceptClock,
      fraction: random,
    })
    this.#timers = timers.session()
    const { engine } = this.engine
    this.#fakes = fakes({
      engine,
      splits: new SplitCoordinator(engine, { clock: timers.clock, timers: this.#timers, shards: SHARDS }),
      shards: SHARDS,
      clock: timers.clock,
      random: { fraction: random },
    })
  }

  start(): Promise<unknown> {
    return this.engine.start()
  }

  /** What a supervisor sees to, after every step. */
  tend(): void {
    this.engine.lives.forEach((lives, worker) => {
      const life = lives.at(-1)
      if (life === undefined) return
      if (life.isOver) this.#respawn(life, worker)
      else if (this.#isDue(life)) this.#snapshot(life)
    })
  }

  async call(
    [method, path]: readonly [method: string, path: string],
    { body, idempotencyKey }: ShopRequest,
  ): Promise<CallOutcome> {
    const headers = idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }
    this.underWay += 1
    const answer = this.#fakes.call(method, path, { as: 'admin', body, headers }).then(
      (reply): CallOutcome => ({
        type: 'answered',
        status: reply.status,
        body: reply.text.startsWith('{') ? reply.body : {},
        headers: Object.fromEntries(reply.headers),
      }),
    )
    const outcome = await Promise.race([answer, this.#died.promise])
    this.underWay -= 1
    this.answered += 1
    const mistake = this.#fakes.logged.splice(0).find(({ level }) => level === ERROR_LEVEL)
    if (mistake !== undefined) throw new Error(`a mistake of the app: ${JSON.stringify(mistake)}`)
    return outcome
  }

  pause(ms: number = TURNED_AWAY_MS): Promise<void> {
    if (this.hasExited) return Promise.resolve()
    const over = new Promise<void>((resolve) => void this.#timers.after(ms, resolve))
    return Promise.race([over, this.#died.promise.then(() => {})])
  }

  close(): void {}

  /** An orderly end of the workers; whoever still waits then is cut off. */
  async stop(): Promise<void> {
    await this.engine.shutDown()
  }

  end(): void {
    this.hasExited = true
    this.engine.crash()
    this.#timers.end()
    this.#died.resolve({ type: 'cut', why: 'the process has ended' })
  }

  #respawn(life: WorkerLife, worker: number): void {
    if (this.#respawning.has(life)) return
    this.#respawning.add(life)
    const lives = this.engine.lives[worker] ?? []
    const served = lives.findLastIndex(({ states }) => states.some(({ type }) => type === 'ready'))
    const failures = lives.length - 1 - Math.max(0, served)
    this.#timers.after(this.#machine.options.respawnMs(failures), () => void this.engine.spawn(worker))
  }

  #isDue(life: WorkerLife): boolean {
    const segment = life.rolled.at(-1)
    const every = this.#machine.options.snapshotSegments
    return segment !== undefined && (segment - 1) % every === 0 && this.#snapshotted.get(life) !== segment
  }

  /** As the thread that makes snapshots does; where its disk fails it ends, and nobody but the log hears of it. */
  #snapshot(life: WorkerLife): void {
    this.#snapshotted.set(life, life.rolled.at(-1) as number)
    try {
      const { compared, differences } = life.snapshot(this.#machine.disk.session())
      this.#machine.checksCompared += compared
      if (differences.length > 0) throw new Error(`its memory differs: ${JSON.stringify(differences)}`)
    } catch (error) {
      if (!isOfDisk(error)) throw error
    }
  }
}

/** Whether a disk that fails may say so with this; `JournalDamaged` it may not: nothing was damaged. */
export function isOfDisk(error: unknown): boolean {
  if (error instanceof JournalDamaged) return false
  return error instanceof SessionOver || (error instanceof Error && 'code' in error)
}
