/** What ownership tells of itself: to the relay, to metrics and to whoever asks. */
import type { ShardId } from '../domain/ids.ts'
import type { NodeId } from './placement.ts'

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
