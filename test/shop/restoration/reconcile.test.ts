/** FAULTS.md, 80: what a provider has and restored tables do not know becomes an order or goes back, and then it sells. */
import * as assert from 'uvu/assert'
import { EngineError } from '../../../src/actors/engine-error.ts'
import { reconcile } from '../../../src/shop/restoration/reconcile.ts'
import { suite } from '../../support/suite.ts'
import { ANN, BOB, PHONE } from '../shop-world.ts'
import { firstRound, givingBack } from './interrupted.ts'
import { PRICE, RestoredWorld, UNITS } from './restored-world.ts'

const test = suite('a restored shop and its provider’s list', { limitMs: 60_000 })

test('agree at once where nothing was paid since, and who lifted the mark is kept', async () => {
  await using restored = await RestoredWorld.start()
  const mark = await restored.mark()
  assert.is(await restored.reconcile(mark), 'lifted')
  const last = await restored.world.wait(restored.world.tables.read('restorations.last', {}))
  assert.is(last?.liftedBy, 'reconciliation')
  assert.match(String(last?.reason), /list of stripe/)
  assert.is(await restored.reconcile(mark), 'lifted', 'said again')
})

test('make a payment of a known order what it paid for, though nobody here had begun it', async () => {
  await using restored = await RestoredWorld.start()
  const { world, provider, nowMs } = restored
  const { orderId } = await world.order(ANN, { [PHONE]: 1 })
  provider.take({ key: `${orderId}:1`, madeAtMs: nowMs, outcome: { type: 'failed', reason: 'declined' } })
  provider.take({ key: `${orderId}:2`, madeAtMs: nowMs })
  assert.is(await restored.reconcile(await restored.mark()), 'lifted')
  const order = await world.find(orderId)
  assert.equal([order.status, order.capturedMinor, order.paymentMethod], ['confirmed', PRICE, 'card'])
  assert.equal(await restored.stock(), [UNITS - 1, 0, 1])
  const attempts = await world.wait(world.tables.read('payments.ofOrder', { orderId }))
  assert.equal(
    attempts.map(({ number, status }) => [number, status]),
    [
      [1, 'failed'],
      [2, 'succeeded'],
    ],
  )
})

test('do not begin an attempt anew under a key that the provider knows', async () => {
  await using restored = await RestoredWorld.start()
  const { world, provider, nowMs } = restored
  const { orderId } = await world.order(ANN, { [PHONE]: 1 })
  provider.take({ key: `${orderId}:1`, madeAtMs: nowMs, outcome: { type: 'failed', reason: 'declined' } })
  await restored.reconcile(await restored.mark())
  const begin = {
    orderId,
    method: 'card',
    expiresAtMs: nowMs + 9,
    lookAtMs: nowMs + 9,
    attemptsMax: 20,
  } as const
  const begun = await world.wait(world.tables.write('payments.begin', begin))
  assert.ok(begun.type === 'begun' && begun.attempt.number === 2)
})

test('hold units anew for what was paid, before anybody else is sold any', async () => {
  await using restored = await RestoredWorld.start()
  const { world, provider } = restored
  const { orderId } = await world.order(ANN, { [PHONE]: 1 })
  await world.finish()
  assert.is((await world.find(orderId)).status, 'expired')
  provider.take({ key: `${orderId}:1`, madeAtMs: restored.nowMs })
  assert.is(await restored.reconcile(await restored.mark()), 'lifted')
  assert.is((await world.find(orderId)).status, 'confirmed')
  assert.equal(await restored.stock(), [UNITS - 1, 0, 1])
})

test('give back once what was paid for units that are gone', async () => {
  await using restored = await RestoredWorld.start()
  const { world, provider } = restored
  const { orderId } = await world.order(ANN, { [PHONE]: 1 })
  await world.finish()
  await world.order(BOB, { [PHONE]: UNITS })
  provider.take({ key: `${orderId}:1`, madeAtMs: restored.nowMs })
  const mark = await restored.mark()
  assert.is(await restored.reconcile(mark), 'lifted')
  await restored.reconcile(mark)
  assert.equal([provider.kept(orderId), provider.refunds.length], [0, 1])
})

test('list what nobody knows, and sell nothing until somebody has decided about each', async () => {
  await using restored = await RestoredWorld.start()
  const { world, provider, nowMs } = restored
  const lost = provider.take({ key: 'ord_lost:1', madeAtMs: nowMs })
  const kept = provider.take({ key: 'ord_kept:1', madeAtMs: nowMs })
  const waits = { key: 'ord_waits:1', madeAtMs: nowMs }
  const pending = provider.take({ ...waits, outcome: { type: 'pending', transactionId: 'pi_3' } })
  provider.take({ key: 'ord_never:1', madeAtMs: nowMs, outcome: { type: 'failed', reason: 'declined' } })
  const back = provider.take({ key: 'ord_back:1', madeAtMs: nowMs, refundedMinor: 99_999 })
  const mark = await restored.mark()
  assert.is(await restored.reconcile(mark), 'open')
  const { restorationId } = mark
  assert.is(await world.wait(world.tables.read('unknownPayments.undecided', { restorationId })), 3)
  assert.is(await restored.stateOf(back.transactionId), 'refunded', 'it went back before')
  assert.is(restored.logged.filter(({ msg }) => msg === 'restoration.unknownPayment').length, 3)
  await restored.decide(lost.transactionId, 'refund')
  await restored.decide(kept.transactionId, 'accept')
  assert.is(await restored.reconcile(mark), 'open', 'one is pending')
  assert.equal([provider.kept('ord_lost'), provider.kept('ord_kept')], [0, 99_999])
  provider.payments[provider.payments.indexOf(pending)] = {
    ...pending,
    outcome: { type: 'failed', reason: 'abandoned' },
  }
  assert.is(await restored.reconcile(mark), 'lifted')
  assert.is(provider.refunds.length, 1)
})

test('ask again about a refund that the provider refuses', async () => {
  await using restored = await RestoredWorld.start()
  const { provider, nowMs } = restored
  const { transactionId } = provider.take({ key: 'ord_lost:1', madeAtMs: nowMs })
  const mark = await restored.mark()
  await restored.reconcile(mark)
  await restored.decide(transactionId, 'refund')
  provider.refuses = true
  assert.is(await restored.reconcile(mark), 'open')
  assert.is(await restored.stateOf(transactionId), 'open')
  assert.is(restored.logged.filter(({ msg }) => msg === 'refund.failed').length, 1)
  provider.refuses = false
  await restored.decide(transactionId, 'refund')
  assert.is(await restored.reconcile(mark), 'lifted')
  assert.is(provider.kept('ord_lost'), 0)
})

test('sell no goods for money that went back as a whole', async () => {
  await using restored = await RestoredWorld.start()
  const { world, provider, nowMs } = restored
  const { orderId } = await world.order(ANN, { [PHONE]: 1 })
  const paid = provider.take({ key: `${orderId}:1`, madeAtMs: nowMs })
  provider.give(paid, 'rfd_01', PRICE)
  assert.is(await restored.reconcile(await restored.mark()), 'lifted')
  assert.is((await world.find(orderId)).status, 'pending_payment')
  assert.equal(await restored.stock(), [UNITS, 1, 0])
})

test('know of what has gone back of a known order, so that it does not go back twice', async () => {
  await using restored = await RestoredWorld.start()
  const { world, provider, nowMs } = restored
  const { orderId } = await world.order(ANN, { [PHONE]: 1 })
  const paid = provider.take({ key: `${orderId}:1`, madeAtMs: nowMs })
  await restored.reconcile(await restored.mark())
  assert.is((await world.find(orderId)).status, 'confirmed')
  provider.give(paid, 'rfd_01', PRICE)
  const mark = await restored.mark()
  assert.is(await restored.reconcile(mark), 'lifted')
  await restored.reconcile(mark)
  const order = await world.find(orderId)
  assert.equal([order.status, order.refundedMinor, provider.refunds.length], ['refunded', PRICE, 1])
  assert.equal(await restored.stock(), [UNITS, 0, 0], 'and its units are back')
})

test('leave other shops’ payments alone', async () => {
  await using restored = await RestoredWorld.start()
  const { provider, nowMs } = restored
  provider.take({ key: 'ord_x:1', madeAtMs: nowMs, shopId: 'shp_another' })
  assert.is(await restored.reconcile(await restored.mark()), 'lifted')
  assert.is(await restored.stateOf('pi_1'), undefined)
})

test('take any shop’s for theirs where their own name was lost', async () => {
  await using restored = await RestoredWorld.start()
  const { provider, nowMs } = restored
  provider.take({ key: 'ord_x:1', madeAtMs: nowMs, shopId: 'shp_another' })
  assert.is(await restored.reconcile(await restored.mark(true)), 'open')
  assert.is(await restored.stateOf('pi_1'), 'open')
})

test('are not done while the provider does not answer', async () => {
  await using restored = await RestoredWorld.start()
  restored.provider.isAway = true
  const mark = await restored.mark()
  assert.is(await restored.reconcile(mark), 'unanswered')
  assert.is((await restored.open())?.restorationId, mark.restorationId)
})

test('are not done with a list that was not read to its end (R3)', async () => {
  await using restored = await RestoredWorld.start()
  const { provider, nowMs } = restored
  provider.take({ key: 'ord_lost:1', madeAtMs: nowMs })
  const others = { madeAtMs: nowMs, shopId: 'shp_another' }
  for (const key of ['ord_x:1', 'ord_y:1']) provider.take({ ...others, key })
  provider.pagesAnswered = 1
  const mark = await restored.mark()
  assert.is(await restored.reconcile(mark), 'unanswered')
  assert.is((await restored.open())?.comparedAtMs, null)
  provider.pagesAnswered = Number.POSITIVE_INFINITY
  assert.is(await restored.reconcile(mark), 'open')
})

test('sell nothing to anybody else while a known order’s units wait for a shard (R1)', async () => {
  await using restored = await RestoredWorld.start()
  const { world, provider, nowMs, log } = restored
  const { orderId } = await world.order(ANN, { [PHONE]: 1 })
  provider.take({ key: `${orderId}:1`, madeAtMs: nowMs })
  const mark = await restored.mark()
  const away = () => Promise.reject(new EngineError('shard-unavailable', 'its worker has ended'))
  const parts = { ...world.parts(), gateway: provider, log, splits: { reserve: away, change: away } }
  assert.is(await world.wait(reconcile(parts, mark)), 'open')
  assert.ok(restored.logged.some(({ msg }) => msg === 'restoration.unsettled'))
  assert.is((await restored.open())?.restorationId, mark.restorationId)
  assert.is(await restored.reconcile(mark), 'lifted')
  assert.is((await world.find(orderId)).status, 'confirmed')
})

test('take what was given back by hand for given back', async () => {
  await using restored = await RestoredWorld.start()
  const { provider, nowMs } = restored
  const lost = provider.take({ key: 'ord_lost:1', madeAtMs: nowMs })
  const mark = await restored.mark()
  await restored.reconcile(mark)
  await restored.decide(lost.transactionId, 'refund')
  provider.give(lost, 'by hand', lost.amountMinor)
  assert.is(await restored.reconcile(mark), 'lifted')
  assert.is(provider.refunds.length, 1)
})

/** A confirmed order whose reservation the journal does not have, as if that were older than the tables. */
async function orderWithoutUnits(restored: RestoredWorld, reservationId?: string): Promise<string> {
  const { world, provider, nowMs } = restored
  const { orderId } = await world.order(ANN, { [PHONE]: 1 })
  provider.take({ key: `${orderId}:1`, madeAtMs: nowMs })
  await restored.reconcile(await restored.mark())
  const unknown = reservationId ?? world.engine.engine.newReservationId(PHONE)
  world.database.prepare('UPDATE orders SET reservation_id = ? WHERE id = ?').run(unknown, orderId)
  return orderId
}

test('sell anew to a confirmed order the units of which an older journal knows nothing', async () => {
  await using restored = await RestoredWorld.start()
  const { world, provider } = restored
  const orderId = await orderWithoutUnits(restored)
  const before = await world.find(orderId)
  const [onHand = 0, , sold = 0] = await restored.stock()
  const mark = await restored.mark()
  assert.is(await restored.reconcile(mark), 'lifted')
  await restored.reconcile(mark)
  await world.finish()
  const order = await world.find(orderId)
  assert.equal([order.status, order.duty, order.invoiceNumber], ['confirmed', null, before.invoiceNumber])
  assert.equal(await restored.stock(), [onHand - 1, 0, sold + 1], 'once')
  assert.is(provider.kept(orderId), PRICE)
  const reservation = await world.engine.ask({ type: 'readReservation', reservationId: order.reservationId })
  assert.is((reservation as { readonly status: string }).status, 'confirmed')
})

test('confirm what an older journal has on hold for a confirmed order', async () => {
  await using restored = await RestoredWorld.start()
  const { world } = restored
  const waiting = await world.order(BOB, { [PHONE]: 1 })
  world.database.prepare("UPDATE orders SET reservation_id = 'res_x' WHERE id = ?").run(waiting.orderId)
  const orderId = await orderWithoutUnits(restored, waiting.reservationId)
  assert.is(await restored.reconcile(await restored.mark()), 'lifted')
  const order = await world.find(orderId)
  assert.equal([order.status, order.reservationId], ['confirmed', waiting.reservationId])
  assert.equal(await restored.stock(), [UNITS - 2, 0, 2])
})

test('never refund by themselves what was promised, and say once that its units are missing', async () => {
  await using restored = await RestoredWorld.start()
  const { world, provider } = restored
  const orderId = await orderWithoutUnits(restored)
  await world.order(BOB, { [PHONE]: UNITS - 1 })
  const mark = await restored.mark()
  assert.is(await restored.reconcile(mark), 'lifted')
  await restored.reconcile(await restored.mark())
  const order = await world.find(orderId)
  assert.equal([order.status, order.duty, provider.kept(orderId)], ['confirmed', null, PRICE])
  assert.is(world.errors.filter((line) => line.includes('order.unitsMissing')).length, 0)
  assert.is(restored.logged.filter(({ msg }) => msg === 'order.unitsMissing').length, 1)
})

test('leave alone what was confirmed long before the journal ended', async () => {
  await using restored = await RestoredWorld.start()
  const { world } = restored
  await orderWithoutUnits(restored)
  const long = 2 * 3_600_000
  world.database.prepare('UPDATE order_events SET at_ms = at_ms - ?').run(long)
  const before = await restored.stock()
  assert.is(await restored.reconcile(await restored.mark()), 'lifted')
  assert.equal(await restored.stock(), before)
})

/** Everywhere, in interrupted.long.ts. */
const EVERY = 7

test('come to the same wherever it is interrupted', async () => {
  for (const tell of [firstRound, givingBack]) {
    const calls = await tell()
    assert.ok(calls > 10, `${calls} calls`)
    for (let call = 1; call <= calls; call += EVERY)
      await tell({ call, when: call % 2 === 0 ? 'before' : 'after' })
  }
})

test.run()
