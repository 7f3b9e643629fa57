/**
 * How a worker comes to serve its shards: recover, doubt the clock, make old streams tidy, write anew what was not
 * proven durable, and open a stream of its own. Nothing is served before the last of these survives power loss.
 */
import { crashPoint } from '../crash-points.ts'
import { assert } from '../domain/assert.ts'
import type { ShardId } from '../domain/ids.ts'
import { closeStream, keepProof, writeCarried } from '../persistence/journal/carry.ts'
import { type Recovery, recover } from '../persistence/journal/recovery.ts'
import { RedisLog, type RedisLogOptions } from '../persistence/journal/redis/redis-log.ts'
import { SegmentLog, type SegmentLogOptions } from '../persistence/journal/segment-log.ts'
import { JournalDamaged } from '../persistence/journal/streams.ts'
import { JournalWriter, type ShardPosition, type WriterOptions } from '../persistence/journal/writer.ts'
import type { EventSink } from './shard.ts'
import { clockDoubt } from './shard-clock.ts'
import type { SharedJournal, WorkerParts, WorkerSettings } from './worker-parts.ts'

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
  const recovery =
    settings.shared === undefined
      ? recover({ disk: parts.disk, ...settings })
      : recoverShared(settings, settings.shared, parts)
  const doubt = settings.acceptClock ? undefined : clockDoubt(parts.clock.wallMs(), recovery.lastTimeMs)
  return doubt === undefined ? { type: 'recovered', recovery } : { type: 'doubtful', why: doubt }
}

/**
 * Of a shard whose journal is in Redis, from this node's mirror of it; no further than it went when it was asked for its
 * end, which is what the first append expects to find. What is not proven durable is not written anew: the opening comes
 * behind it in the same log, and is acknowledged only with all that is before it.
 */
function recoverShared(settings: WorkerSettings, { end }: SharedJournal, { disk }: WorkerParts): Recovery {
  const [shard] = settings.shards as [ShardId]
  const { nextSequence, link } = end.position
  const recovery = recover({ disk, ...settings, until: new Map([[shard, nextSequence]]) })
  const found = recovery.shards.get(shard)
  if (found?.nextSequence === nextSequence && found.link === link) return recovery
  throw new JournalDamaged(
    settings.journalDirectory,
    0,
    `shard ${shard} ends at sequence ${nextSequence - 1} with link ${link} in Redis, and at ${(found?.nextSequence ?? 1) - 1} with ${found?.link} in this node's mirror`,
  )
}

/** Opens a stream of one shard in Redis. Rejects with `JournalFenced` where somebody else appended meanwhile. */
export async function openShared(
  recovery: Recovery,
  options: WriterOptions &
    Omit<RedisLogOptions, 'head' | 'writer' | 'ack'> & { readonly journal: SharedJournal },
): Promise<JournalWriter> {
  const { writer, ack, end } = options.journal
  return JournalWriter.open(
    new RedisLog({ ...options, writer, ack, head: end.head }),
    options,
    positionsOf(recovery),
  )
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
