/**
 * What does it cost those who buy that a search follows them, and how soon does it?
 *
 *   core 1                                   core 0, all its threads
 *   buyers, a closed loop ────────────────►  Holdfast (src/main.ts) with its search's thread
 *                                         ►  the same without: the thread is never started
 *   staff who change titles and stock ────►  and who then search with `minPosition`, one change after the other
 *
 * Both servers have the same products and take turns, round by round. A lag is the time from the answer to a change until
 * the answer to a search that holds it, asked for at once, while buyers keep the server's core busy. Index writes are counted
 * by the server itself, while buyers hold units of one product.
 *
 * Not measured: a search server; several cores, where the search's thread would have one of its own.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Figure, type Measured, makeRow, type Scale } from '../figure.ts'
import { type Api, call } from '../support/client.ts'
import { endTargets, HttpClients, startStocked } from '../support/http-target.ts'
import { latencyOf, ms } from '../support/report.ts'
import { inRounds } from '../support/rounds.ts'
import { makeScratch } from '../support/scratch.ts'

const SIZES = {
  full: {
    rounds: 16,
    forMs: 3_000,
    warmUpMs: 2_000,
    products: 1_000,
    connections: 64,
    changes: 300,
    held: 100_000,
  },
  quick: {
    rounds: 2,
    forMs: 3_000,
    warmUpMs: 1_000,
    products: 500,
    connections: 64,
    changes: 100,
    held: 20_000,
  },
  tiny: { rounds: 1, forMs: 200, warmUpMs: 50, products: 20, connections: 4, changes: 6, held: 100 },
} as const satisfies Record<Scale, object>

const ADMIN_KEY = 'bench-7f0c2d91a4e85b36'
const WITHOUT = pathToFileURL(join(import.meta.dirname, '../support/without-search.ts')).href
const WRITES = /^holdfast_search_(?:puts|stock_transitions)_total(?:\{[^}]*\})? (\d+)/gm

export const searchFollow: Figure = { name: 'search-follow', measure }

async function measure(scale: Scale, say: (line: string) => void): Promise<Measured> {
  const { rounds, forMs, warmUpMs, connections, changes, held, ...size } = SIZES[scale]
  const scratch = makeScratch('search-follow')
  const products = Array.from({ length: size.products }, (_, i) => `product-${String(i).padStart(4, '0')}`)
  const withSearch = await startStocked(join(scratch, 'with'), products)
  const without = await startStocked(join(scratch, 'without'), products, {
    NODE_OPTIONS: `--import=${WITHOUT}`,
  })
  const api: Api = { url: withSearch.url, key: ADMIN_KEY }
  for (const { url } of [withSearch, without])
    for (const productId of products)
      await call({ ...api, url }, 'POST', '/v1/products', {
        productId,
        title: productId,
        price: 5,
        currency: 'USD',
      })
  const clients = new HttpClients()
  const play = (target: typeof withSearch, of = products, time: number = forMs) =>
    clients.play(target, { products: of, connections, forMs: time })
  for (const target of [withSearch, without]) await play(target, products, warmUpMs)
  const sides = await inRounds(
    rounds,
    { on: () => play(withSearch), off: () => play(without) },
    (round, { on, off }) =>
      say(
        `round ${round}: ${on.heldPerSecond.toFixed(0)}/s with the search, ${off.heldPerSecond.toFixed(0)}/s without`,
      ),
  )
  const lags = await lagsUnder(api, products, { changes, load: () => play(withSearch) })
  say(`lag p99 ${ms(lags.titles.p99)} ms of titles, ${ms(lags.stock.p99)} ms of stock`)
  const writes = await writesBy(api, products[0] as string, { held, load: (one) => play(withSearch, [one]) })
  say(`${writes.count} index writes while ${writes.held} were held`)
  clients.close()
  await endTargets([withSearch, without])
  rmSync(scratch, { recursive: true })
  const perSecond = ({ heldPerSecond }: (typeof sides.on)[number]) => heldPerSecond
  return {
    rows: [
      makeRow({
        name: 'reserves with the search',
        unit: '/s',
        values: sides.on.map(perSecond),
        limit: { name: 'without', values: sides.off.map(perSecond) },
        floor: 0.9,
        aim: 0.99,
      }),
      makeRow({
        name: 'a changed title, found, p99',
        unit: 'ms',
        values: [lags.titles.p99],
        floor: 2_000,
        aim: 500,
      }),
      makeRow({ name: 'a changed title, found, p50', unit: 'ms', values: [lags.titles.p50] }),
      makeRow({
        name: 'stock come or gone, found, p99',
        unit: 'ms',
        values: [lags.stock.p99],
        floor: 2_000,
        aim: 500,
      }),
      makeRow({
        name: `index writes by ${held.toLocaleString('en')} reservations of one product`,
        unit: '',
        values: [writes.count],
        floor: 1_000,
        aim: 50,
      }),
    ],
    plots: [],
    notes: ['Search, following: each server with all its threads on one core, the search’s among them.'],
  }
}

/** One change after the other, each searched for at once, while buyers are at it. */
async function lagsUnder(
  api: Api,
  products: readonly string[],
  { changes, load }: { readonly changes: number; readonly load: () => Promise<unknown> },
) {
  const titles: number[] = []
  const stock: number[] = []
  const asked = new AbortController()
  const busy = (async () => {
    while (!asked.signal.aborted) await load()
  })()
  for (let i = 0; i < changes; i++) {
    const productId = products[i % products.length] as string
    const title = `Lamp model${i}`
    const patched = await positionOf(api, 'PATCH', `/v1/products/${productId}`, { title })
    titles.push(await untilFound(api, `term=model${i}`, patched, productId))
    const lamp = `lamp-${i}`
    const made = { productId: lamp, title: `Lamp number${i}`, price: 5, currency: 'USD' }
    await call(api, 'POST', '/v1/products', made)
    const adjusted = { set: 1, reason: 'bench' }
    const stocked = await positionOf(api, 'POST', `/v1/products/${lamp}/stock/adjustments`, adjusted)
    stock.push(await untilFound(api, `term=number${i}&inStock=true`, stocked, lamp))
  }
  asked.abort()
  await busy
  return { titles: latencyOf(Float64Array.from(titles)), stock: latencyOf(Float64Array.from(stock)) }
}

async function positionOf(api: Api, method: string, path: string, body: object): Promise<string> {
  const response = await fetch(api.url + path, {
    method,
    headers: { authorization: `Bearer ${api.key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const position = response.headers.get('holdfast-position')
  if (!response.ok || position === null) throw new Error(`${method} ${path}: ${await response.text()}`)
  await response.arrayBuffer()
  return position
}

/** Milliseconds until a search holds the position; throws where it does not show the product then. */
async function untilFound(api: Api, query: string, position: string, productId: string): Promise<number> {
  const beganAtMs = performance.now()
  const path = `/v1/products/search?${query}&minPosition=${position}`
  const { products } = (await call(api, 'GET', path)) as {
    readonly products: readonly { productId: string }[]
  }
  const tookMs = performance.now() - beganAtMs
  if (!products.some((found) => found.productId === productId))
    throw new Error(`${path} does not find ${productId}`)
  return tookMs
}

async function writesBy(
  api: Api,
  productId: string,
  {
    held,
    load,
  }: { readonly held: number; readonly load: (productId: string) => Promise<{ readonly held: number }> },
): Promise<{ readonly count: number; readonly held: number }> {
  const before = await writesOf(api)
  let sum = 0
  while (sum < held) sum += (await load(productId)).held
  return { count: (await writesOf(api)) - before, held: sum }
}

async function writesOf({ url, key }: Api): Promise<number> {
  const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${key}` } })
  return [...(await response.text()).matchAll(WRITES)].reduce((sum, [, count]) => sum + Number(count), 0)
}
