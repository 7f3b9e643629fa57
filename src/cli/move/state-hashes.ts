/** What a journal comes to, shard by shard, so that two of them can be compared. */
import type { ShardId } from '../../domain/ids.ts'
import { JournalDamaged } from '../../persistence/journal/streams.ts'
import { type JournalFiles, segmentBytesOf } from '../journal-files.ts'
import { type Replay, replayJournal } from '../replay.ts'
import type { Terminal } from '../terminal.ts'
import { beginStep } from './steps.ts'

/** The sequence of a shard's newest event, and the SHA-256 of its state behind it. */
export type ShardHash = { readonly shard: ShardId; readonly sequence: number; readonly stateHash: string }

/** Folds a journal by the engine's own rules. Throws `JournalDamaged` where anything of it is missing or changed. */
export function foldJournal(files: JournalFiles, what: string, out: Terminal): Replay {
  const step = beginStep(out, what, segmentBytesOf(files), 'bytes')
  const replay = replayJournal(files, { advance: step.advance, done() {} })
  step.done()
  const differing = replay.snapshots.find(({ difference }) => difference !== undefined)
  if (differing !== undefined)
    throw new JournalDamaged(
      differing.file,
      0,
      `this snapshot is not what the journal comes to: ${differing.difference}`,
    )
  return replay
}

/** Throws where two journals do not come to the same in every shard: that would be a bug of the move's own. */
export function expectEqual(source: readonly ShardHash[], target: readonly ShardHash[]): void {
  for (const { shard, sequence, stateHash } of source) {
    const other = target.find((each) => each.shard === shard)
    if (other?.sequence === sequence && other.stateHash === stateHash) continue
    throw new Error(
      `shard ${shard} is ${stateHash} at sequence ${sequence} in the source, and ${other?.stateHash} at ${other?.sequence} in the target`,
    )
  }
}

/** One line a shard. */
export function hashLines(shards: readonly ShardHash[]): readonly string[] {
  return shards.map(
    ({ shard, sequence, stateHash }) => `shard ${shard}  ${stateHash}  behind event ${sequence}`,
  )
}
