/**
 * Leases in Redis: takes, renews, passes on and looks at them, many of one primary in one pipeline. Decides nothing.
 *
 * Each round goes over one connection to one primary, and the WAIT behind it counts the replicas that have all that the round
 * wrote. What a primary does not answer in time is answered here as failed, and may have happened all the same.
 */
import type { Redis } from 'ioredis'
import type { ShardId } from '../domain/ids.ts'
import type { Timers } from '../seams.ts'
import { leaseKey, newsChannel } from './key-names.ts'
import { type LeaseRecord, leaseFields, readLease } from './lease-record.ts'
import type { NodeId } from './placement.ts'
import { scriptCall } from './scripts.ts'

/** The primary of each key, on a connection that carries nothing else that waits. */
export type Primaries = {
  /** The same object for all keys of one primary; undefined while none is known. */
  primaryOf(key: string): Redis | undefined
  /** It did not answer, or says that a slot is elsewhere: look anew who serves what. */
  failed(primary: Redis | undefined, error: unknown): void
}

export type LeaseRequest = {
  readonly type: 'claim' | 'renew'
  readonly shard: ShardId
  readonly token: string
  /** Whom it is about to be handed to. */
  readonly to: NodeId | undefined
}

export type Round = {
  /** In the order of the requests; `refused` means that the lease is somebody else's, or gone. */
  readonly outcomes: readonly ('ours' | 'refused' | 'failed')[]
  /** Whether as many replicas have it as the policy asks for. */
  readonly isSafe: boolean
  /** Replicas that could be promoted: where they are more than the policy's, one without the newest could be. */
  readonly replicas: number
}

export type LeasesOptions = {
  readonly primaries: Primaries
  /** For rounds, which wait for replicas. */
  readonly waiting: Primaries
  readonly timers: Timers
  readonly node: { readonly id: NodeId; readonly address: string }
  /** Of each primary; a lease that fewer have is not believed in. */
  readonly replicas: number
  readonly leaseMs: number
}

/** `leftMs` is below 0 where there is no lease. */
export type SeenLease = { readonly record: LeaseRecord; readonly leftMs: number }

type Reply = [error: Error | null, value: unknown]

export class Leases {
  readonly #options: LeasesOptions

  constructor(options: LeasesOptions) {
    this.#options = options
  }

  /** Shards by the primary that has their leases, over `via`; those without one are left out. */
  byPrimary<T extends { readonly shard: ShardId }>(
    each: Iterable<T>,
    via: 'primaries' | 'waiting',
  ): Map<Redis, T[]> {
    const groups = new Map<Redis, T[]>()
    for (const one of each) {
      const primary = this.#options[via].primaryOf(leaseKey(one.shard))
      if (primary === undefined) continue
      const group = groups.get(primary)
      if (group === undefined) groups.set(primary, [one])
      else group.push(one)
    }
    return groups
  }

  /** Over a connection of `waiting`. Rejects only where nothing of it was answered. */
  async round(primary: Redis, requests: readonly LeaseRequest[]): Promise<Round> {
    const { replicas, leaseMs } = this.#options
    const commands = requests.map((request) => this.#commandOf(request))
    const wait = ['wait', replicas, Math.ceil(leaseMs / 4)]
    const replies = await this.#run('waiting', primary, [
      ...commands,
      ['info', 'replication'],
      ...(replicas > 0 ? [wait] : []),
    ])
    const outcomes = replies.slice(0, requests.length).map(([error, value]) => {
      return error === null ? (value === 1 ? 'ours' : 'refused') : 'failed'
    })
    const [, info] = replies[requests.length] as Reply
    const [waitError, acknowledged] = replicas > 0 ? (replies[requests.length + 1] as Reply) : [null, 0]
    return {
      outcomes,
      isSafe: waitError === null && (acknowledged as number) >= replicas,
      replicas: Number(/^connected_slaves:(\d+)/m.exec(String(info))?.[1] ?? Number.POSITIVE_INFINITY),
    }
  }

  /** Over a connection of `primaries`. Of those it answered for, what stands there and for how long unless it is renewed. */
  async look(primary: Redis, shards: readonly ShardId[]): Promise<Map<ShardId, SeenLease>> {
    const commands = shards.flatMap((shard) => [
      ['hmget', leaseKey(shard), ...leaseFields],
      ['pttl', leaseKey(shard)],
    ])
    const replies = await this.#run('primaries', primary, commands)
    const found = new Map<ShardId, SeenLease>()
    for (const [at, shard] of shards.entries()) {
      const [[error, values], [timeError, leftMs]] = replies.slice(2 * at, 2 * at + 2) as [Reply, Reply]
      if (error !== null || timeError !== null) continue
      found.set(shard, { record: readLease(values as (string | null)[]), leftMs: leftMs as number })
    }
    return found
  }

  /** Gives a lease to `to` for a while, or free; false where it was not ours any more. */
  async passOn(lease: Omit<LeaseRequest, 'type'>, promiseMs: number): Promise<boolean> {
    const { shard, token, to = '' } = lease
    const primary = this.#options.primaries.primaryOf(leaseKey(shard))
    if (primary === undefined) throw new Error(`no primary is known for the lease of shard ${shard}`)
    const args = [token, to, promiseMs, newsChannel, shard]
    const [reply] = await this.#run('primaries', primary, [scriptCall('pass-on', [leaseKey(shard)], args)])
    const [error, done] = reply as Reply
    if (error !== null) throw error
    return done === 1
  }

  #commandOf({ type, shard, token, to = '' }: LeaseRequest): (string | number)[] {
    const { node, leaseMs } = this.#options
    const keys = [leaseKey(shard)]
    return type === 'claim'
      ? scriptCall('claim', keys, [node.id, token, node.address, leaseMs, newsChannel, shard])
      : scriptCall('renew', keys, [token, leaseMs, to])
  }

  async #run(
    via: 'primaries' | 'waiting',
    primary: Redis,
    commands: (string | number)[][],
  ): Promise<Reply[]> {
    const { timers, leaseMs } = this.#options
    const primaries = this.#options[via]
    try {
      const replies = (await inTime(timers, leaseMs / 2, primary.pipeline(commands).exec())) ?? []
      const failed = replies.find(([error]) => error !== null)
      if (failed !== undefined) primaries.failed(primary, failed[0])
      if (replies.every(([error]) => error !== null)) throw failed?.[0] ?? new Error('Redis answered nothing')
      return replies
    } catch (error) {
      primaries.failed(primary, error)
      throw error
    }
  }
}

/** The promise's value, or a rejection once the time is over. */
export function inTime<T>(timers: Timers, ms: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = timers.after(ms, () => reject(new Error(`Redis did not answer within ${ms} ms`)))
    promise.then(resolve, reject).finally(() => timer.cancel())
  })
}
