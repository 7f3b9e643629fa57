/** A real engine over a data directory, with its worker threads and its lock, in this process. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { controlChannel } from '../../src/actors/control-channel.ts'
import { Engine } from '../../src/actors/engine.ts'
import { EngineError } from '../../src/actors/engine-error.ts'
import { Supervisor } from '../../src/actors/supervisor.ts'
import type { CustomerId, ProductId } from '../../src/domain/ids.ts'
import { openDataDirectory } from '../../src/persistence/directory.ts'
import { realDisk } from '../../src/persistence/journal/disk.ts'
import { nextEpoch } from '../../src/persistence/journal/segments.ts'
import { portOf, realClock, realRandom, realTimers } from '../../src/seams.ts'

export type RunningEngine = {
  readonly root: string
  readonly engine: Engine
  /** Ends in order; the directory stays. */
  stop(): Promise<void>
}

export function freshDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'holdfast-engine-'))
}

export function removeDirectory(root: string): void {
  rmSync(root, { recursive: true, force: true })
}

export async function startEngine(
  root: string,
  { shards = 4, workers = 2, segmentBytes = 64 * 1_024 } = {},
): Promise<RunningEngine> {
  const directory = openDataDirectory(root, { shards })
  const { journal, snapshots } = directory.paths
  mkdirSync(journal, { recursive: true })
  mkdirSync(snapshots, { recursive: true })
  const supervisor = new Supervisor({
    timers: realTimers,
    log() {},
    workers,
    shards,
    journalDirectory: journal,
    snapshotDirectory: snapshots,
    segmentBytes,
    returnDays: 60,
    workerHeapMb: 256,
    acceptClock: false,
    crashPoint: undefined,
    nextEpoch: nextEpoch(realDisk, journal),
  })
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
  await supervisor.start()
  // What the supervisor knows reaches the engine in messages.
  for (let ready = false; !ready; ) {
    await new Promise((resolve) => setTimeout(resolve, 5))
    ready = await Promise.all(
      Array.from({ length: 16 }, (_, i) =>
        engine.execute({ type: 'readStock', productId: `p${i}` as ProductId }),
      ),
    ).then(
      () => true,
      () => false,
    )
  }
  return {
    root,
    engine,
    async stop() {
      await supervisor.shutDown()
      engine.close()
      directory.close()
    },
  }
}

/** Adds stock, then holds and confirms units of products one after the other, many at a time. */
export async function tradeOn(
  { engine }: RunningEngine,
  options: { products: number; holds: number },
): Promise<void> {
  // The smallest of segments are full sooner than a busy machine makes the next one.
  const askingAgain = async <T>(ask: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await ask()
      } catch (error) {
        if (!(error instanceof EngineError) || !['storage-full', 'read-only'].includes(error.code))
          throw error
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
  }
  const products = Array.from({ length: options.products }, (_, i) => `product-${i}` as ProductId)
  const delivery = { delta: options.holds }
  await Promise.all(
    products.map((productId) =>
      askingAgain(() =>
        engine.execute({
          type: 'adjust',
          productId,
          change: delivery,
          reason: 'delivery',
          reference: undefined,
        }),
      ),
    ),
  )
  let next = 0
  const buyer = async (): Promise<void> => {
    while (next < options.holds) {
      const i = next++
      const productId = products[i % products.length] as ProductId
      const reservationId = engine.newReservationId(productId)
      const customerId = `customer-${i % 50}` as CustomerId
      const held = await askingAgain(() =>
        engine.execute({
          type: 'reserve',
          reservationId,
          productId,
          customerId,
          quantity: 1,
          ttlMs: undefined,
          allowPartial: false,
          reference: undefined,
        }),
      )
      if (held.type === 'held' && i % 2 === 0) {
        const reference = `order ${i}`
        await askingAgain(() =>
          engine.execute({ type: 'confirm', reservationId, items: undefined, reference }),
        )
      }
    }
  }
  await Promise.all(Array.from({ length: 32 }, buyer))
}
