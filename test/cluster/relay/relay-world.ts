/**
 * Nodes of a cluster within this process: each a supervisor with real worker threads, a relay with real sockets, and a
 * listener's engine. Who serves which shard the test says. They share one journal directory, so that a shard can be handed
 * over: its next owner finds there what the last one wrote.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { controlChannel } from '../../../src/actors/control-channel.ts'
import { Engine } from '../../../src/actors/engine.ts'
import { Supervisor } from '../../../src/actors/supervisor.ts'
import type { NodeAddress } from '../../../src/cluster/relay/relay-protocol.ts'
import { RelayThread } from '../../../src/cluster/relay/relay-thread.ts'
import { portOf, realClock, realRandom, realTimers } from '../../../src/seams.ts'
import { CutProxy } from '../../support/cut-proxy.ts'

export const SHARDS = 4
export const SECRET = 'a secret that only the nodes of this cluster know'
const HOST = '127.0.0.1'
/** So that a later node's streams come after an earlier one's. */
const EPOCHS_EACH = 1_000

type Logged = { readonly level: string; readonly event: string; readonly detail: object }

export class Node {
  readonly nodeId: string
  readonly supervisor: Supervisor
  readonly relay: RelayThread
  readonly engine: Engine
  readonly logged: Logged[] = []
  port = 0
  /** Of each life of its relay, but the first one. */
  onRelay = () => {}
  #relayThread: Worker | undefined
  readonly #engines: Engine[] = []

  constructor(options: {
    readonly nodeId: string
    readonly root: string
    readonly nextEpoch: number
    readonly secret: string
  }) {
    const { nodeId, root, nextEpoch, secret } = options
    this.nodeId = nodeId
    const log = (level: string, event: string, detail: object) =>
      void this.logged.push({ level, event, detail })
    this.relay = new RelayThread({
      nodeId,
      clusterSecret: secret,
      host: HOST,
      port: 0,
      onStart: () => this.onRelay(),
      timers: realTimers,
      log,
      respawnDelayMs: () => 20,
    })
    this.supervisor = new Supervisor({
      timers: realTimers,
      log,
      workers: SHARDS,
      shards: SHARDS,
      journalDirectory: join(root, 'journal'),
      snapshotDirectory: join(root, 'snapshots'),
      segmentBytes: 64 * 1_024,
      returnDays: 60,
      workerHeapMb: 128,
      acceptClock: false,
      crashPoint: undefined,
      nextEpoch,
      remotes: this.relay,
    })
    this.engine = this.attachEngine()
  }

  readonly #note = (thread: Worker): void => {
    if (thread.threadName === `relay-${this.nodeId}`) this.#relayThread = thread
  }

  /** Another engine of this node. */
  attachEngine(): Engine {
    const { engineEnd, supervisorEnd } = controlChannel()
    const engine = new Engine({
      clock: realClock,
      timers: realTimers,
      random: realRandom(),
      control: portOf(engineEnd),
      portOf,
      shards: SHARDS,
      workers: SHARDS,
    })
    this.supervisor.attach(supervisorEnd)
    this.#engines.push(engine)
    return engine
  }

  /** Its relay's thread ends in the middle of whatever it does. */
  killRelay(): void {
    void this.#relayThread?.terminate()
  }

  async start(): Promise<void> {
    process.on('worker', this.#note)
    this.port = await this.relay.start(this.supervisor)
  }

  get address(): NodeAddress {
    return { nodeId: this.nodeId, host: HOST, port: this.port }
  }

  /** Resolves when its engine can ask every shard. */
  async ready(): Promise<void> {
    await until(() => this.engine.workers().every(({ state }) => state.type === 'ready'))
  }

  async stop(): Promise<void> {
    for (const engine of this.#engines) engine.close()
    await this.supervisor.shutDown()
    await this.relay.close()
    process.off('worker', this.#note)
  }
}

export class World {
  readonly root = mkdtempSync(join(tmpdir(), 'holdfast-relay-'))
  readonly nodes: Node[] = []
  /** By `from to`: the way by which one node dials another. */
  readonly ways = new Map<string, CutProxy>()

  /** `owners[shard]` is the index of the node that serves it. */
  static async start(
    owners: readonly number[],
    options: { nodes?: number; secrets?: readonly string[] } = {},
  ) {
    const world = new World()
    const { nodes = 2, secrets = [] } = options
    mkdirSync(join(world.root, 'journal'))
    mkdirSync(join(world.root, 'snapshots'))
    for (let i = 0; i < nodes; i++) {
      const nextEpoch = 1 + i * EPOCHS_EACH
      const node = new Node({
        nodeId: `node-${i}`,
        root: world.root,
        nextEpoch,
        secret: secrets[i] ?? SECRET,
      })
      world.nodes.push(node)
      await node.start()
    }
    for (const from of world.nodes) {
      const addresses: NodeAddress[] = []
      for (const to of world.nodes) {
        if (from === to) continue
        const way = await CutProxy.start(to.port)
        world.ways.set(`${from.nodeId} ${to.nodeId}`, way)
        addresses.push({ ...to.address, port: way.port })
      }
      from.relay.meet(addresses)
    }
    for (const [shard, owner] of owners.entries()) world.place(shard, owner)
    return world
  }

  node(index: number): Node {
    const node = this.nodes[index]
    if (node === undefined) throw new Error(`there is no node ${index}`)
    return node
  }

  way(from: number, to: number): CutProxy {
    const way = this.ways.get(`node-${from} node-${to}`)
    if (way === undefined) throw new Error(`node ${from} does not dial node ${to}`)
    return way
  }

  /** Has a node serve a shard, and all others follow it there. */
  place(shard: number, owner: number): void {
    this.node(owner).supervisor.serve(shard)
    for (const node of this.nodes)
      if (node !== this.node(owner)) node.supervisor.follow(shard, `node-${owner}`)
  }

  async ready(): Promise<this> {
    await Promise.all(this.nodes.map((node) => node.ready()))
    return this
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()))
    await Promise.all([...this.ways.values()].map((way) => way.close()))
    rmSync(this.root, { recursive: true, force: true })
  }
}

export async function until(isSo: () => boolean, withinMs = 10_000): Promise<void> {
  const untilMs = realClock.monotonicMs() + withinMs
  while (!isSo()) {
    if (realClock.monotonicMs() > untilMs) throw new Error(`it has not come to be so: ${isSo}`)
    await pause(2)
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms))
}
