/** Where reading a shard can begin: its snapshots, and what is gone before them. */

import type { ProductId, ShardId } from '../domain/ids.ts'
import { emptyShard, type ShardState } from '../domain/stock.ts'
import { type Missing, missingRanges, readArchive } from '../persistence/journal/archived.ts'
import { BytesDamaged } from '../persistence/journal/bytes.ts'
import { listSnapshots, readSnapshot, type Snapshot } from '../persistence/journal/snapshot.ts'
import { readEvents } from './event-reader.ts'
import { Unusable } from './exit-codes.ts'
import { hasCode, type JournalFiles, namesIn } from './journal-files.ts'

/** A shard's state after one of its events. */
export type Base = { readonly state: ShardState; readonly sequence: number; readonly atMs: number }

/** How many shards the data has. Throws `Unusable` where the record does not say. */
export function shardsOf(files: JournalFiles): number {
  if (files.shards !== undefined) return files.shards
  throw new Unusable(files.recordProblem ?? 'the number of shards is not known')
}

/** A shard's snapshots that can be read, the newest first, each read only when it is asked for. */
export function* validSnapshots(files: JournalFiles, shard: ShardId): Generator<Snapshot> {
  const { disk, snapshots: directory, shards } = files
  if (namesIn(disk, directory).length === 0) return
  for (const { path, shard: of, sequence } of listSnapshots(disk, directory)) {
    if (of !== shard) continue
    try {
      const snapshot = readSnapshot(disk, path)
      const isIt = snapshot.shard === shard && snapshot.sequence === sequence
      if (isIt && (shards === undefined || snapshot.shards === shards)) yield snapshot
    } catch (error) {
      // A running engine keeps the two newest of a shard and removes the third.
      if (!(error instanceof BytesDamaged || (hasCode(error, 'ENOENT') && files.isLive()))) throw error
    }
  }
}

/** Ranges of events that are not here, archived or given up. */
export function missingFrom({ disk, journal }: JournalFiles): readonly Missing[] {
  return missingRanges(readArchive(disk, journal), new Set(disk.list(journal)))
}

/** The newest snapshot that is wanted; without one, the shard before its first event. */
export function baseOf(
  files: JournalFiles,
  shard: ShardId,
  isWanted: (snapshot: Snapshot) => boolean = () => true,
): Base {
  for (const snapshot of validSnapshots(files, shard)) {
    const { state, sequence, timeMs: atMs } = snapshot
    if (isWanted(snapshot)) return { state, sequence, atMs }
  }
  return { state: emptyShard(), sequence: 0, atMs: 0 }
}

/** Every product that has ever had stock, from the newest snapshots and what came behind them. */
export function productsIn(files: JournalFiles): ReadonlySet<ProductId> {
  const products = new Set<ProductId>()
  const from = new Map<ShardId, number>()
  for (let shard = 0 as ShardId; shard < shardsOf(files); shard++) {
    const { state, sequence } = baseOf(files, shard as ShardId)
    for (const product of state.products.keys()) products.add(product)
    from.set(shard as ShardId, sequence + 1)
  }
  for (const { event } of readEvents(files, { from })) if ('productId' in event) products.add(event.productId)
  return products
}
