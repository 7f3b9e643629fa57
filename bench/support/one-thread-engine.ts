/**
 * An engine and its one shard worker in this very thread, on the real disk, so that their memory can be read here. What
 * they say to each other is cloned as between threads: ids become strings of their own.
 */
import { MessageChannel } from 'node:worker_threads'
import { Engine } from '../../src/actors/engine.ts'
import type { FromWorker, ToEngine, ToWorker } from '../../src/actors/protocol.ts'
import { shardsOfWorker } from '../../src/actors/routing.ts'
import { ShardWorker } from '../../src/actors/shard-worker.ts'
import { segmentBytesDefault } from '../../src/limits.ts'
import { dataPaths } from '../../src/persistence/directory.ts'
import { realDisk } from '../../src/persistence/journal/disk.ts'
import { type Port, portOf, realClock, realRandom, realTimers } from '../../src/seams.ts'
import { SHARDS } from './ids.ts'

export class OneThreadEngine {
  readonly engine: Engine
  readonly #worker: Port<FromWorker, ToWorker>
  readonly #closed: Promise<void>

  private constructor(engine: Engine, worker: Port<FromWorker, ToWorker>, closed: Promise<void>) {
    this.engine = engine
    this.#worker = worker
    this.#closed = closed
  }

  /** On an empty directory. Resolves when its shards serve. */
  static async start(path: string): Promise<OneThreadEngine> {
    const { journal, snapshots } = dataPaths(path)
    for (const directory of [path, journal, snapshots]) realDisk.makeDirectory(directory)
    const control = new MessageChannel()
    const calls = new MessageChannel()
    const supervision = new MessageChannel()
    const engine = new Engine({
      clock: realClock,
      timers: realTimers,
      random: realRandom(),
      control: portOf(control.port1),
      portOf,
      shards: SHARDS,
      workers: 1,
    })
    const toEngine: Port<never, ToEngine> = portOf(control.port2)
    const supervised: Port<FromWorker, ToWorker> = portOf(supervision.port2)
    const { promise: ready, resolve, reject } = Promise.withResolvers<void>()
    const { promise: closed, resolve: close } = Promise.withResolvers<void>()
    supervised.receive((message) => {
      if (message.type === 'failed') reject(new Error(message.why))
      else if (message.type === 'closed') close()
      else if (message.type === 'state') {
        toEngine.send({ type: 'state', worker: 0, state: message.state })
        if (message.state.type === 'ready') resolve()
      }
    })
    const worker = new ShardWorker(
      {
        stream: { epoch: 1, worker: 0 },
        shards: shardsOfWorker(0, { shards: SHARDS, workers: 1 }),
        shardsOfData: SHARDS,
        journalDirectory: journal,
        snapshotDirectory: snapshots,
        segmentBytes: segmentBytesDefault,
        returnDays: 60,
        heapMb: 8_192,
        acceptClock: false,
      },
      {
        disk: realDisk,
        clock: realClock,
        timers: realTimers,
        supervisor: portOf(supervision.port1),
        portOf,
        feedOf: portOf,
        engine,
        exit: (code) => {
          if (code !== 0) throw new Error(`the worker ended with ${code}`)
        },
      },
    )
    toEngine.send({ type: 'link', worker: 0, port: calls.port1 }, [calls.port1])
    supervised.send({ type: 'connect', port: calls.port2 }, [calls.port2])
    void worker.start()
    await ready
    while (engine.workers().some(({ state }) => state.type !== 'ready')) {
      await new Promise((resolve) => void setImmediate(resolve))
    }
    return new OneThreadEngine(engine, supervised, closed)
  }

  async end(): Promise<void> {
    this.#worker.send({ type: 'shutdown' })
    await this.#closed
    this.engine.close()
    this.#worker.close()
  }
}
