/**
 * Does search find what is misspelt, and how soon, with 200,000 products and 50 people asking?
 *
 *   in this process        the index ÷ SQLite's FTS5, the same words
 *   in this process        50 callers, a closed loop ────►  a thread with the index, as the search's thread is asked
 *   in a process           50 callers, a closed loop ────►  Holdfast (src/main.ts) on all cores, over HTTP: Hono ─► the search's
 *                                                           thread, and the page of each answer read from the catalog
 *
 * Relevance on the first products, which are real where PRODUCTS names a file of them: a product's own title with a slip of
 * the hand in one word, or in two, counts as found where the product, or one of the same title, is among the first ten.
 * Speed on all of them, which are recombined from these. The kinds of searches come in turn; short ones come again, as in a
 * shop, and what is kept of their answers helps: a row says how many were asked for the first time. FTS5 is asked the same
 * words, no answer kept on either side, and gives its best twenty by bm25 and their number: no typing errors, no facets.
 *
 * Not measured: a search server; what a search costs those who reserve (see `search-follow`).
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { EmbeddedIndex } from '../../src/search/embedded/embedded-index.ts'
import type { ProductDocument } from '../../src/search/product-document.ts'
import type { SearchRequest } from '../../src/search/search-index.ts'
import { wordsOf } from '../../src/search/words.ts'
import { type Figure, type Measured, makeRow, type Row, type Scale } from '../figure.ts'
import { Fts5 } from '../rivals/fts5.ts'
import { endChild, messageFrom, type Server, startChild, startHoldfast } from '../support/children.ts'
import { type Latency, latencyOf, residentBytesOf } from '../support/report.ts'
import { inRounds } from '../support/rounds.ts'
import { makeScratch } from '../support/scratch.ts'
import { rowOf, searchCatalog } from '../support/search-catalog.ts'
import type { SearchesPlayed, SearchLoad } from '../support/search-player.ts'
import { KINDS, requestOf, titleWithSlips } from '../support/search-queries.ts'
import type { SearchAsked, SearchWorkerData } from '../support/search-worker.ts'

const SIZES = {
  full: { rounds: 3, products: 200_000, titles: 2_000, queries: 300, forMs: 8_000, callers: 50 },
  quick: { rounds: 1, products: 50_000, titles: 1_000, queries: 100, forMs: 4_000, callers: 50 },
  tiny: { rounds: 1, products: 400, titles: 40, queries: 10, forMs: 200, callers: 4 },
} as const satisfies Record<Scale, object>

const SEED = 20_261_128
const ADMIN_KEY = 'bench-7f0c2d91a4e85b36'
/** Of those that are as they came, and on which relevance is judged. */
const REAL_MAX = 1_646
const FOUND_WITHIN = 10
const IMPORT_LINES = 20_000
const SEARCHES = 60_000
const EVERYTHING = requestOf('')

export const search: Figure = { name: 'search', measure }

async function measure(scale: Scale, say: (line: string) => void): Promise<Measured> {
  const size = SIZES[scale]
  const products = searchCatalog(size.products, { path: process.env.PRODUCTS, seed: SEED })
  const real = products.slice(0, Math.min(REAL_MAX, size.products))
  const found = await relevance(real, size.titles)
  say(`found with one slip ${percent(found.one)}, with two ${percent(found.two)}`)
  const alone = await speedAlone(products, size, say)
  const asked = await speedOfThread(products, size, say)
  const served = await speedServed(products, size, say)
  return {
    rows: [
      makeRow({
        name: 'a title with one slip, found',
        unit: '%',
        values: [100 * found.one],
        floor: 95,
        aim: 99.5,
      }),
      makeRow({
        name: 'a title with two slips, found',
        unit: '%',
        values: [100 * found.two],
        floor: 85,
        aim: 97,
      }),
      ...alone,
      ...asked,
      ...served,
    ],
    plots: [],
    notes: [
      `Search: ${size.products.toLocaleString('en')} products ${process.env.PRODUCTS === undefined ? 'made up' : 'made of real ones'}, seed ${SEED}; whoever asks shares the cores with whoever answers.`,
    ],
  }
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`
}

async function indexOf(products: readonly ProductDocument[]): Promise<EmbeddedIndex> {
  const index = new EmbeddedIndex()
  for (let from = 0; from < products.length; from += 50) await index.put(products.slice(from, from + 50))
  return index
}

async function relevance(products: readonly ProductDocument[], titles: number) {
  const index = await indexOf(products)
  const draw = rowOf(SEED)
  const titleOf = new Map(products.map(({ productId, title }) => [productId, title]))
  const shareFound = async (slips: number) => {
    let found = 0
    for (let i = 0; i < titles; i++) {
      const { title } = products[Math.floor(draw() * products.length)] as ProductDocument
      const term = titleWithSlips(title, slips, draw)
      const { hits } = await index.search({ ...EVERYTHING, term, limit: FOUND_WITHIN })
      if (hits.some(({ productId }) => titleOf.get(productId) === title)) found += 1
    }
    return found / titles
  }
  return { one: await shareFound(1), two: await shareFound(2) }
}

type Size = (typeof SIZES)[Scale]

/** The index in this process beside FTS5 in this process, with the same words. */
async function speedAlone(
  products: readonly ProductDocument[],
  { queries, rounds }: Size,
  say: (line: string) => void,
): Promise<readonly Row[]> {
  const beganAtMs = performance.now()
  const index = await indexOf(products)
  const perSecond = (products.length * 1_000) / (performance.now() - beganAtMs)
  say(`${Math.round(perSecond)} products indexed a second`)
  const fts5 = new Fts5(products)
  const draw = rowOf(SEED)
  const rows: Row[] = []
  for (const [kind, take] of [
    ['one word', 1],
    ['three words', 3],
    ['a whole title', Number.POSITIVE_INFINITY],
  ] as const) {
    const texts = Array.from({ length: queries }, () => {
      const { title } = products[Math.floor(draw() * products.length)] as ProductDocument
      return wordsOf(title).slice(0, take).join(' ')
    })
    const sides = await inRounds(rounds, {
      ours: () =>
        msEach(texts, async (term) => {
          // A change of nothing: no answer that was kept helps.
          await index.setInStock([])
          await index.search({ ...EVERYTHING, term })
        }),
      theirs: () => msEach(texts, async (term) => fts5.search(term)),
    })
    say(`${kind}: ${sides.ours[0]?.toFixed(2)} ms, FTS5 ${sides.theirs[0]?.toFixed(2)} ms`)
    rows.push(
      makeRow({
        name: `${kind}, the index alone`,
        unit: 'ms',
        values: sides.ours,
        limit: { name: 'FTS5, without facets', values: sides.theirs },
      }),
    )
  }
  fts5.close()
  return [makeRow({ name: 'products indexed', unit: '/s', values: [perSecond] }), ...rows]
}

async function msEach(texts: readonly string[], ask: (text: string) => Promise<unknown>): Promise<number> {
  const beganAtMs = performance.now()
  for (const text of texts) await ask(text)
  return (performance.now() - beganAtMs) / texts.length
}

/** A thread with the index, asked by so many at a time. */
async function speedOfThread(
  products: readonly ProductDocument[],
  { callers, forMs, rounds }: Size,
  say: (line: string) => void,
): Promise<readonly Row[]> {
  const workerData: SearchWorkerData = { products: products.length, path: process.env.PRODUCTS, seed: SEED }
  const thread = new Worker(new URL('../support/search-worker.ts', import.meta.url), { workerData })
  await new Promise((resolve) => thread.once('message', resolve))
  const waiting = new Map<number, () => void>()
  thread.on('message', ({ call }: SearchAsked) => {
    waiting.get(call)?.()
    waiting.delete(call)
  })
  let calls = 0
  const ask = (request: SearchRequest) =>
    new Promise<void>((resolve) => {
      const call = calls++
      waiting.set(call, resolve)
      thread.postMessage({ call, request } satisfies SearchAsked)
    })
  const latencies: Latency[] = []
  for (let round = 1; round <= rounds; round++) {
    const requests = searchesOf(products, SEED + round).map(([, query]) => requestOf(query))
    const samples: number[] = []
    const endsAt = performance.now() + forMs
    const call = async () => {
      while (performance.now() < endsAt) {
        const begin = performance.now()
        await ask(requests[calls % requests.length] as SearchRequest)
        samples.push(performance.now() - begin)
      }
    }
    await Promise.all(Array.from({ length: callers }).map(call))
    const latency = latencyOf(Float64Array.from(samples))
    say(`round ${round}, the thread: p50 ${latency.p50.toFixed(1)} ms, p99 ${latency.p99.toFixed(1)} ms`)
    latencies.push(latency)
  }
  await thread.terminate()
  return [
    makeRow({
      name: `the index's thread, ${callers} callers, p50`,
      unit: 'ms',
      values: latencies.map(({ p50 }) => p50),
    }),
    makeRow({
      name: `the index's thread, ${callers} callers, p99`,
      unit: 'ms',
      values: latencies.map(({ p99 }) => p99),
      floor: 50,
      aim: 10,
    }),
  ]
}

/** The real server, asked over HTTP. */
async function speedServed(
  products: readonly ProductDocument[],
  { callers, forMs, rounds }: Size,
  say: (line: string) => void,
): Promise<readonly Row[]> {
  const scratch = makeScratch('search')
  const server = await startHoldfast({
    dataDirectory: join(scratch, 'data'),
    adminKey: ADMIN_KEY,
    environment: { RATE_ADDRESS: '0', TRUSTED_PROXIES: '127.0.0.1' },
  })
  await importAll(server, products)
  const memoryMb = await followed(server, products.length)
  say(`imported, and in the index`)
  const player = startChild({ file: 'bench/support/search-player.ts' })
  const played: SearchesPlayed[] = []
  for (let round = 1; round <= rounds; round++) {
    const load: SearchLoad = {
      url: server.url,
      callers,
      forMs,
      searches: searchesOf(products, SEED + round).map(
        ([kind, query]) => [kind, `/v1/products/search?${query}`] as const,
      ),
    }
    player.send(load)
    const one = await messageFrom<SearchesPlayed>(player)
    const unexpected = Object.entries(one.unexpected)
    if (unexpected.length > 0) throw new Error(`not every search was answered: ${JSON.stringify(unexpected)}`)
    say(
      `round ${round}: ${one.perSecond.toFixed(0)} searches/s, p50 ${one.latency.p50.toFixed(1)} ms, p99 ${one.latency.p99.toFixed(1)} ms`,
    )
    played.push(one)
  }
  player.disconnect()
  await endChild(server.child)
  rmSync(scratch, { recursive: true })
  const [first] = played
  return [
    makeRow({
      name: `searches over HTTP, ${callers} callers`,
      unit: '/s',
      values: played.map((one) => one.perSecond),
    }),
    makeRow({
      name: 'asked for the first time',
      unit: '%',
      values: played.map((one) => 100 * one.firstTime),
    }),
    makeRow({ name: 'a search over HTTP, p50', unit: 'ms', values: played.map((one) => one.latency.p50) }),
    makeRow({ name: 'a search over HTTP, p99', unit: 'ms', values: played.map((one) => one.latency.p99) }),
    ...Object.keys(first?.byKind ?? {}).map((kind) =>
      makeRow({
        name: `${kind}, over HTTP, p99`,
        unit: 'ms',
        values: played.map((one) => one.byKind[kind]?.p99 ?? Number.NaN),
      }),
    ),
    makeRow({ name: 'memory of the server', unit: 'MB', values: [memoryMb] }),
  ]
}

/** Kinds with query strings. */
function searchesOf(
  products: readonly ProductDocument[],
  seed: number,
): readonly (readonly [kind: string, query: string])[] {
  const draw = rowOf(seed)
  const kinds = Object.entries(KINDS)
  return Array.from({ length: SEARCHES }, (_, i) => {
    const [kind, make] = kinds[i % kinds.length] as (typeof kinds)[number]
    const product = products[Math.floor(draw() * products.length)] as ProductDocument
    return [kind, make(product, draw)]
  })
}

async function importAll({ url }: Server, products: readonly ProductDocument[]): Promise<void> {
  for (let from = 0; from < products.length; from += IMPORT_LINES) {
    const lines = products.slice(from, from + IMPORT_LINES).map((product) => {
      const { productId, title, description, brand, categories, price, inStock } = product
      const category = categories.at(-1)
      return JSON.stringify({
        productId,
        title,
        description,
        brand,
        category,
        price,
        currency: 'USD',
        quantity: inStock ? 10 : 0,
      })
    })
    const response = await fetch(`${url}/v1/products/import`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/x-ndjson' },
      body: lines.join('\n'),
    })
    const last = (await response.text()).trim().split('\n').at(-1)
    if (!response.ok || !last?.includes('"failed":0')) throw new Error(`the import failed: ${last}`)
  }
}

/** Resolves with the server's memory when its index holds all of them. */
async function followed({ url, pid }: Server, products: number): Promise<number> {
  const headers = { authorization: `Bearer ${ADMIN_KEY}` }
  for (;;) {
    const response = await fetch(`${url}/v1/search`, { headers })
    const status = response.ok
      ? ((await response.json()) as { products: number; lagSeconds: number })
      : undefined
    if (status?.products === products && status.lagSeconds === 0) break
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  return residentBytesOf(pid) / 2 ** 20
}
