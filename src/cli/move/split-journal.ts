/** A journal's state and its streams by shard, in one pass of the engine's own recovery over its files. */
import { createHash } from 'node:crypto'
import { crashPoint } from '../../crash-points.ts'
import type { ShardId } from '../../domain/ids.ts'
import { readArchive } from '../../persistence/journal/archived.ts'
import { type RecoveredShard, recover } from '../../persistence/journal/recovery.ts'
import { encodeState } from '../../persistence/journal/state-codec.ts'
import { archivedElsewhere } from '../archive-view.ts'
import { Unusable } from '../exit-codes.ts'
import type { JournalFiles } from '../journal-files.ts'
import type { Terminal } from '../terminal.ts'
import { ShardStreams } from './shard-streams.ts'
import type { ShardHash } from './state-hashes.ts'
import { beginStep } from './steps.ts'

export type Split = {
  readonly shards: readonly ShardHash[]
  readonly events: number
  readonly frames: number
}

/**
 * Writes the journal into an empty directory as nodes have it; it survives power loss on return. Throws `JournalDamaged` where
 * anything of the source is missing or changed, and `Unusable` where part of it is elsewhere.
 */
export function splitJournal(
  files: JournalFiles,
  target: { readonly directory: string; readonly segmentBytes: number },
  out: Terminal,
): Split {
  const shardsOfData = shardsIn(files)
  expectWhole(files)
  const step = beginStep(out, 'written by shard', 0, 'events')
  const streams = new ShardStreams({ disk: files.disk, shardsOfData, ...target })
  const recovery = recover({
    disk: files.disk,
    journalDirectory: files.journal,
    snapshotDirectory: files.snapshots,
    shards: Array.from({ length: shardsOfData }, (_, shard) => shard as ShardId),
    shardsOfData,
    useSnapshots: false,
    onSection(section, frame, stream) {
      streams.add(section, frame, stream.opening.timeMs)
      step.advance(section.count)
      crashPoint('move.midSplit')
    },
  })
  streams.close(recovery.lastTimeMs)
  step.done()
  const shards = [...recovery.shards.values()].map(hashOf)
  return { shards, events: recovery.eventsReplayed, frames: streams.frames }
}

/** Throws `Unusable` unless every event from the first on can be read. */
export function expectWhole(files: JournalFiles): void {
  const elsewhere = archivedElsewhere(files)
  if (elsewhere !== undefined) throw new Unusable(`All of the journal moves, and ${elsewhere}.`)
  if (readArchive(files.disk, files.journal).givenUp.length > 0)
    throw new Unusable(
      'A repair has given up events of this journal, which now begins behind a snapshot: it cannot be moved event by event.',
    )
}

/** Throws `Unusable` where nobody can tell. */
export function shardsIn({ shards, recordProblem }: JournalFiles): number {
  if (shards === undefined) throw new Unusable(recordProblem ?? 'The number of shards is not known.')
  return shards
}

function hashOf({ shard, nextSequence, state }: RecoveredShard): ShardHash {
  const stateHash = createHash('sha256').update(encodeState(state)).digest('hex')
  return { shard, sequence: nextSequence - 1, stateHash }
}
