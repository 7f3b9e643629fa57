/**
 * How long is nobody served, where a node is killed, and where all are restarted in turn?
 *
 *   buyers of one product a shard ──► node 1, 2, 3 ──► Redis Cluster: 3 primaries, 3 replicas; REDIS_ACK=replicas:1
 *
 * `kill -9` of each of three nodes in turn. Buyers ask the other two for a product of each shard of the lost one, again and
 * again; what counts is when each of these is sold again, from the kill, and of the shards the last. With leases of
 * 2 seconds, as they are unless set otherwise. The node then starts again on the data it left, and gets its
 * shards back, before the next is killed.
 *
 * A rolling restart: SIGTERM to each node in turn, and its successor once it has ended, while customers buy by a load
 * balancer that looks at `/readyz` ten times a second. What counts is how many requests failed, at first and when they were
 * sent once more, and how long the slowest took.
 *
 * Afterwards the stock of each product is what was put there, less what was acknowledged or may have been taken by
 * requests that nobody answered.
 *
 * Not measured: the loss of a Redis primary (the fault tests do), and nodes that share no machine.
 */
import { rmSync } from 'node:fs'
import { shardOf } from '../../src/domain/ids.ts'
import { absentRow, type Figure, type Measured, makeRow, type Scale } from '../figure.ts'
import { BalancedClient, type Told } from '../support/balanced-client.ts'
import { call, stockAll } from '../support/client.ts'
import { productIds, SHARDS } from '../support/ids.ts'
import { Nodes } from '../support/nodes.ts'
import { ms } from '../support/report.ts'
import { makeScratch } from '../support/scratch.ts'

const SIZES = {
  full: { kills: 12, customers: 12, leaseMs: 2_000 },
  quick: { kills: 3, customers: 12, leaseMs: 2_000 },
  // Long enough for a machine that has much else to do: nothing is said of speed.
  tiny: { kills: 1, customers: 4, leaseMs: 15_000 },
} as const satisfies Record<Scale, object>

const NODES = 3
const HELD = 201
/** Said where nothing happened; of any other answer that is not 201 nobody knows. */
const REFUSED = 503
const STOCK = 1_000_000
const AGAIN_AFTER_MS = 10
const THINK_MS = 20
const GIVEN_UP_MS = 60_000
/** Before the first node is restarted, and after the last. */
const CALM_MS = 1_000
/** A node that is told to end serves on for so long, until the balancer has seen that it is not ready. */
const DRAIN_SECONDS = '1'
const NAME = 'a killed node’s shards sell again after'
const BOUNDS = { floor: 5, aim: 2 }

export const takeOver: Figure = { name: 'take-over', measure }

async function measure(scale: Scale, say: (line: string) => void): Promise<Measured> {
  const size = SIZES[scale]
  const scratch = makeScratch('take-over')
  const presence = await Nodes.start({
    count: NODES,
    directory: scratch,
    environment: { LISTENERS: '1', DRAIN_SECONDS, LEASE_MS: String(size.leaseMs) },
  })
  if (presence.type === 'absent') {
    rmSync(scratch, { recursive: true })
    return { rows: [absentRow(NAME, presence.why, BOUNDS)], plots: [], notes: [] }
  }
  const { server: nodes } = presence
  const products = oneProductAShard()
  await stockAll({ url: nodes.urlOf(0) ?? '', key: nodes.key }, new Map(products.map((id) => [id, STOCK])))

  const books = new Books()
  const seconds: number[] = []
  for (let kill = 0; kill < size.kills; kill++) {
    const victim = kill % NODES
    const after = await killAndBuy(nodes, victim, products, books)
    seconds.push(after / 1_000)
    say(`kill ${kill + 1}: node ${victim}’s shards sell again after ${ms(after)} ms`)
    await nodes.restart(victim)
    await nodes.untilServing()
  }
  const told = await restartInTurn(nodes, products, size.customers, books)
  const failed = told.filter(({ status }) => status !== HELD).length
  const repeated = told.filter(({ before }) => before !== undefined)
  const slowest = Math.max(...told.map(({ ms: each }) => each))
  say(`rolling restart: ${told.length} requests, slowest ${ms(slowest)} ms, ${failed} failed`)
  for (const { before, status, code } of repeated)
    say(`  sent again after ${before?.status} ${before?.code}: ${status} ${code ?? ''}`)
  await books.check(nodes, products)
  await nodes.close()
  rmSync(scratch, { recursive: true })
  return {
    rows: [
      makeRow({ name: `${NAME}, of ${size.kills} kills`, unit: 's', values: seconds, ...BOUNDS }),
      makeRow({ name: `${NAME}, at worst`, unit: 's', values: [Math.max(...seconds)], ...BOUNDS }),
      makeRow({
        name: 'rolling restart: requests failed after one retry',
        unit: '',
        values: [failed],
        floor: 0,
        aim: 0,
      }),
      makeRow({ name: 'rolling restart: requests that needed a retry', unit: '', values: [repeated.length] }),
      makeRow({ name: 'rolling restart: the slowest answer', unit: 'ms', values: [slowest] }),
    ],
    plots: [],
    notes: [`Rolling restart: ${told.length} requests while ${NODES} nodes were restarted in turn.`],
  }
}

/** Milliseconds from the kill to when the last of its shards has sold again. */
async function killAndBuy(
  nodes: Nodes,
  victim: number,
  products: readonly string[],
  books: Books,
): Promise<number> {
  const owners = await nodes.owners()
  const theirs = products.filter((_, shard) => owners[shard] === victim)
  if (theirs.length === 0) throw new Error(`node ${victim} has no shards`)
  const killedMs = performance.now()
  await nodes.kill(victim)
  const urls = nodes.running.map(({ url }) => url)
  const sold = theirs.map(async (productId, nr) => {
    for (let tried = nr; performance.now() - killedMs < GIVEN_UP_MS; tried++) {
      const url = urls[tried % urls.length] as string
      const status = await statusOfReserve(url, nodes.key, productId)
      books.note(productId, status)
      if (status === HELD) return performance.now() - killedMs
      await new Promise((resolve) => setTimeout(resolve, AGAIN_AFTER_MS))
    }
    throw new Error(`${productId} is not sold ${GIVEN_UP_MS} ms after node ${victim} was killed`)
  })
  return Math.max(...(await Promise.all(sold)))
}

async function statusOfReserve(url: string, key: string, productId: string): Promise<number> {
  const response = await fetch(`${url}/v1/reservations`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ items: [{ productId, quantity: 1 }] }),
  })
  await response.arrayBuffer()
  return response.status
}

async function restartInTurn(
  nodes: Nodes,
  products: readonly string[],
  customers: number,
  books: Books,
): Promise<Told[]> {
  const balancer = new BalancedClient(nodes)
  await balancer.start()
  const told: Told[] = []
  let isOver = false
  const shop = async (nr: number): Promise<void> => {
    for (let bought = 0; !isOver; bought++) {
      const productId = products[(nr + bought) % products.length] as string
      const one = await balancer.reserve(productId, `r${nr}-${bought}`)
      books.note(productId, one.status)
      told.push(one)
      await new Promise((resolve) => setTimeout(resolve, THINK_MS))
    }
  }
  const shopping = Promise.all(Array.from({ length: customers }, (_, nr) => shop(nr)))
  await new Promise((resolve) => setTimeout(resolve, CALM_MS))
  for (let nr = 0; nr < NODES; nr++) {
    await nodes.end(nr)
    await nodes.restart(nr)
    await nodes.untilServing()
  }
  await new Promise((resolve) => setTimeout(resolve, CALM_MS))
  isOver = true
  await shopping
  await balancer.close()
  return told
}

function oneProductAShard(): readonly string[] {
  const ids = productIds(SHARDS * 100)
  return Array.from({ length: SHARDS }, (_, shard) => {
    const id = ids.find((each) => shardOf(each, SHARDS) === shard)
    if (id === undefined) throw new Error(`no product of shard ${shard}`)
    return id
  })
}

/** What was sold, and what may have been, by product; held against the stock. */
class Books {
  readonly #held = new Map<string, number>()
  readonly #unsure = new Map<string, number>()

  note(productId: string, status: number): void {
    if (status === REFUSED) return
    const counts = status === HELD ? this.#held : this.#unsure
    counts.set(productId, (counts.get(productId) ?? 0) + 1)
  }

  async check(nodes: Nodes, products: readonly string[]): Promise<void> {
    const api = { url: nodes.urlOf(0) ?? '', key: nodes.key }
    for (const productId of products) {
      const stock = (await call(api, 'GET', `/v1/products/${productId}/stock`)) as StockBody
      const least = this.#held.get(productId) ?? 0
      const most = least + (this.#unsure.get(productId) ?? 0)
      const { onHand, held } = stock
      if (onHand === STOCK && held >= least && held <= most) continue
      throw new Error(`${productId}: ${onHand} on hand, ${held} held, of ${least} to ${most} acknowledged`)
    }
  }
}

type StockBody = { readonly onHand: number; readonly held: number }
