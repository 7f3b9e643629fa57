/**
 * A real Redis Cluster of loopback processes: N primaries with M replicas each. It is put together by commands, so that
 * it is ready within a second or two.
 */
import type { Redis } from 'ioredis'
import { freePorts } from '../../src/cli/local-cluster/free-ports.ts'
import {
  formCluster,
  type NodeView,
  type RedisMember,
  untilHealthy,
  viewOf,
} from '../../src/cli/local-cluster/redis-formation.ts'
import { clusteredRedis, type RedisSettings } from '../../src/cli/local-cluster/redis-settings.ts'
import { keySlot } from '../../src/persistence/redis/key-slot.ts'
import { realClock, realTimers } from '../../src/seams.ts'
import { RedisServerProcess } from './redis-server.ts'
import { type RedisWire, RedisWires } from './redis-wires.ts'

export type RedisClusterOptions = {
  readonly primaries?: number
  /** Of each primary. */
  readonly replicas?: number
  /** Of every node, instead of the defaults. */
  readonly settings?: RedisSettings
  /** Whether all that is said to a node goes through proxies, so that `isolate` can cut it off; on Linux alone. */
  readonly proxied?: boolean
}

const seams = { clock: realClock, timers: realTimers }

export class RedisCluster {
  readonly nodes: readonly RedisServerProcess[]
  readonly #clients: ReadonlyMap<RedisServerProcess, Redis>
  readonly #wires: RedisWires | undefined

  private constructor(nodes: readonly RedisServerProcess[], wires: RedisWires | undefined) {
    this.nodes = nodes
    this.#wires = wires
    this.#clients = new Map(
      nodes.map((node) => [node, node.client({ commandTimeout: 1_000, maxRetriesPerRequest: 1 })]),
    )
  }

  /** Resolves when every slot is served and every replica is linked. Only for tests that need `redis-server`. */
  static async start(options: RedisClusterOptions = {}): Promise<RedisCluster> {
    const { primaries = 3, replicas = 1, settings = {}, proxied = false } = options
    const count = primaries * (1 + replicas)
    const wires = proxied ? await RedisWires.lay(count) : undefined
    const busPorts = await freePorts(count)
    const starts = await Promise.allSettled(
      Array.from({ length: count }, (_, index) => {
        const wire = wires?.all[index]
        const own = wire?.settings ?? { 'cluster-port': busPorts[index] as number }
        return RedisServerProcess.start({ ...clusteredRedis, ...own, ...settings }, wire?.port)
      }),
    )
    const nodes = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []))
    const cluster = new RedisCluster(nodes, wires)
    try {
      for (const start of starts) if (start.status === 'rejected') throw start.reason
      await formCluster(await cluster.#members(cluster.nodes), primaries, seams)
      await cluster.waitUntilHealthy()
    } catch (error) {
      await cluster.close()
      throw error
    }
    return cluster
  }

  /** For REDIS_URL: every node, so that any may be away. */
  get url(): string {
    return this.nodes.map((node) => `redis://${node.host}:${this.announcedPort(node)}`).join(',')
  }

  /** Where clients are told that it is: its own port, or that of its proxy. */
  announcedPort(node: RedisServerProcess): number {
    return this.#wireOf(node)?.announced.port ?? node.port
  }

  /** The node that serves a slot, or a key's slot, by what most nodes say. */
  async primaryOf(slotOrKey: number | string): Promise<RedisServerProcess> {
    const slot = typeof slotOrKey === 'number' ? slotOrKey : keySlot(slotOrKey)
    const votes = new Map<number, number>()
    for (const view of await Promise.all(this.#answering().map((node) => viewOf(this.clientOf(node))))) {
      const owner = view.find((node) => node.isPrimary && !node.isFailed && serves(node, slot))
      if (owner !== undefined) votes.set(owner.port, (votes.get(owner.port) ?? 0) + 1)
    }
    const [[port] = []] = [...votes].sort(([, a], [, b]) => b - a)
    const primary = this.nodes.find((node) => this.announcedPort(node) === port)
    if (primary === undefined) throw new Error(`nobody serves slot ${slot}`)
    return primary
  }

  /** The replicas that are linked to a primary, by its own word. */
  async replicasOf(primary: RedisServerProcess): Promise<readonly RedisServerProcess[]> {
    const info = await this.clientOf(primary).info('replication')
    const ports = [...info.matchAll(/^slave\d+:ip=[^,]*,port=(\d+)/gm)].map(([, port]) => Number(port))
    return this.nodes.filter((node) => ports.includes(node.port))
  }

  /** A connection to this very node, past its proxies, which follows nobody elsewhere. */
  clientOf(node: RedisServerProcess): Redis {
    const client = this.#clients.get(node)
    if (client === undefined) throw new Error('a node of another cluster')
    return client
  }

  async kill(node: RedisServerProcess): Promise<void> {
    await node.kill()
  }

  async restart(node: RedisServerProcess): Promise<void> {
    await node.restart()
  }

  pause(node: RedisServerProcess): void {
    node.pause()
  }

  resume(node: RedisServerProcess): void {
    node.resume()
  }

  /** Cuts it off from all other nodes and from whoever uses its announced port; `clientOf` still reaches it. */
  isolate(node: RedisServerProcess): void {
    this.#wires?.isolate(this.#proxiedWireOf(node))
  }

  heal(node: RedisServerProcess): void {
    this.#wires?.heal(this.#proxiedWireOf(node))
  }

  /**
   * Until all nodes that run and are not cut off agree on who serves which slot, all are served, and each node either serves some or is
   * linked to one that does.
   */
  async waitUntilHealthy(withinMs?: number): Promise<void> {
    const options = { ...seams, count: this.nodes.length, ...(withinMs !== undefined && { withinMs }) }
    await untilHealthy(() => this.#members(this.#answering()), options)
  }

  /** Ends all nodes and removes their directories. */
  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.close()))
    await this.#wires?.close()
  }

  #members(nodes: readonly RedisServerProcess[]): Promise<readonly RedisMember[]> {
    return Promise.all(
      nodes.map(async (node) => {
        const client = this.clientOf(node)
        const [, ownBusPort] = (await client.config('GET', 'cluster-port')) as [string, string]
        const busPort = this.#wireOf(node)?.announced.busPort ?? Number(ownBusPort)
        return { host: node.host, port: this.announcedPort(node), busPort, client }
      }),
    )
  }

  #answering(): readonly RedisServerProcess[] {
    return this.nodes.filter((node) => {
      const wire = this.#wireOf(node)
      return node.isAnswering && !(wire !== undefined && this.#wires?.isIsolated(wire))
    })
  }

  #wireOf(node: RedisServerProcess): RedisWire | undefined {
    return this.#wires?.all[this.nodes.indexOf(node)]
  }

  #proxiedWireOf(node: RedisServerProcess): RedisWire {
    const wire = this.#wireOf(node)
    if (wire === undefined) throw new Error('only a cluster that is started as proxied has wires to cut')
    return wire
  }
}

function serves(node: NodeView, slot: number): boolean {
  return node.slots.some(([first, last]) => first <= slot && slot <= last)
}
