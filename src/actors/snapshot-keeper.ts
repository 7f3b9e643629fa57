/**
 * Has snapshots made of what a worker journals, in a thread beside it, one at a time; and has the worker's checks of its own
 * memory compared with the replay that a snapshot is (M1).
 */
import { Worker } from 'node:worker_threads'
import { checksKeptMax, differencesLoggedMax, snapshotSegments } from '../limits.ts'
import type { CheckedMemory, MemoryCheck } from './memory-checks.ts'
import type { SnapshotData } from './snapshot-entry.ts'
import type { WorkerSettings } from './worker-parts.ts'

export type SnapshotKeeperOptions = {
  readonly log: (level: 'error' | 'warn', event: string, detail: object) => void
  readonly crashPoint: string | undefined
  /** The worker's memory is not what the journal says, and the journal is right (FAULTS.md, 39). */
  readonly onDifference: (why: string) => void
}

export class SnapshotKeeper {
  readonly #options: SnapshotKeeperOptions
  /** Of this life of the worker, for the next replay. */
  #checks: MemoryCheck[] = []
  /** Of the worker; with the next one, what an earlier one's replay finds is of no use. */
  #life = 0
  #thread: Worker | undefined

  constructor(options: SnapshotKeeperOptions) {
    this.#options = options
  }

  note(check: MemoryCheck): void {
    if (this.#checks.length === checksKeptMax) this.#checks.shift()
    this.#checks.push(check)
  }

  /** The worker has begun this segment: every few of them are worth a snapshot. */
  noteRoll(settings: WorkerSettings, segment: number): void {
    if (segment % snapshotSegments === 1) this.take(settings, segment)
  }

  /** Has one made of what stands before this segment, unless one is being made. */
  take(settings: WorkerSettings, segment: number): void {
    if (this.#thread !== undefined) return
    const life = this.#life
    const { crashPoint, log } = this.#options
    const workerData: SnapshotData = { settings, segment, checks: this.#checks, crashPoint }
    this.#checks = []
    // It keeps what the worker keeps.
    const resourceLimits = { maxOldGenerationSizeMb: settings.heapMb }
    const thread = new Worker(new URL('./snapshot-entry.ts', import.meta.url), { workerData, resourceLimits })
    this.#thread = thread
    thread.on('error', (error) => log('warn', 'snapshot.failed', { why: String(error) }))
    thread.on('message', (checked: CheckedMemory) => {
      if (life === this.#life) this.#compare(checked)
    })
    thread.on('exit', () => {
      this.#thread = undefined
    })
  }

  /** The worker has ended. */
  noteEnd(): void {
    this.#life += 1
    this.#checks = []
  }

  /** What it is at is left undone. */
  stop(): void {
    void this.#thread?.terminate()
  }

  #compare({ open, differences }: CheckedMemory): void {
    this.#checks = [...open, ...this.#checks].slice(-checksKeptMax)
    for (const difference of differences.slice(0, differencesLoggedMax)) {
      this.#options.log('error', 'memory.differs', difference)
    }
    const [first] = differences
    if (first === undefined) return
    const { part, shard, sequence } = first
    this.#options.onDifference(
      `its memory differs from the journal: ${part} of shard ${shard} after event ${sequence}`,
    )
  }
}
