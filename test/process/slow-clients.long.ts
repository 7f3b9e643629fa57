/** FAULTS.md, F54, to the end: slow bodies and clients that never read are cut off too, and cannot hold up a shutdown. */
import * as assert from 'uvu/assert'
import { listenersCloseMs, requestTimeoutMs, socketIdleTimeoutMs } from '../../src/limits.ts'
import { judge } from '../support/journal-oracle.ts'
import { deliver, LoadClient } from '../support/load-client.ts'
import { RequestLedger } from '../support/request-ledger.ts'
import { pause, Site, shownExit } from '../support/server-process.ts'
import { clientsEach, SlowClients, slowRequests } from '../support/slow-clients.ts'
import { suite } from '../support/suite.ts'

const products = ['product-1', 'product-2', 'product-3']
const test = suite('clients that hold on for long', { limitMs: 180_000 })

test('are all cut off in the end, while others buy', async () => {
  await using site = new Site()
  const ledger = new RequestLedger()
  const server = await site.start()
  await deliver(
    server,
    ledger,
    products.map((id) => [id, 1_000_000]),
  )
  using slowBodies = new SlowClients(server, slowRequests.body, { reads: true })
  using neverReading = new SlowClients(server, slowRequests.manyReplies, { reads: false })
  const load = new LoadClient(server, ledger, { products, seed: 1, connections: 8 })
  const startedAt = performance.now()
  for (let ms = 0; ms < requestTimeoutMs + 10_000 && slowBodies.closedCount < clientsEach; ms += 500) {
    await pause(500)
    slowBodies.write(' ')
  }
  assert.is(slowBodies.closedCount, clientsEach, 'slow bodies are cut off')
  while (performance.now() - startedAt < socketIdleTimeoutMs + 30_000 && neverReading.closedCount < clientsEach)
    await pause(500)
  // A client that does not read sees no end either, so what counts is what the server still has open.
  await load.stop()
  if (load.count('504') + load.count('503') > 0) (await import('node:fs')).writeFileSync(`/tmp/hf-slow-${process.pid}.log`, server.output + JSON.stringify([...load.samples]))
  console.log(neverReading.closedCount, JSON.stringify([...load.counts]), server.output.split('\n').filter(l => !l.includes('http.request')).join('\n'))
  const { body } = await server.request('GET', '/metrics')
  assert.match(String(body['text']), /holdfast_http_requests_total/)
  assert.equal([...load.counts.keys()].filter((what) => !['200', '201'].includes(what)), [])
  assert.is(shownExit(await server.stop()), 'status 0')
  judge(site, ledger)
})

test('cannot hold up a shutdown beyond its deadline', async () => {
  await using site = new Site()
  const ledger = new RequestLedger()
  const server = await site.start()
  await deliver(server, ledger, [['product-1', 1_000]])
  using slowBodies = new SlowClients(server, slowRequests.body, { reads: true })
  using neverReading = new SlowClients(server, slowRequests.manyReplies, { reads: false })
  await pause(1_000)
  const stoppedAt = performance.now()
  assert.is(shownExit(await server.stop()), 'status 0')
  assert.ok(performance.now() - stoppedAt < listenersCloseMs + 5_000)
  assert.is(slowBodies.closedCount, clientsEach)
  assert.ok(neverReading.closedCount >= 0)
  judge(site, ledger)
})

test.run()
