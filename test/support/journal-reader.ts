/**
 * A data directory's journal as a witness reads it, while no server runs: every event that counts, in order, and the
 * states that the engine's own recovery makes of it.
 *
 * The events are decoded here, frame by frame. Two recoveries run beside: from the first event, and from the snapshots;
 * their states must be the same bytes (I9).
 */
import type { Event } from '../../src/domain/events.ts'
import type { ShardId } from '../../src/domain/ids.ts'
import { dataPaths } from '../../src/persistence/directory.ts'
import { type Disk, realDisk } from '../../src/persistence/journal/disk.ts'
import { eventsOf } from '../../src/persistence/journal/frame.ts'
import { type Recovery, recover } from '../../src/persistence/journal/recovery.ts'
import { listSnapshots } from '../../src/persistence/journal/snapshot.ts'
import { encodeState } from '../../src/persistence/journal/state-codec.ts'
import { fenceAfter, framesOf, readCatalog } from '../../src/persistence/journal/streams.ts'

export type Recorded = {
  readonly shard: number
  readonly sequence: number
  readonly atMs: number
  readonly event: Event
}

export type JournalView = {
  /** By shard, each in order. */
  readonly events: ReadonlyMap<number, readonly Recorded[]>
  /** Of each shard from the first event on, encoded. */
  readonly states: ReadonlyMap<number, Buffer>
  /** What is wrong with the journal itself; nobody should ever see one. */
  readonly faults: readonly string[]
  /** Frames that the next start has to write anew. */
  readonly unprovenCount: number
  readonly snapshotsCount: number
}

const SHARDS = 8

/** Reads all of a data directory's journal. Throws `JournalDamaged` as the engine would. */
export function readJournal(directory: string, shards = SHARDS): JournalView {
  const { journal, snapshots } = dataPaths(directory)
  return readJournalAt({ disk: realDisk, journal, snapshots }, shards)
}

type Place = { readonly disk: Disk; readonly journal: string; readonly snapshots: string }

/** The same wherever it is. */
export function readJournalAt({ disk, journal, snapshots }: Place, shards: number): JournalView {
  const all = Array.from({ length: shards }, (_, shard) => shard as ShardId)
  const options = {
    disk,
    journalDirectory: journal,
    snapshotDirectory: snapshots,
    shards: all,
    shardsOfData: shards,
  }
  const whole = recover({ ...options, useSnapshots: false })
  const quick = recover({ ...options, useSnapshots: true })
  const events = eventsIn(journal, all, disk)
  const states = new Map(all.map((shard) => [shard as number, stateOf(whole, shard)]))
  const faults: string[] = []
  for (const shard of all) {
    if (!states.get(shard)?.equals(stateOf(quick, shard)))
      faults.push(`shard ${shard}: snapshot and tail are not the full replay`)
    const next = whole.shards.get(shard)?.nextSequence ?? 1
    const count = events.get(shard)?.length ?? 0
    if (count !== next - 1)
      faults.push(`shard ${shard}: ${count} events in its frames, and recovery came to ${next - 1}`)
  }
  const snapshotsCount = listSnapshots(disk, snapshots).length
  return { events, states, faults, unprovenCount: whole.carry.length, snapshotsCount }
}

function stateOf({ shards }: Recovery, shard: ShardId): Buffer {
  const recovered = shards.get(shard)
  if (recovered === undefined) throw new Error(`shard ${shard} was not recovered`)
  return encodeState(recovered.state)
}

/** By shard, each in order: every event of the journal in this directory that counts. */
export function eventsIn(
  journal: string,
  shards: readonly ShardId[],
  disk: Disk = realDisk,
): Map<number, Recorded[]> {
  const catalog = readCatalog(disk, journal)
  const events = new Map<number, Recorded[]>(shards.map((shard) => [shard, []]))
  for (const stream of catalog.streams) {
    for (const frame of framesOf(disk, catalog, stream, { fromSegment: 0 })) {
      if (frame.kind !== 'batch') continue
      for (const section of frame.sections) {
        const { shard, firstSequence, atMs } = section
        const fence = fenceAfter(catalog, shard, stream.id.epoch)
        if (fence !== undefined && firstSequence >= fence.nextSequence) continue
        let sequence = firstSequence
        for (const event of eventsOf(section)) {
          events.get(shard)?.push({ shard, sequence, atMs, event })
          sequence += 1
        }
      }
    }
  }
  return events
}

/** Whether the later view says of every shard all that the earlier one said, and in the same words. */
export function goesOn(earlier: JournalView, later: JournalView): boolean {
  return [...earlier.events].every(([shard, events]) => {
    const now = later.events.get(shard)
    return (
      now !== undefined &&
      events.length <= now.length &&
      events.every((recorded, i) => JSON.stringify(recorded) === JSON.stringify(now[i]))
    )
  })
}
