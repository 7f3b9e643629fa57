/**
 * What does a reservation cost nodes that are one cluster, beside the same nodes each by itself?
 *
 *   clients ──► node 1 ─┬─ its own shards ──► worker threads ──►┐
 *   clients ──► node 2 ─┼─ others' shards ──► relay ──► owner    ├─► Redis Cluster: 3 primaries, 3 replicas
 *   clients ──► node 3 ─┘                                         ┘
 *
 *   clients ──► a node alone, all shards its own ──► its Redis Cluster      (three times, at the same time)
 *
 * Over HTTP, which is what a load balancer sends: each node has as many clients as any other, and in the cluster two of three
 * requests are for shards of another node, so they cross the relay. The products are spread over all 8 shards.
 *
 * Counted is the time that the nodes' processes were on a core, all their threads, by the reservations they made: reserves a
 * core-second. It ends when their histories have caught up and have written what they read, which a busy machine does later.
 * Redis, which has the same to do for both, and the clients are left out.
 *
 * The limit is three nodes that know nothing of each other, at work at once on the same cores as the three of the cluster:
 * what processes cost each other by sharing a machine's cores and caches, and what each does by the second, both sides have
 * alike, and machines of their own would not have. One node with the machine to itself is a row without a bound, so that
 * this difference is seen. Leases are long, since nothing here is about losing them.
 *
 * Afterwards the units held of all products are as many as were acknowledged, by what each side's first node says.
 * Not measured: the rate itself.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { absentRow, barOf, type Figure, type Measured, makeRow, type Scale } from '../figure.ts'
import { messageFrom, startChild } from '../support/children.ts'
import { type Api, call, stockAll } from '../support/client.ts'
import type { HttpLoad, HttpPlayed } from '../support/http-player.ts'
import { productIds } from '../support/ids.ts'
import { Nodes } from '../support/nodes.ts'
import { repeat } from '../support/repeat.ts'
import { cpuMsOf, thousands } from '../support/report.ts'
import { inRounds } from '../support/rounds.ts'
import { makeScratch } from '../support/scratch.ts'

/**
 * `connections` are those of one node. A dozen threads a process compile what they do for most of a minute: that is warm-up.
 * Rounds are many, since single ones differ by a third.
 */
const SIZES = {
  full: { rounds: 16, besideOne: 4, loadMs: 4_000, warmUpMs: 60_000, products: 2_000, connections: 1_024 },
  quick: { rounds: 3, besideOne: 1, loadMs: 3_000, warmUpMs: 6_000, products: 500, connections: 1_024 },
  tiny: { rounds: 1, besideOne: 1, loadMs: 300, warmUpMs: 100, products: 24, connections: 8 },
} as const satisfies Record<Scale, object>

const NODES = 3
const STOCK = 1_000_000_000
const READ_AT_ONCE = 32
const NAME = 'reserves a core-second of a node, in a cluster of 3'
const RIVAL = 'of a node that is alone, 3 at once'
const BOUNDS = { floor: 0.8, aim: 0.95 }

type Played = { readonly perCoreSecond: number; readonly perSecond: number }

/** Nodes that are loaded at the same time, of one cluster or of several. */
type Side = readonly Nodes[]

type StockBody = { readonly held: number }

export const threeNodes: Figure = { name: 'three-nodes', measure }

async function measure(scale: Scale, say: (line: string) => void): Promise<Measured> {
  const size = SIZES[scale]
  const scratch = makeScratch('three-nodes')
  const environment = { LISTENERS: '1', LEASE_MS: '20000' }
  const start = (count: number, name: string) =>
    Nodes.start({ count, directory: join(scratch, name), environment })
  const cluster = await start(NODES, 'cluster')
  if (cluster.type === 'absent') {
    rmSync(scratch, { recursive: true })
    return { rows: [absentRow(`${NAME} ÷ ${RIVAL}`, cluster.why, BOUNDS)], plots: [], notes: [] }
  }
  const alone: Nodes[] = []
  for (let nr = 0; nr < NODES; nr++) {
    const single = await start(1, `alone-${nr}`)
    if (single.type === 'absent') throw new Error(single.why)
    alone.push(single.server)
  }
  const all = [cluster.server, ...alone]
  const products = productIds(size.products)
  for (const nodes of all) await stockAll(apiOf(nodes), new Map(products.map((id) => [id, STOCK])))

  const acknowledged = new Map<Nodes, number>()
  let loads = 0
  const players = Array.from({ length: NODES }, () => startChild({ file: 'bench/support/http-player.ts' }))
  const play = async (side: Side, forMs: number): Promise<Played> => {
    const servers = side.flatMap((nodes) => nodes.running.map(({ url, pid }) => ({ nodes, url, pid })))
    const cpuMs = () => servers.reduce((sum, { pid }) => sum + cpuMsOf(pid), 0)
    const before = cpuMs()
    const name = `c${String(++loads).padStart(4, '0')}`
    let held = 0
    let perSecond = 0
    await Promise.all(
      players.map(async (player, nr) => {
        const { url, nodes } = servers[nr % servers.length] as (typeof servers)[number]
        const load: HttpLoad = {
          url,
          key: nodes.key,
          connections: Math.round((size.connections * servers.length) / NODES),
          forMs,
          products,
          name: `${name}-${nr}`,
        }
        player.send(load)
        const played = await messageFrom<HttpPlayed>(player)
        if (played.unexpected + played.shed > 0) throw new Error('answers that were not 201')
        held += played.held
        perSecond += played.heldPerSecond
        acknowledged.set(nodes, (acknowledged.get(nodes) ?? 0) + played.held)
      }),
    )
    // At the same time: each second of it costs every node of a side something.
    await Promise.all(side.map((nodes) => nodes.untilHistoryCaughtUp()))
    return { perCoreSecond: (held / (cpuMs() - before)) * 1_000, perSecond }
  }
  const [first] = alone as [Nodes, ...Nodes[]]
  const sides: Readonly<Record<'cluster' | 'alone' | 'single', Side>> = {
    cluster: [cluster.server],
    alone,
    single: [first],
  }
  for (const side of [sides.cluster, sides.alone]) await play(side, size.warmUpMs)
  const hear = (round: number, played: Readonly<Record<string, Played>>): void =>
    say(`round ${round}: ${Object.entries(played).map(textOf).join('; ')}`)
  const turnOf = (name: keyof typeof sides) => (): Promise<Played> => play(sides[name], size.loadMs)
  const rounds = await inRounds<'cluster' | 'alone', Played>(
    size.rounds,
    { cluster: turnOf('cluster'), alone: turnOf('alone') },
    hear,
  )
  const besideOne = await inRounds<'cluster' | 'single', Played>(
    size.besideOne,
    { cluster: turnOf('cluster'), single: turnOf('single') },
    hear,
  )
  for (const player of players) player.disconnect()
  for (const nodes of all) {
    await checkHeld(nodes, products, acknowledged.get(nodes) ?? 0)
    await nodes.close()
  }
  rmSync(scratch, { recursive: true })
  const perCoreSecond = (played: readonly Played[]) => played.map((each) => each.perCoreSecond)
  const ofCluster = perCoreSecond(rounds.cluster)
  const ofAlone = perCoreSecond(rounds.alone)
  const ofSingle = perCoreSecond(besideOne.single)
  return {
    rows: [
      makeRow({
        name: NAME,
        unit: '/s',
        values: ofCluster,
        limit: { name: RIVAL, values: ofAlone },
        ...BOUNDS,
      }),
      makeRow({
        name: NAME,
        unit: '/s',
        values: perCoreSecond(besideOne.cluster),
        limit: { name: 'of one with the machine to itself', values: ofSingle },
        note: 'no bound: what three processes cost each other on the same cores is in it',
      }),
    ],
    plots: [
      {
        type: 'bars',
        title: 'Reservations over HTTP a core-second of the nodes',
        unit: '/s',
        bars: [
          barOf('in a cluster of 3', ofCluster),
          barOf('alone, 3 at once', ofAlone),
          barOf('alone', ofSingle),
        ],
      },
    ],
    notes: [],
  }
}

function textOf([name, { perCoreSecond, perSecond }]: [string, Played]): string {
  return `${name} ${thousands(perCoreSecond)} a core-second (${thousands(perSecond)}/s)`
}

function apiOf(nodes: Nodes): Api {
  return { url: nodes.urlOf(0) ?? '', key: nodes.key }
}

async function checkHeld(nodes: Nodes, products: readonly string[], acknowledged: number): Promise<void> {
  const api = apiOf(nodes)
  let units = 0
  await repeat(products.length, READ_AT_ONCE, async (nr) => {
    const { held } = (await call(api, 'GET', `/v1/products/${products[nr]}/stock`)) as StockBody
    units += held
  })
  if (units !== acknowledged) throw new Error(`${acknowledged} acknowledged, and ${units} units held`)
}
