/** What a worker leaves behind at an orderly end, so that the next start is a quick one. */
import type { ShardId } from '../domain/ids.ts'
import { snapshotEventsMin } from '../limits.ts'
import type { Disk } from '../persistence/journal/disk.ts'
import { writeSnapshot } from '../persistence/journal/snapshot.ts'
import type { JournalWriter } from '../persistence/journal/writer.ts'
import type { Shard } from './shard.ts'
import { isWantOfRoom } from './shard-start.ts'

/** Writes a snapshot of each shard that has much to replay; returns those for which there was no room. */
export function writeLastSnapshots(
  shards: readonly Shard[],
  options: {
    readonly disk: Disk
    readonly snapshotDirectory: string
    readonly shardsOfData: number
    readonly journal: Pick<JournalWriter, 'linkOf'>
    readonly nowMs: number
    /** Of each shard, the sequence that its newest snapshot is of. */
    readonly taken: ReadonlyMap<ShardId, number>
  },
): readonly ShardId[] {
  const { disk, snapshotDirectory, journal, nowMs: timeMs, taken } = options
  const missing: ShardId[] = []
  for (const { id: shard, nextSequence, state } of shards) {
    const sequence = nextSequence - 1
    if (sequence - (taken.get(shard) ?? 0) < snapshotEventsMin) continue
    const about = { shard, shards: options.shardsOfData, sequence, timeMs }
    try {
      writeSnapshot(disk, snapshotDirectory, { ...about, link: journal.linkOf(shard), state })
    } catch (error) {
      // A snapshot only saves time: without room the next start replays a little more.
      if (!isWantOfRoom(error)) throw error
      missing.push(shard)
    }
  }
  return missing
}
