/**
 * FAULTS.md, F47 and F51: a worker thread dies of a request (`CRASH_POINT=poison:<reference>` is a bug in the rules). Its
 * shards are down for a moment, nobody else's; the request that does it again and again is refused in the end.
 */
import * as assert from 'uvu/assert'
import { type ProductId, shardOf } from '../../src/domain/ids.ts'
import type { Answer } from '../support/http-call.ts'
import { expectSameAnswers, judge } from '../support/journal-oracle.ts'
import { deliver, LoadClient } from '../support/load-client.ts'
import { RequestLedger } from '../support/request-ledger.ts'
import { pause, type ServerProcess, Site, shownExit } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const shards = 8
const workers = 2
const poison = 'poison'
const environment = { SHARDS: String(shards), WORKERS: String(workers), CRASH_POINT: `poison:${poison}` }
const products = Array.from({ length: 24 }, (_, i) => `product-${i}`)
const byWorker = (worker: number) =>
  products.filter((id) => shardOf(id as ProductId, shards) % workers === worker)
const [mine, others] = [byWorker(0), byWorker(1)]
const test = suite('a worker that dies', { limitMs: 60_000 })

async function stocked(site: Site, ledger: RequestLedger): Promise<ServerProcess> {
  const server = await site.start({ environment })
  await deliver(
    server,
    ledger,
    products.map((id) => [id, 100_000]),
  )
  return server
}

/** A request that ends whatever worker decides it. */
function poisoned(server: ServerProcess, quantity = 1): Promise<Answer> {
  const items = [{ productId: mine[0], quantity }]
  return server.request('POST', '/v1/reservations', { items, reference: poison })
}

test('takes its own shards down for a moment, and nobody else notices', async () => {
  await using site = new Site()
  const ledger = new RequestLedger()
  const server = await stocked(site, ledger)
  const own = new LoadClient(server, ledger, { products: mine, seed: 1, connections: 16, turnedAwayMs: 2 })
  const undisturbed = new LoadClient(server, ledger, { products: others, seed: 2, connections: 16 })
  await pause(150)
  const answer = await poisoned(server)
  assert.is(answer.status, 504)
  assert.is(answer.body.code, 'outcome-unknown')
  await server.until(() => server.logged('worker.ready').length === workers + 1, 'there is a successor')
  await server.until(() => server.isReady(), 'all is well again')
  const before = own.count('201')
  await server.until(() => own.count('201') > before + 20, 'its products sell again')
  await Promise.all([own.stop(), undisturbed.stop()])
  assert.equal(
    [...undisturbed.counts.keys()].filter((what) => !['200', '201'].includes(what)),
    [],
  )
  assert.equal(
    [...own.counts.keys()].filter((what) => !['200', '201', '503', '504'].includes(what)),
    [],
  )
  assert.ok(own.count('503') > 0, 'who came meanwhile was refused')
  assert.is(own.samples.get('503')?.body.code, 'shard-unavailable')
  assert.is(shownExit(await server.stop()), 'status 0')
  const verdict = judge(site, ledger)
  await expectSameAnswers(await site.start(), verdict)
})

test('of the same command three times dies of it no more', async () => {
  await using site = new Site()
  const ledger = new RequestLedger()
  const server = await stocked(site, ledger)
  for (let time = 1; time <= 3; time++) {
    await server.until(() => server.isReady(), 'it is ready')
    assert.is((await poisoned(server)).status, 504, `time ${time}`)
  }
  await server.until(() => server.logged('command.quarantined').length === 1, 'it is known as poison')
  await server.until(() => server.isReady(), 'it is ready')
  for (let time = 0; time < 3; time++) {
    const refused = await poisoned(server)
    assert.is(refused.status, 503)
    assert.is(refused.body.code, 'command-quarantined')
    assert.ok(Number(refused.headers['retry-after']) >= 3_600)
  }
  assert.is(server.logged('worker.respawn').length, 3)
  const load = new LoadClient(server, ledger, { products: mine, seed: 3 })
  await pause(150)
  await load.stop()
  assert.equal(
    [...load.counts.keys()].filter((what) => !['200', '201'].includes(what)),
    [],
  )
  // Another quantity is another command, as far as anybody can know.
  assert.is((await poisoned(server, 2)).status, 504)
  await server.until(() => server.isReady(), 'it is ready')
  assert.is(shownExit(await server.stop()), 'status 0')
  judge(site, ledger)
})

test('again and again is replaced each time, with everything it had', async () => {
  await using site = new Site()
  const ledger = new RequestLedger()
  const server = await stocked(site, ledger)
  const load = new LoadClient(server, ledger, { products, seed: 4, connections: 16, turnedAwayMs: 5 })
  for (let quantity = 1; quantity <= 8; quantity++) {
    await server.until(() => server.isReady(), 'it is ready')
    await pause(40)
    assert.is((await poisoned(server, quantity)).status, 504)
  }
  await server.until(() => server.isReady(), 'it is ready')
  await load.stop()
  assert.is(server.logged('worker.respawn').length, 8)
  await server.kill()
  const verdict = judge(site, ledger)
  await expectSameAnswers(await site.start({ environment: { WORKERS: '1' } }), verdict)
})

test.run()
