/**
 * Several real servers on a real Redis, or a Redis Cluster, all on loopback ports: started, killed, stopped, paused and
 * started anew one by one, each on a data directory of its own. Nothing here outlives its test.
 */
import type { Redis } from 'ioredis'
import { replicatedRedis } from '../../src/cli/local-cluster/redis-settings.ts'
import { leaseKey } from '../../src/cluster/key-names.ts'
import { type ProductId, type ShardId, shardOf } from '../../src/domain/ids.ts'
import { AppNode } from './app-node.ts'
import { RedisCluster } from './redis-cluster.ts'
import { RedisServerProcess } from './redis-server.ts'
import { pause } from './server-process.ts'

export type ClusterOptions = {
  readonly nodes?: number
  readonly shards?: number
  /** One Redis without replicas, or a Redis Cluster of 3 primaries with a replica each, which can be cut off from each other. */
  readonly redis?: 'alone' | 'cluster' | 'proxied cluster'
  readonly leaseMs?: number
  readonly environment?: Readonly<Record<string, string>>
  /** Each node reaches Redis and the others through proxies of its own. */
  readonly isRouted?: boolean
  /** Node's own arguments of one node. */
  readonly nodeArguments?: (node: number) => readonly string[]
}

const SECRET = 'wZ3nQx7Lr0TgYc5KdVb8MhJp2Sf6Ea1u'
/** On a machine that is busy with other tests, a node of Redis that is slow is not to be taken for dead. */
const patient = { 'cluster-node-timeout': 2_000 }
const BALANCED_WITHIN_MS = 50_000
const LOOK_MS = 20

export class ClusterProcesses {
  readonly shards: number
  readonly leaseMs: number
  readonly nodes: readonly AppNode[]
  /** Absent where Redis is alone. */
  readonly cluster: RedisCluster | undefined
  readonly #alone: RedisServerProcess | undefined
  readonly #clients = new Map<RedisServerProcess, Redis>()

  private constructor(
    redis: RedisCluster | RedisServerProcess,
    { shards, leaseMs, nodes }: { shards: number; leaseMs: number; nodes: readonly AppNode[] },
  ) {
    this.cluster = redis instanceof RedisCluster ? redis : undefined
    this.#alone = redis instanceof RedisServerProcess ? redis : undefined
    this.shards = shards
    this.leaseMs = leaseMs
    this.nodes = nodes
  }

  /** Resolves when all nodes are ready. Only for tests that need `redis-server`. */
  static async start(options: ClusterOptions = {}): Promise<ClusterProcesses> {
    const { nodes: count = 2, shards = 4, redis: kind = 'alone', leaseMs = 2_000, isRouted = false } = options
    const redis =
      kind === 'alone'
        ? await RedisServerProcess.start()
        : await RedisCluster.start({
            settings: { ...replicatedRedis, ...patient },
            proxied: kind === 'proxied cluster',
          })
    const environment = {
      REDIS_URL: redis.url,
      REDIS_ACK: kind === 'alone' ? 'aof' : 'replicas:1',
      CLUSTER_SECRET: SECRET,
      LEASE_MS: String(leaseMs),
      SHARDS: String(shards),
      LISTENERS: '1',
      ...options.environment,
    }
    const nodes = await Promise.all(
      Array.from({ length: count }, (_, i) =>
        AppNode.create({ name: `node ${i}`, environment, nodeArguments: options.nodeArguments?.(i) ?? [] }),
      ),
    )
    const all = new ClusterProcesses(redis, { shards, leaseMs, nodes })
    try {
      if (isRouted) {
        // Past the proxies of a cluster's own: who is cut off from the others is still reached by nodes.
        const redisWays = all.redisServers.map((server) => [all.#announcedPort(server), server.port] as const)
        for (const node of nodes) await node.routeThrough([...redisWays, ...all.portsBeside(node)])
      }
      await Promise.all(nodes.map((node) => node.start()))
      await all.untilBalanced()
    } catch (error) {
      await all.close()
      throw error
    }
    return all
  }

  get redisServers(): readonly RedisServerProcess[] {
    return this.cluster?.nodes ?? [this.alone]
  }

  /** Where Redis is one server. */
  get alone(): RedisServerProcess {
    if (this.#alone === undefined) throw new Error('this Redis is a cluster')
    return this.#alone
  }

  get url(): string {
    return this.cluster?.url ?? this.alone.url
  }

  /** Where nodes are told that Redis is. */
  get redisPorts(): readonly number[] {
    return this.redisServers.map((server) => this.#announcedPort(server))
  }

  /** Where the other nodes are reached. */
  portsBeside(node: AppNode): readonly number[] {
    return this.nodes.filter((other) => other !== node).map(({ nodePort }) => nodePort)
  }

  get awake(): readonly AppNode[] {
    return this.nodes.filter(({ isAwake }) => isAwake)
  }

  shardOf(productId: string): ShardId {
    return shardOf(productId as ProductId, this.shards)
  }

  /** A product of each shard, whose names begin so. */
  productOfEach(prefix: string): readonly string[] {
    return Array.from({ length: this.shards }, (_, shard) => {
      for (let i = 0; ; i++) if (this.shardOf(`${prefix}-${i}`) === shard) return `${prefix}-${i}`
    })
  }

  /** The server that has what belongs to a shard. */
  async primaryOf(shard: ShardId): Promise<RedisServerProcess> {
    return this.cluster === undefined ? this.alone : await this.cluster.primaryOf(leaseKey(shard))
  }

  /** The node that has the lease of a shard, as Redis has it. */
  async ownerOf(shard: ShardId): Promise<AppNode | undefined> {
    const client = this.clientOf(await this.primaryOf(shard))
    const address = await client.hget(leaseKey(shard), 'address')
    return this.nodes.find(({ nodePort }) => address?.endsWith(`:${nodePort}`) === true)
  }

  async owners(): Promise<readonly (AppNode | undefined)[]> {
    const shards = Array.from({ length: this.shards }, (_, shard) => shard as ShardId)
    return await Promise.all(shards.map((shard) => this.ownerOf(shard).catch(() => undefined)))
  }

  async ownedBy(node: AppNode): Promise<readonly ShardId[]> {
    const owners = await this.owners()
    return owners.flatMap((owner, shard) => (owner === node ? [shard as ShardId] : []))
  }

  /** Until every node that is awake has its share of the leases, and reaches all shards. */
  async untilBalanced(withinMs = BALANCED_WITHIN_MS): Promise<void> {
    const givenUpMs = performance.now() + withinMs
    for (;;) {
      const owners = await this.owners()
      const { awake } = this
      const least = Math.floor(this.shards / awake.length)
      const isShared = awake.every((node) => owners.filter((owner) => owner === node).length >= least)
      const areReady = await Promise.all(awake.map((node) => reachesAll(node)))
      if (isShared && owners.every((owner) => owner?.isAwake) && areReady.every(Boolean)) return
      if (performance.now() > givenUpMs) {
        const shown = owners.map((owner) => owner?.name ?? 'nobody').join(', ')
        throw new Error(`not balanced: ${shown}; ready: ${areReady.join()}\n${this.said()}`)
      }
      await pause(LOOK_MS)
    }
  }

  /** What the nodes have said, but for the ordinary. */
  said(): string {
    const shown = (node: AppNode) => `${node.name}: ${node.server.troubles.slice(-1_500)}`
    return this.nodes
      .filter(({ isRunning }) => isRunning)
      .map(shown)
      .join('\n')
  }

  clientOf(redis: RedisServerProcess): Redis {
    if (this.cluster !== undefined) return this.cluster.clientOf(redis)
    const known = this.#clients.get(redis)
    if (known !== undefined) return known
    const client = redis.client({ commandTimeout: 1_000, maxRetriesPerRequest: 1 })
    this.#clients.set(redis, client)
    return client
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.close()))
    await this.cluster?.close()
    await this.#alone?.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #announcedPort(server: RedisServerProcess): number {
    return this.cluster?.announcedPort(server) ?? server.port
  }
}

/** A node may be ready that does not reach all; here all parts are to be. */
async function reachesAll({ server }: AppNode): Promise<boolean> {
  if (!server.hasStarted()) return false
  const outcome = await server.attempt('GET', '/readyz')
  if (outcome.type !== 'answered') return false
  return (outcome.body.parts as { ready: boolean }[] | undefined)?.every(({ ready }) => ready) === true
}
