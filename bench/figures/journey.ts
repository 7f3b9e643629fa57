/**
 * How many shoppers a second get from the cart to a confirmed order, and what does a disk do to those who only look?
 *
 *   core 1                                        all of the machine's cores
 *   shoppers ── add, checkout, pay, status ──►  Holdfast (src/main.ts): Hono ─► shop ─┬─► tables' thread ─► SQLite, fsync
 *   lookers  ── GET /v1/products/{id} ───────►                                        └─► worker ─► journal, fdatasync
 *
 * Each shopper has an account and a connection, and goes the whole way again and again: a closed loop. Every reply of a
 * change comes after its sync. Payments go through the sandbox, whose own books are in the same file, so that each payment
 * pays for the provider's durable writes too. Two servers take turns: one with its data on this machine's disk, one with
 * its data in memory, where a sync costs nothing; both do all the same work otherwise.
 *
 * The engine's share is shown beside it: what it has to do for an order (reserve, paying, confirm), asked for alone by as
 * many callers. Not measured: registration and login (see `logins`), several products in an order, webhooks, TLS.
 */

import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Figure, type Measured, makeRow, type Row, type Scale } from '../figure.ts'
import { canPin, endChild, messageFrom, type Server, startChild, startHoldfast } from '../support/children.ts'
import { call, stockAll } from '../support/client.ts'
import { CLIENT_CORE } from '../support/http-target.ts'
import type { JourneyLoad, JourneyPlayed } from '../support/journey-player.ts'
import { inRounds } from '../support/rounds.ts'
import { makeScratch } from '../support/scratch.ts'

const SIZES = {
  full: { rounds: 5, forMs: 8_000, warmUpMs: 3_000, shoppers: 32, lookers: 4, products: 200 },
  quick: { rounds: 1, forMs: 4_000, warmUpMs: 2_000, shoppers: 32, lookers: 4, products: 100 },
  tiny: { rounds: 1, forMs: 400, warmUpMs: 50, shoppers: 3, lookers: 1, products: 10 },
} as const satisfies Record<Scale, object>

const ADMIN_KEY = 'bench-7f0c2d91a4e85b36'
const STOCK = 1_000_000
const PRICE = 19.99
/** Where files are memory, on Linux. */
const MEMORY = '/dev/shm'
const NO_LIMITS = {
  RATE_CUSTOMER: '0',
  RATE_ADDRESS: '0',
  RATE_LOGIN_ADDRESS: '0',
  RATE_REGISTRATION: '0',
  RATE_LOGIN: '0',
}

export const journey: Figure = { name: 'journey', measure }

type Shop = Server & { readonly tokens: readonly string[] }

async function measure(scale: Scale, say: (line: string) => void): Promise<Measured> {
  const size = SIZES[scale]
  const scratch = makeScratch('journey')
  const memory = mkdtempSync(join(MEMORY, 'holdfast-bench-'))
  const products = Array.from({ length: size.products }, (_, i) => `product-${String(i).padStart(4, '0')}`)
  const disk = await open(join(scratch, 'data'), products, size.shoppers)
  const inMemory = await open(join(memory, 'data'), products, size.shoppers)
  const player = startChild({ file: 'bench/support/journey-player.ts', core: CLIENT_CORE })
  const play = (shop: Shop, way: JourneyLoad['way'], lookers: number, forMs: number = size.forMs) => {
    const tokens = way === 'journey' ? shop.tokens : shop.tokens.map(() => ADMIN_KEY)
    return playOn(player, { url: shop.url, way, tokens, products, price: PRICE, forMs, lookers })
  }
  for (const shop of [disk, inMemory]) await play(shop, 'journey', size.lookers, size.warmUpMs)
  const sides = await inRounds(
    size.rounds,
    {
      journeys: () => play(disk, 'journey', 0),
      engine: () => play(disk, 'engine', 0),
      looks: () => play(disk, 'journey', size.lookers),
      looksInMemory: () => play(inMemory, 'journey', size.lookers),
    },
    (round, { journeys, engine, looks, looksInMemory }) => {
      const p99 = ({ looks: seen }: JourneyPlayed) => (seen?.p99 ?? 0).toFixed(1)
      say(
        `round ${round}: ${journeys.perSecond.toFixed(0)} orders/s, p99 ${journeys.latency.p99.toFixed(0)} ms; the engine alone ${engine.perSecond.toFixed(0)}/s; looks p99 ${p99(looks)} ms, in memory ${p99(looksInMemory)} ms`,
      )
    },
  )
  player.disconnect()
  for (const { child } of [disk, inMemory]) await endChild(child)
  rmSync(scratch, { recursive: true })
  rmSync(memory, { recursive: true })
  const pinning = canPin()
    ? 'Journey: each server on all cores, the shoppers pinned to one of them.'
    : 'Journey: nothing is pinned, for there is no taskset here.'
  return { rows: rowsOf(sides), plots: [plotOf(sides.journeys)], notes: [pinning] }
}

async function open(dataDirectory: string, products: readonly string[], shoppers: number): Promise<Shop> {
  const server = await startHoldfast({
    dataDirectory,
    adminKey: ADMIN_KEY,
    environment: NO_LIMITS,
  })
  const api = { url: server.url, key: ADMIN_KEY }
  for (const productId of products)
    await call(api, 'POST', '/v1/products', { productId, title: productId, price: PRICE, currency: 'USD' })
  await stockAll(api, new Map(products.map((id) => [id, STOCK])))
  const tokens: string[] = []
  for (let i = 0; i < shoppers; i++) {
    const account = { name: 'A Shopper', email: `s${i}@example.com`, password: 'seven herons at dawn' }
    const { accessToken } = (await call(api, 'POST', '/v1/auth/register', account)) as { accessToken: string }
    tokens.push(accessToken)
  }
  return { ...server, tokens }
}

async function playOn(player: ChildProcess, load: JourneyLoad): Promise<JourneyPlayed> {
  player.send(load)
  const played = await messageFrom<JourneyPlayed>(player)
  const unexpected = Object.entries(played.unexpected)
  if (unexpected.length > 0) throw new Error(`not every journey went well: ${JSON.stringify(unexpected)}`)
  return played
}

type Sides = Readonly<Record<'journeys' | 'engine' | 'looks' | 'looksInMemory', readonly JourneyPlayed[]>>

function rowsOf({ journeys, engine, looks, looksInMemory }: Sides): Row[] {
  const each = (played: readonly JourneyPlayed[], of: (one: JourneyPlayed) => number) => played.map(of)
  return [
    makeRow({
      name: 'orders a second, from cart to confirmed',
      unit: '/s',
      values: each(journeys, ({ perSecond }) => perSecond),
      floor: 300,
      aim: 1_000,
    }),
    makeRow({
      name: 'whole journey, p50',
      unit: 'ms',
      values: each(journeys, ({ latency }) => latency.p50),
    }),
    makeRow({
      name: 'whole journey, p99',
      unit: 'ms',
      values: each(journeys, ({ latency }) => latency.p99),
      floor: 200,
      aim: 100,
    }),
    ...['add', 'checkout', 'pay', 'status'].map((step) =>
      makeRow({
        name: `${step}, p99`,
        unit: 'ms',
        values: each(journeys, ({ byStep }) => byStep[step]?.p99 ?? Number.NaN),
      }),
    ),
    makeRow({
      name: 'the engine’s share: reserve, paying and confirm alone',
      unit: '/s',
      values: each(engine, ({ perSecond }) => perSecond),
      limit: { name: 'orders', values: each(journeys, ({ perSecond }) => perSecond) },
      ratioOf: (alone, orders) => orders / alone,
      note: 'the ratio is the part of an order’s time that the engine’s three calls take',
    }),
    makeRow({
      name: 'a look at a product under full checkout load, p99',
      unit: 'ms',
      values: each(looks, ({ looks: seen }) => seen?.p99 ?? Number.NaN),
      limit: {
        name: 'the same where syncs cost nothing',
        values: each(looksInMemory, ({ looks: seen }) => seen?.p99 ?? Number.NaN),
      },
      floor: 1.5,
      aim: 1,
    }),
    makeRow({
      name: 'client busy',
      unit: '%',
      values: each(journeys, ({ clientBusy }) => clientBusy * 100),
      note: 'near 100 the client was measured',
    }),
  ]
}

function plotOf(journeys: readonly JourneyPlayed[]): Measured['plots'][number] {
  const steps = ['add', 'checkout', 'pay', 'status']
  const [first] = journeys
  return {
    type: 'bars',
    title: 'From cart to confirmed, step by step: p50',
    unit: 'ms',
    bars: steps.map((step) => ({ name: step, value: first?.byStep[step]?.p50 ?? 0 })),
  }
}
