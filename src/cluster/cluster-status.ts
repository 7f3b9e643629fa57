/** What stands in Redis of nodes and shards, read from outside, whether or not any node runs. */
import type { Redis } from 'ioredis'
import type { ShardId } from '../domain/ids.ts'
import { journalKeysOf, placeOfEntry } from '../persistence/journal/redis/place.ts'
import type { RedisNodes } from '../persistence/redis/redis-nodes.ts'
import type { Random, Timers } from '../seams.ts'
import { KeptPrimaries } from './kept-primaries.ts'
import { beatsKey, leaseKey, membersKey, metaKey } from './key-names.ts'
import { type LeaseRecord, leaseFields, readLease } from './lease-record.ts'
import { type Member, readMembers } from './members.ts'
import { scriptCall } from './scripts.ts'

export type ShardStatus = {
  readonly shard: ShardId
  /** `unreachable`: the primary of its slot does not answer. */
  readonly lease: LeaseRecord | { readonly type: 'unreachable' }
  readonly leaseLeftMs: number
  /** Of the newest frame of its journal; 0 where there is none. */
  readonly epoch: number
  readonly ordinal: number
}

export type ClusterStatus = {
  /** 0 where no node has ever started. */
  readonly shards: number
  readonly dataId: string | undefined
  readonly members: readonly Member[]
  readonly owned: readonly ShardStatus[]
}

type Reply = [error: Error | null, value: unknown]

/**
 * Waits while Redis replaces the primary that knows the members. Rejects with `RedisUnavailable` where no server answers, or
 * not that one.
 */
export async function readClusterStatus(
  nodes: RedisNodes,
  seams: { readonly timers: Timers; readonly random: Random; readonly commandTimeoutMs: number },
): Promise<ClusterStatus> {
  const primaries = new KeptPrimaries({ nodes, ...seams })
  let connection: Redis | undefined
  try {
    await nodes.view()
    const primary = await nodes.connect(metaKey)
    connection = primary
    await primaries.start()
    const [shardsText, dataId] = await primary.hmget(metaKey, 'shards', 'data')
    const [, ...beat] = scriptCall('beat', [beatsKey, membersKey], ['', '', 0])
    const members = readMembers((await primary.call('EVAL', ...beat)) as (string | number)[])
    const shards = Number(shardsText ?? 0)
    const owned = await Promise.all(
      Array.from({ length: shards }, (_, shard) =>
        readShard(primaries.primaryOf(leaseKey(shard as ShardId)), shard as ShardId),
      ),
    )
    return { shards, dataId: dataId ?? undefined, members, owned }
  } finally {
    connection?.disconnect()
    primaries.close()
  }
}

async function readShard(primary: Redis | undefined, shard: ShardId): Promise<ShardStatus> {
  const nothing = { shard, lease: { type: 'unreachable' }, leaseLeftMs: 0, epoch: 0, ordinal: 0 } as const
  const replies = (await primary
    ?.pipeline([
      ['hmget', leaseKey(shard), ...leaseFields],
      ['pttl', leaseKey(shard)],
      ['hget', journalKeysOf(shard).head, 'id'],
    ])
    .exec()) as Reply[] | undefined
  const failed = replies?.some(([error]) => error !== null)
  if (replies === undefined || failed) return nothing
  const [fields, leftMs, head] = replies.map(([, value]) => value) as [
    (string | null)[],
    number,
    string | null,
  ]
  const { epoch, ordinal } = head === null ? nothing : placeOfEntry(head)
  return { shard, lease: readLease(fields), leaseLeftMs: Math.max(0, leftMs), epoch, ordinal }
}
