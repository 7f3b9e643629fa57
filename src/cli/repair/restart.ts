/** A stream without events, from which shards go on where their snapshots left off. */
import type { ShardId } from '../../domain/ids.ts'
import type { SequenceRange } from '../../persistence/journal/archived.ts'
import { FrameBuilder, frameHeaderBytes, noLink } from '../../persistence/journal/frame.ts'
import { encodeMark, markPath } from '../../persistence/journal/mark.ts'
import { nextEpoch, segmentPath } from '../../persistence/journal/segments.ts'
import type { Snapshot } from '../../persistence/journal/snapshot.ts'
import { validSnapshots } from '../shard-base.ts'
import type { Choice, Scene } from './choice.ts'
import { addToRecord } from './file-choices.ts'

/** For all shards that have a snapshot beyond the end of the journal. */
export function restart({ draft, audit, at }: Scene): readonly Choice[] {
  const ends = new Map<number, number>(audit.shards.map(({ shard, sequence }) => [shard, sequence]))
  const shards = new Set(
    audit.findings.flatMap(({ what, positions }) => (what === 'beyond' ? (positions?.[0]?.shard ?? []) : [])),
  )
  const snapshots = [...shards].flatMap((shard) => {
    const [newest] = validSnapshots(draft.files, shard as ShardId)
    return newest !== undefined && newest.sequence > (ends.get(shard) ?? 0) ? newest : []
  })
  if (snapshots.length === 0) return []
  const lost = snapshots.map(({ shard, sequence }): SequenceRange => {
    return { shard, from: (ends.get(shard) ?? 0) + 1, to: sequence }
  })
  const names = snapshots.map(({ shard, sequence }) => `s${shard}.${sequence}`).join(', ')
  return [
    {
      name: 'snapshot',
      does: `goes on from the snapshots of ${names}, in a new stream`,
      apply(to) {
        const { disk, journal } = to.files
        const stream = { epoch: nextEpoch(disk, journal), worker: 0 }
        const shardsOfData = snapshots[0]?.shards as number
        to.write(segmentPath(journal, stream, 1), openingOf(stream, shardsOfData, snapshots))
        to.write(markPath(journal, stream), encodeMark(1))
        addToRecord(to, [{ lost, at }])
      },
    },
  ]
}

function openingOf(
  stream: { readonly epoch: number; readonly worker: number },
  shards: number,
  snapshots: readonly Snapshot[],
): Buffer {
  const timeMs = Math.max(...snapshots.map((snapshot) => snapshot.timeMs))
  const builder = new FrameBuilder(stream, { shards, capacity: frameHeaderBytes + snapshots.length * 64 })
  for (const { shard, sequence, link } of snapshots) {
    builder.beginSection(shard, sequence + 1, timeMs)
    builder.endSection(link)
  }
  const head = { kind: 'open', ordinal: 1, durableOrdinal: 0, previous: noLink } as const
  return Buffer.from(builder.finish(head).bytes)
}
