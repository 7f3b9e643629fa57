/** FAULTS.md, F54 and attacks 21 and 22: clients that are slow, silent or never read; the others do not notice. */
import * as assert from 'uvu/assert'
import { headersTimeoutMs, socketCheckMs } from '../../src/limits.ts'
import { judge } from '../support/journal-oracle.ts'
import { deliver, LoadClient } from '../support/load-client.ts'
import { RequestLedger } from '../support/request-ledger.ts'
import { pause, Site, shownExit } from '../support/server-process.ts'
import { clientsEach, memoryOf, SlowClients, slowRequests } from '../support/slow-clients.ts'
import { suite } from '../support/suite.ts'

const products = ['product-1', 'product-2', 'product-3']
const memoryMoreMax = 300 * 1_024 * 1_024
const test = suite('clients that hold on', { limitMs: 60_000 })

test('by the hundred cost little memory, are closed in time, and keep nobody from buying', async () => {
  await using site = new Site()
  const ledger = new RequestLedger()
  const server = await site.start()
  await deliver(
    server,
    ledger,
    products.map((id) => [id, 100_000]),
  )
  await server.request('GET', '/openapi.json')
  const before = memoryOf(server)
  using silent = new SlowClients(server, slowRequests.silent, { reads: true })
  using slowHeaders = new SlowClients(server, slowRequests.headers, { reads: true })
  using slowBodies = new SlowClients(server, slowRequests.body, { reads: true })
  using neverReading = new SlowClients(server, slowRequests.manyReplies, { reads: false })

  const load = new LoadClient(server, ledger, { products, seed: 1 })
  const startedAt = performance.now()
  const patienceMs = headersTimeoutMs + 2 * socketCheckMs + 3_000
  while (performance.now() - startedAt < patienceMs && slowHeaders.closedCount < clientsEach) {
    await pause(500)
    slowHeaders.write('X-More: 1\r\n')
    slowBodies.write(' ')
  }
  await load.stop()
  assert.is(slowHeaders.closedCount, clientsEach, 'slow headers are cut off')
  assert.is(silent.closedCount, clientsEach, 'who says nothing is cut off')
  assert.is(slowBodies.closedCount + neverReading.closedCount, 0, 'the others have longer')
  const more = memoryOf(server) - before
  assert.ok(more < memoryMoreMax, `${more} bytes more`)
  assert.ok(load.count('201') > 300, `${load.count('201')} bought meanwhile`)
  assert.equal(
    [...load.counts.keys()].filter((what) => !['200', '201'].includes(what)),
    [],
  )

  slowBodies[Symbol.dispose]()
  neverReading[Symbol.dispose]()
  assert.is(shownExit(await server.stop()), 'status 0')
  judge(site, ledger)
})

test.run()
