/** A server that is stopped in the middle of everything, and goes on as if nothing had been. */
import * as assert from 'uvu/assert'
import { expectSameAnswers, judge } from './journal-oracle.ts'
import { deliver, LoadClient } from './load-client.ts'
import { RequestLedger } from './request-ledger.ts'
import { pause, type ServerProcess, Site } from './server-process.ts'

export type Standstill = {
  readonly ms: number
  /** Of holds that end while it stands still. */
  readonly ttlsSeconds: readonly number[]
}

const products = ['product-1', 'product-2', 'product-3']
/** Held by nobody whom the load could settle. */
const UNITS = 7

/** Judges what it then says and has; gives how many requests nobody answered. */
export async function standStill({ ms, ttlsSeconds }: Standstill): Promise<{ readonly unanswered: number }> {
  await using site = new Site()
  const ledger = new RequestLedger()
  const server = await site.start({ environment: { WORKERS: '2' } })
  await deliver(
    server,
    ledger,
    products.map((id) => [id, 1_000]),
  )
  const load = new LoadClient(server, ledger, { products, seed: 3, severalShare: 0.3, keyedShare: 0.5 })
  const holds: unknown[] = []
  for (const ttlSeconds of ttlsSeconds) holds.push(await hold(server, ledger, ttlSeconds))
  await pause(300)
  server.signal('SIGSTOP')
  const patienceMs = ms + 30_000
  const waiting = Array.from({ length: 20 }, () =>
    server.attempt('GET', '/v1/products/product-2/stock', undefined, { patienceMs }),
  )
  const startedAt = performance.now()
  // The directory is its own, however dead it looks: two would sell the same units.
  const second = await site.start({ until: 'spawned' })
  assert.is((await second.exited).code, 1, second.output)
  assert.match(second.output, /Another process has the data directory/)
  await pause(ms - (performance.now() - startedAt))
  server.signal('SIGCONT')
  for (const outcome of await Promise.all(waiting)) {
    assert.is(outcome.type, 'answered')
    if (outcome.type === 'answered') assert.ok([200, 503].includes(outcome.status), String(outcome.status))
  }
  for (const id of holds)
    await server.until(async () => (await statusOf(server, id)) === 'expired', `${id} has expired`)
  await pause(300)
  await load.stop()
  assert.ok(load.count('201') > 0)
  await server.until(() => server.isReady(), 'it is ready')
  await server.stop()
  const verdict = judge(site, ledger)
  await expectSameAnswers(await site.start(), verdict)
  return { unanswered: load.count('cut') }
}

async function hold(server: ServerProcess, ledger: RequestLedger, ttlSeconds: number): Promise<unknown> {
  const asked = ledger.reserve('product-1', UNITS)
  const items = [{ productId: 'product-1', quantity: UNITS }]
  const answer = await server.request('POST', '/v1/reservations', { items, ttlSeconds, reference: asked.tag })
  ledger.answeredReserve(asked, answer)
  assert.is(answer.status, 201)
  return answer.body.reservationId
}

async function statusOf(server: ServerProcess, reservationId: unknown): Promise<unknown> {
  return (await server.request('GET', `/v1/reservations/${reservationId}`)).body.status
}
