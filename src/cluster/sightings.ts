/** What this node has seen of leases that are not its own: the last record of each, and since when it has been free. */
import type { ShardId } from '../domain/ids.ts'
import type { LeaseRecord } from './lease-record.ts'
import type { Holding, NodeId } from './placement.ts'

type Sighting = {
  readonly record: LeaseRecord
  readonly lastOwner: NodeId | undefined
  readonly sinceMs: number
}

export class Sightings {
  readonly #seen = new Map<ShardId, Sighting>()

  /** Notes what was seen; whether it differs from what was known. */
  note(shard: ShardId, record: LeaseRecord, nowMs: number): boolean {
    const known = this.#seen.get(shard)
    if (known !== undefined && sameAs(known.record, record)) return false
    const lastOwner = record.type === 'held' ? record.node : known?.lastOwner
    this.#seen.set(shard, { record, lastOwner, sinceMs: nowMs })
    return true
  }

  /** What was seen is known to be wrong: nothing is built on it until it is looked at again. */
  forget(shard: ShardId): void {
    this.#seen.delete(shard)
  }

  of(shard: ShardId): LeaseRecord | undefined {
    return this.#seen.get(shard)?.record
  }

  /** How long it has been seen as it is. */
  ageMs(shard: ShardId, nowMs: number): number {
    return nowMs - (this.#seen.get(shard)?.sinceMs ?? nowMs)
  }

  /** For placement, which takes a lease that `self` no longer believes in for free: nobody else can take it. */
  holding(shard: ShardId, self: NodeId): Holding {
    const seen = this.#seen.get(shard)
    if (seen === undefined) return { type: 'unknown' }
    const { record, lastOwner } = seen
    if (record.type === 'promised') return { type: 'owned', owner: record.to, to: undefined }
    if (record.type === 'free' || record.node === self) return { type: 'free', lastOwner }
    return { type: 'owned', owner: record.node, to: record.to }
  }
}

function sameAs(known: LeaseRecord, record: LeaseRecord): boolean {
  if (known.type === 'held' && record.type === 'held')
    return known.token === record.token && known.to === record.to
  if (known.type === 'promised' && record.type === 'promised') return known.to === record.to
  return known.type === record.type
}
