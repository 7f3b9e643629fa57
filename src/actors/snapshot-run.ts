/**
 * Replays a worker's finished segments: compares what the worker had in memory meanwhile (memory-checks.ts), and leaves
 * snapshots of its shards.
 */
import type { Disk } from '../persistence/journal/disk.ts'
import { recover } from '../persistence/journal/recovery.ts'
import { writeSnapshot } from '../persistence/journal/snapshot.ts'
import { type CheckedMemory, CheckedReplay, type MemoryCheck } from './memory-checks.ts'
import type { WorkerSettings } from './worker-parts.ts'

export type SnapshotRun = {
  readonly settings: WorkerSettings
  /** The segment that is being written: the first not to read. */
  readonly segment: number
  /** Of this life of the worker. */
  readonly checks: readonly MemoryCheck[]
}

/**
 * `onChecked` comes before any snapshot is written. A shard whose memory differs gets none: the flip may as well have been
 * in what was replayed, here or in the snapshot this began from.
 */
export function takeSnapshots(
  disk: Disk,
  { settings, segment, checks }: SnapshotRun,
  onChecked: (checked: CheckedMemory) => void,
): void {
  const replay = new CheckedReplay(checks)
  const before = { stream: settings.stream, index: segment }
  const { onBase, onEvent } = replay
  const { shards } = recover({ disk, ...settings, before, onBase, onEvent })
  const { result } = replay
  if (checks.length > 0) onChecked(result)
  for (const { shard, state, nextSequence, snapshotSequence, lastTimeMs: timeMs, link } of shards.values()) {
    const sequence = nextSequence - 1
    const isDoubtful = result.differences.some((difference) => difference.shard === shard)
    if (sequence === snapshotSequence || isDoubtful) continue
    writeSnapshot(disk, settings.snapshotDirectory, {
      shard,
      shards: settings.shardsOfData,
      sequence,
      timeMs,
      link,
      state,
    })
  }
}
