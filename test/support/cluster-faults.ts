/**
 * Faults of every kind that happen to several nodes on a Redis Cluster, drawn by a seed, while buyers go on: nodes are killed
 * and stand still, primaries of Redis are killed, and the network between any of them is cut, silent one way, or slow. After
 * each fault the journal is held against what everybody was told, and every shard has to sell again.
 */
import type { ShardId } from '../../src/domain/ids.ts'
import { ClusterTrial } from './cluster-trial.ts'
import type { CutProxy } from './cut-proxy.ts'
import { randomFrom } from './load-client.ts'
import type { RedisCluster } from './redis-cluster.ts'
import { pause } from './server-process.ts'

export const faultKinds = ['nodeKills', 'primaryKills', 'partitions', 'standstills', 'restarts'] as const
export type FaultKind = (typeof faultKinds)[number]

export type ClusterFaults = {
  readonly seed: number
  /** How many of each. */
  readonly counts: Readonly<Record<FaultKind, number>>
  /** Told after each how far all are. */
  readonly onFault?: (report: ClusterFaultReport) => void
}

export type ClusterFaultReport = {
  /** Of those that are over: milliseconds until every shard had sold what was asked for after the fault, or since it was mended. */
  readonly soldMs: Readonly<Record<FaultKind, readonly number[]>>
  readonly acknowledged: number
  /** Calls; those that their first node did not answer or turned away; and those that a second did neither. */
  readonly calls: number
  readonly failedOnce: number
  readonly failedTwice: number
  /** Of `failedTwice`, during orderly restarts. */
  readonly failedInRestarts: number
  /** Why, of some of them. */
  readonly whys: readonly string[]
}

const NODES = 3
const SHARDS = 6
const BALANCED_WITHIN_MS = 60_000
const HEALTHY_WITHIN_MS = 40_000
/** A killed primary is away for less than this. */
const AWAY_MS_MAX = 5_000
const PARTITION_MS = 2_000
const PARTITION_MS_MAX = 4_000
const STARTS_MAX = 3
const WHYS_MAX = 10

/** Throws at the first promise that is broken, and names the seed and the fault. */
export async function faultCluster({ seed, counts, onFault }: ClusterFaults): Promise<ClusterFaultReport> {
  const random = randomFrom(seed)
  const faults = shuffled(
    faultKinds.flatMap((kind) => Array.from({ length: counts[kind] }, () => kind)),
    random,
  )
  const soldMs: Record<FaultKind, number[]> = {
    nodeKills: [],
    primaryKills: [],
    partitions: [],
    standstills: [],
    restarts: [],
  }
  const whys: string[] = []
  const sums = { calls: 0, failedOnce: 0, failedTwice: 0, failedInRestarts: 0 }
  await using trial = await ClusterTrial.start({
    nodes: NODES,
    shards: SHARDS,
    redis: 'proxied cluster',
    isRouted: true,
    seed,
  })
  const report = () => ({ soldMs, acknowledged: trial.ledger.acknowledgedCount(), ...sums, whys })
  const striker = new Striker(trial, random)
  for (const [at, kind] of faults.entries()) {
    try {
      trial.load()
      await pause(200 + random() * 800)
      soldMs[kind].push(await striker.strike(kind))
      await trial.all.cluster?.waitUntilHealthy(HEALTHY_WITHIN_MS)
      await trial.all.untilBalanced(BALANCED_WITHIN_MS)
      const { shop } = trial
      await trial.judge()
      sums.calls += shop.counts.calls
      sums.failedOnce += shop.counts.failedOnce
      sums.failedTwice += shop.counts.failedTwice
      if (kind === 'restarts') {
        sums.failedInRestarts += shop.counts.failedTwice
        if (shop.counts.failedTwice > 0) whys.push(...shop.whys.slice(-WHYS_MAX))
      }
      onFault?.(report())
    } catch (cause) {
      const said = trial.all.said()
      throw new Error(`fault ${at}, one of ${kind} (${striker.last}), of seed ${seed}: ${cause}\n${said}`, {
        cause,
      })
    }
  }
  await trial.judgeAnswers()
  await trial.end()
  return report()
}

class Striker {
  /** What was done last. */
  last = ''
  readonly #trial: ClusterTrial
  readonly #random: () => number

  constructor(trial: ClusterTrial, random: () => number) {
    this.#trial = trial
    this.#random = random
  }

  /** Milliseconds until all shards sell again. */
  strike(kind: FaultKind): Promise<number> {
    switch (kind) {
      case 'nodeKills':
        return this.#killNode()
      case 'primaryKills':
        return this.#killPrimary()
      case 'partitions':
        return this.#partition()
      case 'standstills':
        return this.#standStill()
      case 'restarts':
        return this.#restartAll()
    }
  }

  async #killNode(): Promise<number> {
    const node = this.#draw(this.#trial.all.nodes)
    this.last = node.name
    await node.kill()
    const soldMs = await this.#trial.sellsAgain()
    await begin(() => node.start())
    return soldMs
  }

  async #killPrimary(): Promise<number> {
    const primary = await this.#redis.primaryOf(this.#drawShardKey())
    this.last = `Redis at ${primary.port}`
    await this.#redis.kill(primary)
    await pause(this.#random() * AWAY_MS_MAX)
    await begin(() => this.#redis.restart(primary))
    return await this.#trial.sellsAgain()
  }

  async #partition(): Promise<number> {
    const { all } = this.#trial
    const node = this.#draw(all.nodes)
    const toRedis = node.network.to(all.redisPorts)
    const toOthers = node.network.to(all.portsBeside(node))
    const primary = await this.#redis.primaryOf(this.#drawShardKey())
    const [what, strike] = this.#draw<readonly [what: string, strike: (ways: readonly CutProxy[]) => void]>([
      ['cut', (ways) => ways.forEach((way) => void way.cut())],
      ['silent', (ways) => ways.forEach((way) => void way.blackhole())],
      ['silent there', (ways) => ways.forEach((way) => void way.blackhole(['requests']))],
      ['silent back', (ways) => ways.forEach((way) => void way.blackhole(['replies']))],
      ['slow', (ways) => ways.forEach((way) => void way.delay(1_000 + this.#random() * 1_000))],
      ['isolated', () => this.#redis.isolate(primary)],
    ])
    const [where, ways] = this.#draw([
      ['Redis', toRedis],
      ['the others', toOthers],
      ['all', [...toRedis, ...toOthers]],
    ] as const)
    this.last = what === 'isolated' ? `Redis at ${primary.port} isolated` : `${node.name} ${what} to ${where}`
    strike(ways)
    await pause(PARTITION_MS + this.#random() * (PARTITION_MS_MAX - PARTITION_MS))
    node.network.heal()
    this.#redis.heal(primary)
    return await this.#trial.sellsAgain()
  }

  async #standStill(): Promise<number> {
    const { all } = this.#trial
    const node = this.#draw(all.nodes)
    this.last = node.name
    node.pause()
    const soldMs = await this.#trial.sellsAgain()
    await pause(all.leaseMs * this.#random())
    node.resume()
    return soldMs
  }

  async #restartAll(): Promise<number> {
    const { all } = this.#trial
    let soldMs = 0
    for (const node of all.nodes) {
      this.last = node.name
      this.#trial.serveBy(all.nodes.filter((other) => other !== node))
      await pause(100)
      await node.stop()
      soldMs = Math.max(soldMs, await this.#trial.sellsAgain())
      await begin(() => node.start())
      this.#trial.serveBy(undefined)
      await all.untilBalanced(BALANCED_WITHIN_MS)
    }
    return soldMs
  }

  get #redis(): RedisCluster {
    return this.#trial.all.cluster as RedisCluster
  }

  #drawShardKey(): string {
    const shard = Math.floor(this.#random() * SHARDS) as ShardId
    return `{s${shard}}`
  }

  #draw<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.#random() * items.length)] as Item
  }
}

/** A port of what has just ended may be taken for a moment, by a connection of somebody else. */
async function begin(start: () => Promise<unknown>): Promise<void> {
  for (let tried = 1; ; tried++) {
    try {
      await start()
      return
    } catch (error) {
      if (tried === STARTS_MAX) throw error
      await pause(500)
    }
  }
}

function shuffled<Item>(items: Item[], random: () => number): Item[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[items[i], items[j]] = [items[j] as Item, items[i] as Item]
  }
  return items
}

/** Of a list of milliseconds. */
export function spreadOf(ms: readonly number[]): { readonly count: number; median?: number; max?: number } {
  const sorted = ms.toSorted((a, b) => a - b)
  const [median, max] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)]
  if (median === undefined || max === undefined) return { count: 0 }
  return { count: sorted.length, median: Math.round(median), max: Math.round(max) }
}
