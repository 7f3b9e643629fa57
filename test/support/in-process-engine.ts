/**
 * The engine and its shard workers in one thread, on a disk in memory and with time that stands still: what the
 * supervisor does between them is done here by the test, or not.
 *
 * A worker's life is a session of the disk and of the timers. Its end, wanted or not, ends both, so nothing of it runs on.
 */
import type { MessagePort } from 'node:worker_threads'
import { Engine } from '../../src/actors/engine.ts'
import { EngineError } from '../../src/actors/engine-error.ts'
import type { CheckedMemory, MemoryCheck } from '../../src/actors/memory-checks.ts'
import type {
  CallsMessage,
  FeedMessage,
  FromWorker,
  RepliesMessage,
  ToEngine,
  ToWorker,
  WorkerState,
  WorkerStatus,
} from '../../src/actors/protocol.ts'
import type { Reply, ReplyTo, Request } from '../../src/actors/requests.ts'
import { shardsOfWorker } from '../../src/actors/routing.ts'
import { ShardWorker } from '../../src/actors/shard-worker.ts'
import { takeSnapshots } from '../../src/actors/snapshot-run.ts'
import type { WorkerSettings } from '../../src/actors/worker-parts.ts'
import type { CustomerId } from '../../src/domain/ids.ts'
import { tidyJournal } from '../../src/persistence/journal/carry.ts'
import type { Disk } from '../../src/persistence/journal/disk.ts'
import type { StreamId } from '../../src/persistence/journal/frame.ts'
import { nextEpoch } from '../../src/persistence/journal/segments.ts'
import { ManualClock, ManualTimers } from './manual-time.ts'
import { MemoryDisk } from './memory-disk.ts'
import { Wire } from './wire.ts'

export const journalDirectory = '/data/journal'
export const snapshotDirectory = '/data/snapshots'

export type InProcessOptions = {
  readonly disk?: MemoryDisk
  readonly timers?: ManualTimers
  readonly workers?: number
  readonly shards?: number
  readonly segmentBytes?: number
  readonly returnDays?: number
  readonly heapMb?: number
  readonly acceptClock?: boolean
  /** Where reservation ids come from; the same in every run of a test. */
  readonly fraction?: () => number
  /** Leave what interrupted starts left, as a process does whose boot was cut short. */
  readonly keepLeftovers?: boolean
}

/** Where a test begins that does not say otherwise. */
export const startMs = Date.UTC(2026, 0, 1, 12)

/** What became of one call. */
export type Outcome =
  | { readonly type: 'reply'; readonly reply: Reply }
  | { readonly type: 'error'; readonly error: EngineError }
export type Asked<R extends Request = Request> = {
  readonly request: R
  /** Absent while the call waits. */
  outcome: Outcome | undefined
}

/** One life of a worker, from its start to its end. */
export class WorkerLife {
  readonly settings: WorkerSettings
  readonly wire: Wire<CallsMessage, RepliesMessage> = new Wire()
  /** What its board shows, once `tell({ type: 'feed' })` has asked for it. */
  readonly feed: Wire<never, FeedMessage> = new Wire()
  readonly logs: { readonly level: string; readonly event: string; readonly detail: object }[] = []
  readonly rolled: number[] = []
  /** Of its memory, for the next replay. */
  checks: readonly MemoryCheck[] = []
  /** Whose reservations it said had expired. */
  readonly expired: CustomerId[] = []
  /** How often it said that it failed, and of what. */
  readonly failures: { readonly why: string; readonly poison: string | undefined }[] = []
  readonly states: WorkerState[] = []
  exitCode: number | undefined
  isClosed = false
  /** Where it keeps its board, as soon as it has said so to anybody. */
  board: RepliesMessage['board']
  status: WorkerStatus | undefined
  readonly #control: Wire<ToWorker, FromWorker> = new Wire()
  readonly #worker: ShardWorker
  readonly #endSessions: () => void

  constructor(options: {
    readonly settings: WorkerSettings
    readonly disk: MemoryDisk
    readonly timers: ManualTimers
    readonly engine: Pick<Engine, 'execute'>
    readonly hear: (life: WorkerLife, message: FromWorker | { readonly type: 'exit' }) => void
  }) {
    this.settings = options.settings
    this.wire.there.copies = true
    this.wire.back.copies = true
    const disk = options.disk.session()
    const timers = options.timers.session()
    this.#endSessions = () => {
      disk.end()
      timers.end()
    }
    this.#control.near.receive((message) => {
      this.#note(message)
      options.hear(this, message)
    })
    this.#worker = new ShardWorker(options.settings, {
      disk,
      clock: options.timers.clock,
      timers,
      supervisor: this.#control.far,
      portOf: () => ({ ...this.wire.far, send: (message) => this.#send(message) }),
      feedOf: () => this.feed.far,
      engine: options.engine,
      exit: (code) => {
        this.exitCode = code
        this.end()
        options.hear(this, { type: 'exit' })
      },
    })
    this.tell({ type: 'connect', port: noPort })
    void this.#worker.start()
  }

  get state(): WorkerState {
    return this.states.at(-1) ?? { type: 'starting' }
  }

  get isOver(): boolean {
    return this.exitCode !== undefined
  }

  tell(message: ToWorker): void {
    this.#control.near.send(message)
  }

  /** As the thread that makes snapshots does; what is said to differ, nobody acts upon. */
  snapshot(disk: Disk): CheckedMemory {
    const { settings, checks } = this
    const segment = this.rolled.at(-1) ?? 1
    let checked: CheckedMemory = { compared: 0, differences: [], open: [] }
    this.checks = []
    takeSnapshots(disk, { settings, segment, checks }, (found) => {
      checked = found
      this.checks = found.open
    })
    return checked
  }

  askStatus(): WorkerStatus {
    this.tell({ type: 'status', id: 1 })
    if (this.status === undefined) throw new Error('the worker did not say how it is')
    return this.status
  }

  /** As a thread that is terminated: nothing of it runs from here on. */
  end(): void {
    this.#endSessions()
    this.wire.back.isHolding = true
    this.exitCode ??= 137
  }

  #send(message: RepliesMessage): void {
    if (message.board !== undefined) this.board = message.board
    this.wire.far.send(message)
  }

  #note(message: FromWorker): void {
    if (message.type === 'state') this.states.push(message.state)
    else if (message.type === 'log') this.logs.push(message)
    else if (message.type === 'rolled') this.rolled.push(message.segment)
    else if (message.type === 'checksums') this.checks = [...this.checks, message.check]
    else if (message.type === 'expired') this.expired.push(...message.customerIds)
    else if (message.type === 'failed') this.failures.push(message)
    else if (message.type === 'closed') this.isClosed = true
    else if (message.type === 'status') this.status = message.status
  }
}

// Ports do not travel here: the worker asks for the port of whatever it was sent, and is given its wire.
const noPort = {} as MessagePort

export class InProcessEngine {
  readonly disk: MemoryDisk
  readonly timers: ManualTimers
  readonly engine: Engine
  readonly control: Wire<never, ToEngine> = new Wire()
  /** By worker, the newest last. */
  readonly lives: WorkerLife[][] = []
  readonly options: Required<Omit<InProcessOptions, 'disk' | 'timers'>>
  /** What a history would be told. */
  onDurable: (stream: StreamId, ordinal: number) => void = () => {}
  #epoch: number

  constructor(options: InProcessOptions = {}) {
    this.disk = options.disk ?? new MemoryDisk()
    this.timers = options.timers ?? new ManualTimers(new ManualClock(startMs))
    this.options = {
      workers: 1,
      shards: 4,
      segmentBytes: 64 * 1_024,
      returnDays: 60,
      heapMb: 4_096,
      acceptClock: false,
      keepLeftovers: false,
      fraction: nextFraction,
      ...options,
    }
    const { workers, shards } = this.options
    const disk = this.disk.session()
    disk.makeDirectory(journalDirectory)
    disk.makeDirectory(snapshotDirectory)
    if (!this.options.keepLeftovers) tidyJournal(disk, journalDirectory)
    this.#epoch = nextEpoch(disk, journalDirectory) - 1
    const wires = new Map<MessagePort, WorkerLife>()
    this.#wires = wires
    this.engine = new Engine({
      clock: this.timers.clock,
      timers: this.timers.session(),
      random: { fraction: this.options.fraction },
      control: this.control.near,
      portOf: (end) => {
        const life = wires.get(end)
        if (life === undefined) throw new Error('the engine was given a port of no worker')
        return life.wire.near
      },
      shards,
      workers,
    })
    for (let worker = 0; worker < workers; worker++) this.lives.push([])
  }

  readonly #wires: Map<MessagePort, WorkerLife>

  /** Starts every worker and waits until each has come as far as it can. */
  async start(): Promise<this> {
    for (let worker = 0; worker < this.options.workers; worker++) this.spawn(worker)
    await this.settle()
    return this
  }

  /** Starts a worker, or the successor of one that has ended. */
  spawn(worker: number): WorkerLife {
    this.#epoch += 1
    const { workers, shards, segmentBytes, returnDays, heapMb, acceptClock } = this.options
    const life = new WorkerLife({
      settings: {
        stream: { epoch: this.#epoch, worker },
        shards: shardsOfWorker(worker, { shards, workers }),
        shardsOfData: shards,
        journalDirectory,
        snapshotDirectory,
        segmentBytes,
        returnDays,
        heapMb,
        acceptClock,
      },
      disk: this.disk,
      timers: this.timers,
      engine: this.engine,
      hear: (life, message) => {
        if (message.type === 'state') this.control.back.send({ type: 'state', worker, state: message.state })
        else if (message.type === 'durable') this.onDurable(life.settings.stream, message.ordinal)
        else if (message.type === 'exit' && this.lives[worker]?.at(-1) === life) this.#bury(worker)
      },
    })
    this.lives[worker]?.push(life)
    const port = { worker: life } as unknown as MessagePort
    this.#wires.set(port, life)
    this.control.back.send({ type: 'link', worker, port })
    this.control.back.send({ type: 'state', worker, state: life.state })
    return life
  }

  /** The newest life of a worker. */
  worker(index = 0): WorkerLife {
    const life = this.lives[index]?.at(-1)
    if (life === undefined) throw new Error(`worker ${index} was never started`)
    return life
  }

  /** Ends a worker's thread in the middle of whatever it does, and tells the engine. */
  kill(worker = 0): void {
    this.worker(worker).end()
    this.#bury(worker)
  }

  /** Begins a call; what became of it stands in what is returned. */
  call<R extends Request>(request: R): Asked<R> {
    const asked: Asked<R> = { request, outcome: undefined }
    this.engine.execute(request).then(
      (reply) => {
        asked.outcome = { type: 'reply', reply }
      },
      (error: unknown) => {
        if (!(error instanceof EngineError)) throw error
        asked.outcome = { type: 'error', error }
      },
    )
    return asked
  }

  /** Calls and waits as long as no time need pass; throws the engine's error. */
  async ask<R extends Request>(request: R): Promise<ReplyTo<R>> {
    const asked = this.call(request)
    await this.settle()
    const { outcome } = asked
    if (outcome === undefined) throw new Error(`no answer to ${request.type}`)
    if (outcome.type === 'error') {
      const failed = this.lives.flat().flatMap(({ failures }) => failures.map(({ why }) => why))
      // A worker that failed is why, and the engine cannot know it.
      if (failed.length > 0) throw new Error(failed.at(-1) ?? '', { cause: outcome.error })
      throw outcome.error
    }
    // What a reply to this request is, the engine's own signature says.
    return outcome.reply as ReplyTo<R>
  }

  settle(): Promise<void> {
    return this.timers.settle()
  }

  advance(ms: number): Promise<void> {
    return this.timers.advance(ms)
  }

  /** An orderly end of every worker. */
  async shutDown(): Promise<void> {
    for (const lives of this.lives) lives.at(-1)?.tell({ type: 'shutdown' })
    await this.settle()
  }

  /** All threads end at once, with whatever they were doing; the disk stays as it is. */
  crash(): void {
    for (const lives of this.lives) for (const life of lives) life.end()
  }

  #bury(worker: number): void {
    this.control.back.send({ type: 'down', worker })
    this.control.back.send({ type: 'state', worker, state: { type: 'starting' } })
  }
}

/** Ids of all engines of a test differ; the same in every run (splitmix32). */
let drawn = 0
function nextFraction(): number {
  drawn = (drawn + 0x9e3779b9) | 0
  let mixed = Math.imul(drawn ^ (drawn >>> 16), 0x21f0aaad)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
  return ((mixed ^ (mixed >>> 15)) >>> 0) / 0x1_0000_0000
}

export async function inProcessEngine(options: InProcessOptions = {}): Promise<InProcessEngine> {
  return new InProcessEngine(options).start()
}
