import * as assert from 'uvu/assert'
import type { FoundPayment } from '../../src/persistence/tables/restoration/unknown-payment-operations.ts'
import { suite } from '../support/suite.ts'
import { fakes, NOW_MS, RESERVATION_ID } from './fake-parts.ts'
import { type Shop, shop } from './shop-parts.ts'

const PATH = '/v1/reconciliation'
const MARK = { cause: 'restored', tablesAtMs: NOW_MS, journalAtMs: NOW_MS, takesAny: false } as const
const PAYMENT: FoundPayment = {
  transactionId: 'pi_1',
  key: 'ord_9:1',
  orderId: 'ord_9',
  amountMinor: 99_999,
  currency: 'USD',
  paidAtMs: NOW_MS,
  state: 'open',
}

async function restored({ shopTables }: Shop, ...ids: readonly string[]): Promise<void> {
  const { restorationId } = (await shopTables.write('restorations.mark', MARK)).restoration
  for (const transactionId of ids) {
    const payment = { ...PAYMENT, transactionId }
    await shopTables.write('unknownPayments.note', { restorationId, payment })
  }
}

const refusal = suite('a server whose backup is not reconciled')

const restoration = { isOpen: true }
const SELLING = [
  ['ann', '/v1/reservations', { items: [{ productId: 'phone', quantity: 1 }] }],
  ['service', '/v1/reservations', { items: [{ productId: 'phone', quantity: 1 }] }],
  ['ann', '/v1/products/phone/waitlist', { quantity: 1 }],
  ['ann', '/v1/checkout', { cartId: 'cart_1' }],
  ['ann', '/v1/payment', { orderId: 'ord_1', paymentMethod: 'cod', amount: 9.99 }],
] as const
for (const [as, path, body] of SELLING) {
  refusal(`sells nothing to ${as} at ${path}, and asks nobody`, async () => {
    const { call, engine, tables } = fakes({ restoration })
    const { status, headers, body: told } = await call('POST', path, { as, body })
    assert.equal([status, told.code], [503, 'not-reconciled'])
    assert.ok(Number(headers.get('retry-after')) >= 30)
    assert.equal([engine.requests.length, tables.asked.length], [0, 0])
  })
}

refusal('tells nobody without a token more than that', async () => {
  const { call } = fakes({ restoration })
  assert.is((await call('POST', '/v1/reservations', { body: {} })).status, 401)
})

const OWN = `/v1/reservations/${RESERVATION_ID}`
for (const [method, path, body] of [
  ['GET', OWN, undefined],
  ['GET', '/v1/products/phone/stock', undefined],
  ['POST', `${OWN}/confirm`, {}],
  ['POST', `${OWN}/extend`, { ttlSeconds: 300 }],
  ['POST', `${OWN}/release`, {}],
  ['POST', '/v1/products/phone/stock/adjustments', { delta: -1, reason: 'sent by hand' }],
] as const) {
  refusal(`answers ${method} ${path.replace(RESERVATION_ID, '{id}')} as ever`, async () => {
    const { call } = fakes({ restoration })
    const { status } = await call(method, path, { as: 'staff', body })
    assert.ok(status < 300, String(status))
  })
}

refusal('sells again once it is reconciled, without a restart', async () => {
  const board = { isOpen: true }
  const { call } = fakes({ restoration: board })
  const reserve = { as: 'ann', body: { items: [{ productId: 'phone', quantity: 1 }] } }
  assert.is((await call('POST', '/v1/reservations', reserve)).status, 503)
  board.isOpen = false
  assert.is((await call('POST', '/v1/reservations', reserve)).status, 201)
})

refusal.run()

const routes = suite('what is decided about unknown payments')

routes('is for admins', async () => {
  using world = shop()
  for (const [method, path] of [
    ['GET', PATH],
    ['POST', `${PATH}/payments/pi_1/refund`],
    ['POST', `${PATH}/lift`],
  ] as const)
    assert.is((await world.call(method, path, { as: 'staff' })).status, 403)
})

routes('begins with a shop that sells', async () => {
  using world = shop()
  const { body } = await world.call('GET', PATH, { as: 'admin' })
  assert.equal(body, { selling: true, provider: 'sandbox', undecided: 0, payments: [] })
  const { status, body: none } = await world.call('POST', `${PATH}/lift`, {
    as: 'admin',
    body: { reason: 'x' },
  })
  assert.equal([status, none.code], [409, 'nothing-restored'])
})

routes('shows what is unknown, in the currency’s digits', async () => {
  using world = shop()
  await restored(world, 'pi_1')
  const { body } = await world.call('GET', PATH, { as: 'admin' })
  assert.equal([body.selling, body.undecided], [false, 1])
  const paidAt = new Date(NOW_MS).toISOString()
  const { key: _, paidAtMs: __, amountMinor: ___, ...rest } = PAYMENT
  assert.equal(body.payments, [{ ...rest, amount: 999.99, paidAt }])
})

routes('is refunded or accepted once, and lets the shop sell after all', async () => {
  using world = shop()
  await restored(world, 'pi_1', 'pi_2')
  const post = (path: string, body?: unknown) => world.call('POST', `${PATH}/${path}`, { as: 'admin', body })
  const early = await post('lift', { reason: 'enough' })
  assert.equal([early.status, early.body.code, early.body.undecided], [409, 'payments-undecided', 2])
  assert.is((await post('payments/pi_9/refund')).body.code, 'unknown-payment')
  assert.is((await post('payments/pi_1/accept', {})).status, 400)
  const accepted = await post('payments/pi_1/accept', { note: 'sent by hand' })
  assert.equal(
    [accepted.status, accepted.body.state, accepted.body.decidedBy],
    [200, 'accepted', 'key_admin'],
  )
  const other = await post('payments/pi_1/refund')
  assert.equal([other.status, other.body.code, other.body.paymentState], [409, 'payment-state', 'accepted'])
  assert.is((await post('payments/pi_2/refund')).body.state, 'refunding')
  const done = { transactionId: 'pi_2', state: 'refunded', failure: undefined } as const
  await world.shopTables.write('unknownPayments.settle', done)
  const lifted = await post('lift', { reason: 'both were seen to' })
  assert.equal(
    [lifted.status, lifted.body.liftedBy, lifted.body.reason],
    [200, 'key_admin', 'both were seen to'],
  )
  assert.ok(world.logged.some(({ msg, decision }) => msg === 'restoration.decided' && decision === 'accept'))
  assert.is((await world.call('GET', PATH, { as: 'admin' })).body.selling, true)
})

routes.run()
