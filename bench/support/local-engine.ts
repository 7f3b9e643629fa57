/**
 * An engine within this process on a real data directory: the supervisor and its one worker thread as `npm start` has
 * them, and a caller's engine in this thread. Anything it logs beyond the usual fails the run.
 */
import { Engine } from '../../src/actors/engine.ts'
import type { WorkerStatus } from '../../src/actors/protocol.ts'
import { controlChannel, Supervisor } from '../../src/actors/supervisor.ts'
import type { CustomerId, ProductId } from '../../src/domain/ids.ts'
import { segmentBytesDefault } from '../../src/limits.ts'
import { type DataDirectory, openDataDirectory } from '../../src/persistence/directory.ts'
import { realDisk } from '../../src/persistence/journal/disk.ts'
import { nextEpoch } from '../../src/persistence/journal/segments.ts'
import { portOf, realClock, realRandom, realTimers } from '../../src/seams.ts'
import { Callers } from './callers.ts'
import { SHARDS } from './ids.ts'
import { repeat } from './repeat.ts'

export type JournalCounts = WorkerStatus['journal']

/** Units of each product: more than any load takes. */
export const STOCK = 1_000_000_000
/** The longest there is: for what must not expire while a bench runs. */
export const TTL_MS_MAX = 3_600_000
const STATUS_WITHIN_MS = 10_000

export class LocalEngine {
  readonly engine: Engine
  readonly #directory: DataDirectory
  readonly #supervisor: Supervisor

  private constructor(directory: DataDirectory, supervisor: Supervisor, engine: Engine) {
    this.#directory = directory
    this.#supervisor = supervisor
    this.engine = engine
  }

  /** Resolves when its shards serve. */
  static async start(path: string): Promise<LocalEngine> {
    const directory = openDataDirectory(path, { shards: SHARDS })
    const { journal, snapshots } = directory.paths
    realDisk.makeDirectory(journal)
    realDisk.makeDirectory(snapshots)
    const supervisor = new Supervisor({
      timers: realTimers,
      log: (level, event, detail) => {
        if (level !== 'info') throw new Error(`the engine logged ${event}: ${JSON.stringify(detail)}`)
      },
      workers: 1,
      shards: SHARDS,
      journalDirectory: journal,
      snapshotDirectory: snapshots,
      segmentBytes: segmentBytesDefault,
      returnDays: 60,
      workerHeapMb: 8_192,
      acceptClock: false,
      crashPoint: undefined,
      nextEpoch: nextEpoch(realDisk, journal),
    })
    await supervisor.start()
    const { engineEnd, supervisorEnd } = controlChannel()
    const engine = new Engine({
      clock: realClock,
      timers: realTimers,
      random: realRandom(),
      control: portOf(engineEnd),
      portOf,
      shards: SHARDS,
      workers: 1,
    })
    supervisor.attach(supervisorEnd)
    while (engine.workers().some(({ state }) => state.type !== 'ready')) {
      await new Promise((resolve) => void setImmediate(resolve))
    }
    return new LocalEngine(directory, supervisor, engine)
  }

  get journalDirectory(): string {
    return this.#directory.paths.journal
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

  async journal(): Promise<JournalCounts> {
    const [status] = await this.#supervisor.status(STATUS_WITHIN_MS)
    if (status === undefined) throw new Error('the worker did not tell its status')
    return status.journal
  }

  /** In order: what was accepted is durable, snapshots are written, the directory is free. */
  async end(): Promise<void> {
    this.engine.close()
    await this.#supervisor.shutDown()
    this.#directory.close()
  }
}
