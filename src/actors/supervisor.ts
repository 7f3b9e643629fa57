/**
 * Keeps the workers of a process alive and its listeners connected to them. Runs in the main thread.
 *
 * Owns which epoch each worker writes, when a dead one is replaced, and which commands are refused because they ended
 * their worker again and again. Knows nothing of what workers decide.
 *
 * V1  A successor starts only after its predecessor's thread has ended: one stream of a shard is written at a time.
 * V2  Every new worker gets an epoch above all before it.
 */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import type { CustomerId } from '../domain/ids.ts'
import {
  checksKeptMax,
  differencesLoggedMax,
  poisonRememberedMax,
  poisonTriesMax,
  shutdownDeadlineMs,
  snapshotSegments,
} from '../limits.ts'
import type { StreamId } from '../persistence/journal/frame.ts'
import { type Port, portOf, type Timers } from '../seams.ts'
import type { CheckedMemory, MemoryCheck } from './memory-checks.ts'
import type { FromWorker, ToEngine, ToWorker, WorkerState, WorkerStatus } from './protocol.ts'
import { respawnDelayMs } from './respawn-delay.ts'
import { shardsOfWorker } from './routing.ts'
import type { SnapshotData } from './snapshot-entry.ts'
import type { WorkerData } from './worker-entry.ts'
import type { WorkerSettings } from './worker-parts.ts'

/** Structured events of the supervisor, for the log. */
export type SupervisorLog = (level: 'info' | 'warn' | 'error', event: string, detail: object) => void

export type SupervisorOptions = {
  readonly timers: Timers
  readonly log: SupervisorLog
  readonly workers: number
  readonly shards: number
  readonly journalDirectory: string
  readonly snapshotDirectory: string
  readonly segmentBytes: number
  readonly returnDays: number
  /** MiB of each worker's heap. */
  readonly workerHeapMb: number
  readonly acceptClock: boolean
  readonly crashPoint: string | undefined
  /** The first epoch that no file of this journal has. */
  readonly nextEpoch: number
  /** Hears whose reservations have expired, at any worker; who is named twice had two. */
  readonly onExpired?: (customerIds: readonly CustomerId[]) => void
  /** Frames of a stream up to this ordinal survive power loss. */
  readonly onDurable?: (stream: StreamId, ordinal: number) => void
}

export type WorkerReadiness = { readonly worker: number; readonly state: WorkerState }

type Member = {
  readonly index: number
  thread: Worker | undefined
  port: Port<FromWorker, ToWorker> | undefined
  /** Of the engine by which its shards reach those of others. */
  engine: Port<never, ToEngine> | undefined
  settings: WorkerSettings | undefined
  state: WorkerState
  /** Ends in a row without having served. */
  failures: number
  closed: boolean
  snapshotting: Worker | undefined
  /** Of this life, for the next replay (M1). */
  checks: MemoryCheck[]
}

export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #members: readonly Member[]
  readonly #engines = new Set<Port<never, ToEngine>>()
  /** How often a command ended its worker, by fingerprint; oldest first. */
  readonly #poison = new Map<string, number>()
  readonly #statusCalls = new Map<number, (status: WorkerStatus) => void>()
  #epoch: number
  #lastStatusId = 0
  #isClosing = false
  #onChange: () => void = () => {}

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#epoch = options.nextEpoch - 1
    this.#members = Array.from({ length: options.workers }, (_, index) => ({
      index,
      thread: undefined,
      port: undefined,
      engine: undefined,
      settings: undefined,
      state: { type: 'starting' },
      failures: 0,
      closed: false,
      snapshotting: undefined,
      checks: [],
    }))
  }

  /** Starts all workers; resolves when each is ready, or needs somebody to act. */
  async start(): Promise<void> {
    for (const member of this.#members) this.#spawn(member)
    await this.#until(() => this.#members.every(({ state }) => state.type !== 'starting'))
  }

  /** Connects a listener's engine, now and with every worker to come. */
  attach(engine: Port<never, ToEngine>): void {
    this.#engines.add(engine)
    for (const member of this.#members) {
      if (member.port === undefined) continue
      this.#link(member, engine)
    }
    for (const [fingerprint, times] of this.#poison) {
      if (times >= poisonTriesMax) engine.send({ type: 'quarantine', fingerprint })
    }
  }

  /** Forgets an engine that is gone. */
  detach(engine: Port<never, ToEngine>): void {
    this.#engines.delete(engine)
  }

  readiness(): readonly WorkerReadiness[] {
    return this.#members.map(({ index: worker, state }) => ({ worker, state }))
  }

  /** What each living worker says of itself; those that do not answer in time are left out. */
  async status(withinMs: number): Promise<readonly WorkerStatus[]> {
    const asked = this.#members.map(
      (member) =>
        new Promise<WorkerStatus | undefined>((resolve) => {
          if (member.port === undefined) return resolve(undefined)
          const id = ++this.#lastStatusId
          const timer = this.#options.timers.after(withinMs, () => {
            this.#statusCalls.delete(id)
            resolve(undefined)
          })
          this.#statusCalls.set(id, (status) => {
            timer.cancel()
            resolve(status)
          })
          member.port.send({ type: 'status', id })
        }),
    )
    return (await Promise.all(asked)).filter((status) => status !== undefined)
  }

  /**
   * Ends every worker in order: what they have accepted is decided, durable and answered. Rejects where one ended some
   * other way. A worker that has ended before has nothing more to lose: whoever waited for it was told.
   */
  async shutDown(): Promise<void> {
    this.#isClosing = true
    const living = this.#members.filter(({ thread }) => thread !== undefined)
    for (const { port, snapshotting } of this.#members) {
      port?.send({ type: 'shutdown' })
      void snapshotting?.terminate()
    }
    const deadline = this.#options.timers.after(shutdownDeadlineMs, () => {
      for (const { thread } of this.#members) void thread?.terminate()
    })
    await this.#until(() => this.#members.every(({ thread }) => thread === undefined))
    deadline.cancel()
    const lost = living.filter(({ closed }) => !closed)
    if (lost.length > 0)
      throw new Error(`${lost.length} workers did not close in order; the next start replays`)
  }

  #spawn(member: Member): void {
    const { workers, shards, journalDirectory, snapshotDirectory, segmentBytes, returnDays, acceptClock } =
      this.#options
    const { workerHeapMb: heapMb } = this.#options
    this.#epoch += 1
    const settings: WorkerSettings = {
      stream: { epoch: this.#epoch, worker: member.index },
      shards: shardsOfWorker(member.index, { shards, workers }),
      shardsOfData: shards,
      journalDirectory,
      snapshotDirectory,
      segmentBytes,
      returnDays,
      heapMb,
      acceptClock,
    }
    const { engineEnd, supervisorEnd } = controlChannel()
    const { crashPoint } = this.#options
    const workerData: WorkerData = { settings, workers, engine: engineEnd, crashPoint }
    const thread = new Worker(new URL('./worker-entry.ts', import.meta.url), {
      workerData,
      transferList: [engineEnd],
      resourceLimits: { maxOldGenerationSizeMb: heapMb },
    })
    member.settings = settings
    member.thread = thread
    member.port = portOf(thread)
    this.#become(member, { type: 'starting' })
    member.port.receive((message) => this.#hear(member, message))
    thread.on('error', (error) => {
      this.#options.log('error', 'worker.error', { worker: member.index, why: String(error) })
    })
    thread.on('exit', (code) => this.#bury(member, code))
    for (const engine of this.#engines) this.#link(member, engine)
    member.engine = supervisorEnd
    this.attach(supervisorEnd)
  }

  #link(member: Member, engine: Port<never, ToEngine>): void {
    const { port1, port2 } = new MessageChannel()
    const worker = member.index
    engine.send({ type: 'link', worker, port: port1 }, [port1])
    engine.send({ type: 'state', worker, state: member.state })
    member.port?.send({ type: 'connect', port: port2 }, [port2])
  }

  #hear(member: Member, message: FromWorker): void {
    switch (message.type) {
      case 'state':
        if (message.state.type === 'ready') member.failures = 0
        else if (message.state.type !== 'starting') {
          this.#options.log('error', `worker.${message.state.type}`, {
            worker: member.index,
            why: message.state.why,
          })
        }
        return this.#become(member, message.state)
      case 'log':
        return this.#options.log(message.level, message.event, { worker: member.index, ...message.detail })
      case 'status':
        this.#statusCalls.get(message.id)?.(message.status)
        this.#statusCalls.delete(message.id)
        return
      case 'rolled':
        if (message.segment % snapshotSegments === 1) this.#snapshot(member, message.segment)
        return
      case 'checksums':
        if (member.checks.length === checksKeptMax) member.checks.shift()
        member.checks.push(message.check)
        return
      case 'expired':
        this.#options.onExpired?.(message.customerIds)
        return
      case 'durable':
        if (member.settings !== undefined) this.#options.onDurable?.(member.settings.stream, message.ordinal)
        return
      case 'failed':
        this.#options.log('error', 'worker.failed', { worker: member.index, why: message.why })
        if (message.poison !== undefined) this.#notePoison(message.poison)
        return
      case 'closed':
        member.closed = true
        return
    }
  }

  /** The thread has ended. Unless all is closing, a successor replays what it left (V1). */
  #bury(member: Member, code: number): void {
    member.thread = undefined
    member.port = undefined
    member.checks = []
    if (member.engine !== undefined) this.detach(member.engine)
    member.engine = undefined
    for (const engine of this.#engines) engine.send({ type: 'down', worker: member.index })
    this.#become(member, { type: 'starting' })
    if (this.#isClosing) return
    member.failures += 1
    const delayMs = respawnDelayMs(member.failures)
    this.#options.log('warn', 'worker.respawn', { worker: member.index, code, delayMs })
    this.#options.timers.after(delayMs, () => {
      if (!this.#isClosing) this.#spawn(member)
    })
  }

  #become(member: Member, state: WorkerState): void {
    member.state = state
    for (const engine of this.#engines) engine.send({ type: 'state', worker: member.index, state })
    this.#onChange()
  }

  /** A command that ended its worker `poisonTriesMax` times is not let through any more (FAULTS.md, 51). */
  #notePoison(fingerprint: string): void {
    const times = (this.#poison.get(fingerprint) ?? 0) + 1
    this.#poison.delete(fingerprint)
    this.#poison.set(fingerprint, times)
    const [oldest] = this.#poison.keys()
    if (this.#poison.size > poisonRememberedMax && oldest !== undefined) this.#poison.delete(oldest)
    if (times < poisonTriesMax) return
    this.#options.log('error', 'command.quarantined', { command: fingerprint, times })
    for (const engine of this.#engines) engine.send({ type: 'quarantine', fingerprint })
  }

  #snapshot(member: Member, segment: number): void {
    if (member.settings === undefined || member.snapshotting !== undefined) return
    const { settings, checks, thread: worker } = member
    const { crashPoint } = this.#options
    const workerData: SnapshotData = { settings, segment, checks, crashPoint }
    member.checks = []
    // It keeps what the worker keeps.
    const resourceLimits = { maxOldGenerationSizeMb: member.settings.heapMb }
    const url = new URL('./snapshot-entry.ts', import.meta.url)
    const thread = new Worker(url, { workerData, resourceLimits })
    member.snapshotting = thread
    thread.on('error', (error) => {
      this.#options.log('warn', 'snapshot.failed', { worker: member.index, why: String(error) })
    })
    thread.on('message', (checked: CheckedMemory) => {
      if (worker !== undefined && member.thread === worker) this.#noteMemory(member, checked)
    })
    thread.on('exit', () => {
      member.snapshotting = undefined
    })
  }

  /** Where a worker's memory is not what the journal says, the journal is right (FAULTS.md, 39). */
  #noteMemory(member: Member, { open, differences }: CheckedMemory): void {
    member.checks = [...open, ...member.checks].slice(-checksKeptMax)
    for (const difference of differences.slice(0, differencesLoggedMax)) {
      this.#options.log('error', 'memory.differs', { worker: member.index, ...difference })
    }
    const [first] = differences
    if (first === undefined) return
    const why = `its memory differs from the journal: ${first.part} of shard ${first.shard} after event ${first.sequence}`
    member.port?.send({ type: 'end', why })
  }

  #until(isSo: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#onChange = () => {
        if (isSo()) resolve()
      }
      this.#onChange()
    })
  }
}

/** A channel whose one end is the engine's control port, wherever its thread is. */
export function controlChannel(): {
  readonly engineEnd: MessagePort
  readonly supervisorEnd: Port<never, ToEngine>
} {
  const { port1, port2 } = new MessageChannel()
  return { engineEnd: port1, supervisorEnd: portOf(port2) }
}
