/** Of every database: payments and what goes back, the sandbox's books, and what leaves the shop by mail and webhook. */
import * as assert from 'uvu/assert'
import type { ReservationId } from '../../src/domain/ids.ts'
import type { CurrencyCode } from '../../src/domain/money.ts'
import { PIXEL } from '../persistence/tables/catalog/products.ts'
import type { TablesTest } from './tables.ts'
import { begin, newOrder, ordered, paid } from './tables-of-orders.ts'
import { NOW_MS } from './tables-place.ts'

const USD = 'USD' as CurrencyCode
const delays = { shortMs: 1_000, longMs: 60_000 }

export function declareMoneyTests(test: TablesTest): void {
  test('one attempt pays an order; what comes beside it goes back, all of it and once', async (place) => {
    const { orderId } = await ordered(place)
    const first = await place.write('payments.begin', begin(orderId))
    assert.ok(first.type === 'begun' && first.attempt.key === `${orderId}:1`)
    assert.is((await place.write('payments.begin', begin(orderId))).type, 'live')
    const { key } = first.attempt
    const pending = await place.write('payments.wait', { key, transactionId: 'txn_1', lookAtMs: NOW_MS + 9 })
    assert.equal([pending.attempt.status, pending.orderStatus], ['pending', 'pending_payment'])
    const failed = await place.write('payments.fail', { key, reason: 'declined' })
    assert.is(failed.attempt.status, 'failed')
    const second = await place.write('payments.begin', begin(orderId))
    assert.ok(second.type === 'begun' && second.attempt.number === 2)
    const captured = await place.write('payments.capture', { key: `${orderId}:2`, transactionId: 'txn_2' })
    assert.is(captured.attempt.status, 'succeeded')
    const late = await place.write('payments.capture', { key, transactionId: 'txn_1' })
    assert.is(late.attempt.status, 'surplus')
    assert.is(
      (await place.write('payments.confirm', { key: `${orderId}:2`, transactionId: 'txn_2' })).orderStatus,
      'confirmed',
    )
    const [refund, ...others] = await place.read('refunds.ofOrder', { orderId })
    assert.equal([refund?.attemptKey, refund?.amountMinor, others.length], [key, 199_898, 0])
    assert.is((await place.read('payments.find', { key }))?.transactionId, 'txn_1')
    assert.is((await place.read('payments.ofOrder', { orderId })).length, 2)
  })

  test('another amount than was asked for is no payment', async (place) => {
    const { orderId } = await ordered(place)
    await place.write('payments.begin', begin(orderId))
    const other = { key: `${orderId}:1`, transactionId: 'txn_1', amountMinor: 5, currency: USD }
    assert.is((await place.write('payments.mismatch', other)).attempt.status, 'surplus')
    assert.is((await place.write('payments.mismatch', other)).attempt.status, 'surplus')
    const refunds = await place.read('refunds.ofOrder', { orderId })
    assert.equal(
      refunds.map(({ amountMinor, counted }) => [amountMinor, counted]),
      [[5, 0]],
    )
  })

  test('a paid order whose hold has ended has its units anew, or its money back', async (place) => {
    const { orderId } = await ordered(place)
    await place.write('payments.begin', begin(orderId))
    await place.write('payments.capture', { key: `${orderId}:1`, transactionId: 'txn_1' })
    const [stale, reservationId] = ['res_1', 'res_2'] as ReservationId[] as [ReservationId, ReservationId]
    assert.is((await place.write('orders.rehold', { orderId, stale, reservationId })).isDone, true)
    assert.is((await place.write('orders.rehold', { orderId, stale, reservationId })).isDone, false)
    const reason = 'sold out'
    assert.is((await place.write('orders.giveBack', { orderId, reason, reservationId: stale })).isDone, false)
    assert.is((await place.write('orders.giveBack', { orderId, reason, reservationId })).isDone, true)
    const state = await place.read('orders.state', { orderId })
    assert.equal([state?.order.status, state?.refunds.length], ['expired', 1])
  })

  test('no more goes back than was paid, whoever asks for it', async (place) => {
    const { orderId } = await paid(place)
    const ask = { orderId, amountMinor: 150_000, reason: 'goodwill', by: 'key_admin' }
    const made = await place.write('refunds.request', ask)
    assert.ok(made.type === 'refund')
    const refused = await place.write('refunds.request', ask)
    assert.equal(refused, { type: 'refused', reason: 'exceeds-captured', refundableMinor: 49_898 })
    const { refundId } = made.refund
    const result = { refundId, providerId: 'rfd_p', failure: undefined } as const
    await place.write('refunds.record', { ...result, result: 'pending' })
    await place.write('refunds.record', { ...result, result: 'failed', failure: 'closed' })
    await place.write('refunds.record', { ...result, result: 'succeeded' })
    assert.is((await place.read('refunds.find', { refundId }))?.status, 'failed')
    const whole = await place.write('refunds.request', { ...ask, amountMinor: 199_898 })
    assert.ok(whole.type === 'refund')
    await place.write('refunds.record', { ...result, refundId: whole.refund.refundId, result: 'succeeded' })
    assert.is((await place.read('orders.find', { orderId }))?.status, 'refunded')
  })

  test('what comes back is counted once, and paid back when it is there', async (place) => {
    const { orderId } = await paid(place)
    const ask = {
      orderId,
      items: [{ productId: PIXEL, quantity: 1 }],
      reason: 'broken',
      gives: true,
      by: 'k',
    }
    const begun = await place.write('returns.begin', ask)
    assert.ok(begun.type === 'order')
    const tooMany = await place.write('returns.begin', { ...ask, items: [{ productId: PIXEL, quantity: 2 }] })
    assert.is(tooMany.type, 'refused')
    await place.write('returns.done', { returnId: begun.returnId })
    await place.write('returns.done', { returnId: begun.returnId })
    const refunds = await place.read('refunds.ofOrder', { orderId })
    assert.equal(
      refunds.map(({ amountMinor }) => amountMinor),
      [99_949],
    )
    const rest = await place.write('returns.begin', { ...ask, items: undefined })
    assert.ok(rest.type === 'order')
    await place.write('returns.refuse', { returnId: rest.returnId })
    assert.is((await place.read('orders.find', { orderId }))?.lines[0]?.returned, 1)
  })

  test('the sandbox charges once under a key, and gives back no more than that', async (place) => {
    const charge = {
      key: 'ord_1:1',
      orderId: 'ord_1',
      amountMinor: 500,
      currency: 'USD',
      method: 'card',
      scenario: 'slow-refund',
      delays,
    } as const
    const made = await place.write('sandbox.charge', charge)
    assert.ok(made.type === 'charged' && made.isFirst)
    const again = await place.write('sandbox.charge', charge)
    assert.ok(again.type === 'charged' && !again.isFirst)
    const late = { ...charge, key: 'ord_1:2', scenario: 'pending-then-success' } as const
    await place.write('sandbox.charge', late)
    const { transactionId } = made.charge
    const refund = { key: 'rfd_1', transactionId, amountMinor: 400, currency: 'USD', delays }
    assert.is((await place.write('sandbox.refund', refund)).type, 'refunded')
    const more = await place.write('sandbox.refund', { ...refund, key: 'rfd_2' })
    assert.equal(more, { type: 'refused', reason: 'exceeds-charge' })
    assert.is((await place.write('sandbox.findRefund', { key: 'rfd_2' })).refund, undefined)
    place.clock.pass(1_000)
    assert.is((await place.write('sandbox.settleRefunds', {})).settled, 1)
    assert.is((await place.write('sandbox.settleCharges', { delays })).settled, 1)
    const found = await place.write('sandbox.findCharge', { key: 'ord_1:2', delays })
    assert.is(found.charge?.status, 'succeeded')
    const { webhooks } = await place.write('sandbox.takeWebhooks', { most: 9, mostKnown: 5 })
    assert.is(webhooks.length, 3)
    assert.is((await place.write('sandbox.takeWebhooks', { most: 9, mostKnown: 5 })).webhooks.length, 0)
    const { eventId, copy } = webhooks[0] as (typeof webhooks)[number]
    assert.is((await place.write('sandbox.webhookReceived', { eventId, copy })).wasThere, true)
    assert.equal(await place.write('sandbox.secret', {}), await place.write('sandbox.secret', {}))
    const event = { provider: 'sandbox', eventId }
    assert.is(await place.read('gatewayEvents.isKnown', event), false)
    await place.write('gatewayEvents.note', event)
    await place.write('gatewayEvents.note', event)
    assert.is(await place.read('gatewayEvents.isKnown', event), true)
  })

  test('of each event a customer is told by one letter, which is tried until it is sent', async (place) => {
    await paid(place)
    let events = 0
    for (let some = -1; some !== 0; events += some) some = (await place.write('mail.plan', {})).events
    assert.ok(events >= 3)
    const { jobs } = await place.write('mail.take', { most: 9 })
    assert.equal(
      jobs.map(({ event }) => event.type),
      ['order.confirmed'],
    )
    assert.equal((await place.write('mail.take', { most: 9 })).jobs, [])
    const [job] = jobs
    const tried = { eventId: job?.event.id ?? 0, tries: 0 }
    const result = { type: 'failed', trouble: 'busy', isFinal: false } as const
    assert.is((await place.write('mail.record', { ...tried, result })).isGivenUp, false)
    place.clock.pass(120_000)
    assert.is((await place.write('mail.take', { most: 9 })).jobs[0]?.tries, 1)
    await place.write('mail.record', { ...tried, tries: 1, result: { type: 'sent' } })
    place.clock.pass(600_000)
    assert.equal((await place.write('mail.take', { most: 9 })).jobs, [])
  })

  test('subscribers are told of what they asked for, and are given up when they are gone', async (place) => {
    const webhook = {
      url: 'https://shop.example/hook',
      eventTypes: ['order.created'],
      description: '',
      createdBy: 'key_admin',
    } as const
    const made = await place.write('webhooks.create', webhook)
    assert.ok(made.type === 'created')
    const { id } = made.webhook
    assert.equal(await place.read('webhooks.find', { id }), made.webhook)
    await ordered(place)
    assert.is((await place.write('webhooks.fanOut', {})).deliveries, 1)
    assert.is((await place.write('webhooks.fanOut', {})).events, 0)
    const take = { most: 9, mostPerWebhook: 4, underWay: {} }
    const { jobs } = await place.write('webhooks.take', take)
    assert.is(jobs.length, 1)
    assert.equal((await place.write('webhooks.take', take)).jobs, [])
    const tried = { id: jobs[0]?.id ?? '', tries: 0 }
    const failed = { type: 'failed', status: 503, trouble: 'busy', isThrottled: true } as const
    await place.write('webhooks.record', { ...tried, result: failed })
    const page = { webhookId: id, limit: 5 }
    assert.is((await place.read('webhooks.deliveries', page))?.[0]?.answerStatus, 503)
    await place.write('webhooks.replay', { webhookId: id, id: tried.id })
    assert.is((await place.write('webhooks.take', take)).jobs.length, 1)
    await place.write('webhooks.record', { ...tried, result: { type: 'received', status: 200 } })
    assert.is(
      (await place.read('webhooks.deliveries', { ...page, state: 'received', before: 'whd_8' }))?.length,
      1,
    )
    assert.is((await place.write('webhooks.test', { webhookId: id })).type, 'queued')
    const [ping] = (await place.write('webhooks.take', take)).jobs
    const gone = { id: ping?.id ?? '', tries: 0, result: { type: 'gone', status: 410 } } as const
    assert.is((await place.write('webhooks.record', gone)).disabled, 'gone')
    assert.is((await place.read('webhooks.list', {}))[0]?.disabledBecause, 'gone')
    assert.equal(await place.write('webhooks.remove', { id }), { removed: true })
    await place.write(
      'orders.create',
      newOrder({ orderId: 'ord_2', reservationId: 'res_2' as ReservationId }),
    )
  })
}
