/**
 * What does a reservation cost the nodes when there are three of them, beside one?
 *
 *   clients ──► node 1 ─┬─ its own shards ──► worker threads ──►┐
 *   clients ──► node 2 ─┼─ others' shards ──► relay ──► owner    ├─► Redis Cluster: 3 primaries, 3 replicas
 *   clients ──► node 3 ─┘                                         ┘
 *
 * Over HTTP, which is what a load balancer sends: each node gets a third of the requests, and two of three are for shards of
 * another node, so they cross the relay. The products are spread over all 8 shards. The same clients, as many connections
 * in all, then have one node, alone on a Redis Cluster of its own like the other's.
 *
 * Counted is the time that the nodes' processes were on a core, all their threads, the relay and the mirrors included,
 * by the reservations they made: reserves a core-second. Redis, which has the same to do for both, and the clients are
 * left out. A machine with few cores shows by this what a cluster's rate would be: nodes × cores × this.
 *
 * Both sides have the same closed loops. Where all shares a few cores the three nodes get through less at a time, so that
 * their batches are smaller and what a node does by the second, idle or not, counts thrice: the ratio is a lower bound of
 * what machines of their own would show. Leases are long, since nothing here is about losing them.
 *
 * Afterwards the units held of all products are as many as were acknowledged, by what each side's first node says.
 * Not measured: the rate itself.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { absentRow, barOf, type Figure, type Measured, makeRow, type Scale } from '../figure.ts'
import { messageFrom, startChild } from '../support/children.ts'
import { call, stockAll } from '../support/client.ts'
import type { HttpLoad, HttpPlayed } from '../support/http-player.ts'
import { productIds } from '../support/ids.ts'
import { Nodes } from '../support/nodes.ts'
import { repeat } from '../support/repeat.ts'
import { cpuMsOf, thousands } from '../support/report.ts'
import { inRounds } from '../support/rounds.ts'
import { makeScratch } from '../support/scratch.ts'

const SIZES = {
  full: { rounds: 5, loadMs: 5_000, warmUpMs: 12_000, products: 2_000, connections: 384 },
  quick: { rounds: 2, loadMs: 3_000, warmUpMs: 4_000, products: 500, connections: 384 },
  tiny: { rounds: 1, loadMs: 300, warmUpMs: 100, products: 24, connections: 12 },
} as const satisfies Record<Scale, object>

const NODES = 3
const STOCK = 1_000_000_000
const READ_AT_ONCE = 32
const NAME = 'reserves a core-second on 3 nodes ÷ on 1 node'
const BOUNDS = { floor: 0.8, aim: 0.95 }

type Side = { readonly perCoreSecond: number; readonly perSecond: number }

type StockBody = { readonly held: number }

export const threeNodes: Figure = { name: 'three-nodes', measure }

async function measure(scale: Scale, say: (line: string) => void): Promise<Measured> {
  const size = SIZES[scale]
  const scratch = makeScratch('three-nodes')
  const environment = { LISTENERS: '1', LEASE_MS: '20000' }
  const three = await Nodes.start({ count: NODES, directory: join(scratch, 'three'), environment })
  if (three.type === 'absent') {
    rmSync(scratch, { recursive: true })
    return { rows: [absentRow(NAME, three.why, BOUNDS)], plots: [], notes: [] }
  }
  const one = await Nodes.start({ count: 1, directory: join(scratch, 'one'), environment })
  if (one.type === 'absent') throw new Error(one.why)
  const products = productIds(size.products)
  for (const { server } of [three, one]) {
    const [first] = server.running
    await stockAll({ url: first?.url ?? '', key: server.key }, new Map(products.map((id) => [id, STOCK])))
  }
  const acknowledged = new Map<Nodes, number>()
  let loads = 0
  const players = Array.from({ length: NODES }, () => startChild({ file: 'bench/support/http-player.ts' }))

  const play = async (nodes: Nodes, forMs: number): Promise<Side> => {
    const servers = nodes.running
    const cpuMs = () => servers.reduce((sum, { pid }) => sum + cpuMsOf(pid), 0)
    const before = cpuMs()
    const name = `c${String(++loads).padStart(4, '0')}`
    const played = await Promise.all(
      players.map((player, nr) => {
        player.send({
          url: servers[nr % servers.length]?.url ?? '',
          key: nodes.key,
          connections: size.connections / NODES,
          forMs,
          products,
          name: `${name}-${nr}`,
        } satisfies HttpLoad)
        return messageFrom<HttpPlayed>(player)
      }),
    )
    const spentMs = cpuMs() - before
    const sum = (of: (each: HttpPlayed) => number) => played.reduce((total, each) => total + of(each), 0)
    acknowledged.set(nodes, (acknowledged.get(nodes) ?? 0) + sum(({ held }) => held))
    if (sum(({ unexpected, shed }) => unexpected + shed) > 0) throw new Error('answers that were not 201')
    return {
      perCoreSecond: (sum(({ held }) => held) / spentMs) * 1_000,
      perSecond: sum(({ heldPerSecond }) => heldPerSecond),
    }
  }
  for (const { server } of [three, one]) await play(server, size.warmUpMs)
  const sides = await inRounds(
    size.rounds,
    { three: () => play(three.server, size.loadMs), one: () => play(one.server, size.loadMs) },
    (round, { three, one }) =>
      say(
        `round ${round}: ${thousands(three.perCoreSecond)} a core-second of 3 nodes (${thousands(three.perSecond)}/s), ${thousands(one.perCoreSecond)} of 1 (${thousands(one.perSecond)}/s)`,
      ),
  )
  for (const player of players) player.disconnect()
  for (const { server } of [three, one]) {
    await checkHeld(server, products, acknowledged.get(server) ?? 0)
    await server.close()
  }
  rmSync(scratch, { recursive: true })
  const ofThree = sides.three.map(({ perCoreSecond }) => perCoreSecond)
  const ofOne = sides.one.map(({ perCoreSecond }) => perCoreSecond)
  return {
    rows: [
      makeRow({
        name: 'reserves a core-second on 3 nodes',
        unit: '/s',
        values: ofThree,
        limit: { name: 'on 1 node', values: ofOne },
        ...BOUNDS,
      }),
    ],
    plots: [
      {
        type: 'bars',
        title: 'Reservations over HTTP a core-second of the nodes',
        unit: '/s',
        bars: [barOf('3 nodes', ofThree), barOf('1 node', ofOne)],
      },
    ],
    notes: [],
  }
}

async function checkHeld(nodes: Nodes, products: readonly string[], acknowledged: number): Promise<void> {
  const api = { url: nodes.urlOf(0) ?? '', key: nodes.key }
  let units = 0
  await repeat(products.length, READ_AT_ONCE, async (nr) => {
    const { held } = (await call(api, 'GET', `/v1/products/${products[nr]}/stock`)) as StockBody
    units += held
  })
  if (units !== acknowledged) throw new Error(`${acknowledged} acknowledged, and ${units} units held`)
}
