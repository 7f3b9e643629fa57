/**
 * A short-lived thread that replays a worker's finished segments and leaves snapshots of its shards: off the hot path,
 * with nothing shared but files that do not change any more.
 */
import { workerData } from 'node:worker_threads'
import { armCrashPoint } from '../crash-points.ts'
import { snapshotNiceness } from '../limits.ts'
import { realDisk } from '../persistence/journal/disk.ts'
import { recover } from '../persistence/journal/recovery.ts'
import { writeSnapshot } from '../persistence/journal/snapshot.ts'
import { yieldToOthers } from '../seams.ts'
import type { WorkerSettings } from './worker-parts.ts'

export type SnapshotData = {
  readonly settings: WorkerSettings
  /** The segment that is being written: the first not to read. */
  readonly segment: number
  readonly crashPoint: string | undefined
}

const { settings, segment, crashPoint } = workerData as SnapshotData
armCrashPoint(crashPoint)
yieldToOthers(snapshotNiceness)
const before = { stream: settings.stream, index: segment }
const { shards } = recover({ disk: realDisk, ...settings, before })
for (const { shard, state, nextSequence, snapshotSequence, lastTimeMs: timeMs, link } of shards.values()) {
  const sequence = nextSequence - 1
  if (sequence === snapshotSequence) continue
  writeSnapshot(realDisk, settings.snapshotDirectory, {
    shard,
    shards: settings.shardsOfData,
    sequence,
    timeMs,
    link,
    state,
  })
}
