/** Live stock over real sockets: what is durable, in order, to the last value; and nobody harmed by whoever does not read. */
import * as assert from 'uvu/assert'
import { listenersCloseMs } from '../../src/limits.ts'
import { EventClient } from '../support/event-client.ts'
import { deliver, LoadClient } from '../support/load-client.ts'
import { RequestLedger } from '../support/request-ledger.ts'
import { type ServerProcess, Site, adminKey as token } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const test = suite('live stock', { limitMs: 120_000 })
const stock = '/v1/products/phone/stock'
const stream = `${stock}/stream`

async function setTo(server: ServerProcess, units: number): Promise<number> {
  const { status, body } = await server.request('POST', `${stock}/adjustments`, {
    set: units,
    reason: 'count',
  })
  assert.is(status, 200)
  return body.version as number
}

test('begins with the present, tells each change, and resumes without repeating', async () => {
  await using site = new Site()
  const server = await site.start()
  await setTo(server, 5)
  const client = await new EventClient(server.port, stream).untilVersion(1)
  assert.match(client.head, /^HTTP\/1\.1 200 /)
  assert.match(client.head, /^content-type: text\/event-stream\r?$/im)
  assert.match(client.head, /^cache-control: no-store\r?$/im)
  await setTo(server, 6)
  await client.untilVersion(2)
  assert.equal(
    client.events.map(({ id, name, data }) => [id, name, data.available]),
    [
      ['1', 'stock', 5],
      ['2', 'stock', 6],
    ],
  )
  client.close()

  const again = new EventClient(server.port, stream, { lastEventId: '2' })
  await setTo(server, 7)
  await again.untilVersion(3)
  assert.equal(
    again.events.map(({ id }) => id),
    ['3'],
  )
  again.close()
  const late = await new EventClient(server.port, stream, { lastEventId: '1', token }).untilVersion(3)
  const { from, to, onHand, held, sold } = late.last?.data ?? {}
  assert.equal([from, to, onHand, held, sold], [2, 3, 7, 0, 0])
  late.close()
  const foreign = await new EventClient(server.port, stream, { lastEventId: '1000' }).untilVersion(3)
  assert.is(foreign.last?.name, 'reset')
  foreign.close()
  const unknown = await new EventClient(server.port, '/v1/products/none/stock/stream').until(
    ({ head }) => head !== '',
    'an answer',
  )
  assert.match(unknown.head, /^HTTP\/1\.1 404 /)
  unknown.close()
})

test('goes up only, says nothing that a kill could take back, and resumes after it', async () => {
  await using site = new Site()
  const products = ['phone', 'cable', 'case']
  let server = await site.start()
  await deliver(
    server,
    new RequestLedger(),
    products.map((id) => [id, 100_000]),
  )
  let lastEventId = '0'
  for (let round = 1; round <= 4; round++) {
    const client = new EventClient(server.port, stream, { lastEventId })
    const load = new LoadClient(server, new RequestLedger(), { products, seed: round })
    await client.until(({ events }) => events.length >= 12, 'a dozen events')
    await server.kill()
    await load.ended()
    await client.untilClosed()
    let version = Number(lastEventId)
    for (const { id, data } of client.events) {
      assert.is(Number(data.from ?? id), version + 1, 'every version is in one event')
      assert.is(Number(data.to ?? id), Number(id))
      assert.is(data.version, Number(id))
      version = Number(id)
    }
    lastEventId = String(version)
    server = await site.start({ environment: { WORKERS: String(1 + (round % 2)) } })
    const now = await server.request('GET', stock)
    assert.ok(Number(now.body.version) >= version, 'what was shown is there')
  }
})

test('comes to a thousand clients of several listeners, and leaves a stop quick', async () => {
  await using site = new Site()
  const server = await site.start({ environment: { LISTENERS: '2' } })
  await setTo(server, 1_000)
  const clients = Array.from({ length: 1_000 }, () => new EventClient(server.port, stream, { token }))
  await Promise.all(clients.map((client) => client.untilVersion(1)))
  const metrics = String((await server.request('GET', '/metrics')).body.text)
  assert.match(metrics, /^holdfast_stock_streams 1000$/m)
  let version = 1
  for (let i = 1; i <= 40; i++) version = await setTo(server, 1_000 + i)
  await Promise.all(clients.map((client) => client.untilVersion(version)))
  for (const { events } of clients) {
    const ids = events.map(({ id }) => Number(id))
    assert.equal(
      ids,
      ids.toSorted((a, b) => a - b),
    )
    assert.is(events.at(-1)?.data.available, 1_040)
  }
  const beganAt = performance.now()
  assert.is((await server.stop()).code, 0)
  assert.ok(performance.now() - beganAt < listenersCloseMs, 'open streams do not hold up a stop')
  await Promise.all(clients.map((client) => client.untilClosed()))
  for (const client of clients) assert.match(client.text, /retry: \d+/)
})

test('is not held up by clients that do not read, nor is a stop', async () => {
  await using site = new Site()
  const server = await site.start()
  await setTo(server, 1)
  const slow = Array.from({ length: 20 }, () => new EventClient(server.port, stream, { token }))
  await Promise.all(slow.map((client) => client.untilVersion(1)))
  for (const client of slow) client.pause()
  const quick = await new EventClient(server.port, stream, { token }).untilVersion(1)
  let version = 1
  for (let i = 2; i <= 60; i++) {
    version = await setTo(server, i)
    await quick.untilVersion(version)
  }
  slow[0]?.resume()
  await slow[0]?.untilVersion(version)
  assert.is(slow[0]?.last?.data.available, 60)
  const beganAt = performance.now()
  assert.is((await server.stop()).code, 0)
  assert.ok(performance.now() - beganAt < listenersCloseMs)
  for (const client of [...slow, quick]) client.close()
})

test('is bounded for each address, and says when to come back', async () => {
  await using site = new Site()
  const server = await site.start()
  await setTo(server, 1)
  const clients = Array.from({ length: 100 }, () => new EventClient(server.port, stream))
  await Promise.all(clients.map((client) => client.untilVersion(1)))
  const refused = await server.request('GET', stream, undefined, { token: undefined })
  assert.is(refused.status, 503)
  assert.is(refused.body.code, 'too-many-streams')
  assert.ok(Number(refused.headers['retry-after']) >= 1)
  clients.pop()?.close()
  await server.until(async () => {
    const metrics = String((await server.request('GET', '/metrics')).body.text)
    return /^holdfast_stock_streams 99$/m.test(metrics)
  }, 'one has left')
  const another = await new EventClient(server.port, stream).untilVersion(1)
  for (const client of [...clients, another]) client.close()
  await server.stop()
})

test.run()
