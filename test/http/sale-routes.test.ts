import * as assert from 'uvu/assert'
import { saleBody } from '../../src/http/schemas.ts'
import { suite } from '../support/suite.ts'
import { fakes, stock } from './fake-parts.ts'
import { pathsOf } from './replies.ts'

const PATH = '/v1/products/pixel-11/sale'
const SALE = {
  opensAt: '2026-11-27T08:00:00.000Z',
  closesAt: '2026-11-27T20:00:00.000Z',
  perCustomerLimit: 2,
  holdTtlSeconds: 300,
  maxPerReservation: 4,
}
const DOMAIN_SALE = {
  opensAtMs: Date.parse(SALE.opensAt),
  closesAtMs: Date.parse(SALE.closesAt),
  perCustomerLimit: 2,
  holdTtlMs: 300_000,
  maxPerReservation: 4,
}

const sale = suite('the sale of a product')

sale('anyone reads it, and what is absent does not limit', async () => {
  const { call, engine } = fakes()
  const none = await call('GET', PATH)
  assert.is(none.status, 200)
  assert.equal(none.body, {})
  engine.answer = () => stock({ sale: DOMAIN_SALE })
  const reply = await call('GET', PATH)
  assert.equal(reply.body, SALE)
  assert.ok(saleBody.safeParse(reply.body).success)
})

sale('a PUT replaces the whole and answers what a GET will', async () => {
  const { call, engine } = fakes()
  const reply = await call('PUT', PATH, { as: 'staff', body: SALE })
  assert.is(reply.status, 200)
  assert.equal(reply.body, SALE)
  assert.match(reply.headers.get('holdfast-position') ?? '', /^s[0-7]\.2031$/)
  assert.equal(engine.only, {
    type: 'scheduleSale',
    productId: 'pixel-11',
    sale: DOMAIN_SALE,
    key: undefined,
  })
})

sale('an empty body ends all limits', async () => {
  const { call } = fakes()
  const reply = await call('PUT', PATH, { as: 'staff', body: {} })
  assert.is(reply.status, 200)
  assert.equal(reply.body, {})
})

sale('times with any offset are taken, and shown in UTC with milliseconds', async () => {
  const { call } = fakes()
  const times = ['2026-11-27T13:30:00+05:30', '2026-11-27T08:00:00Z', '2026-11-27T08:00:00.000000Z']
  for (const opensAt of times) {
    const reply = await call('PUT', PATH, { as: 'staff', body: { opensAt } })
    assert.equal(reply.body, { opensAt: SALE.opensAt }, opensAt)
  }
})

sale('what is malformed is refused with its path', async () => {
  const bodies: readonly (readonly [body: unknown, path: string])[] = [
    ...[
      'tomorrow',
      '2026-11-27',
      '2026-02-30T00:00:00Z',
      '2026-11-27T08:00:00',
      '',
      0,
      null,
      '1969-12-31T23:59:59Z',
    ].map((opensAt) => [{ opensAt }, 'opensAt'] as const),
    [{ ...SALE, closesAt: SALE.opensAt }, 'closesAt'],
    ...[0, -1, 1.5, 1_000_001, '2', null].map(
      (perCustomerLimit) => [{ perCustomerLimit }, 'perCustomerLimit'] as const,
    ),
    ...[0, 3_601].map((holdTtlSeconds) => [{ holdTtlSeconds }, 'holdTtlSeconds'] as const),
    ...[0, 1_000_001].map((maxPerReservation) => [{ maxPerReservation }, 'maxPerReservation'] as const),
    [{ price: 1 }, 'price'],
    [[], ''],
  ]
  for (const [body, path] of bodies) {
    const { call, engine } = fakes()
    const reply = await call('PUT', PATH, { as: 'staff', body })
    assert.is(reply.status, 400, JSON.stringify(body))
    assert.equal(pathsOf(reply), [path], JSON.stringify(body))
    assert.is(engine.requests.length, 0)
  }
})

sale('a product without stock has no sale', async () => {
  const { call, engine } = fakes()
  engine.answer = () => ({ type: 'refused', refusal: { reason: 'unknownProduct', productId: 'pixel-11' } })
  assert.is((await call('GET', PATH)).status, 404)
  assert.is((await call('PUT', PATH, { as: 'staff', body: {} })).status, 404)
  assert.is((await call('GET', '/v1/products/import/sale')).status, 404)
})

sale.run()
