/** What holds where nothing is set, by the machine. */
import { workerHeapMbDefaultMax, workerHeapMbMin, workerHeapsShare } from '../limits.ts'

const MIB = 1_024 * 1_024

/** Few: the size of a batch is what makes a durable journal fast. */
export function defaultWorkers(cores: number, shards: number): number {
  return Math.min(shards, Math.max(1, Math.floor(cores / 4)))
}

export function defaultWorkerHeapMb(memoryBytes: number, workers: number): number {
  const shareMb = Math.floor((memoryBytes * workerHeapsShare) / workers / MIB)
  return Math.min(workerHeapMbDefaultMax, Math.max(workerHeapMbMin, shareMb))
}
