/**
 * What must hold whatever is done to a journal's files: `verify` notices it, and recovery refuses, or comes to the same
 * state, or loses no more than what nothing proved (FAULTS.md, 34 to 36). And bits flipped one at a time, all over.
 */
import { createHash } from 'node:crypto'
import { closeSync, openSync, readdirSync, readFileSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { openJournalFiles } from '../../src/cli/journal-files.ts'
import { auditJournal } from '../../src/cli/verify/audit.ts'
import type { ShardId } from '../../src/domain/ids.ts'
import { realDisk } from '../../src/persistence/journal/disk.ts'
import { parseFrame } from '../../src/persistence/journal/frame.ts'
import { readMark } from '../../src/persistence/journal/mark.ts'
import { type RecoveredShard, recover } from '../../src/persistence/journal/recovery.ts'
import { encodeState } from '../../src/persistence/journal/state-codec.ts'
import { JournalDamaged } from '../../src/persistence/journal/streams.ts'
import { chanceOf, type Workshop } from './workshop.ts'

export type Sweep = {
  flips: number
  /** By what `verify` said. */
  readonly verdicts: { damaged: number; torn: number; good: number }
  /** By what came of recovery, with snapshots and without. */
  readonly recoveries: { refused: number; same: number; shorter: number }
}

export type Outcome = keyof Sweep['recoveries']

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
  shop: Workshop,
  { proven = 'by anything' }: { readonly proven?: 'by anything' | 'by marks' } = {},
): Witness {
  const files = openJournalFiles(shop.root)
  const truth = truthOf(shop, provenSequences(shop, proven === 'by marks'))
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
        recoveryOf(shop, { truth, useSnapshots, what, isSilent: proven === 'by marks' }),
      ),
  }
}

/** Flips about so many bits, spread evenly over all files, each in a place and of a bit drawn by the seed. */
export function sweep(shop: Workshop, options: { readonly flips: number; readonly seed: number }): Sweep {
  const watch = witness(shop)
  const chance = chanceOf(options.seed)
  const result: Sweep = {
    flips: 0,
    verdicts: { damaged: 0, torn: 0, good: 0 },
    recoveries: { refused: 0, same: 0, shorter: 0 },
  }
  for (const { path, places } of placesIn(shop, options.flips)) {
    const bytes = readFileSync(path)
    const file = openSync(path, 'r+')
    try {
      for (const from of places) {
        const at = Math.min(bytes.length - 1, Math.floor(from + chance() * 16))
        const bit = 1 << Math.floor(chance() * 8)
        const what = `bit ${bit} of byte ${at} of ${path}, seed ${options.seed}`
        writeSync(file, Buffer.of((bytes[at] as number) ^ bit), 0, 1, at)
        const verdict = watch.verdict()
        assert.is.not(verdict, 'good', `verify let pass ${what}`)
        for (const outcome of watch.recoveries(what)) result.recoveries[outcome] += 1
        result.verdicts[verdict] += 1
        result.flips += 1
        writeSync(file, bytes, at, 1, at)
      }
    } finally {
      closeSync(file)
    }
  }
  assert.is(watch.verdict(), 'good', 'every flip was taken back')
  return result
}

/** So many places, in each file as many as it has of all bytes, at least some; of marks mostly their slots. */
function placesIn(
  shop: Workshop,
  flips: number,
): { readonly path: string; readonly places: readonly number[] }[] {
  const paths = [shop.journal, shop.snapshots].flatMap((directory) => {
    return readdirSync(directory)
      .filter((name) => /\.(?:segment|mark|snapshot)$/.test(name))
      .map((name) => join(directory, name))
  })
  const total = paths.reduce((sum, path) => sum + (path.endsWith('.mark') ? 0 : statSync(path).size), 0)
  return paths.map((path) => {
    const { size } = statSync(path)
    if (path.endsWith('.mark'))
      return { path, places: [0, 3, 8, 13, 16, 32, 2_000, 4_080, 4_096, 4_104, 4_127] }
    const count = Math.max(8, Math.round((flips * size) / total))
    return { path, places: Array.from({ length: count }, (_, i) => ((i + 0.5) * size) / count) }
  })
}

function recoveryOf(
  shop: Workshop,
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
    recovery = recoverAll(shop, { useSnapshots })
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

function truthOf(shop: Workshop, proven: ReadonlyMap<ShardId, number>): Truth {
  const truth = new Map<ShardId, Map<number, string>>()
  const remember = (at: RecoveredShard) => {
    if (at.nextSequence < (proven.get(at.shard) ?? 1)) return
    const ofShard = truth.get(at.shard) ?? new Map<number, string>()
    truth.set(at.shard, ofShard.set(at.nextSequence, hashOf(at)))
  }
  const { shards } = recoverAll(shop, { useSnapshots: false, onEvent: remember })
  for (const shard of shards.values()) remember(shard)
  return truth
}

/** The next sequence of each shard behind the last frame that something proves; read from the files alone. */
function provenSequences(shop: Workshop, onlyByMarks: boolean): Map<ShardId, number> {
  const proven = new Map<ShardId, number>()
  const streams = new Map<
    string,
    { durable: number; frames: { ordinal: number; after: [ShardId, number][] }[] }
  >()
  for (const name of readdirSync(shop.journal).sort()) {
    if (!name.endsWith('.segment') || name.endsWith('-000000.segment')) continue
    const stream = name.slice(0, 13)
    const found = streams.get(stream) ?? { durable: 0, frames: [] }
    streams.set(stream, found)
    const bytes = readFileSync(join(shop.journal, name))
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
    const mark = readMark(realDisk, join(shop.journal, `${stream}.mark`))
    const reached = Math.max(onlyByMarks ? 0 : durable, mark.type === 'mark' ? mark.ordinal : 0)
    for (const { ordinal, after } of frames) {
      if (ordinal > reached) continue
      for (const [shard, sequence] of after) proven.set(shard, Math.max(proven.get(shard) ?? 1, sequence))
    }
  }
  return proven
}

export function recoverAll(
  shop: Workshop,
  options: { readonly useSnapshots: boolean; readonly onEvent?: (shard: RecoveredShard) => void },
): ReturnType<typeof recover> {
  return recover({
    disk: realDisk,
    journalDirectory: shop.journal,
    snapshotDirectory: shop.snapshots,
    shards: Array.from({ length: shop.shards }, (_, shard) => shard as ShardId),
    shardsOfData: shop.shards,
    ...options,
  })
}

function hashOf({ state }: RecoveredShard): string {
  return createHash('sha256').update(encodeState(state)).digest('hex')
}
