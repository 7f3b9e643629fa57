/** FAULTS.md, E41 and E42, with the machine's own clock: `Date.now` shifted in every thread of the real server. */
import * as assert from 'uvu/assert'
import { expectSameAnswers, judge } from '../support/journal-oracle.ts'
import { deliver } from '../support/load-client.ts'
import { RequestLedger } from '../support/request-ledger.ts'
import { pause, type ServerProcess, Site, shownExit } from '../support/server-process.ts'
import { ShiftedClock } from '../support/shifted-clock.ts'
import { suite } from '../support/suite.ts'

const hourMs = 3_600_000
const test = suite('a clock that is wrong', { limitMs: 60_000 })

async function reserve(server: ServerProcess, ledger: RequestLedger, ttlSeconds: number): Promise<string> {
  const asked = ledger.reserve('product-1', 1)
  const items = [{ productId: 'product-1', quantity: 1 }]
  const answer = await server.request('POST', '/v1/reservations', { items, ttlSeconds, reference: asked.tag })
  const held = ledger.answeredReserve(asked, answer)
  assert.ok(held !== undefined, JSON.stringify(answer.body))
  return held.reservationId
}

async function statusOf(server: ServerProcess, reservationId: string): Promise<unknown> {
  return (await server.request('GET', `/v1/reservations/${reservationId}`)).body.status
}

test('that jumps an hour, either way, or stops, while the server runs ends no hold early and keeps none alive', async () => {
  await using site = new Site()
  using clock = new ShiftedClock(0)
  const ledger = new RequestLedger()
  const server = await site.start({ nodeArguments: clock.nodeArguments })
  await deliver(server, ledger, [['product-1', 100]])
  const long = await reserve(server, ledger, 600)
  for (const change of [() => clock.set(hourMs), () => clock.set(-hourMs), () => clock.stop()]) {
    change()
    const short = await reserve(server, ledger, 1)
    await pause(300)
    assert.is(await statusOf(server, short), 'held')
    await server.until(async () => (await statusOf(server, short)) === 'expired', 'it expires in time', 3_000)
    assert.is(await statusOf(server, long), 'held')
  }
  assert.is(shownExit(await server.stop()), 'status 0')
  judge(site, ledger)
})

test('behind the last record keeps the server from selling until somebody says that it is right', async () => {
  await using site = new Site()
  using ahead = new ShiftedClock(hourMs)
  const ledger = new RequestLedger()
  const first = await site.start({ nodeArguments: ahead.nodeArguments })
  await deliver(first, ledger, [['product-1', 100]])
  const reservationId = await reserve(first, ledger, 1)
  await first.kill()
  const verdict = judge(site, ledger)

  const doubtful = await site.start({ until: 'started' })
  assert.not(await doubtful.isReady())
  const { body } = await doubtful.request('GET', '/readyz')
  assert.match(JSON.stringify(body.parts), /CLOCK_ACCEPT/)
  const refused = await doubtful.request('GET', '/v1/products/product-1/stock')
  assert.is(refused.body.code, 'shard-unavailable')
  assert.is(shownExit(await doubtful.stop()), 'status 0')
  judge(site, ledger, verdict.journal)

  const server = await site.start({ environment: { CLOCK_ACCEPT: 'true' } })
  await expectSameAnswers(server, verdict)
  await pause(1_500)
  assert.is(await statusOf(server, reservationId), 'held', 'no hold of before ends within the grace')
  const short = await reserve(server, ledger, 1)
  await server.until(async () => (await statusOf(server, short)) === 'expired', 'time goes on', 3_000)
  assert.is(shownExit(await server.stop()), 'status 0')
  judge(site, ledger, verdict.journal)
})

test('more than a day ahead of the last record does so too, and less than a day does not', async () => {
  await using site = new Site()
  const ledger = new RequestLedger()
  const first = await site.start()
  await deliver(first, ledger, [['product-1', 100]])
  await reserve(first, ledger, 600)
  assert.is(shownExit(await first.stop()), 'status 0')
  const verdict = judge(site, ledger)
  using clock = new ShiftedClock(25 * hourMs)
  const doubtful = await site.start({ until: 'started', nodeArguments: clock.nodeArguments })
  assert.not(await doubtful.isReady())
  assert.is(shownExit(await doubtful.stop()), 'status 0')
  clock.set(23 * hourMs)
  const server = await site.start({ nodeArguments: clock.nodeArguments })
  await expectSameAnswers(server, verdict)
  assert.is(shownExit(await server.stop()), 'status 0')
  judge(site, ledger, verdict.journal)
})

test('that was accepted once is believed from then on, though nothing happened since', async () => {
  await using site = new Site()
  const ledger = new RequestLedger()
  const first = await site.start()
  await deliver(first, ledger, [['product-1', 100]])
  await reserve(first, ledger, 600)
  await first.kill()
  using clock = new ShiftedClock(25 * hourMs)
  const { nodeArguments } = clock
  const accepting = await site.start({ nodeArguments, environment: { CLOCK_ACCEPT: 'true' } })
  await accepting.kill()
  const server = await site.start({ nodeArguments })
  assert.is(shownExit(await server.stop()), 'status 0')
  judge(site, ledger)
})

test.run()
