/** What recovery would not miss: events that two valid snapshots of their shard know, so that either may be damaged. */
import type { ShardId } from '../../domain/ids.ts'
import type { JournalFiles } from '../journal-files.ts'
import { shardsOf, validSnapshots } from '../shard-base.ts'

export type Coverage = {
  /** Of the older of its two newest valid snapshots; 0 where there are not two. */
  readonly sequence: number
  /** Of the newest one alone; 0 where there is none. */
  readonly newest: number
}

const NEEDED = 2

/** By shard. Reads every snapshot, one at a time. */
export function coverageOf(files: JournalFiles): ReadonlyMap<ShardId, Coverage> {
  const coverage = new Map<ShardId, Coverage>()
  for (let shard = 0 as ShardId; shard < shardsOf(files); shard++) {
    const sequences: number[] = []
    for (const { sequence } of validSnapshots(files, shard as ShardId)) {
      sequences.push(sequence)
      if (sequences.length === NEEDED) break
    }
    coverage.set(shard as ShardId, {
      sequence: sequences[NEEDED - 1] ?? 0,
      newest: sequences[0] ?? 0,
    })
  }
  return coverage
}
