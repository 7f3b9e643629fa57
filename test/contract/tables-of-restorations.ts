/** Of every database: the mark of a restored backup, and payments of which its orders know nothing. */
import * as assert from 'uvu/assert'
import type { FoundPayment } from '../../src/persistence/tables/restoration/unknown-payment-operations.ts'
import type { TablesTest } from './tables.ts'
import { begin, ordered } from './tables-of-orders.ts'
import { NOW_MS } from './tables-place.ts'

const MARK = { cause: 'restored', tablesAtMs: 5_000, journalAtMs: 4_000, takesAny: false } as const
const PAYMENT: FoundPayment = {
  transactionId: 'pi_1',
  key: 'ord_9:1',
  orderId: 'ord_9',
  amountMinor: 99_999,
  currency: 'USD',
  paidAtMs: NOW_MS - 5,
  state: 'open',
}

export function declareRestorationTests(test: TablesTest): void {
  test('a shop has an id of its own from its first moment, and knows when the newest happened', async (place) => {
    const identity = await place.read('shop.identity', {})
    assert.match(identity.shopId, /^shp_[0-9a-f]{20}$/)
    assert.equal(await place.read('shop.identity', {}), identity)
    assert.equal(await place.read('shop.newest', {}), { atMs: 0, payments: 0 })
    const { orderId } = await ordered(place)
    assert.equal(await place.read('shop.newest', {}), { atMs: NOW_MS, payments: 0 })
    await place.write('payments.begin', begin(orderId))
    assert.equal(await place.read('shop.newest', {}), { atMs: NOW_MS, payments: NOW_MS })
  })

  test('of restorations one is open, and goes back as far as the oldest of what was restored', async (place) => {
    assert.is(await place.read('restorations.open', {}), undefined)
    assert.is(await place.read('restorations.last', {}), undefined)
    const { restoration } = await place.write('restorations.mark', MARK)
    assert.equal([restoration.tablesAtMs, restoration.journalAtMs, restoration.takesAny], [5_000, 4_000, 0])
    const older = { ...MARK, tablesAtMs: 6_000, journalAtMs: 3_000, takesAny: true }
    const again = (await place.write('restorations.mark', older)).restoration
    const { restorationId } = restoration
    assert.equal(again, { ...restoration, journalAtMs: 3_000, takesAny: 1 })
    assert.equal(await place.read('restorations.open', {}), again)
    assert.is(place.notices.filter(({ type }) => type === 'restorationChanged').length, 2)
    const asOf = { tablesAtMs: 5_000, journalAtMs: 4_000, takesAny: 0 } as const
    const early = { restorationId, by: 'reconciliation', reason: 'the list', asOf }
    assert.equal(await place.write('restorations.lift', early), {
      type: 'refused',
      reason: 'restored-meanwhile',
    })
    await place.write('restorations.compared', { restorationId })
    const lift = { restorationId, by: 'key_admin', reason: 'all is well' }
    const lifted = await place.write('restorations.lift', lift)
    assert.ok(lifted.type === 'restoration')
    const { liftedAtMs, liftedBy, comparedAtMs } = lifted.restoration
    assert.equal([liftedAtMs, liftedBy, comparedAtMs], [NOW_MS, 'key_admin', NOW_MS])
    assert.equal(await place.write('restorations.lift', lift), {
      type: 'refused',
      reason: 'nothing-restored',
    })
    assert.is(await place.read('restorations.open', {}), undefined)
    const next = (await place.write('restorations.mark', MARK)).restoration
    assert.is.not(next.restorationId, restorationId)
    assert.equal(await place.read('restorations.last', {}), next)
  })

  test('an unknown payment keeps it open until it has gone back or was accepted', async (place) => {
    const { restorationId } = (await place.write('restorations.mark', MARK)).restoration
    const note = (more: Partial<FoundPayment>) =>
      place.write('unknownPayments.note', { restorationId, payment: { ...PAYMENT, ...more } })
    const decide = (transactionId: string, decision: 'refund' | 'accept') =>
      place.write('unknownPayments.decide', { transactionId, decision, by: 'ann', note: 'seen' })
    assert.is((await note({ state: 'pending' })).payment.state, 'pending')
    assert.equal(await decide('pi_1', 'refund'), {
      type: 'refused',
      reason: 'payment-state',
      state: 'pending',
    })
    assert.is((await note({})).payment.state, 'open')
    await note({ transactionId: 'pi_2', paidAtMs: NOW_MS - 9 })
    const lift = { restorationId, by: 'ann', reason: 'enough' }
    assert.equal(await place.write('restorations.lift', lift), {
      type: 'refused',
      reason: 'payments-undecided',
      undecided: 2,
    })
    assert.equal(await decide('pi_3', 'refund'), { type: 'refused', reason: 'unknown-payment' })
    const asked = await decide('pi_1', 'refund')
    assert.ok(asked.type === 'payment' && asked.payment.state === 'refunding')
    assert.is((await note({})).payment.state, 'refunding', 'what was decided stays so')
    assert.is((await decide('pi_1', 'refund')).type, 'payment')
    assert.is((await decide('pi_1', 'accept')).type, 'refused')
    const settle = (state: 'open' | 'refunded', failure?: string) =>
      place.write('unknownPayments.settle', { transactionId: 'pi_1', state, failure })
    assert.is((await settle('open', 'declined')).payment.failure, 'declined')
    await decide('pi_1', 'refund')
    assert.is((await settle('refunded')).payment.state, 'refunded')
    assert.is((await settle('open', 'late')).payment.state, 'refunded', 'once')
    const accepted = await decide('pi_2', 'accept')
    assert.ok(accepted.type === 'payment' && accepted.payment.note === 'seen')
    assert.is(await place.read('unknownPayments.undecided', { restorationId }), 0)
    assert.is((await place.read('unknownPayments.find', { transactionId: 'pi_2' }))?.state, 'accepted')
    await note({ transactionId: 'pi_4' })
    const listed = await place.read('unknownPayments.list', { restorationId, limit: 9 })
    assert.equal(
      listed.map(({ transactionId }) => transactionId),
      ['pi_4', 'pi_2', 'pi_1'],
    )
    await note({ transactionId: 'pi_4', state: 'refunded', amountMinor: 0 })
    assert.is((await place.write('restorations.lift', lift)).type, 'restoration')
  })

  test('an attempt that only the provider knows is taken in with its number, and comes to what it came to', async (place) => {
    const { orderId } = await ordered(place)
    const adopted = { orderId, method: 'card', startedAtMs: NOW_MS - 7 } as const
    const adopt = (number: number, isPending: boolean) => {
      const [key, transactionId] = [`${orderId}:${number}`, `pi_${number}`]
      return place.write('payments.adopt', { ...adopted, key, transactionId, isPending })
    }
    await adopt(2, true)
    await adopt(3, true)
    await adopt(2, false)
    const statuses = async () => {
      const attempts = await place.read('payments.ofOrder', { orderId })
      return attempts.map(({ number, status }) => [number, status])
    }
    assert.equal(await statuses(), [
      [2, 'pending'],
      [3, 'failed'],
    ])
    const found = await place.read('payments.ofTransaction', { transactionId: 'pi_2' })
    assert.equal([found?.key, found?.amountMinor], [`${orderId}:2`, 199_898])
    assert.is(await place.read('payments.ofTransaction', { transactionId: 'pi_9' }), undefined)
    await place.write('payments.confirm', { key: `${orderId}:2`, transactionId: 'pi_2' })
    const order = await place.read('orders.find', { orderId })
    assert.equal([order?.status, order?.paymentMethod, order?.capturedMinor], ['confirmed', 'card', 199_898])

    const refund = { refundId: 'rfd_9', attemptKey: `${orderId}:2`, reason: 'made before', by: 'shop' }
    const first = await place.write('refunds.adopt', { ...refund, amountMinor: 199_898 })
    const again = await place.write('refunds.adopt', { ...refund, amountMinor: 199_898 })
    assert.equal([first.isDone, again.isDone], [true, true])
    assert.is((await place.read('refunds.find', { refundId: 'rfd_9' }))?.status, 'requested')
    assert.is((await place.read('orders.find', { orderId }))?.refundedMinor, 199_898, 'once')
    const more = { ...refund, refundId: 'rfd_8', amountMinor: 1 }
    assert.is((await place.write('refunds.adopt', more)).isDone, false, 'no more than was captured')
  })

  test('the sandbox lists what it took and gave back, the newest first', async (place) => {
    const delays = { shortMs: 1_000, longMs: 60_000 }
    for (const key of ['ord_1:1', 'ord_1:2', 'ord_1:3']) {
      const charge = { key, orderId: 'ord_1', amountMinor: 500, currency: 'USD', method: 'card' } as const
      await place.write('sandbox.charge', { ...charge, scenario: 'approve', delays })
    }
    const page = { sinceMs: NOW_MS, after: undefined, limit: 2 }
    const [newest, next] = await place.read('sandbox.listCharges', page)
    assert.equal([newest?.key, next?.key, newest?.createdAtMs], ['ord_1:3', 'ord_1:2', NOW_MS])
    const behind = await place.read('sandbox.listCharges', { ...page, after: 'ord_1:2' })
    assert.equal(
      behind.map(({ key }) => key),
      ['ord_1:1'],
    )
    assert.equal(await place.read('sandbox.listCharges', { ...page, sinceMs: NOW_MS + 1 }), [])
    const transactionId = newest?.transactionId ?? ''
    for (const key of ['rfd_1', 'rfd_2'])
      await place.write('sandbox.refund', { key, transactionId, amountMinor: 5, currency: 'USD', delays })
    const refunds = await place.read('sandbox.listRefunds', page)
    assert.equal(
      refunds.map(({ key, amountMinor }) => [key, amountMinor]),
      [
        ['rfd_2', 5],
        ['rfd_1', 5],
      ],
    )
    assert.is((await place.read('sandbox.listRefunds', { ...page, after: 'rfd_1' })).length, 0)
    assert.is((await place.read('sandbox.listCharges', page))[0]?.refundedMinor, 10)
  })

  test('orders whose units a restored journal lacks are found, told anew, and stay sold', async (place) => {
    const { orderId } = await ordered(place)
    const since = (sinceMs: number, after = '') =>
      place.read('orders.soldSince', { sinceMs, after, limit: 9 })
    assert.equal(await since(0), [], 'it waits for its payment')
    assert.is((await place.write('orders.resell', { orderId })).isDone, false)
    await place.write('payments.begin', begin(orderId))
    await place.write('payments.confirm', { key: `${orderId}:1`, transactionId: 'txn_1' })
    assert.equal([await since(NOW_MS), await since(NOW_MS + 1), await since(0, orderId)], [[orderId], [], []])
    assert.is((await place.write('orders.resell', { orderId })).isDone, true)
    assert.is((await place.read('orders.find', { orderId }))?.duty, 'confirm')
    await place.write('payments.confirm', { key: `${orderId}:1`, transactionId: 'txn_1' })
    const again = await place.read('orders.find', { orderId })
    assert.equal([again?.status, again?.duty, again?.invoiceNumber], ['confirmed', null, 1])
    await place.write('orders.resell', { orderId })
    assert.is((await place.write('orders.unitsMissing', { orderId })).isDone, true)
    assert.is((await place.write('orders.unitsMissing', { orderId })).isDone, false)
    assert.is((await place.read('orders.find', { orderId }))?.events.at(-1)?.type, 'units-missing')
  })
}
