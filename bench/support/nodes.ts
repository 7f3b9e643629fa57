/**
 * Several nodes of Holdfast on one Redis Cluster of three primaries and three replicas, all of them processes of this machine:
 * started, killed and started again by number, and asked who serves what.
 */
import { join } from 'node:path'
import { freePort } from '../../src/cli/local-cluster/free-ports.ts'
import { leaseKey } from '../../src/cluster/key-names.ts'
import { leaseFields, readLease } from '../../src/cluster/lease-record.ts'
import type { ShardId } from '../../src/domain/ids.ts'
import { historyCommitMs } from '../../src/limits.ts'
import { RedisNodes } from '../../src/persistence/redis/redis-nodes.ts'
import { parseRedisUrl } from '../../src/redis-url.ts'
import { realClock, realTimers } from '../../src/seams.ts'
import { RedisCluster } from '../../test/support/redis-cluster.ts'
import { endChild, killChild, type Server, startHoldfast } from './children.ts'
import { SHARDS } from './ids.ts'
import { metricOf } from './metrics.ts'
import { findProgram, type Presence } from './programs.ts'

export type NodesOptions = {
  readonly count: number
  readonly directory: string
  readonly environment?: Readonly<Record<string, string>>
}

type Node = { readonly port: number; readonly dataDirectory: string; server: Server | undefined }

type ReadyBody = { readonly parts: readonly { readonly name: string; readonly ready: boolean }[] }

const ADMIN_KEY = 'bench-51d6c07be92f4a83'
const SECRET = 'b9c4f2f6e1d04c7f8a3e5d2b7c6a9f01'
const REDIS_SETTINGS = {
  // What nodes ask of a Redis whose replicas are waited for.
  'min-replicas-to-write': 1,
  'min-replicas-max-lag': 10,
  // Nobody kills a Redis here, and one that is kept from its core for a while is not to be replaced.
  'cluster-node-timeout': 15_000,
}
const SERVE_WITHIN_MS = 120_000
const LOOK_EVERY_MS = 20
/** Seldom: the nodes' answers are on their cores too. */
const HISTORY_LOOK_MS = 500
const EXIT_LISTENERS_MAX = 64

export class Nodes {
  readonly key = ADMIN_KEY
  readonly #cluster: RedisCluster
  readonly #nodes: readonly Node[]
  readonly #environment: Readonly<Record<string, string>>
  readonly #redis: RedisNodes

  private constructor(cluster: RedisCluster, nodes: readonly Node[], environment: Record<string, string>) {
    this.#cluster = cluster
    this.#nodes = nodes
    this.#environment = environment
    const parsed = parseRedisUrl(cluster.url)
    if (parsed.type === 'invalid') throw new Error(parsed.expected)
    this.#redis = new RedisNodes(parsed.access, { clock: realClock, timers: realTimers })
  }

  /** Resolves when all serve their share of the shards. */
  static async start({ count, directory, environment }: NodesOptions): Promise<Presence<Nodes>> {
    if (findProgram('redis-server') === undefined)
      return { type: 'absent', why: 'redis-server is not present' }
    // Each server that a bench starts ends with it.
    process.setMaxListeners(EXIT_LISTENERS_MAX)
    const cluster = await RedisCluster.start({ settings: REDIS_SETTINGS })
    const nodes = await Promise.all(
      Array.from({ length: count }, async (_, nr) => {
        const port = await freePort()
        return { port, dataDirectory: join(directory, `node-${nr}`), server: undefined }
      }),
    )
    const all = new Nodes(cluster, nodes, {
      REDIS_URL: cluster.url,
      REDIS_ACK: 'replicas:1',
      CLUSTER_SECRET: SECRET,
      SHARDS: String(SHARDS),
      ...environment,
    })
    try {
      await Promise.all(nodes.map((_, nr) => all.restart(nr)))
      await all.untilServing()
    } catch (error) {
      await all.close()
      throw error
    }
    return { type: 'present', server: all }
  }

  get running(): readonly Server[] {
    return this.#nodes.flatMap(({ server }) => server ?? [])
  }

  /** Where a node listens, while it runs. */
  urlOf(nr: number): string | undefined {
    return this.#nodes[nr]?.server?.url
  }

  /** On the data it left. Resolves when it takes requests. */
  async restart(nr: number): Promise<void> {
    const { dataDirectory, port } = this.#nodeOf(nr)
    const environment = { ...this.#environment, NODE_PORT: String(port) }
    this.#nodeOf(nr).server = await startHoldfast({
      dataDirectory,
      adminKey: ADMIN_KEY,
      environment,
      isTroubled: true,
    })
  }

  async kill(nr: number): Promise<void> {
    const node = this.#nodeOf(nr)
    const { server } = node
    node.server = undefined
    if (server !== undefined) await killChild(server.child)
  }

  async end(nr: number): Promise<void> {
    const node = this.#nodeOf(nr)
    const { server } = node
    node.server = undefined
    if (server !== undefined) await endChild(server.child)
  }

  /** Which node has each shard's lease; undefined where none does. */
  async owners(): Promise<readonly (number | undefined)[]> {
    return Promise.all(
      Array.from({ length: SHARDS }, async (_, shard) => {
        const key = leaseKey(shard as ShardId)
        const client = await this.#redis.connect(key)
        const lease = readLease(await client.hmget(key, ...leaseFields))
        client.disconnect()
        if (lease.type !== 'held') return undefined
        const port = Number(lease.address.slice(lease.address.lastIndexOf(':') + 1))
        return this.#nodes.findIndex((node) => node.port === port)
      }),
    )
  }

  /** Until each node that runs has its share of the shards, and all say that they reach all shards. */
  async untilServing(): Promise<void> {
    const givenUpMs = performance.now() + SERVE_WITHIN_MS
    const least = Math.floor(SHARDS / this.running.length)
    for (;;) {
      const owners = await this.owners()
      const shares = this.#nodes.map((_, nr) => owners.filter((owner) => owner === nr).length)
      const isShared = this.#nodes.every(
        ({ server }, nr) => server === undefined || (shares[nr] ?? 0) >= least,
      )
      if (isShared && (await this.#areReady())) return
      if (performance.now() > givenUpMs)
        throw new Error(`nodes have ${shares.join(', ')} of ${SHARDS} shards`)
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
    }
  }

  /** Until what was reserved is in all lists, and in their files: on a busy machine that comes last. */
  async untilHistoryCaughtUp(): Promise<void> {
    const givenUpMs = performance.now() + SERVE_WITHIN_MS
    for (const { url } of this.running) {
      for (;;) {
        const lag = await metricOf({ url, key: ADMIN_KEY }, 'holdfast_history_lag_events')
        if (lag === 0) break
        if (performance.now() > givenUpMs) throw new Error(`the history of ${url} is ${lag} events behind`)
        await new Promise((resolve) => setTimeout(resolve, HISTORY_LOOK_MS))
      }
    }
    // What was read is written with the end of its transaction.
    await new Promise((resolve) => setTimeout(resolve, historyCommitMs + HISTORY_LOOK_MS))
  }

  async close(): Promise<void> {
    await Promise.all(this.#nodes.map((_, nr) => this.end(nr)))
    await this.#cluster.close()
  }

  async #areReady(): Promise<boolean> {
    const headers = { authorization: `Bearer ${ADMIN_KEY}` }
    const replies = await Promise.all(this.running.map(({ url }) => fetch(`${url}/readyz`, { headers })))
    const bodies = await Promise.all(replies.map((reply) => reply.json() as Promise<ReadyBody>))
    return bodies.every(({ parts }) => parts.every(({ ready }) => ready))
  }

  #nodeOf(nr: number): Node {
    const node = this.#nodes[nr]
    if (node === undefined) throw new Error(`there is no node ${nr}`)
    return node
  }
}
