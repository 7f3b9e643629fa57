/** A worker thread: the real parts, and the shards that run on them. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { armCrashPoint } from '../crash-points.ts'
import { assert } from '../domain/assert.ts'
import { realDisk } from '../persistence/journal/disk.ts'
import { portOf, realClock, realRandom, realTimers } from '../seams.ts'
import { Engine } from './engine.ts'
import { ShardWorker, type WorkerSettings } from './shard-worker.ts'

export type WorkerData = {
  readonly settings: WorkerSettings
  /** How many there are in all. */
  readonly workers: number
  /** The control port of this worker's own engine, by which its shards reach those of others. */
  readonly engine: MessagePort
  readonly crashPoint: string | undefined
}

assert(parentPort !== null, 'this file is run as a worker thread')
const { settings, workers, engine, crashPoint } = workerData as WorkerData
armCrashPoint(crashPoint)
const worker = new ShardWorker(settings, {
  disk: realDisk,
  clock: realClock,
  timers: realTimers,
  supervisor: portOf(parentPort),
  portOf,
  engine: new Engine({
    clock: realClock,
    timers: realTimers,
    random: realRandom(),
    control: portOf(engine),
    portOf,
    shards: settings.shardsOfData,
    workers,
  }),
  exit: (code) => process.exit(code),
})
await worker.start()
