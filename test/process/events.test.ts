/** What a real server tells a real Redis of all that happens, whoever of the two dies meanwhile. */
import * as assert from 'uvu/assert'
import { dataPaths } from '../../src/persistence/directory.ts'
import { realDisk } from '../../src/persistence/journal/disk.ts'
import { readTold } from '../../src/persistence/journal/told.ts'
import { readStream } from '../events/stream-reader.ts'
import { assertAllOf, distinct } from '../events/told.ts'
import { readJournal } from '../support/journal-reader.ts'
import { RedisServerProcess } from '../support/redis-server.ts'
import { adminKey, type ServerProcess, Site } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const STREAM = 'shop-events'
const SOURCE = '/holdfast'
const products = ['phone', 'lamp', 'chair', 'radio', 'kettle']

const test = suite('events told by a server', { needs: ['redis-server'], limitMs: 240_000 })

async function sell(server: ServerProcess, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const calls = products.map(async (productId) => {
      const path = '/v1/reservations'
      const made = await server.request('POST', path, { items: [{ productId, quantity: 1 }] })
      assert.is(made.status, 201)
      const reservation = `${path}/${made.body.reservationId}`
      const end = round % 2 === 0 ? 'confirm' : 'release'
      assert.is((await server.request('POST', `${reservation}/${end}`)).status, 200)
    })
    await Promise.all(calls)
  }
}

async function partOf(server: ServerProcess, name: string) {
  const { body } = await server.request('GET', '/readyz')
  return (body.parts as { name: string; ready: boolean; reason?: string }[]).find(
    (part) => part.name === name,
  )
}

async function metricsOf({ port }: ServerProcess): Promise<string> {
  const headers = { authorization: `Bearer ${adminKey}` }
  return (await fetch(`http://127.0.0.1:${port}/metrics`, { headers })).text()
}

test('are all that happened, in order, whether Redis or the server is killed', async () => {
  const redis = await RedisServerProcess.start()
  try {
    await using site = new Site()
    const environment = { EVENTS_URL: `${redis.url}/${STREAM}` }
    const first = await site.start({ environment })
    for (const productId of products) {
      const product = { productId, title: productId, price: 5, currency: 'USD' }
      assert.is((await first.request('POST', '/v1/products', product)).status, 201)
      const stock = { set: 1_000, reason: 'delivery' }
      assert.is(
        (await first.request('POST', `/v1/products/${productId}/stock/adjustments`, stock)).status,
        200,
      )
    }
    await sell(first, 4)
    assert.equal(await partOf(first, 'events'), { name: 'events', ready: true })

    await redis.kill()
    await sell(first, 4)
    await first.until(async () => (await partOf(first, 'events'))?.ready === false, 'the trouble is told')
    assert.ok(await first.isReady(), 'nobody else minds')
    assert.is(first.logged('events.brokerTrouble').length, 1)
    await redis.restart()
    await first.until(async () => (await partOf(first, 'events'))?.ready === true, 'it goes on')
    await sell(first, 2)
    await first.kill()

    const second = await site.start({ environment })
    await sell(second, 2)
    await second.until(async () => {
      const text = await metricsOf(second)
      return /^holdfast_events_lag_seconds 0$/m.test(text) && /^holdfast_events_untold 0$/m.test(text)
    }, 'all is told')
    await second.stop()

    const told = await readStream(redis.client(), STREAM)
    const { events, repeated } = distinct(told)
    const { journal } = dataPaths(site.directory)
    assert.ok((readTold(realDisk, journal)?.size ?? 0) > 0, 'it is noted for whoever archives')
    assert.is(repeated, 0, 'position and events are one')
    assertAllOf(readJournal(site.directory), events, SOURCE)
    const outbox = events.filter(({ source }) => source === `${SOURCE}/outbox`)
    assert.equal(
      outbox.map(({ type, subject }) => `${type} ${subject}`),
      products.map((productId) => `holdfast.product.changed.v1 ${productId}`),
    )
  } finally {
    await redis.close()
  }
})

test.run()
