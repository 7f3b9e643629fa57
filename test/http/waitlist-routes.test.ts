import * as assert from 'uvu/assert'
import { waitingReply, waitlistReply } from '../../src/http/schemas.ts'
import { suite } from '../support/suite.ts'
import { fakes, NOW_MS, RESERVATION_ID } from './fake-parts.ts'
import { pathsOf } from './replies.ts'

const PATH = '/v1/products/pixel-11/waitlist'

const join = suite('POST /v1/products/{id}/waitlist')

join('a customer joins for themselves and hears their place', async () => {
  const { call, engine } = fakes()
  const reply = await call('POST', PATH, { as: 'ann', body: { quantity: 2 } })
  assert.is(reply.status, 201)
  assert.equal(reply.body, { productId: 'pixel-11', quantity: 2, position: 7 })
  assert.ok(waitingReply.safeParse(reply.body).success)
  assert.match(reply.headers.get('holdfast-position') ?? '', /^s[0-7]\.88$/)
  assert.equal(engine.only, {
    type: 'joinWaitlist',
    productId: 'pixel-11',
    customerId: 'usr_ann',
    quantity: 2,
    reservationId: RESERVATION_ID,
    key: undefined,
  })
  assert.equal(engine.drawnFor, ['pixel-11'], 'the hold will be made where the product is')
})

join('a service says for whom', async () => {
  const { call, engine } = fakes()
  const body = { quantity: 1, customerId: 'usr_bob' }
  assert.is((await call('POST', PATH, { as: 'service', body })).status, 201)
  assert.ok(engine.only.type === 'joinWaitlist' && engine.only.customerId === 'usr_bob')
})

join('what is malformed is refused with its path', async () => {
  const rows: readonly (readonly [as: string, body: unknown, path: string])[] = [
    ['service', { quantity: 1 }, 'customerId'],
    ['ann', { quantity: 1, customerId: 'usr_bob' }, 'customerId'],
    ['ann', { quantity: 1, customerId: 'usr_ann' }, 'customerId'],
    ['ann', {}, 'quantity'],
    ...[0, -1, 1.5, 1_000_001, '1', null].map((quantity) => ['ann', { quantity }, 'quantity'] as const),
    ['ann', { quantity: 1, position: 1 }, 'position'],
    ['service', { quantity: 1, customerId: 'a b' }, 'customerId'],
  ]
  for (const [as, body, path] of rows) {
    const { call, engine } = fakes()
    const reply = await call('POST', PATH, { as, body })
    assert.is(reply.status, 400, JSON.stringify(body))
    assert.equal(pathsOf(reply), [path], JSON.stringify(body))
    assert.is(engine.requests.length, 0)
  }
})

join('where there is no need to wait, or no room, it says so', async () => {
  const refusals = [
    [{ reason: 'stockAvailable', productId: 'pixel-11', available: 3 }, 'stock-available'],
    [{ reason: 'alreadyWaiting', productId: 'pixel-11', quantity: 5 }, 'already-waiting'],
    [{ reason: 'waitlistFull', productId: 'pixel-11' }, 'waitlist-full'],
    [{ reason: 'saleClosed', productId: 'pixel-11', closesAtMs: NOW_MS }, 'sale-closed'],
  ] as const
  for (const [refusal, code] of refusals) {
    const { call, engine } = fakes()
    engine.answer = () => ({ type: 'refused', refusal })
    const reply = await call('POST', PATH, { as: 'ann', body: { quantity: 1 } })
    assert.is(reply.status, 409)
    assert.is(reply.body.code, code)
    assert.is(reply.headers.get('holdfast-position'), null)
  }
})

join('what cannot be a product is not found, whoever asks', async () => {
  const { call, engine } = fakes()
  for (const id of ['search', '%00', '-a', '~coupon', 'x'.repeat(65)]) {
    const reply = await call('POST', `/v1/products/${id}/waitlist`, { as: 'ann', body: { quantity: 1 } })
    assert.is(reply.status, 404, id)
  }
  assert.is(engine.requests.length, 0)
})

join.run()

const read = suite('GET /v1/products/{id}/waitlist')

read('tells a customer their own place, and a service that of whom it names', async () => {
  const { call, engine } = fakes()
  const own = await call('GET', PATH, { as: 'ann' })
  assert.is(own.status, 200)
  assert.equal(own.body, { productId: 'pixel-11', quantity: 1, position: 7 })
  assert.equal(engine.only, { type: 'readWaitlist', productId: 'pixel-11', customerId: 'usr_ann' })
  await call('GET', `${PATH}?customerId=usr_bob`, { as: 'service' })
  const [, second] = engine.requests
  assert.ok(second?.type === 'readWaitlist' && second.customerId === 'usr_bob')
})

read('tells the reservation once the units came', async () => {
  const { call, engine } = fakes()
  engine.answer = () => ({
    type: 'served',
    productId: 'pixel-11',
    reservationId: RESERVATION_ID,
    quantity: 2,
    expiresAtMs: NOW_MS + 600_000,
    sequence: 90,
  })
  const reply = await call('GET', PATH, { as: 'ann' })
  assert.is(reply.status, 200)
  assert.equal(reply.body, {
    productId: 'pixel-11',
    quantity: 2,
    reservationId: RESERVATION_ID,
    expiresAt: '2026-11-27T08:10:00.000Z',
  })
  assert.ok(waitlistReply.safeParse(reply.body).success)
})

read('is 404 for who does not wait, and for a product that never had stock', async () => {
  const { call, engine } = fakes()
  engine.answer = () => ({ type: 'refused', refusal: { reason: 'notWaiting', productId: 'pixel-11' } })
  const reply = await call('GET', PATH, { as: 'ann' })
  assert.is(reply.status, 404)
  assert.is(reply.body.code, 'not-waiting')
  engine.answer = () => ({ type: 'refused', refusal: { reason: 'unknownProduct', productId: 'pixel-11' } })
  assert.is((await call('GET', PATH, { as: 'ann' })).body.code, 'unknown-product')
})

read('and leaving take nobody’s name from customers, and need one from services', async () => {
  for (const method of ['GET', 'DELETE']) {
    const { call, engine } = fakes()
    assert.equal(pathsOf(await call(method, PATH, { as: 'service' })), ['customerId'], method)
    for (const query of ['?customerId=usr_bob', '?customerId=usr_ann', '?customerId=', '?all=1']) {
      const reply = await call(method, PATH + query, { as: 'ann' })
      assert.is(reply.status, 400, `${method} ${query}`)
    }
    const twice = await call(method, `${PATH}?customerId=a&customerId=b`, { as: 'service' })
    assert.equal(pathsOf(twice), ['customerId'])
    assert.is(engine.requests.length, 0)
  }
})

read.run()

const leave = suite('DELETE /v1/products/{id}/waitlist')

leave('answers 204 and its position', async () => {
  const { call, engine } = fakes()
  const reply = await call('DELETE', PATH, { as: 'ann' })
  assert.is(reply.status, 204)
  assert.is(reply.text, '')
  assert.match(reply.headers.get('holdfast-position') ?? '', /^s[0-7]\.89$/)
  assert.equal(engine.only, {
    type: 'leaveWaitlist',
    productId: 'pixel-11',
    customerId: 'usr_ann',
    key: undefined,
  })
})

leave('is 404 for who does not wait', async () => {
  const { call, engine } = fakes()
  engine.answer = () => ({ type: 'refused', refusal: { reason: 'notWaiting', productId: 'pixel-11' } })
  const reply = await call('DELETE', `${PATH}?customerId=usr_ann`, { as: 'service' })
  assert.is(reply.status, 404)
  assert.is(reply.body.code, 'not-waiting')
})

leave.run()
