/**
 * How a worker comes to serve its shards: recover, doubt the clock, make old streams tidy, write anew what was not
 * proven durable, and open a stream of its own. Nothing is served before the last of these survives power loss.
 */
import { crashPoint } from '../crash-points.ts'
import { assert } from '../domain/assert.ts'
import { closeStream, keepProof, writeCarried } from '../persistence/journal/carry.ts'
import { type Recovery, recover } from '../persistence/journal/recovery.ts'
import { SegmentLog, type SegmentLogOptions } from '../persistence/journal/segment-log.ts'
import { JournalWriter, type ShardPosition, type WriterOptions } from '../persistence/journal/writer.ts'
import type { EventSink } from './shard.ts'
import { clockDoubt } from './shard-clock.ts'
import type { WorkerParts, WorkerSettings } from './worker-parts.ts'

/** For shards that only answer reads. */
export const NO_JOURNAL: EventSink = {
  roomFor: () => 'none',
  isFull: () => false,
  beginSection() {},
  append() {},
  endSection() {},
}

export type Recovered =
  | { readonly type: 'recovered'; readonly recovery: Recovery }
  /** Somebody must act before these shards can be served. */
  | { readonly type: 'doubtful'; readonly why: string }

/** Rebuilds the shards' states. Changes nothing on disk; throws `JournalDamaged`. */
export function recoverShards(settings: WorkerSettings, parts: WorkerParts): Recovered {
  const recovery = recover({ disk: parts.disk, ...settings })
  const doubt = settings.acceptClock ? undefined : clockDoubt(parts.clock.wallMs(), recovery.lastTimeMs)
  return doubt === undefined ? { type: 'recovered', recovery } : { type: 'doubtful', why: doubt }
}

/**
 * Takes the shards over: from here on this stream is theirs. Rejects with the disk's own error; where that is want of
 * room, it may be called again.
 */
export async function openStream(
  recovery: Recovery,
  options: WriterOptions & SegmentLogOptions & { readonly onCut: (keptAs: string) => void },
): Promise<JournalWriter> {
  const { disk, directory, stream } = options
  // A stream whose shards now belong to several workers may still be read by another; the next start closes it.
  for (const ended of recovery.ends) {
    keepProof(disk, directory, ended)
    if (!ended.stream.opening.sections.every(({ shard }) => recovery.shards.has(shard))) continue
    const kept = closeStream(disk, directory, ended)
    if (kept !== undefined) options.onCut(kept)
  }
  crashPoint('recovery.beforeCarry')
  writeCarried(disk, directory, { stream, frames: recovery.carry })
  return JournalWriter.open(await SegmentLog.create(options), options, positionsOf(recovery))
}

function positionsOf({ shards }: Recovery): readonly ShardPosition[] {
  assert(shards.size > 0, 'a worker serves at least one shard')
  return [...shards.values()].map(({ shard, nextSequence, link }) => ({ shard, nextSequence, link }))
}

/** Whether the disk refused for want of room, which may end by itself. */
export function isWantOfRoom(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG'
}
