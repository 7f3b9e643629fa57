/** FAULTS.md, 74, as a shopper sees it: PostgreSQL is killed under a real server, and comes back. */
import * as assert from 'uvu/assert'
import { PostgresServerProcess } from '../support/postgres-server.ts'
import { type ServerProcess, Site } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const test = suite('a server whose PostgreSQL goes away', { needs: ['postgres'], limitMs: 120_000 })
/** Beside what a busy machine takes. */
const AT_ONCE_MS = 3_000

async function metricOf(server: ServerProcess, name: string): Promise<number> {
  const text = String((await server.request('GET', '/metrics')).body.text)
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN)
}

test('goes on selling, says of the shop that it is away, and has all of it once it is back', async () => {
  const postgres = await PostgresServerProcess.start()
  await using site = new Site()
  try {
    const environment = { DATABASE_URL: await postgres.newDatabase(), RATE_KEY: '0' }
    const server = await site.start({ environment })
    const product = { productId: 'phone', title: 'Phone', price: 9.99, currency: 'USD' }
    assert.is((await server.request('POST', '/v1/products', product)).status, 201)
    const stock = { set: 5, reason: 'delivery' }
    assert.is((await server.request('POST', '/v1/products/phone/stock/adjustments', stock)).status, 200)
    const found = async () => {
      const { body } = await server.request('GET', '/v1/products/search?term=phone')
      return (body.pagination as { readonly total: number } | undefined)?.total
    }
    await server.until(async () => (await found()) === 1, 'it is found')
    const reserve = () =>
      server.request('POST', '/v1/reservations', {
        customerId: 'usr_ann',
        items: [{ productId: 'phone', quantity: 1 }],
      })
    assert.is((await reserve()).status, 201)

    await postgres.kill()
    const sinceMs = performance.now()
    for (let round = 0; round < 3; round++) {
      const away = await server.request('GET', '/v1/products/phone')
      assert.equal([away.status, away.body.code], [503, 'tables-unavailable'])
      assert.ok(Number(away.headers['retry-after']) >= 1)
    }
    assert.is((await server.request('POST', '/v1/products', { ...product, productId: 'case' })).status, 503)
    assert.is((await reserve()).status, 201, 'the engine asks nothing of it')
    assert.is((await server.request('GET', '/v1/products/phone/stock')).status, 200)
    const suggested = await server.request('GET', '/v1/products/suggest?term=pho')
    assert.is(suggested.status, 200, 'what is typed is completed')
    assert.ok(performance.now() - sinceMs < AT_ONCE_MS, 'nobody waited')
    assert.is((await server.request('GET', '/readyz')).status, 200)
    assert.ok((await metricOf(server, 'holdfast_tables_lost_total')) > 3)
    assert.is(await metricOf(server, 'holdfast_tables_listening'), 0)

    await new Promise((resolve) => setTimeout(resolve, 1_500))
    assert.ok(server.logged('order.putOff').length < 6, 'what goes on is not said again and again')
    await postgres.resume()
    await server.until(
      async () => (await server.request('GET', '/v1/products/phone')).status === 200,
      'it is there again',
    )
    const made = await server.request('POST', '/v1/products', { ...product, productId: 'case' })
    assert.is(made.status, 201)
    assert.is((await reserve()).status, 201)
    await server.until(async () => (await metricOf(server, 'holdfast_tables_listening')) === 1, 'it listens')
    assert.ok((await metricOf(server, 'holdfast_tables_connections')) > 0)
    assert.is((await server.stop()).code, 0)
    assert.is(server.logged('tables.fault').length, 0)
    assert.ok(server.logged('tables.away').length >= 1)
    assert.ok(server.logged('tables.back').length >= 1)
  } finally {
    await postgres.stop()
  }
})

test('waits a while for one that starts later than itself', async () => {
  const postgres = await PostgresServerProcess.start()
  await using site = new Site()
  try {
    const environment = { DATABASE_URL: await postgres.newDatabase() }
    await postgres.kill()
    const server = await site.start({ environment, until: 'spawned' })
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    await postgres.resume()
    await server.until(() => server.isReady(), 'it is ready')
    assert.is((await server.request('GET', '/v1/cart')).status, 403)
    await postgres.kill()
    assert.is((await server.stop()).code, 0, 'it ends in order without it')
  } finally {
    await postgres.stop()
  }
})

test('does not start on one that could lose what it has acknowledged, and says why in a line', async () => {
  const postgres = await PostgresServerProcess.start({ synchronous_commit: 'off' })
  await using site = new Site()
  try {
    const environment = { DATABASE_URL: await postgres.newDatabase() }
    const server = await site.start({ environment, until: 'spawned' })
    assert.is((await server.exited).code, 1)
    assert.match(server.output, /^holdfast: PostgreSQL at DATABASE_URL has synchronous_commit = off: .*\n$/m)
    assert.not.match(server.output, 'at async')
  } finally {
    await postgres.stop()
  }
})

test.run()
