/** A worker thread: the real parts, and the shards that run on them. */
import { parentPort, workerData } from 'node:worker_threads'
import { armCrashPoint } from '../crash-points.ts'
import { assert } from '../domain/assert.ts'
import { realDisk } from '../persistence/journal/disk.ts'
import { portOf, realClock, realTimers } from '../seams.ts'
import { ShardWorker, type WorkerSettings } from './shard-worker.ts'

export type WorkerData = { readonly settings: WorkerSettings; readonly crashPoint: string | undefined }

assert(parentPort !== null, 'this file is run as a worker thread')
const { settings, crashPoint } = workerData as WorkerData
armCrashPoint(crashPoint)
const worker = new ShardWorker(settings, {
  disk: realDisk,
  clock: realClock,
  timers: realTimers,
  supervisor: portOf(parentPort),
  portOf,
  exit: (code) => process.exit(code),
})
await worker.start()
