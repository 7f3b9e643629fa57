/** The history of a real server: through kills, lost files and archives; and its own death, which nobody else notices. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { dataPaths } from '../../src/persistence/directory.ts'
import { journal } from '../cli/command.ts'
import { EventClient } from '../support/event-client.ts'
import { readJournal } from '../support/journal-reader.ts'
import { deliver, LoadClient } from '../support/load-client.ts'
import { RequestLedger } from '../support/request-ledger.ts'
import { pause, type ServerProcess, Site } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

type Json = Readonly<Record<string, unknown>>

const products = Array.from({ length: 6 }, (_, i) => `product-${i}`)
const poison = 'poison'
const test = suite('the history of a server', { limitMs: 120_000 })

/** All pages of a list, the newest first. */
async function allOf(server: ServerProcess, path: string, name: string): Promise<readonly Json[]> {
  const entries: Json[] = []
  let cursor: unknown
  do {
    const query = `${path.includes('?') ? '&' : '?'}limit=100${cursor === undefined ? '' : `&cursor=${cursor}`}`
    const { status, body } = await server.request('GET', `${path}${query}`)
    assert.is(status, 200, JSON.stringify(body))
    entries.push(...(body[name] as Json[]))
    cursor = body.nextCursor
  } while (cursor !== undefined)
  return entries
}

/** Answers to lists once they reach all that the shards have. */
async function untilCurrent(server: ServerProcess): Promise<void> {
  await server.until(async () => {
    const metrics = String((await server.request('GET', '/metrics')).body.text)
    return /^holdfast_history_ready 1$/m.test(metrics) && /^holdfast_history_lag_events 0$/m.test(metrics)
  }, 'the history has caught up')
  for (const productId of products) {
    const { body, status } = await server.request('GET', `/v1/products/${productId}/stock`)
    if (status === 404) continue
    await server.until(async () => {
      const path = `/v1/products/${productId}/stock?at=${body.sequence}`
      return (await server.request('GET', path)).body.version === body.version
    }, 'it has come to the present')
  }
}

async function sell(server: ServerProcess, options: { seed: number; ms: number; padding?: number }) {
  const ledger = new RequestLedger()
  if (options.seed === 1) {
    await deliver(
      server,
      ledger,
      products.map((id) => [id, 100_000]),
    )
  }
  const load = new LoadClient(server, ledger, { products, ...options })
  await pause(options.ms)
  return load
}

/** Whether what the history says is what the journal of the directory says, read by other code. */
async function compare(site: Site, server: ServerProcess): Promise<void> {
  await untilCurrent(server)
  const reservations = await allOf(server, '/v1/reservations', 'reservations')
  const events = new Map<string, readonly Json[]>()
  for (const productId of products)
    events.set(productId, await allOf(server, `/v1/products/${productId}/stock/events`, 'events'))
  await server.stop()
  const recorded = [...readJournal(site.directory).events.values()].flat()
  const made = recorded.flatMap(({ event }) => (event.type === 'UnitsHeld' ? [event.reservationId] : []))
  const shown = reservations.map(({ reservationId }) => reservationId as string)
  assert.equal(shown, made.toSorted().reverse(), 'every reservation once, the newest first')
  for (const [productId, ofProduct] of events) {
    const own = recorded.filter(({ event }) => 'productId' in event && event.productId === productId)
    assert.equal(
      ofProduct.map(({ version, sequence, type }) => [version, sequence, type]).reverse(),
      own.map(({ event, sequence }) => ['version' in event && event.version, sequence, event.type]),
      `the events of ${productId}, without gap or repeat`,
    )
  }
}

test('goes on without gap or repeat when the server is killed again and again', async () => {
  await using site = new Site()
  for (let seed = 1; seed <= 4; seed++) {
    const environment = { WORKERS: seed % 2 === 0 ? '2' : '1' }
    const server = await site.start({ environment })
    const load = await sell(server, { seed, ms: 400 })
    await server.kill()
    await load.ended()
  }
  await compare(site, await site.start())
})

test('is filled again where its file is lost or damaged', async () => {
  await using site = new Site()
  const first = await site.start()
  const load = await sell(first, { seed: 1, ms: 400 })
  await load.stop()
  await first.stop()
  const { history } = dataPaths(site.directory)
  const damages: readonly (() => void)[] = [
    () => rmSync(history),
    () => writeFileSync(history, 'no database'),
    () => {
      const bytes = readFileSync(history)
      // Every page but the first: found when it is read, not when it is opened.
      bytes.fill(0xa5, 4_096)
      writeFileSync(history, bytes)
    },
    () => {
      const bytes = readFileSync(history)
      writeFileSync(history, bytes.subarray(0, bytes.length >> 1))
    },
  ]
  for (const damage of damages) {
    damage()
    await compare(site, await site.start())
  }
})

test('dies alone: selling goes on, streams go on, and soon there is another', async () => {
  await using site = new Site()
  const server = await site.start({ environment: { CRASH_POINT: `poison:${poison}` } })
  const stock = '/v1/products/phone/stock'
  await server.request('POST', `${stock}/adjustments`, { set: 50, reason: 'count' })
  const client = await new EventClient(server.port, `${stock}/stream`).untilVersion(1)
  for (let death = 1; death <= 3; death++) {
    const asked = await server.request('GET', `/v1/reservations?reference=${poison}`)
    assert.is(asked.status, 503)
    assert.is(asked.body.code, 'history-unavailable')
    assert.is((await server.request('GET', '/readyz')).status, 200)
    const held = await server.request('POST', '/v1/reservations', {
      items: [{ productId: 'phone', quantity: 1 }],
    })
    assert.is(held.status, 201)
    await client.untilVersion(death + 1)
    await server.until(() => server.logged('history.respawn').length === death, 'it is replaced')
    await server.until(async () => {
      const list = await server.request('GET', '/v1/reservations?productId=phone')
      return list.status === 200 && (list.body.reservations as Json[]).length === death
    }, 'its successor answers, and has missed nothing')
  }
  client.close()
  const metrics = String((await server.request('GET', '/metrics')).body.text)
  assert.match(metrics, /^holdfast_history_restarts_total 3$/m)
  assert.is((await server.stop()).code, 0)
})

/** As a client should that is told to come back: on a busy machine the history may be behind for a while. */
async function patiently(server: ServerProcess, path: string): Promise<Json> {
  let body: Json = {}
  await server.until(async () => {
    const answer = await server.request('GET', path)
    body = answer.body
    return answer.status !== 503
  }, `${path} is answered`)
  return body
}

test('reads one’s own write, however soon it is asked', async () => {
  await using site = new Site()
  const server = await site.start({ environment: { WORKERS: '2' } })
  await server.request('POST', '/v1/products/phone/stock/adjustments', { set: 100, reason: 'count' })
  for (let i = 0; i < 30; i++) {
    const customerId = `customer-${i}`
    const items = [{ productId: 'phone', quantity: 1 }]
    const { body, headers } = await server.request('POST', '/v1/reservations', { items, customerId })
    const position = headers['holdfast-position']
    const query = `customerId=${customerId}&minPosition=${position}`
    const list = await patiently(server, `/v1/reservations?${query}`)
    assert.equal(
      (list.reservations as Json[]).map(({ reservationId }) => reservationId),
      [body.reservationId],
    )
    const past = await patiently(server, `/v1/products/phone/stock?at=${body.sequence}`)
    assert.is(past.available, 99 - i)
  }
})

test('says 410 for what was archived before it could be filled again, and knows all that came later', async () => {
  await using site = new Site()
  const first = await site.start()
  const load = await sell(first, { seed: 1, ms: 100, padding: 120 })
  const { journal: directory, history } = dataPaths(site.directory)
  await first.until(() => segmentsIn(directory) > 14, 'there are some segments', 60_000)
  await load.stop()
  await first.stop()
  const archived = await journal([
    'archive',
    '--to',
    join(site.directory, '..', 'archive'),
    '--data',
    site.directory,
  ])
  assert.is(archived.code, 0, archived.out + archived.err)
  rmSync(history)

  const server = await site.start()
  await untilCurrent(server)
  assert.is(server.logged('history.rebuilt').length, 1)
  const past = (at: number | string) => server.request('GET', `/v1/products/product-0/stock?at=${at}`)
  assert.is((await past(1)).status, 410)
  assert.is((await past('2020-01-01T00:00:00Z')).body.code, 'history-not-kept')
  const now = await server.request('GET', '/v1/products/product-0/stock')
  assert.is((await past(now.body.sequence as number)).body.version, now.body.version)
  // What lives is listed, although the events that made it are gone.
  const held = await allOf(server, '/v1/reservations?status=held&productId=product-0', 'reservations')
  const sum = held.reduce((units, { items }) => units + Number((items as Json[])[0]?.quantity), 0)
  assert.is(sum, now.body.held)
  const events = await allOf(server, '/v1/products/product-0/stock/events', 'events')
  assert.ok(events.length > 0 && events.length < Number(now.body.version))
  assert.is(events.at(0)?.version, now.body.version)
  await server.stop()
})

test('follows workers that die and come back', async () => {
  await using site = new Site()
  const server = await site.start({ environment: { CRASH_POINT: `poison:${poison}`, WORKERS: '2' } })
  await deliver(
    server,
    new RequestLedger(),
    products.map((id) => [id, 1_000]),
  )
  for (let i = 1; i <= 2; i++) {
    const items = [{ productId: products[0], quantity: i }]
    await server.request('POST', '/v1/reservations', { items, reference: poison })
    await server.until(() => server.isReady(), 'there is a successor')
    const held = await server.request('POST', '/v1/reservations', { items: [{ ...items[0], quantity: 1 }] })
    assert.is(held.status, 201)
    const query = `productId=${products[0]}&minPosition=${held.headers['holdfast-position']}`
    const list = await patiently(server, `/v1/reservations?${query}`)
    assert.is((list.reservations as Json[]).length, i)
  }
  await server.stop()
})

test.run()

function segmentsIn(directory: string): number {
  return readdirSync(directory).filter((name) => name.endsWith('.segment')).length
}
