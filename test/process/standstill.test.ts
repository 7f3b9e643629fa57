/** FAULTS.md, A14: a process that is stopped in the middle of everything, and goes on as if nothing had been. */
import * as assert from 'uvu/assert'
import { expectSameAnswers, judge } from '../support/journal-oracle.ts'
import { deliver, LoadClient } from '../support/load-client.ts'
import { RequestLedger } from '../support/request-ledger.ts'
import { pause, type ServerProcess, Site } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const products = ['product-1', 'product-2', 'product-3']
/** Longer than the holds below, and than anything that counts in a server that answers. */
const STANDSTILL_MS = 4_000
const TTL_SECONDS = 2
const test = suite('a process that stands still', { limitMs: 90_000 })

test('answers whoever waited, ends each hold once, and has lost nothing', async () => {
  await using site = new Site()
  const ledger = new RequestLedger()
  const server = await site.start({ environment: { WORKERS: '2' } })
  await deliver(
    server,
    ledger,
    products.map((id) => [id, 1_000]),
  )
  // Made before the hold, which is nobody's to settle.
  const load = new LoadClient(server, ledger, { products, seed: 3, severalShare: 0.3, keyedShare: 0.5 })
  const body = { items: [{ productId: 'product-1', quantity: 7 }], ttlSeconds: TTL_SECONDS }
  const asked = ledger.reserve('product-1', 7)
  const held = await server.request('POST', '/v1/reservations', { ...body, reference: asked.tag })
  ledger.answeredReserve(asked, held)
  await pause(300)
  server.signal('SIGSTOP')
  const waiting = Array.from({ length: 20 }, () => server.attempt('GET', '/v1/products/product-2/stock'))
  await pause(STANDSTILL_MS)
  server.signal('SIGCONT')
  for (const outcome of await Promise.all(waiting)) {
    assert.is(outcome.type, 'answered')
    if (outcome.type === 'answered') assert.ok([200, 503].includes(outcome.status), String(outcome.status))
  }
  await server.until(async () => (await statusOf(server, held.body)) === 'expired', 'the hold has expired')
  await pause(300)
  await load.stop()
  assert.ok(load.count('201') > 0)
  await server.until(() => server.isReady(), 'it is ready')
  await server.stop()
  const verdict = judge(site, ledger)
  await expectSameAnswers(await site.start(), verdict)
})

test.run()

async function statusOf(server: ServerProcess, { reservationId }: Readonly<Record<string, unknown>>) {
  return (await server.request('GET', `/v1/reservations/${reservationId}`)).body.status
}
