/**
 * A real Redis Cluster of loopback processes: N primaries with M replicas each. It is put together by commands, so that
 * it is ready within a second or two.
 */
import type { Redis } from 'ioredis'
import { keySlot, SLOTS } from '../../src/persistence/redis/key-slot.ts'
import { freePort, RedisServerProcess, type RedisSettings } from './redis-server.ts'
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

/** What one node says of another. */
type NodeView = {
  readonly id: string
  readonly port: number
  readonly isPrimary: boolean
  readonly isFailed: boolean
  readonly slots: readonly (readonly [first: number, last: number])[]
}

const TRY_EVERY_MS = 20
const HEALTHY_WITHIN_MS = 20_000
const SETTINGS: RedisSettings = {
  'cluster-enabled': 'yes',
  'cluster-node-timeout': 1_000,
  'cluster-allow-replica-migration': 'no',
  // The slots of a primary that is away are nobody else's loss.
  'cluster-require-full-coverage': 'no',
  'repl-ping-replica-period': 1,
}

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
    const nodes = await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const wire = wires?.all[index]
        const own = wire?.settings ?? { 'cluster-port': await freePort() }
        return RedisServerProcess.start({ ...SETTINGS, ...own, ...settings }, wire?.port)
      }),
    )
    const cluster = new RedisCluster(nodes, wires)
    try {
      await cluster.#join(primaries)
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
    for (const view of await Promise.all(this.#answering().map((node) => this.#viewOf(node)))) {
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
  async waitUntilHealthy(withinMs = HEALTHY_WITHIN_MS): Promise<void> {
    const givenUpMs = performance.now() + withinMs
    for (;;) {
      const wrong = await this.#whatIsWrong().catch((error: Error) => error.message)
      if (wrong === undefined) return
      if (performance.now() > givenUpMs) throw new Error(`the Redis Cluster is not healthy: ${wrong}`)
      await oneTurn()
    }
  }

  /** Ends all nodes and removes their directories. */
  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.close()))
    await this.#wires?.close()
  }

  async #join(primaries: number): Promise<void> {
    const [first] = this.nodes
    if (first === undefined) throw new Error('a cluster of no nodes')
    const ids = await Promise.all(
      this.nodes.map((node) => this.clientOf(node).call('CLUSTER', 'MYID') as Promise<string>),
    )
    await Promise.all(
      this.nodes.map(async (node, index) => {
        const client = this.clientOf(node)
        await client.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1)
        if (index >= primaries) return
        const [from, to] = [boundary(index, primaries), boundary(index + 1, primaries) - 1]
        await client.call('CLUSTER', 'ADDSLOTSRANGE', from, to)
      }),
    )
    for (const node of this.nodes.slice(1)) {
      const [, ownBusPort] = (await this.clientOf(node).config('GET', 'cluster-port')) as [string, string]
      const busPort = this.#wireOf(node)?.announced.busPort ?? ownBusPort
      await this.clientOf(first).call('CLUSTER', 'MEET', node.host, this.announcedPort(node), busPort)
    }
    await Promise.all(
      this.nodes.slice(primaries).map(async (node, index) => {
        await this.#follow(node, ids[index % primaries] as string)
      }),
    )
  }

  /** A node hears of the others by and by; until it has heard of the primary it refuses to follow it. */
  async #follow(replica: RedisServerProcess, primaryId: string): Promise<void> {
    const givenUpMs = performance.now() + HEALTHY_WITHIN_MS
    for (;;) {
      try {
        await this.clientOf(replica).call('CLUSTER', 'REPLICATE', primaryId)
        return
      } catch (error) {
        if (performance.now() > givenUpMs) throw error
        await oneTurn()
      }
    }
  }

  async #whatIsWrong(): Promise<string | undefined> {
    const nodes = this.#answering()
    const maps = new Set<string>()
    for (const node of nodes) {
      const info = await this.clientOf(node).call('CLUSTER', 'INFO')
      if (!String(info).includes('cluster_state:ok')) return `${node.port} says: ${info}`
      const view = await this.#viewOf(node)
      if (view.length !== this.nodes.length) return `${node.port} knows ${view.length} nodes`
      const serving = view.filter((each) => each.isPrimary && !each.isFailed && each.slots.length > 0)
      const served = serving.flatMap((each) => each.slots).reduce((sum, [from, to]) => sum + to - from + 1, 0)
      if (served !== SLOTS) return `${node.port} sees ${served} slots served`
      maps.add(JSON.stringify(serving.map(({ port, slots }) => [port, slots]).sort()))
      const role = await this.clientOf(node).info('replication')
      const isLinked = role.includes('role:slave') && role.includes('master_link_status:up')
      if (!isLinked && !serving.some(({ port }) => port === this.announcedPort(node)))
        return `${node.port} serves nothing and follows nobody: ${role}`
    }
    if (maps.size > 1) return 'they disagree on who serves what'
    return undefined
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

  async #viewOf(node: RedisServerProcess): Promise<readonly NodeView[]> {
    const text = (await this.clientOf(node).call('CLUSTER', 'NODES')) as string
    return text.trim().split('\n').map(parseNode)
  }
}

/** `id ip:port@bus[,name] flags primary ping pong epoch link slot slot…` */
function parseNode(line: string): NodeView {
  const [id = '', address = '', flags = '', , , , , , ...slots] = line.split(' ')
  return {
    id,
    port: Number(/:(\d+)@/.exec(address)?.[1]),
    isPrimary: flags.split(',').includes('master'),
    isFailed: flags.split(',').includes('fail'),
    slots: slots
      .filter((range) => !range.startsWith('['))
      .map((range) => {
        const [from = '', to = from] = range.split('-')
        return [Number(from), Number(to)] as const
      }),
  }
}

function serves(node: NodeView, slot: number): boolean {
  return node.slots.some(([first, last]) => first <= slot && slot <= last)
}

function boundary(index: number, primaries: number): number {
  return Math.round((index * SLOTS) / primaries)
}

function oneTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, TRY_EVERY_MS))
}
