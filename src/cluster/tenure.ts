/**
 * A tenure: one node's ownership of one shard, from the claim to its end.
 *
 *   claiming ─► claimed ─► held ─► leaving ─► (passed on)
 *      │            │         └───────┴─► (lost)
 *      └────────────┴─► (dropped)
 *
 * Belief is pure arithmetic. A lease begins when Redis hears of it, which is after it was sent: counted from before that,
 * belief ends before the lease does, however late the answer comes. The margin is for clocks that run at different speeds
 * and for what a reader does between its look at the board and its answer.
 */
import type { ShardId } from '../domain/ids.ts'
import type { NodeId } from './placement.ts'

export type Tenure = {
  readonly shard: ShardId
  readonly token: string
  readonly sinceMs: number
  /** `claiming`: asked for. `claimed`: ours, but not known yet to be safe on the replicas, so that nobody was told. */
  state: 'claiming' | 'claimed' | 'held' | 'leaving'
  /** By the monotonic clock: until when we may believe in it. */
  endsAtMs: number
  /** Whom it is being handed to. */
  to: NodeId | undefined
}

/** Of a lease, what is left unused at its end. */
const MARGIN_SHARE = 0.1

/** Until when a lease is believed in whose claim or renewal was sent at `sentAtMs`. */
export function beliefEndsAtMs(sentAtMs: number, leaseMs: number): number {
  return sentAtMs + leaseMs * (1 - MARGIN_SHARE)
}

/** How often leases are renewed: three renewals may fail before belief ends. */
export function renewalMs(leaseMs: number): number {
  return leaseMs / 4
}
