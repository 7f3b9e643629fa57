/** A worker thread: the real parts, and the shards that run on them. */
import { getHeapStatistics } from 'node:v8'
import { type MessagePort, parentPort, resourceLimits, workerData } from 'node:worker_threads'
import { armCrashPoint } from '../crash-points.ts'
import { assert } from '../domain/assert.ts'
import { workerHeapMbMin } from '../limits.ts'
import { realDisk } from '../persistence/journal/disk.ts'
import { type Port, portOf, realClock, realRandom, realTimers } from '../seams.ts'
import { Engine } from './engine.ts'
import type { FromWorker, ToWorker } from './protocol.ts'
import { ShardWorker } from './shard-worker.ts'
import type { WorkerSettings } from './worker-parts.ts'

export type WorkerData = {
  readonly settings: WorkerSettings
  /** How many there are in all. */
  readonly workers: number
  /** The control port of this worker's own engine, by which its shards reach those of others. */
  readonly engine: MessagePort
  readonly crashPoint: string | undefined
}

const MIB = 1_024 * 1_024

assert(parentPort !== null, 'this file is run as a worker thread')
const supervisor: Port<ToWorker, FromWorker> = portOf(parentPort)
const { isShared } = workerData as { readonly isShared: boolean }
// Where nobody shares a journal its client would only take room in every worker's heap.
const redis = isShared ? await import('../persistence/redis/redis-nodes.ts') : undefined
// The first message says what it is; those behind it find the worker listening.
parentPort.once('message', begin)

function begin({ settings, workers, engine, crashPoint }: WorkerData): void {
  armCrashPoint(crashPoint)
  // A flag of V8, such as NODE_OPTIONS=--max-old-space-size, takes the place of what the supervisor gave this thread.
  const limitMb = Math.floor(
    getHeapStatistics().heap_size_limit / MIB - (resourceLimits.maxYoungGenerationSizeMb ?? 0),
  )
  const heapMb = Math.max(workerHeapMbMin, Math.min(settings.heapMb, limitMb))
  if (limitMb < settings.heapMb) {
    const detail = { heapMb: limitMb, wantedMb: settings.heapMb }
    supervisor.send({ type: 'log', level: 'warn', event: 'worker.heapIsSmaller', detail })
  }
  const worker = new ShardWorker(
    { ...settings, heapMb },
    {
      disk: realDisk,
      clock: realClock,
      timers: realTimers,
      supervisor,
      portOf,
      feedOf: portOf,
      engine: new Engine({
        clock: realClock,
        timers: realTimers,
        random: realRandom(),
        control: portOf(engine),
        portOf,
        shards: settings.shardsOfData,
        workers,
      }),
      ...(redis === undefined || settings.shared === undefined
        ? {}
        : {
            primaries: new redis.RedisNodes(settings.shared.access, { clock: realClock, timers: realTimers }),
          }),
      exit: (code) => process.exit(code),
    },
  )
  void worker.start()
}
