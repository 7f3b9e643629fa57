/**
 * `repairs.jsonl` in a journal's directory: every repair that was made there, one a line, the oldest first. Written and
 * synced before a repair changes anything, and never shortened: what was lost must be known for ever after.
 */
import { join } from 'node:path'
import type { ShardId } from '../domain/ids.ts'
import type { SequenceRange } from '../persistence/journal/archived.ts'
import type { Disk } from '../persistence/journal/disk.ts'
import { readWhole } from '../persistence/journal/segments.ts'
import type { JournalFiles } from './journal-files.ts'

export const repairsName = 'repairs.jsonl'
const ASIDE = '.writing'

/** What a repair gave up. */
export type Loss = {
  /** Events that no longer count: what they said did not happen. */
  readonly events: readonly SequenceRange[]
  /**
   * Frames at the end of streams of which nothing is left to say what they held: up to one that was durable, or, where
   * whole segments are gone, nobody knows up to which.
   */
  readonly untold: readonly { readonly stream: string; readonly from: number; readonly to: number | null }[]
  /** Events that still count, in a snapshot, and cannot be read any more. */
  readonly history: readonly SequenceRange[]
  /** Of the lost events that could be read, by product, how many. */
  readonly products: Readonly<Record<string, number>>
  readonly reservations: readonly string[]
  /** Lost events that could not be read, or reservations beyond those listed. */
  readonly isMore: boolean
}

export type Repair = {
  readonly at: string
  readonly steps: readonly {
    readonly file: string
    readonly offset?: number | undefined
    readonly found: string
    readonly choice: string
    readonly did: string
  }[]
  readonly loss: Loss
  /** Originals, and the names they were kept by. */
  readonly kept: readonly { readonly file: string; readonly as: string }[]
}

/** All repairs whose lines can be read, and how many cannot. */
export function readRepairs(
  disk: Disk,
  journal: string,
): { readonly repairs: readonly Repair[]; readonly unread: number } {
  const path = join(journal, repairsName)
  if (!disk.exists(path)) return { repairs: [], unread: 0 }
  const lines = readWhole(disk, path).toString('utf8').split('\n')
  const parsed = lines.filter((line) => line !== '').map(parseRepair)
  const repairs = parsed.filter((repair) => repair !== undefined)
  return { repairs, unread: parsed.length - repairs.length }
}

/** Shards of which a repair gave up events, and others may still know what those said. */
export function shardsGivenUp(
  { disk, journal }: JournalFiles,
  all: readonly ShardId[],
): ReadonlySet<ShardId> {
  const { repairs, unread } = readRepairs(disk, journal)
  const isAny = unread > 0 || repairs.some(({ loss }) => loss.untold.length > 0)
  return new Set(isAny ? all : repairs.flatMap(({ loss }) => loss.events.map(({ shard }) => shard)))
}

/** On return the line survives power loss. What was there before it stays as it was, byte for byte. */
export function addRepair(disk: Disk, journal: string, repair: Repair): void {
  const path = join(journal, repairsName)
  const before = disk.exists(path) ? readWhole(disk, path) : Buffer.alloc(0)
  const isCut = before.length > 0 && before.at(-1) !== 0x0a
  const line = Buffer.from(`${isCut ? '\n' : ''}${JSON.stringify(repair)}\n`)
  if (disk.exists(path + ASIDE)) disk.remove(path + ASIDE)
  const file = disk.create(path + ASIDE)
  try {
    file.write(Buffer.concat([before, line]), 0)
    file.syncNow()
  } finally {
    file.close()
  }
  disk.rename(path + ASIDE, path)
  disk.syncDirectory(journal)
}

/** `frames 21 to 40 of stream 00000007-w000` */
export function untoldText({ untold }: Loss): string {
  return untold
    .map(({ stream, from, to }) => {
      const frames = to === null ? `frame ${from} and on` : `frames ${from} to ${to}`
      return `${from === to ? `frame ${from}` : frames} of stream ${stream}`
    })
    .join(', ')
}

/** `s0.51 to s0.99, s3.7` */
export function rangesText(ranges: readonly SequenceRange[]): string {
  return ranges
    .map(({ shard, from, to }) =>
      from === to ? `s${shard}.${from}` : `s${shard}.${from} to s${shard}.${to}`,
    )
    .join(', ')
}

function parseRepair(line: string): Repair | undefined {
  try {
    const repair = JSON.parse(line)
    const isOne =
      typeof repair?.at === 'string' && [repair.loss?.events, repair.loss?.untold].every(Array.isArray)
    return isOne ? repair : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
