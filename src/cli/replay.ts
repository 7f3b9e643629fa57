/** `journal replay`: the engine's own recovery from the first event, compared with every snapshot byte for byte. */
import { createHash } from 'node:crypto'
import type { ProductId, ShardId } from '../domain/ids.ts'
import { availableOf, type ShardState, type Stock } from '../domain/stock.ts'
import { goneSequences } from '../persistence/journal/archived.ts'
import { BytesDamaged } from '../persistence/journal/bytes.ts'
import type { Disk } from '../persistence/journal/disk.ts'
import { type RecoveredShard, type Recovery, recover } from '../persistence/journal/recovery.ts'
import { readWhole } from '../persistence/journal/segments.ts'
import {
  encodeSnapshot,
  listSnapshots,
  readSnapshot,
  type SnapshotName,
} from '../persistence/journal/snapshot.ts'
import { encodeState } from '../persistence/journal/state-codec.ts'
import { JournalDamaged } from '../persistence/journal/streams.ts'
import { realClock } from '../seams.ts'
import { archiveHelp, withArchives } from './archive-view.ts'
import type { Command } from './command-line.ts'
import { isDamage, reportDamage } from './damage-report.ts'
import { exitCodes, Unusable } from './exit-codes.ts'
import { hasCode, type JournalFiles, namesIn, segmentBytesOf, shownPath } from './journal-files.ts'
import { missingFrom, validSnapshots } from './shard-base.ts'
import { countOf, countText, type Progress, type Terminal, table } from './terminal.ts'

export type Replay = {
  readonly events: number
  readonly elapsedMs: number
  readonly shards: readonly {
    readonly shard: ShardId
    readonly sequence: number
    readonly stateHash: string
  }[]
  readonly products: number
  readonly reservations: number
  readonly snapshots: readonly SnapshotVerdict[]
  /** Frames at the streams' ends that the next start writes anew. */
  readonly carried: number
  /** Where streams end in what the next start cuts off. */
  readonly torn: readonly string[]
  readonly states: ReadonlyMap<ShardId, ShardState>
  /** Of the newest thing that was recorded; 0 where nothing was. */
  readonly lastTimeMs: number
}

type SnapshotVerdict = {
  readonly file: string
  readonly sequence: number
  readonly difference: string | undefined
}

const stockLimitDefault = 20
/** A running engine may turn to its next segment between two reads. */
const livePassesMax = 5
/** Magic and checksum. */
const SNAPSHOT_HEAD_BYTES = 8

export const replay: Command = {
  name: 'replay',
  summary:
    "Rebuilds all shards from their first event with the engine's own rules, and compares them with the snapshots.",
  help: `
A snapshot must be equal, byte for byte, to the state of its shard after the same event. Memory holds the state of all
shards, as the engine's does.

  --stock      list the products' counters at the end, the most sold first
  --limit N    list so many; default ${stockLimitDefault}
${archiveHelp}

Where older segments are archived, a shard begins at the oldest snapshot behind them; with their archive named, at its
first event.

Exit code 0: equal. 1: a snapshot differs, or the journal is damaged.`,
  example: 'replay --stock --limit 5',
  options: ['stock', 'limit', 'archive'],
  run(journal, { json, stock, limit, archive }, terminal) {
    const files = withArchives(journal, archive)
    const progress = terminal.progress(segmentBytesOf(files))
    let result: Replay
    try {
      result = replayJournal(files, progress)
    } catch (error) {
      progress.done()
      if (!isDamage(error)) throw error
      return reportDamage(files, error, { command: 'replay', json, terminal })
    }
    progress.done()
    const { states, lastTimeMs: _, ...figures } = result
    const listed = stock ? mostSold(states, limit ?? stockLimitDefault) : undefined
    const exitCode = result.snapshots.some(({ difference }) => difference !== undefined)
      ? exitCodes.damaged
      : exitCodes.good
    if (json)
      terminal.line(
        JSON.stringify({ command: 'replay', exitCode, ...figures, stock: listed?.map(countersOf) }),
      )
    else for (const line of describe(result, listed, terminal)) terminal.line(line)
    return exitCode
  },
}

/** Rebuilds every shard. Throws `JournalDamaged`, or `BytesDamaged` for a format that this version does not know. */
export function replayJournal(files: JournalFiles, progress: Progress): Replay {
  for (let pass = 1; ; pass++) {
    try {
      return replayOnce(files, progress)
    } catch (error) {
      const mayBeLate = error instanceof JournalDamaged || hasCode(error, 'ENOENT')
      if (!mayBeLate || pass === livePassesMax || !files.isLive()) throw error
    }
  }
}

function replayOnce(files: JournalFiles, progress: Progress): Replay {
  const { shards: shardsOfData } = files
  if (shardsOfData === undefined)
    throw new Unusable(files.recordProblem ?? 'the number of shards is not known')
  const bases = basesOf(files)
  // Before the journal: whatever a running engine writes later is behind what is listed here.
  const snapshots = waitingSnapshots(files, bases)
  const verdicts: SnapshotVerdict[] = []
  const compare = (at: RecoveredShard) => {
    const ofShard = snapshots.get(at.shard)
    while (ofShard?.[0] !== undefined && ofShard[0].sequence === at.nextSequence - 1) {
      const verdict = compareWith(files, ofShard.shift() as SnapshotName, at)
      if (verdict !== undefined) verdicts.push(verdict)
    }
  }
  const startedAtMs = realClock.monotonicMs()
  const recovery = recover({
    disk: observed(withSnapshots(files, bases), (bytes) => progress.advance(bytes)),
    journalDirectory: files.journal,
    snapshotDirectory: files.snapshots,
    shards: Array.from({ length: shardsOfData }, (_, shard) => shard as ShardId),
    shardsOfData,
    useSnapshots: bases.size > 0,
    onEvent: compare,
  })
  const elapsedMs = realClock.monotonicMs() - startedAtMs
  for (const [shard, ofShard] of snapshots) {
    const reached = (recovery.shards.get(shard)?.nextSequence ?? 1) - 1
    for (const { path, sequence } of ofShard) {
      const difference = `the journal of shard ${shard} ends at sequence ${reached}, before this snapshot`
      verdicts.push({ file: shownPath(files, path), sequence, difference })
    }
  }
  return summaryOf(files, recovery, { elapsedMs, snapshots: verdicts })
}

function summaryOf(
  files: JournalFiles,
  recovery: Recovery,
  measured: { readonly elapsedMs: number; readonly snapshots: readonly SnapshotVerdict[] },
): Replay {
  const states = new Map<ShardId, ShardState>()
  const shards = [...recovery.shards.values()].map(({ shard, state, nextSequence }) => {
    states.set(shard, state)
    const stateHash = createHash('sha256').update(encodeState(state)).digest('hex')
    return { shard, sequence: nextSequence - 1, stateHash }
  })
  const torn = recovery.ends.flatMap(({ end }) => {
    return end.type === 'torn'
      ? [`${shownPath(files, end.segment.path)}, byte ${end.offset}: ${end.why}`]
      : []
  })
  const sum = (sizeOf: (state: ShardState) => number) =>
    [...states.values()].reduce((total, state) => total + sizeOf(state), 0)
  return {
    events: recovery.eventsReplayed,
    ...measured,
    shards,
    products: sum(({ products }) => products.size),
    reservations: sum(({ reservations, splits }) => reservations.size + splits.size),
    carried: recovery.carry.length,
    torn,
    states,
    lastTimeMs: recovery.lastTimeMs,
  }
}

/** By shard, the snapshot to begin with: the oldest that knows all that is archived. */
function basesOf(files: JournalFiles): ReadonlyMap<ShardId, SnapshotName> {
  const bases = new Map<ShardId, SnapshotName>()
  for (const [shard, gone] of goneSequences(missingFrom(files))) {
    const valid = [...validSnapshots(files, shard)].map(({ sequence }) => sequence)
    const oldest = valid.findLast((sequence) => sequence >= gone)
    const base = listSnapshots(files.disk, files.snapshots).find(
      (snapshot) => snapshot.shard === shard && snapshot.sequence === oldest,
    )
    if (base !== undefined) bases.set(shard, base)
  }
  return bases
}

/** The same disk, on which there are only these snapshots. */
function withSnapshots({ disk, snapshots }: JournalFiles, bases: ReadonlyMap<ShardId, SnapshotName>): Disk {
  const kept = new Set([...bases.values()].map(({ name }) => name))
  return {
    ...disk,
    list: (path) => (path === snapshots ? disk.list(path).filter((name) => kept.has(name)) : disk.list(path)),
  }
}

/** By shard, the oldest first, without those that are not behind a base. */
function waitingSnapshots(
  files: JournalFiles,
  bases: ReadonlyMap<ShardId, SnapshotName>,
): Map<ShardId, SnapshotName[]> {
  const waiting = new Map<ShardId, SnapshotName[]>()
  if (namesIn(files.disk, files.snapshots).length === 0) return waiting
  for (const snapshot of listSnapshots(files.disk, files.snapshots)) {
    if (snapshot.sequence <= (bases.get(snapshot.shard)?.sequence ?? 0)) continue
    waiting.set(snapshot.shard, [snapshot, ...(waiting.get(snapshot.shard) ?? [])])
  }
  return waiting
}

/** Writes the snapshot anew from the replayed state and compares the files' bytes. */
function compareWith(
  files: JournalFiles,
  name: SnapshotName,
  at: RecoveredShard,
): SnapshotVerdict | undefined {
  const verdict = (difference: string | undefined): SnapshotVerdict => {
    return { file: shownPath(files, name.path), sequence: name.sequence, difference }
  }
  try {
    const bytes = readWhole(files.disk, name.path)
    const anew = encodeSnapshot({
      ...readSnapshot(files.disk, name.path),
      shard: at.shard,
      sequence: name.sequence,
      state: at.state,
    })
    if (anew.equals(bytes)) return verdict(undefined)
    // The checksum in its head differs whatever else does.
    const differsAt = anew.findIndex((byte, i) => i >= SNAPSHOT_HEAD_BYTES && byte !== bytes[i])
    const partAt = differsAt === -1 ? Math.min(anew.length, bytes.length) : differsAt
    return verdict(
      `it has ${bytes.length} bytes, the replay makes ${anew.length}; they part at byte ${partAt}`,
    )
  } catch (error) {
    if (error instanceof BytesDamaged) return verdict(`it cannot be read: ${error.message}`)
    if (hasCode(error, 'ENOENT') && files.isLive()) return undefined
    throw error
  }
}

/** The same disk, telling of every byte that is read. */
function observed(disk: Disk, onRead: (bytes: number) => void): Disk {
  return {
    ...disk,
    open(path, mode) {
      const file = disk.open(path, mode)
      return {
        ...file,
        read(offset, length) {
          const bytes = file.read(offset, length)
          onRead(bytes.length)
          return bytes
        },
      }
    },
  }
}

function mostSold(states: ReadonlyMap<ShardId, ShardState>, limit: number): Stock[] {
  const all = [...states.values()].flatMap(({ products }) => [...products.values()])
  return all.sort((a, b) => b.sold - a.sold || (a.productId < b.productId ? -1 : 1)).slice(0, limit)
}

function countersOf(stock: Stock): Record<string, number | boolean | ProductId> {
  const { productId, version, onHand, held, earmarked, sold, retired } = stock
  return { productId, version, onHand, held, earmarked, available: availableOf(stock), sold, retired }
}

function describe(result: Replay, listed: readonly Stock[] | undefined, terminal: Terminal): string[] {
  const { events, elapsedMs, products, reservations, snapshots, carried, torn } = result
  const rate = events / Math.max(1e-3, elapsedMs / 1_000)
  const lines = [
    `replayed   ${countOf(events, 'event')} in ${(elapsedMs / 1_000).toFixed(2)} s, ${countText(rate)} a second`,
    `state      ${countOf(products, 'product')}, ${countOf(reservations, 'reservation')}`,
  ]
  for (const place of torn) lines.push(`torn       ${place}; the next start cuts it off`)
  if (carried > 0) lines.push(`unsealed   ${countOf(carried, 'frame')} that the next start writes anew`)
  if (listed !== undefined) {
    const heading = ['product', 'version', 'on hand', 'held', 'put aside', 'available', 'sold']
    const rows = listed.map((stock) => {
      const { productId, version, onHand, held, earmarked, sold } = stock
      return [productId, version, onHand, held, earmarked, availableOf(stock), sold]
    })
    lines.push('', ...table([heading, ...rows]))
    if (listed.length < products) lines.push(`… and ${countText(products - listed.length)} more (--limit)`)
  }
  const differing = snapshots.filter(({ difference }) => difference !== undefined)
  lines.push('')
  for (const { file, difference } of differing)
    lines.push(`${terminal.paint('red', 'differs')}    ${file}: ${difference}`)
  if (differing.length > 0) {
    lines.push(
      `${terminal.paint('red', 'Different:')} ${differing.length} of ${countOf(snapshots.length, 'snapshot')}.`,
    )
  } else if (snapshots.length > 0) {
    lines.push(
      `${terminal.paint('green', 'Equal.')} ${countOf(snapshots.length, 'snapshot')}, byte for byte.`,
    )
  } else lines.push('There is no snapshot to compare with.')
  return lines
}
