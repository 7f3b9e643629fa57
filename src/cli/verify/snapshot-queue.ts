/** Snapshots that wait until the audit has come to their sequence, to be compared with what the events make. */
import type { ShardId } from '../../domain/ids.ts'
import { BytesDamaged } from '../../persistence/journal/bytes.ts'
import type { Link } from '../../persistence/journal/frame.ts'
import {
  listSnapshots,
  readSnapshot,
  type Snapshot,
  type SnapshotName,
} from '../../persistence/journal/snapshot.ts'
import { hasCode, type JournalFiles, namesIn, shownPath } from '../journal-files.ts'
import type { Findings } from './findings.ts'
import type { Ledger } from './ledger.ts'

type Reached = {
  readonly shard: ShardId
  readonly ledger: Ledger
  readonly nextSequence: number
  readonly link: Link
}

export class SnapshotQueue {
  readonly found: number
  compared = 0
  readonly #files: JournalFiles
  readonly #findings: Findings
  /** By shard, the oldest first. Only names: a snapshot is as large as its shard. */
  readonly #waiting = new Map<ShardId, SnapshotName[]>()

  constructor(files: JournalFiles, findings: Findings) {
    this.#files = files
    this.#findings = findings
    const names = namesIn(files.disk, files.snapshots)
    const snapshots = names.length === 0 ? [] : listSnapshots(files.disk, files.snapshots)
    this.found = snapshots.length
    for (const snapshot of snapshots) {
      const ofShard = this.#waiting.get(snapshot.shard) ?? []
      ofShard.unshift(snapshot)
      this.#waiting.set(snapshot.shard, ofShard)
    }
    const known = new Set(snapshots.map(({ name }) => name))
    for (const name of names) {
      if (known.has(name)) continue
      const isKept = /\.damaged-[0-9TZ.-]+$/.test(name)
      const isUnfinished = name.endsWith('.writing')
      const why = isKept
        ? 'an original that a repair kept'
        : isUnfinished
          ? 'a snapshot that was never finished'
          : 'not a snapshot'
      findings.add('note', { file: shownPath(files, `${files.snapshots}/${name}`) }, why)
    }
  }

  /**
   * The oldest snapshot of a shard that knows all events up to a sequence, to begin behind it; it stays to be compared.
   * Older ones cannot be: they must only be readable.
   */
  base(shard: ShardId, sequence: number): { readonly snapshot: Snapshot; readonly path: string } | undefined {
    const ofShard = this.#waiting.get(shard) ?? []
    for (;;) {
      const [name] = ofShard
      if (name === undefined) return undefined
      const snapshot = this.#read(name)
      if (snapshot !== undefined && name.sequence >= sequence) return { snapshot, path: name.path }
      ofShard.shift()
    }
  }

  /** Compares the snapshots of exactly this point. */
  reach(at: Reached): void {
    const ofShard = this.#waiting.get(at.shard)
    while (ofShard?.[0] !== undefined && ofShard[0].sequence === at.nextSequence - 1) {
      this.#compare(ofShard.shift() as SnapshotName, at)
    }
  }

  /** What is left lies beyond the journal's end, unless its shard was lost on the way; it must still be readable. */
  finish(stateOf: (shard: ShardId) => { readonly reached: number; readonly isLost: boolean }): void {
    for (const [shard, ofShard] of this.#waiting) {
      const { reached, isLost } = stateOf(shard)
      for (const snapshot of ofShard) {
        if (this.#read(snapshot) === undefined || isLost) continue
        const place = {
          file: shownPath(this.#files, snapshot.path),
          positions: [{ shard, sequence: snapshot.sequence }],
          what: 'beyond',
        } as const
        this.#findings.add(
          'damaged',
          place,
          `the journal of shard ${shard} ends at sequence ${reached}, before this snapshot`,
        )
      }
    }
  }

  #compare(name: SnapshotName, at: Reached): void {
    const snapshot = this.#read(name)
    if (snapshot === undefined) return
    this.compared += 1
    const wrong =
      snapshot.link === at.link
        ? at.ledger.differenceFrom(snapshot.state)
        : 'it was taken of another history than the journal has'
    if (wrong === undefined) return
    const positions = [{ shard: name.shard, sequence: name.sequence }]
    const place = { file: shownPath(this.#files, name.path), positions, what: 'snapshot' } as const
    this.#findings.add('damaged', place, wrong)
  }

  #read({ path, shard, sequence }: SnapshotName): Snapshot | undefined {
    const file = shownPath(this.#files, path)
    const place = { file, offset: 0, positions: [{ shard, sequence }], what: 'snapshot' } as const
    try {
      const snapshot = readSnapshot(this.#files.disk, path)
      if (snapshot.shard !== shard || snapshot.sequence !== sequence) {
        const why = `it is of shard ${snapshot.shard} at sequence ${snapshot.sequence}, and its name says otherwise`
        this.#findings.add('damaged', place, why)
        return undefined
      }
      if (this.#files.shards !== undefined && snapshot.shards !== this.#files.shards) {
        const why = `a snapshot of data with ${snapshot.shards} shards, and the record says ${this.#files.shards}`
        this.#findings.add('damaged', place, why)
        return undefined
      }
      return snapshot
    } catch (error) {
      // A running engine keeps the two newest of a shard and removes the third.
      if (hasCode(error, 'ENOENT') && this.#files.isLive()) return undefined
      if (!(error instanceof BytesDamaged)) throw error
      this.#findings.add('damaged', place, `the snapshot cannot be read: ${error.message}`)
      return undefined
    }
  }
}
