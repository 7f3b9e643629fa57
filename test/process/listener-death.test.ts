/**
 * FAULTS.md, F49: a listener's thread dies (`CRASH_POINT=poison:<id>` is a bug in a callback, set off by a request's own
 * id). Its connections are cut; all else goes on, and a successor shares the port soon.
 */
import { Agent } from 'node:http'
import * as assert from 'uvu/assert'
import { type Answer, callServer } from '../support/http-call.ts'
import { expectSameAnswers, judge } from '../support/journal-oracle.ts'
import { deliver, LoadClient } from '../support/load-client.ts'
import { RequestLedger } from '../support/request-ledger.ts'
import { adminKey, type ServerProcess, Site, shownExit } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const poison = 'poison'
const listeners = 3
/** New connections, of which the kernel gives each listener some: all to one and the same has no chance in practice. */
const manyConnections = 60
/** Keeps no connection for the next call. */
const agent = new Agent()
const products = Array.from({ length: 12 }, (_, i) => `product-${i}`)
const environment = { LISTENERS: String(listeners), WORKERS: '2', CRASH_POINT: `poison:${poison}` }
const test = suite('a listener that dies', { limitMs: 60_000 })

async function stocked(site: Site, ledger: RequestLedger): Promise<ServerProcess> {
  const server = await site.start({ environment })
  await deliver(
    server,
    ledger,
    products.map((id) => [id, 100_000]),
  )
  return server
}

/** Ends the listener that the kernel gives a new connection to; resolves when main knows. */
async function killOne(server: ServerProcess): Promise<void> {
  const before = server.logged('listener.respawn').length
  await callServer(server.port, ['GET', '/livez'], { agent, requestId: poison })
  await server.until(() => server.logged('listener.respawn').length > before, 'main knows that it died')
}

/** Calls that each have a connection of their own. */
function callFresh(
  server: ServerProcess,
  [method, path]: readonly [string, string],
  body?: unknown,
): Promise<Answer[]> {
  return Promise.all(
    Array.from({ length: manyConnections }, async () => {
      const outcome = await callServer(server.port, [method, path], { agent, token: adminKey, body })
      if (outcome.type !== 'answered') throw new Error(`${method} ${path}: ${outcome.type}, ${outcome.why}`)
      return outcome
    }),
  )
}

function statusesOf(answers: readonly Answer[]): number[] {
  return [...new Set(answers.map(({ status }) => status))]
}

test('cuts its own connections off, and a successor takes its place', async () => {
  await using site = new Site()
  const ledger = new RequestLedger()
  const server = await stocked(site, ledger)
  const load = new LoadClient(server, ledger, { products, seed: 1, connections: 24 })
  await server.until(() => load.count('201') > 50, 'it sells')
  await killOne(server)
  assert.equal(statusesOf(await callFresh(server, ['GET', '/v1/products/product-1/stock'])), [200])
  await server.until(() => server.logged('listener.ready').length === listeners + 1, 'there is a successor')
  assert.equal(statusesOf(await callFresh(server, ['GET', '/v1/products/product-1/stock'])), [200])
  const before = load.count('201')
  await server.until(() => load.count('201') > before + 50, 'it sells on')
  await load.stop()
  assert.equal(
    [...load.counts.keys()].filter((what) => !['200', '201', 'cut'].includes(what)),
    [],
  )
  const [respawn] = server.logged('listener.respawn')
  assert.is(respawn?.code, 1)
  assert.ok(Number(respawn?.delayMs) > 0)
  assert.match(JSON.stringify(server.logged('listener.error')), 'poison')
  assert.is(server.logged('worker.respawn').length, 0, 'no worker has noticed')
  assert.is(shownExit(await server.stop()), 'status 0')
  await expectSameAnswers(await site.start(), judge(site, ledger))
})

test('one after the other, again and again, leaves as many as there were, and an orderly end', async () => {
  await using site = new Site()
  const ledger = new RequestLedger()
  const server = await stocked(site, ledger)
  for (let time = 1; time <= 4; time++) {
    await killOne(server)
    await server.until(
      () => server.logged('listener.ready').length === listeners + time,
      'there is a successor',
    )
  }
  await callFresh(server, ['GET', '/v1/products/product-2/stock'])
  assert.match(String((await server.request('GET', '/metrics')).body.text), 'holdfast_worker_ready')
  assert.is(shownExit(await server.stop()), 'status 0')
  judge(site, ledger)
})

test('right before the end does not hold it up', async () => {
  await using site = new Site()
  const server = await site.start({ environment })
  await killOne(server)
  assert.is(shownExit(await server.stop()), 'status 0')
  assert.is(server.logged('shutdown.done').length, 1)
})

test('is replaced by one that knows which commands are quarantined', async () => {
  await using site = new Site()
  const ledger = new RequestLedger()
  const server = await stocked(site, ledger)
  const command = { items: [{ productId: 'product-3', quantity: 1 }], reference: poison }
  for (let time = 1; time <= 3; time++) {
    // Refused until this listener, too, has heard that the worker is back.
    const ends = async () => (await server.request('POST', '/v1/reservations', command)).status === 504
    await server.until(ends, `it ends its worker for time ${time}`)
  }
  await server.until(() => server.logged('command.quarantined').length === 1, 'it is known as poison')
  await server.until(() => server.isReady(), 'it is ready')
  for (let time = 1; time <= listeners; time++) {
    await killOne(server)
    await server.until(
      () => server.logged('listener.ready').length === listeners + time,
      'there is a successor',
    )
  }
  for (const { status, body } of await callFresh(server, ['POST', '/v1/reservations'], command)) {
    assert.is(status, 503)
    assert.is(body.code, 'command-quarantined')
  }
  assert.is(server.logged('worker.respawn').length, 3, 'no worker died of it again')
  assert.is(shownExit(await server.stop()), 'status 0')
  judge(site, ledger)
})

test.run()
