/**
 * Frees Redis of what was archived. Of each shard goes what this directory's record says was moved, from the first frame on
 * without a gap: two snapshots know it, the archive has it, and the end of the journal stays.
 */
import type { ShardId } from '../../domain/ids.ts'
import { readArchive } from '../../persistence/journal/archived.ts'
import { streamName } from '../../persistence/journal/frame.ts'
import { entryIdOf, type FramePlace, journalKeysOf } from '../../persistence/journal/redis/place.ts'
import { readCatalog } from '../../persistence/journal/streams.ts'
import { RedisNodes } from '../../persistence/redis/redis-nodes.ts'
import type { RedisAccess } from '../../redis-url.ts'
import { realClock, realTimers } from '../../seams.ts'
import type { JournalFiles } from '../journal-files.ts'

/** Resolves with how many entries went. */
export async function trimArchived(files: JournalFiles, access: RedisAccess): Promise<number> {
  const nodes = new RedisNodes(access, { clock: realClock, timers: realTimers })
  let trimmed = 0
  for (const [shard, place] of firstKept(files)) {
    const { journal } = journalKeysOf(shard)
    const connection = await nodes.connect(journal)
    try {
      trimmed += await connection.xtrim(journal, 'MINID', '=', entryIdOf(place))
    } finally {
      connection.disconnect()
    }
  }
  return trimmed
}

/** Of each shard of which anything was archived, the first frame that was not, or might not have been. */
export function firstKept({ disk, journal }: JournalFiles): ReadonlyMap<ShardId, FramePlace> {
  const archive = readArchive(disk, journal)
  const { streams } = readCatalog(disk, journal)
  const present = new Map(streams.map((stream) => [streamName(stream.id), stream]))
  const ids = new Map([...streams, ...archive.streams.values()].map(({ id }) => [streamName(id), id]))
  const kept = new Map<ShardId, FramePlace>()
  const isOver = new Set<number>()
  // Names begin with the epoch.
  for (const [name, { epoch, worker }] of [...ids].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (isOver.has(worker)) continue
    const archived = archive.streams.get(name)
    const last = archived?.segments.at(-1)
    if (last !== undefined) kept.set(worker as ShardId, { epoch, ordinal: last.segment.next.ordinal })
    if (present.has(name)) isOver.add(worker)
  }
  return kept
}
