/** FAULTS.md, F54, to the end: slow bodies and clients that never read are cut off too, and cannot hold up a shutdown. */
import * as assert from 'uvu/assert'
import { listenersCloseMs, requestTimeoutMs, socketIdleTimeoutMs } from '../../src/limits.ts'
import { judge } from '../support/journal-oracle.ts'
import { deliver, LoadClient } from '../support/load-client.ts'
import { RequestLedger } from '../support/request-ledger.ts'
import { pause, Site, shownExit } from '../support/server-process.ts'
import { clientsEach, SlowClients, slowRequests, socketsOf } from '../support/slow-clients.ts'
import { suite } from '../support/suite.ts'

const products = ['product-1', 'product-2', 'product-3']
const test = suite('clients that hold on for long', { limitMs: 240_000 })

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
  using _neverReading = new SlowClients(server, slowRequests.manyReplies, { reads: false })
  const load = new LoadClient(server, ledger, { products, seed: 1, connections: 8 })
  const startedAt = performance.now()
  for (let ms = 0; ms < requestTimeoutMs + 10_000 && slowBodies.closedCount < clientsEach; ms += 500) {
    await pause(500)
    slowBodies.write(' ')
  }
  assert.is(slowBodies.closedCount, clientsEach, 'slow bodies are cut off')
  // A client that does not read hears of no end either, so what counts is what the server still has open.
  // Node looks twice whether a write that hangs has moved.
  const isOver = () => performance.now() - startedAt > 2 * socketIdleTimeoutMs + 20_000
  while (socketsOf(server) > clientsEach / 2 && !isOver()) await pause(500)
  assert.ok(socketsOf(server) < clientsEach / 2, 'who never reads is cut off')
  await load.stop()
  const odd = [...load.counts.keys()].filter((what) => !['200', '201'].includes(what))
  assert.equal(odd, [], `${JSON.stringify([...load.samples])}\n${server.troubles}`)
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
