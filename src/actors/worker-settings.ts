/** What all workers of a process have in common, and what one of them is given. */
import type { StreamId } from '../persistence/journal/frame.ts'
import { shardsOfWorker } from './routing.ts'
import type { WorkerSettings } from './worker-parts.ts'

export type WorkersConfig = {
  readonly workers: number
  readonly shards: number
  readonly journalDirectory: string
  readonly snapshotDirectory: string
  readonly segmentBytes: number
  readonly returnDays: number
  /** MiB of each worker's heap. */
  readonly workerHeapMb: number
  readonly acceptClock: boolean
}

/** Of the worker that writes this stream. */
export function workerSettings(config: WorkersConfig, stream: StreamId): WorkerSettings {
  const { workers, shards, journalDirectory, snapshotDirectory, segmentBytes, returnDays, acceptClock } =
    config
  return {
    stream,
    shards: shardsOfWorker(stream.worker, { shards, workers }),
    shardsOfData: shards,
    journalDirectory,
    snapshotDirectory,
    segmentBytes,
    returnDays,
    heapMb: config.workerHeapMb,
    acceptClock,
  }
}
