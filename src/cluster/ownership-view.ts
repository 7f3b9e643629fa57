/** What ownership tells of itself: to the relay, to metrics and to whoever asks. */
import type { LeaseBoard } from '../actors/lease-board.ts'
import { unreachable } from '../domain/assert.ts'
import type { ShardId } from '../domain/ids.ts'
import type { LeaseRecord } from './lease-record.ts'
import type { NodeId } from './placement.ts'
import type { Tenure } from './tenure.ts'

export type Owner = {
  readonly nodeId: NodeId
  /** Where the node's relay listens, as host:port. */
  readonly address: string
  /** Tells this tenure from any other of the same shard, the same node's included. */
  readonly tenure: string
}

export type ShardView = {
  readonly shard: ShardId
  readonly state: 'unknown' | 'free' | 'promised' | 'claiming' | 'claimed' | 'held' | 'leaving'
  /** Whose it is, or whom it is promised to. */
  readonly owner: NodeId | undefined
  /** How long this node may still believe in its lease; absent for shards that are not its own. */
  readonly leaseLeftMs: number | undefined
  /** Whether this node may acknowledge what it appends; absent for shards that are not its own. */
  readonly mayAcknowledge: boolean | undefined
}

export type OwnershipView = {
  readonly node: NodeId
  readonly members: number
  readonly shards: readonly ShardView[]
  /** Times since the start. */
  readonly acquired: number
  readonly lost: number
  readonly handedOver: number
}

/** What a node knows of a shard: a tenure of its own, or what stands in Redis. */
type Known = Tenure | LeaseRecord | undefined

/** Who serves a shard, as far as `self` knows; a lease of its own that it no longer believes in makes nobody an owner. */
export function ownerOf(
  self: { readonly id: NodeId; readonly address: string },
  known: Known,
): Owner | undefined {
  if (known === undefined) return undefined
  if ('state' in known) {
    const isServed = known.state === 'held' || known.state === 'leaving'
    return isServed ? { nodeId: self.id, address: self.address, tenure: known.token } : undefined
  }
  if (known.type !== 'held' || known.node === self.id) return undefined
  return { nodeId: known.node, address: known.address, tenure: known.token }
}

/** Who serves a shard and how it stands. */
export function viewOf(
  shard: ShardId,
  known: Known,
  { self, board, nowMs }: { readonly self: NodeId; readonly board: LeaseBoard; readonly nowMs: number },
): ShardView {
  const others = { shard, owner: undefined, leaseLeftMs: undefined, mayAcknowledge: undefined }
  if (known === undefined) return { ...others, state: 'unknown' }
  if ('state' in known) {
    const leaseLeftMs = Math.max(0, board.endsAtMs(shard) - nowMs)
    return {
      shard,
      state: known.state,
      owner: self,
      leaseLeftMs,
      mayAcknowledge: board.mayAcknowledge(shard),
    }
  }
  switch (known.type) {
    case 'free':
      return { ...others, state: 'free' }
    case 'promised':
      return { ...others, state: 'promised', owner: known.to }
    case 'held':
      return { ...others, state: known.to === undefined ? 'held' : 'leaving', owner: known.node }
    default:
      return unreachable(known)
  }
}
