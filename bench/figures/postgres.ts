/**
 * How many times as many durable reservations a second as a row of PostgreSQL?
 *
 *   callers ──► Engine ───────────────────────────────────► worker thread ──► journal, fdatasync a frame
 *   callers ──► pg, prepared statements, pipelined ── TCP ──► postgres     ──► WAL, fdatasync a group of commits
 *
 * Three ways (rivals/postgres-ways.ts), each with the reservation written in the same transaction: a conditional UPDATE
 * of the product's one row; a row a unit, taken past whatever others have locked; and many requests in one transaction,
 * each product's row updated once. All callers want one hot product, as in a flash sale; one row and batches are also
 * measured over 10,000 products. Each way first tries numbers of connections and callers for a moment, and is then
 * measured at its best, in turn with the engine.
 *
 * The table of reservations has a primary key, which is what makes an id do nothing twice, and an index by expiry, since
 * holds must end. Neither what ends them nor any history is there, and what that costs is not counted.
 */
import { rmSync } from 'node:fs'
import type { Client } from 'pg'
import type { ProductId } from '../../src/domain/ids.ts'
import { absentRow, barOf, type Figure, type Measured, makeRow, type Scale } from '../figure.ts'
import { PostgresServer } from '../rivals/postgres-server.ts'
import { batched, oneRow, oneUnit } from '../rivals/postgres-ways.ts'
import { Callers, type Reserve } from '../support/callers.ts'
import { endChecked } from '../support/durability.ts'
import { hotId, idDrawer, productIds } from '../support/ids.ts'
import { LocalEngine, STOCK } from '../support/local-engine.ts'
import { thousands } from '../support/report.ts'
import { inRounds } from '../support/rounds.ts'
import { makeScratch } from '../support/scratch.ts'
import { sweep } from '../support/sweep.ts'

const SIZES = {
  full: { rounds: 3, loadMs: 2_000, tryMs: 700, products: 10_000, units: 200_000, points: 6, callers: 4_096 },
  quick: { rounds: 1, loadMs: 500, tryMs: 150, products: 10_000, units: 40_000, points: 3, callers: 4_096 },
  tiny: { rounds: 1, loadMs: 50, tryMs: 20, products: 100, units: 5_000, points: 1, callers: 64 },
} as const satisfies Record<Scale, object>

const NAME = 'durable reserves'

type Point = { readonly connections: number; readonly callers: number; readonly most?: number }
type Way = {
  readonly name: string
  readonly products: readonly ProductId[]
  readonly points: readonly Point[]
  readonly reserve: (clients: readonly Client[], point: Point) => Reserve<boolean>
}

/** Where locks are met, few connections do best; where syncs are shared, many. Likeliest first. */
const FEW_CONNECTIONS: readonly Point[] = [
  { connections: 1, callers: 64 },
  { connections: 8, callers: 8 },
  { connections: 2, callers: 2 },
  { connections: 4, callers: 4 },
  { connections: 2, callers: 64 },
  { connections: 16, callers: 16 },
]
const MANY_CONNECTIONS: readonly Point[] = [
  { connections: 32, callers: 32 },
  { connections: 64, callers: 64 },
  { connections: 8, callers: 8 },
  { connections: 16, callers: 16 },
  { connections: 16, callers: 256 },
  { connections: 48, callers: 48 },
]
const BATCHES: readonly Point[] = [
  { connections: 1, callers: 4_096, most: 2_048 },
  { connections: 2, callers: 4_096, most: 2_048 },
  { connections: 1, callers: 4_096, most: 4_096 },
  { connections: 2, callers: 4_096, most: 1_024 },
  { connections: 1, callers: 4_096, most: 512 },
  { connections: 4, callers: 4_096, most: 1_024 },
]

export const postgres: Figure = { name: 'postgres', measure }

async function measure(scale: Scale, say: (line: string) => void): Promise<Measured> {
  const size = SIZES[scale]
  // The server may be another user's, who could not pass through a directory of ours.
  const theirScratch = makeScratch('postgres')
  const presence = await PostgresServer.start(theirScratch)
  if (presence.type === 'absent') {
    rmSync(theirScratch, { recursive: true })
    const rows = [
      absentRow(`${NAME} ÷ PostgreSQL, one row`, presence.why, { floor: 50, aim: 300 }),
      absentRow(`${NAME} ÷ PostgreSQL, batched`, presence.why, { floor: 2, aim: 8 }),
    ]
    return { rows, plots: [], notes: [] }
  }
  const { server } = presence
  const spread = productIds(size.products)
  const hot = [hotId]
  await server.stock([...spread, ...hot], STOCK / 100, { of: hotId, count: size.units })
  const before = await server.totals()
  const scratch = makeScratch('beside-postgres')
  const local = await LocalEngine.start(scratch)
  await local.stock([...spread, ...hot])
  const own = local.callers()
  const draw = idDrawer()
  const batch = (clients: readonly Client[], { most = 1 }: Point) => batched(clients, draw, most)
  const row = (clients: readonly Client[]) => oneRow(clients, draw)
  const unit = (clients: readonly Client[]) => oneUnit(clients, draw, size.units)
  const ways = {
    oneRowHot: { name: 'one-row UPDATE, hot product', products: hot, points: FEW_CONNECTIONS, reserve: row },
    oneUnit: {
      name: 'SKIP LOCKED, a row a unit, hot product',
      products: hot,
      points: FEW_CONNECTIONS,
      reserve: unit,
    },
    batchedHot: { name: 'batched UPDATE, hot product', products: hot, points: BATCHES, reserve: batch },
    oneRow: { name: 'one-row UPDATE, spread', products: spread, points: MANY_CONNECTIONS, reserve: row },
    batched: { name: 'batched UPDATE, spread', products: spread, points: BATCHES, reserve: batch },
  } as const satisfies Record<string, Way>
  type WayName = keyof typeof ways
  let acknowledged = 0
  const run = async ({ products, reserve }: Way, point: Point, forMs: number) => {
    const clients = await server.connect(point.connections)
    const callers = new Callers({ reserve: reserve(clients, point), isHeld: (isHeld) => isHeld })
    const load = { callers: Math.min(point.callers, size.callers), products, forMs }
    const perSecond = await callers.run(load)
    acknowledged += callers.acknowledged
    await Promise.all(clients.map((client) => client.end()))
    return perSecond
  }

  const best = {} as Record<WayName, Point>
  for (const name of Object.keys(ways) as WayName[]) {
    const way: Way = ways[name]
    const swept = await sweep(way.points.slice(0, size.points), (point) => run(way, point, size.tryMs))
    best[name] = swept.best
    say(`${way.name} is at its best with ${textOf(swept.best)}`)
  }
  const engine = (products: readonly ProductId[]) => () =>
    own.run({ callers: size.callers, products, forMs: size.loadMs })
  await engine(spread)() // warms up
  const theirs = (name: WayName) => () => run(ways[name], best[name], size.loadMs)
  const sides = await inRounds(
    size.rounds,
    {
      hot: engine(hot),
      oneRowHot: theirs('oneRowHot'),
      oneUnit: theirs('oneUnit'),
      batchedHot: theirs('batchedHot'),
      spread: engine(spread),
      oneRow: theirs('oneRow'),
      batched: theirs('batched'),
    },
    (round, { hot, oneRowHot, batchedHot }) => {
      say(
        `round ${round}: ${thousands(hot)}; one row ${thousands(oneRowHot)}, batched ${thousands(batchedHot)}`,
      )
    },
  )
  const after = await server.totals()
  await server.stop()
  if (after.reservations !== acknowledged || before.free - after.free !== acknowledged) {
    throw new Error(`PostgreSQL acknowledged ${acknowledged} and holds ${after.reservations}`)
  }
  await endChecked(local, own)
  for (const path of [scratch, theirScratch]) rmSync(path, { recursive: true })

  const against = (side: 'hot' | 'spread', name: WayName, bounds: { floor?: number; aim?: number } = {}) =>
    makeRow({
      name: `${NAME}, ${side === 'hot' ? 'hot product' : 'spread'}`,
      unit: '/s',
      values: sides[side],
      limit: {
        name: `PostgreSQL ${ways[name].name.replace(/, hot product|, spread/, '')}`,
        values: sides[name],
      },
      note: `PostgreSQL is at its best with ${textOf(best[name])}`,
      ...bounds,
    })
  return {
    rows: [
      against('hot', 'oneRowHot', { floor: 50, aim: 300 }),
      against('hot', 'oneUnit'),
      against('hot', 'batchedHot', { floor: 2, aim: 8 }),
      against('spread', 'oneRow'),
      against('spread', 'batched'),
    ],
    plots: [
      {
        type: 'bars',
        title: 'Durable reservations a second: the engine and PostgreSQL, each way at its best',
        unit: '/s',
        scale: 'log',
        bars: [
          barOf('Holdfast, hot product', sides.hot),
          barOf('Holdfast, spread', sides.spread),
          ...(Object.keys(ways) as WayName[]).map((name) =>
            barOf(`PostgreSQL, ${ways[name].name}`, sides[name]),
          ),
        ],
      },
    ],
    notes: [
      'PostgreSQL: fsync, synchronous_commit and full_page_writes on, 512 MB of shared buffers; pg with prepared statements and pipelining; afterwards its units and reservations added up to what it had acknowledged.',
    ],
  }
}

function textOf({ connections, callers, most }: Point): string {
  const how = most === undefined ? '' : `, up to ${thousands(most)} a transaction`
  return `${connections} connection${connections === 1 ? '' : 's'}, ${thousands(callers)} callers${how}`
}
