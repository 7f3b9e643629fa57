/**
 * What must hold whatever is done to a journal's files: `verify` notices it, and recovery refuses, or comes to the same
 * state, or loses no more than what nothing proved (FAULTS.md, 34 to 36).
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { JournalFiles } from '../../src/cli/journal-files.ts'
import { auditJournal } from '../../src/cli/verify/audit.ts'
import type { ShardId } from '../../src/domain/ids.ts'
import { parseFrame } from '../../src/persistence/journal/frame.ts'
import { readMark } from '../../src/persistence/journal/mark.ts'
import { type RecoveredShard, recover } from '../../src/persistence/journal/recovery.ts'
import { readWhole } from '../../src/persistence/journal/segments.ts'
import { encodeState } from '../../src/persistence/journal/state-codec.ts'
import { JournalDamaged } from '../../src/persistence/journal/streams.ts'

/** What came of recovery: a clear refusal, the same state, or one without what nothing proved. */
export type Outcome = 'refused' | 'same' | 'shorter'

/** Every state a shard may end in: by its next sequence, from the last one proven durable on. */
type Truth = ReadonlyMap<ShardId, ReadonlyMap<number, string>>

export type Witness = {
  /** What `verify` says now. */
  verdict(): 'good' | 'torn' | 'damaged'
  /** What comes of recovery now, with snapshots and without; fails where it is wrong in silence. */
  recoveries(what: string): readonly Outcome[]
}

/** Remembers what is true of a whole journal, before anything is done to it. */
export function witness(
  files: JournalFiles,
  { proven = 'by anything' }: { readonly proven?: 'by anything' | 'by marks' } = {},
): Witness {
  const truth = truthOf(files, provenSequences(files, proven === 'by marks'))
  const verdict = () => {
    const { verdict, findings } = auditJournal(files)
    if (verdict !== 'good') assert.ok(findings.some(({ kind, reason }) => kind === verdict && reason !== ''))
    return verdict
  }
  assert.is(verdict(), 'good', 'before anything was done to it')
  return {
    verdict,
    recoveries: (what) =>
      [true, false].map((useSnapshots) =>
        recoveryOf(files, { truth, useSnapshots, what, isSilent: proven === 'by marks' }),
      ),
  }
}

function recoveryOf(
  files: JournalFiles,
  look: {
    readonly truth: Truth
    readonly useSnapshots: boolean
    readonly what: string
    /** Whether it may be shorter without a torn tail to show for it. */
    readonly isSilent: boolean
  },
): Outcome {
  const { truth, useSnapshots, what, isSilent } = look
  const context = `${what}, ${useSnapshots ? 'with' : 'without'} snapshots`
  let recovery: ReturnType<typeof recover>
  try {
    recovery = recoverAll(files, { useSnapshots })
  } catch (error) {
    assert.instance(error, JournalDamaged, `${context}: ${String(error)}`)
    return 'refused'
  }
  let isShorter = false
  for (const [shard, recovered] of recovery.shards) {
    const states = truth.get(shard) as ReadonlyMap<number, string>
    const known = states.get(recovered.nextSequence)
    assert.ok(known !== undefined, `recovery lost proven events of shard ${shard} in silence: ${context}`)
    assert.is(hashOf(recovered), known, `recovery came to another state of shard ${shard}: ${context}`)
    if (recovered.nextSequence < Math.max(...states.keys())) isShorter = true
  }
  if (!isShorter) return 'same'
  assert.ok(
    isSilent || recovery.ends.some(({ end }) => end.type === 'torn'),
    `recovery is shorter and does not say so: ${context}`,
  )
  return 'shorter'
}

function truthOf(files: JournalFiles, proven: ReadonlyMap<ShardId, number>): Truth {
  const truth = new Map<ShardId, Map<number, string>>()
  const remember = (at: RecoveredShard) => {
    if (at.nextSequence < (proven.get(at.shard) ?? 1)) return
    const ofShard = truth.get(at.shard) ?? new Map<number, string>()
    truth.set(at.shard, ofShard.set(at.nextSequence, hashOf(at)))
  }
  const { shards } = recoverAll(files, { useSnapshots: false, onEvent: remember })
  for (const shard of shards.values()) remember(shard)
  return truth
}

/** The next sequence of each shard behind the last frame that something proves; read from the files alone. */
function provenSequences({ disk, journal }: JournalFiles, onlyByMarks: boolean): Map<ShardId, number> {
  const proven = new Map<ShardId, number>()
  const streams = new Map<
    string,
    { durable: number; frames: { ordinal: number; after: [ShardId, number][] }[] }
  >()
  for (const name of disk.list(journal)) {
    if (!name.endsWith('.segment') || name.endsWith('-000000.segment')) continue
    const stream = name.slice(0, 13)
    const found = streams.get(stream) ?? { durable: 0, frames: [] }
    streams.set(stream, found)
    const bytes = readWhole(disk, join(journal, name))
    for (let offset = 0; ; ) {
      const parsed = parseFrame(bytes, offset)
      if (parsed.type !== 'frame') break
      const { frame } = parsed
      offset += frame.bytes.length
      found.durable = Math.max(found.durable, frame.durableOrdinal)
      const after = frame.sections.map(({ shard, firstSequence, count }): [ShardId, number] => [
        shard,
        firstSequence + count,
      ])
      found.frames.push({ ordinal: frame.ordinal, after })
    }
  }
  for (const [stream, { durable, frames }] of streams) {
    const mark = readMark(disk, join(journal, `${stream}.mark`))
    const reached = Math.max(onlyByMarks ? 0 : durable, mark.type === 'mark' ? mark.ordinal : 0)
    for (const { ordinal, after } of frames) {
      if (ordinal > reached) continue
      for (const [shard, sequence] of after) proven.set(shard, Math.max(proven.get(shard) ?? 1, sequence))
    }
  }
  return proven
}

export function recoverAll(
  { disk, journal, snapshots, shards = 0 }: JournalFiles,
  options: { readonly useSnapshots: boolean; readonly onEvent?: (shard: RecoveredShard) => void },
): ReturnType<typeof recover> {
  return recover({
    disk,
    journalDirectory: journal,
    snapshotDirectory: snapshots,
    shards: Array.from({ length: shards }, (_, shard) => shard as ShardId),
    shardsOfData: shards,
    ...options,
  })
}

function hashOf({ state }: RecoveredShard): string {
  return createHash('sha256').update(encodeState(state)).digest('hex')
}
