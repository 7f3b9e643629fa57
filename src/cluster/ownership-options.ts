/** What a node's ownership is given, and whom it tells. */
import type { LeaseBoard } from '../actors/lease-board.ts'
import type { ShardId } from '../domain/ids.ts'
import type { RedisNodes } from '../persistence/redis/redis-nodes.ts'
import type { Clock, Random, Timers } from '../seams.ts'
import type { Member } from './members.ts'
import type { OwnershipLog } from './ownership-log.ts'
import type { Owner } from './ownership-view.ts'
import type { NodeId } from './placement.ts'

export type OwnershipOptions = {
  readonly nodes: RedisNodes
  readonly node: { readonly id: NodeId; readonly address: string; readonly version: string }
  readonly shards: number
  /** Where its leases are shown. */
  readonly board: LeaseBoard
  readonly ack: 'aof' | { readonly replicas: number }
  readonly leaseMs: number
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly log: OwnershipLog
  /** What the data is, is known, before anything of it is taken. Where this throws, the start rejects with it. */
  readonly agreed: (dataId: string) => void
  /** The lease is ours: its worker can be started. */
  readonly acquired: (shard: ShardId) => void
  /** Hand it over in order: resolves when its worker has ended and all that it answered is durable. */
  readonly surrender: (shard: ShardId) => Promise<void>
  /** The lease has ended without us: fence at once. Until the promise resolves it is not taken again. */
  readonly lost: (shard: ShardId, why: string) => void | Promise<void>
  /** Which nodes there are, this one and silent ones included, whenever that has changed. */
  readonly members: (members: readonly Member[]) => void
  /** Who serves what, whenever that has changed. Shards without an owner are absent. */
  readonly owners: (owners: ReadonlyMap<ShardId, Owner>) => void
}
