/** One shard on its way through the audit: how far its events were followed, and what they have made so far. */
import type { ShardId } from '../../domain/ids.ts'
import { type Link, noLink } from '../../persistence/journal/frame.ts'
import { type JournalFiles, shownPath } from '../journal-files.ts'
import type { Findings } from './findings.ts'
import { Ledger } from './ledger.ts'
import type { SnapshotQueue } from './snapshot-queue.ts'

export type ShardTrail = {
  readonly shard: ShardId
  readonly ledger: Ledger
  /** Of the snapshot it began from, where older events are not here; otherwise 0. */
  readonly base: number
  readonly basePath: string
  /** The highest sequence that the journal itself was seen to lead to. */
  reached: number
  nextSequence: number
  link: Link
  lastTimeMs: number
  /** Its events cannot be followed any further. */
  isLost: boolean
}

/** Begins at the first event, or, where some are not here, behind the first snapshot that knows all of those. */
export function beginTrail(
  shard: ShardId,
  of: { readonly gone: number; readonly snapshots: SnapshotQueue; readonly findings: Findings },
): ShardTrail {
  const { gone, snapshots, findings } = of
  const at = { shard, reached: 0, lastTimeMs: 0, isLost: false }
  const first = { ...at, base: 0, basePath: '', link: noLink, nextSequence: 1 }
  if (gone === 0) return { ...first, ledger: new Ledger() }
  const found = snapshots.base(shard, gone)
  if (found !== undefined) {
    const { snapshot, path: basePath } = found
    const { state, sequence: base, link, timeMs } = snapshot
    const ledger = Ledger.from(state, { sequence: base, atMs: timeMs })
    return { ...at, ledger, base, basePath, link, nextSequence: base + 1 }
  }
  const place = { file: 'snapshots', positions: [{ shard, sequence: gone }], what: 'base' } as const
  const why = `the events of shard ${shard} up to sequence ${gone} are archived, and no snapshot knows them`
  findings.add('damaged', place, why)
  return { ...first, ledger: new Ledger(), isLost: true }
}

/** The journal must lead to the snapshot that its events are judged from. */
export function checkReached(
  { shard, base, basePath, reached, isLost }: ShardTrail,
  files: JournalFiles,
  findings: Findings,
): void {
  if (isLost || reached >= base) return
  const place = {
    file: shownPath(files, basePath),
    positions: [{ shard, sequence: base }],
    what: 'beyond',
  } as const
  findings.add(
    'damaged',
    place,
    `the journal of shard ${shard} ends at sequence ${reached}, before this snapshot`,
  )
}

/** The sequence of the newest event that the journal leads to. */
export function endOf({ base, reached, nextSequence }: ShardTrail): number {
  return nextSequence === base + 1 ? Math.min(base, reached) : nextSequence - 1
}
