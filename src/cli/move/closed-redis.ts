/** The Redis of a move: looked at as a node's start does, and closed to nodes while it is filled, or once it was left. */
import type { Redis } from 'ioredis'
import { readClusterStatus } from '../../cluster/cluster-status.ts'
import { metaKey } from '../../cluster/key-names.ts'
import { scriptCall } from '../../cluster/scripts.ts'
import type { Config } from '../../config.ts'
import type { AckPolicy } from '../../persistence/journal/redis/redis-log.ts'
import { checkRedis } from '../../persistence/redis/redis-checks.ts'
import { RedisNodes } from '../../persistence/redis/redis-nodes.ts'
import { nameOf } from '../../redis-url.ts'
import { realClock, realRandom, realTimers } from '../../seams.ts'
import { Unusable } from '../exit-codes.ts'
import { countOf, type Terminal } from '../terminal.ts'
import { untilAcknowledged } from './acknowledged.ts'

/** `filling`: not whole yet; `refilling`: the same, from a mirror; `moving`: being copied elsewhere; `moved`: it was. */
export type Closing = 'filling' | 'refilling' | 'moving' | 'moved'

export type KnownData = {
  readonly shards: number
  readonly dataId: string
  readonly closed: Closing | undefined
}

const COMMAND_MS = 2_000

/** Whether it has not all that it is to have. */
export function isFilling(closed: string | undefined): boolean {
  return closed === 'filling' || closed === 'refilling'
}
/** A node that was silent for so long is counted upon by nobody (members.ts). */
const FORGOTTEN_LEASES = 5

export class ClosedRedis {
  readonly nodes: RedisNodes
  readonly ack: AckPolicy
  /** Addresses alone. */
  readonly place: string
  readonly #redis: Redis
  readonly #leaseMs: number

  private constructor(
    redis: Redis,
    parts: Pick<ClosedRedis, 'nodes' | 'ack' | 'place'> & { leaseMs: number },
  ) {
    this.nodes = parts.nodes
    this.ack = parts.ack
    this.place = parts.place
    this.#redis = redis
    this.#leaseMs = parts.leaseMs
  }

  /** Rejects with `RedisBootError` where a node would not start on it, and with `Unusable` where none is set. */
  static async open({ cluster, environment }: Config, out: Terminal): Promise<ClosedRedis> {
    if (cluster.type === 'single')
      throw new Unusable('Set REDIS_URL and CLUSTER_SECRET, as the nodes have them.')
    const { redis: access, ack, leaseMs } = cluster
    const nodes = new RedisNodes(access, { clock: realClock, timers: realTimers })
    const isProduction = environment === 'production'
    const redis = await nodes.connect(metaKey)
    try {
      const report = await checkRedis(nodes, {
        access,
        ack,
        isProduction,
        clock: realClock,
        timers: realTimers,
      })
      for (const why of report.warnings) out.remark(`move: ${why}`)
    } catch (error) {
      redis.disconnect()
      throw error
    }
    return new ClosedRedis(redis, { nodes, ack, leaseMs, place: access.seeds.map(nameOf).join(', ') })
  }

  /** What it holds; undefined where no node has ever started on it. */
  async known(): Promise<KnownData | undefined> {
    const [shards, dataId, closed] = await this.#redis.hmget(metaKey, 'shards', 'data', 'closed')
    if (shards == null || dataId == null) return undefined
    return { shards: Number(shards), dataId, closed: (closed ?? undefined) as Closing | undefined }
  }

  /** From here on no node starts on it. Throws `Unusable` where it is of other data, or not in a state for this. */
  async close(
    as: Closing,
    { dataId, shards, why }: { dataId: string; shards: number; why: string },
  ): Promise<void> {
    const [, ...call] = scriptCall('close', [metaKey], [dataId, as, why, shards])
    const [answer, data, closed] = (await this.#redis.call('EVAL', ...call)) as string[]
    if (answer === 'closed') return await untilAcknowledged(this.#redis, this.ack)
    const what =
      closed === 'moved'
        ? 'a journal that was moved away'
        : isFilling(closed)
          ? 'a journal that a move has not made whole'
          : 'a journal'
    const advice = 'Name another Redis, or empty it if nothing of it is needed.'
    throw new Unusable(`Redis at ${this.place} holds ${what} already (data ${data}). ${advice}`)
  }

  /** Nodes may start on it. */
  async open(): Promise<void> {
    await this.#redis.hdel(metaKey, 'closed', 'why')
    await untilAcknowledged(this.#redis, this.ack)
  }

  /** Throws `Unusable` where a node has a lease, or was heard of just now. */
  async expectNoNodes(): Promise<void> {
    const seams = { timers: realTimers, random: realRandom(), commandTimeoutMs: COMMAND_MS }
    const { members: listed, owned } = await readClusterStatus(this.nodes, seams)
    const members = listed.filter(({ silentMs }) => silentMs < this.#leaseMs * FORGOTTEN_LEASES)
    const held = owned.filter(({ lease }) => lease.type !== 'free')
    if (members.length === 0 && held.length === 0) return
    throw new Unusable(
      `${countOf(members.length, 'node')} of Redis at ${this.place} run, or did a moment ago, and ${countOf(held.length, 'shard')} are theirs. Stop all nodes; of one that was killed wait until nothing is left ("npm run nodes").`,
    )
  }

  disconnect(): void {
    this.#redis.disconnect()
  }
}
