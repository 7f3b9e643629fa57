/**
 * A sale beside a real Typesense that is killed for a minute: nobody who reserves or searches is turned away, and it catches
 * up by itself (issue "Search"; FAULTS.md, 77). `OUTAGE_MS=<n>` says otherwise; figures are in test/results/search-outage.json.
 */
import * as assert from 'uvu/assert'
import { deliver, LoadClient } from '../support/load-client.ts'
import { LongFigure } from '../support/long-figure.ts'
import { RequestLedger } from '../support/request-ledger.ts'
import { pause, type ServerProcess, Site } from '../support/server-process.ts'
import { note, suite } from '../support/suite.ts'
import { TypesenseServerProcess } from '../support/typesense-server.ts'

const OUTAGE_MS = Number(process.env.OUTAGE_MS ?? 60_000)
const PRODUCTS = Array.from({ length: 48 }, (_, i) => `lamp-${i}`)
/** Few of some, so that they sell out and come back. */
const unitsOf = (i: number) => (i % 3 === 0 ? 3 : 100_000)
const SEARCH_EVERY_MS = 20

const test = suite('a search server that is killed amid a sale', {
  limitMs: OUTAGE_MS + 240_000,
  needs: ['typesense-server'],
})

type Server = { readonly serving: boolean; readonly owed: number; readonly writes: number }

async function searchServer(server: ServerProcess): Promise<Server> {
  return (await server.request('GET', '/v1/search')).body.server as Server
}

async function followed(server: ServerProcess): Promise<boolean> {
  const { serving, owed } = await searchServer(server)
  return serving && owed === 0
}

test('turns nobody away, and is as it should be when it is back', async () => {
  const figure = new LongFigure('search-outage')
  await using site = new Site()
  let typesense = await TypesenseServerProcess.start()
  try {
    const port = Number(new URL(typesense.url).port)
    const environment = { TYPESENSE_URL: typesense.url, TYPESENSE_API_KEY: typesense.apiKey }
    const server = await site.start({ environment })
    for (const [i, productId] of PRODUCTS.entries()) {
      const body = { productId, title: `Lamp ${i}`, price: i + 1, currency: 'USD' }
      assert.is((await server.request('POST', '/v1/products', body)).status, 201)
    }
    const ledger = new RequestLedger()
    await deliver(
      server,
      ledger,
      PRODUCTS.map((productId, i) => [productId, unitsOf(i)]),
    )
    await server.until(() => followed(server), 'the search server holds everything')
    const load = new LoadClient(server, ledger, { products: PRODUCTS, seed: 7, reserveShare: 0.6 })
    const searches = new Map<number, number>()
    const until = (endsAtMs: number) =>
      searchUntil(server, endsAtMs, searches, () => figure.progress(() => shown(load)))
    await until(performance.now() + 3_000)
    await typesense.stop()
    await until(performance.now() + OUTAGE_MS)
    typesense = await TypesenseServerProcess.start(port)
    const backAtMs = performance.now()
    while (!(await followed(server)) && performance.now() - backAtMs < 120_000)
      await until(performance.now() + 200)
    const caughtUpMs = Math.round(performance.now() - backAtMs)
    await load.stop()
    await pause(1_000)
    await server.until(() => followed(server), 'it is owed nothing any more')
    const { body } = await server.request('GET', '/v1/search/differences')
    const { writes } = await searchServer(server)
    const answers = Object.fromEntries([...load.counts].sort())
    const summary = {
      outageMs: OUTAGE_MS,
      caughtUpMs,
      answers,
      searches: Object.fromEntries(searches),
      writes,
    }
    figure.end({ command: 'npm run test:long -- test/process/search-outage.long.ts', ...summary })
    note(JSON.stringify(summary))
    assert.equal(body.listed, [])
    assert.equal([...searches.keys()], [200], 'every search is answered')
    const failed = [...load.counts.keys()].filter(
      (what) => !['200', '201', '409', '404', '429'].includes(what),
    )
    assert.equal(failed, [], 'nobody who buys is turned away')
    assert.ok(load.count('201') > 1_000)
  } finally {
    await typesense.stop()
  }
})

function shown({ counts }: LoadClient): string {
  return JSON.stringify(Object.fromEntries(counts))
}

async function searchUntil(
  server: ServerProcess,
  endsAtMs: number,
  searches: Map<number, number>,
  progress: () => void,
): Promise<void> {
  while (performance.now() < endsAtMs) {
    const { status } = await server.request('GET', '/v1/products/search?term=lamp&inStock=true')
    searches.set(status, (searches.get(status) ?? 0) + 1)
    progress()
    await pause(SEARCH_EVERY_MS)
  }
}

test.run()
