/**
 * An engine within this process on a real data directory: the supervisor and its one worker thread as `npm start` has
 * them, and a caller's engine in this thread. With its journal in Redis it has a worker thread a shard, and a mirror.
 * Anything it logs beyond the usual fails the run.
 */

import { controlChannel } from '../../src/actors/control-channel.ts'
import { Engine } from '../../src/actors/engine.ts'
import type { WorkerStatus } from '../../src/actors/protocol.ts'
import { Supervisor, type SupervisorLog } from '../../src/actors/supervisor.ts'
import type { CustomerId, ProductId } from '../../src/domain/ids.ts'
import { segmentBytesDefault } from '../../src/limits.ts'
import { type DataDirectory, openDataDirectory } from '../../src/persistence/directory.ts'
import { realDisk } from '../../src/persistence/journal/disk.ts'
import type { AckPolicy } from '../../src/persistence/journal/redis/redis-log.ts'
import { nextEpoch } from '../../src/persistence/journal/segments.ts'
import { portOf, realClock, realRandom, realTimers } from '../../src/seams.ts'
import { Callers } from './callers.ts'
import { SHARDS } from './ids.ts'
import { repeat } from './repeat.ts'
import { SharedJournal } from './shared-journal.ts'

export type JournalCounts = Pick<
  WorkerStatus['journal'],
  'frames' | 'events' | 'bytes' | 'syncs' | 'seals' | 'rolls'
>

/** Units of each product: more than any load takes. */
export const STOCK = 1_000_000_000
/** The longest there is: for what must not expire while a bench runs. */
export const TTL_MS_MAX = 3_600_000
const STATUS_WITHIN_MS = 10_000

export type LocalOptions = {
  readonly shards?: number
  /** Where the journal is to be, instead of in the data directory. */
  readonly redis?: { readonly port: number; readonly ack: AckPolicy }
}

type Parts = {
  readonly directory: DataDirectory
  readonly supervisor: Supervisor
  readonly engine: Engine
  readonly shared: SharedJournal | undefined
}

export class LocalEngine {
  readonly engine: Engine
  readonly #parts: Parts

  private constructor(parts: Parts) {
    this.#parts = parts
    this.engine = parts.engine
  }

  /** Resolves when its shards serve. */
  static async start(path: string, { shards = SHARDS, redis }: LocalOptions = {}): Promise<LocalEngine> {
    const directory = openDataDirectory(path, { shards })
    const { journal, snapshots } = directory.paths
    realDisk.makeDirectory(journal)
    realDisk.makeDirectory(snapshots)
    const log: SupervisorLog = (level, event, detail) => {
      // A Redis that is kept from its core for seconds; it is tried again, and what was sent twice is counted.
      if (event === 'journal.trouble') return console.error(`${event}: ${JSON.stringify(detail)}`)
      if (level !== 'info') throw new Error(`the engine logged ${event}: ${JSON.stringify(detail)}`)
    }
    const workers = redis === undefined ? 1 : shards
    const shared =
      redis &&
      new SharedJournal({
        ...redis,
        shards,
        journalDirectory: journal,
        log,
        onRoll: (stream, segment) => supervisor.noteMirrored(stream, segment),
      })
    const supervisor = new Supervisor({
      timers: realTimers,
      log,
      workers,
      shards,
      journalDirectory: journal,
      snapshotDirectory: snapshots,
      segmentBytes: segmentBytesDefault,
      returnDays: 60,
      workerHeapMb: 8_192,
      acceptClock: false,
      crashPoint: undefined,
      nextEpoch: nextEpoch(realDisk, journal),
      ...(shared === undefined ? {} : { journals: shared.journals }),
    })
    await supervisor.start()
    const { engineEnd, supervisorEnd } = controlChannel()
    const engine = new Engine({
      clock: realClock,
      timers: realTimers,
      random: realRandom(),
      control: portOf(engineEnd),
      portOf,
      shards,
      workers,
    })
    supervisor.attach(supervisorEnd)
    while (engine.workers().some(({ state }) => state.type !== 'ready')) {
      await new Promise((resolve) => void setImmediate(resolve))
    }
    return new LocalEngine({ directory, supervisor, engine, shared })
  }

  get journalDirectory(): string {
    return this.#parts.directory.paths.journal
  }

  /** Gives each product its units. */
  async stock(products: readonly ProductId[]): Promise<void> {
    await repeat(products.length, 1_024, async (nr) => {
      const reply = await this.engine.execute({
        type: 'adjust',
        productId: products[nr] as ProductId,
        change: { set: STOCK, expectedVersion: undefined },
        reason: 'bench',
        reference: undefined,
      })
      if (reply.type !== 'stock') throw new Error(`no stock: ${JSON.stringify(reply)}`)
    })
  }

  /** Callers as the HTTP layer is one: by `newReservationId` and `execute`. No key, no reference. */
  callers(options: { readonly customers?: number; readonly ttlMs?: number } = {}) {
    const { engine } = this
    const { ttlMs, ...rest } = options
    const reserve = (productId: ProductId, customerId: CustomerId) =>
      engine.execute({
        type: 'reserve',
        reservationId: engine.newReservationId(productId),
        productId,
        customerId,
        quantity: 1,
        ttlMs,
        allowPartial: false,
        reference: undefined,
      })
    const isHeld = (reply: { readonly type: string }) => reply.type === 'held'
    return new Callers({ reserve, isHeld, ...rest })
  }

  /** Of all its workers together. */
  async journal(): Promise<JournalCounts> {
    const { supervisor } = this.#parts
    const statuses = await supervisor.status(STATUS_WITHIN_MS)
    if (statuses.length < supervisor.readiness().length) throw new Error('a worker did not tell its status')
    const [first, ...others] = statuses.map(({ journal }) => journal)
    return others.reduce(sumOf, first as JournalCounts)
  }

  /** In order: what was accepted is durable, snapshots are written, the directory is free. */
  async end(): Promise<void> {
    this.engine.close()
    await this.#parts.supervisor.shutDown()
    await this.#parts.shared?.close()
    this.#parts.directory.close()
  }
}

function sumOf(left: JournalCounts, right: JournalCounts): JournalCounts {
  return {
    frames: left.frames + right.frames,
    events: left.events + right.events,
    bytes: left.bytes + right.bytes,
    syncs: left.syncs + right.syncs,
    seals: left.seals + right.seals,
    rolls: left.rolls + right.rolls,
  }
}
