import * as assert from 'uvu/assert'
import type { CustomerId, ProductId } from '../../src/domain/ids.ts'
import { reservationReply, reservedReply } from '../../src/http/schemas.ts'
import { TablesError } from '../../src/persistence/tables/tables-error.ts'
import { suite } from '../support/suite.ts'
import { fakes, NOW_MS, RESERVATION_ID, reservation } from './fake-parts.ts'
import { pathsOf } from './replies.ts'

const LINE = { productId: 'pixel-11', quantity: 2 }
const PATH = `/v1/reservations/${RESERVATION_ID}`
const LATER_MS = NOW_MS + 251_000

const reserve = suite('POST /v1/reservations')

reserve('a hold is answered with 201, where to find it and what is left', async () => {
  const { call, engine } = fakes()
  const body = { items: [LINE], ttlSeconds: 60, customerId: 'usr_ann', reference: 'cart "7" é' }
  const reply = await call('POST', '/v1/reservations', { as: 'service', body })
  assert.is(reply.status, 201)
  assert.equal(reply.body, {
    reservationId: RESERVATION_ID,
    status: 'held',
    items: [{ productId: 'pixel-11', quantity: 2, available: 41 }],
    customerId: 'usr_ann',
    reference: 'cart "7" é',
    expiresAt: '2026-11-27T08:10:00.000Z',
    sequence: 1042,
  })
  assert.ok(reservedReply.safeParse(reply.body).success)
  assert.is(reply.headers.get('location'), PATH)
  assert.is(reply.headers.get('holdfast-position'), 's3.1042', 'the id ends in its home, shard 3')
  assert.is(reply.headers.get('content-type'), 'application/json')
  assert.is(reply.headers.get('cache-control'), 'no-store')
  assert.equal(engine.only, {
    type: 'reserve',
    reservationId: RESERVATION_ID,
    productId: 'pixel-11',
    customerId: 'usr_ann',
    quantity: 2,
    ttlMs: 60_000,
    allowPartial: false,
    reference: 'cart "7" é',
    key: undefined,
  })
})

reserve('what the request leaves out the reply leaves out', async () => {
  const { call, engine } = fakes()
  const reply = await call('POST', '/v1/reservations', {
    as: 'service',
    body: { items: [LINE], allowPartial: true },
  })
  assert.is(reply.status, 201)
  assert.ok(reservedReply.safeParse(reply.body).success)
  assert.not.ok('customerId' in reply.body)
  assert.not.ok('reference' in reply.body)
  const { only } = engine
  assert.ok(only.type === 'reserve' && only.ttlMs === undefined && only.allowPartial)
})

reserve('a partial hold is answered with what it got', async () => {
  const { call, engine } = fakes()
  engine.answer = () => ({ type: 'held', quantity: 1, available: 0, expiresAtMs: NOW_MS, sequence: 1 })
  const reply = await call('POST', '/v1/reservations', {
    as: 'service',
    body: { items: [LINE], allowPartial: true },
  })
  assert.equal(reply.body.items, [{ productId: 'pixel-11', quantity: 1, available: 0 }])
})

reserve('a customer reserves for themselves', async () => {
  const { call, engine } = fakes()
  const reply = await call('POST', '/v1/reservations', { as: 'ann', body: { items: [LINE] } })
  assert.is(reply.status, 201)
  assert.is(reply.body.customerId, 'usr_ann')
  assert.ok(engine.only.type === 'reserve' && engine.only.customerId === 'usr_ann')
})

reserve('a customer cannot name whom a reservation is for, themselves included', async () => {
  for (const customerId of ['usr_bob', 'usr_ann']) {
    const { call, engine } = fakes()
    const reply = await call('POST', '/v1/reservations', { as: 'ann', body: { items: [LINE], customerId } })
    assert.is(reply.status, 400)
    assert.equal(pathsOf(reply), ['customerId'])
    assert.is(engine.requests.length, 0)
  }
})

reserve('lines of the same product are summed', async () => {
  const { call, engine } = fakes()
  await call('POST', '/v1/reservations', { as: 'service', body: { items: [LINE, { ...LINE, quantity: 3 }] } })
  assert.ok(engine.only.type === 'reserve' && engine.only.quantity === 5)
})

reserve('lines that sum to more than a line may ask for are refused', async () => {
  const { call, engine, splits } = fakes()
  const more = { ...LINE, quantity: 1_000_000 }
  for (const items of [
    [LINE, more],
    [{ productId: 'a', quantity: 1 }, LINE, more],
  ]) {
    const reply = await call('POST', '/v1/reservations', { as: 'service', body: { items } })
    assert.is(reply.status, 400)
    assert.equal(pathsOf(reply), ['items'])
  }
  assert.is(engine.requests.length + splits.asks.length, 0)
})

/** Attacks 14, 16 and 17: each is refused with the path of what is wrong, and nothing reaches the engine. */
const MALFORMED: readonly (readonly [body: unknown, path: string])[] = [
  [{}, 'items'],
  [{ items: [] }, 'items'],
  [{ items: {} }, 'items'],
  [{ items: 'pixel-11' }, 'items'],
  [{ items: [null] }, 'items.0'],
  [{ items: [[]] }, 'items.0'],
  [{ items: Array.from({ length: 101 }, () => LINE) }, 'items'],
  [{ items: [{ productId: 'pixel-11' }] }, 'items.0.quantity'],
  ...[0, -1, 1.5, 1e9, 2 ** 53, '1', null, [1], true, {}].map(
    (quantity) => [{ items: [{ productId: 'pixel-11', quantity }] }, 'items.0.quantity'] as const,
  ),
  ...[
    '',
    '-a',
    'a b',
    'a/b',
    'a\u0000',
    'é',
    '\u202ea',
    'a'.repeat(65),
    'a'.repeat(10_000),
    'search',
    '__proto__',
  ].map((productId) => [{ items: [{ productId, quantity: 1 }] }, 'items.0.productId'] as const),
  ...[7, null, {}, ['a']].map(
    (productId) => [{ items: [{ productId, quantity: 1 }] }, 'items.0.productId'] as const,
  ),
  [{ items: [{ ...LINE, price: 1 }] }, 'items.0.price'],
  ...['price', 'userId', 'status', 'expiresAt', 'role', 'constructor'].map(
    (name) => [{ items: [LINE], [name]: 'x' }, name] as const,
  ),
  ...[0, 3_601, 1.5, '60', null].map((ttlSeconds) => [{ items: [LINE], ttlSeconds }, 'ttlSeconds'] as const),
  ...['true', 1, null].map((allowPartial) => [{ items: [LINE], allowPartial }, 'allowPartial'] as const),
  ...['', 'a b', 'é', 'a\u0000', 'a'.repeat(129), 7, null].map(
    (customerId) => [{ items: [LINE], customerId }, 'customerId'] as const,
  ),
  ...['', 'a\nb', '\u001b[31m', '\ud800', 'a'.repeat(129), 7, null].map(
    (reference) => [{ items: [LINE], reference }, 'reference'] as const,
  ),
]

reserve('each malformed field is refused with its path, and nothing is asked of the engine', async () => {
  for (const [body, path] of MALFORMED) {
    const { call, engine } = fakes()
    const reply = await call('POST', '/v1/reservations', { as: 'service', body })
    const sent = JSON.stringify(body).slice(0, 100)
    assert.is(reply.status, 400, sent)
    assert.is(reply.body.code, 'validation-failed', sent)
    assert.equal(pathsOf(reply), [path], sent)
    assert.is(engine.requests.length, 0, sent)
  }
})

reserve('the names of inherited properties are ordinary product ids', async () => {
  for (const productId of ['constructor', 'toString', 'hasOwnProperty', 'valueOf']) {
    const { call, engine } = fakes()
    engine.answer = () => ({ type: 'refused', refusal: { reason: 'unknownProduct', productId } })
    const reply = await call('POST', '/v1/reservations', {
      as: 'service',
      body: { items: [{ productId, quantity: 1 }] },
    })
    assert.is(reply.status, 404)
    assert.is(reply.body.code, 'unknown-product')
  }
})

reserve('__proto__ in a body is refused and pollutes nothing', async () => {
  const { call, engine } = fakes()
  const bodies = [
    '{"items":[{"productId":"a","quantity":1}],"__proto__":{"polluted":1}}',
    '{"items":[{"productId":"a","quantity":1,"__proto__":{"polluted":1}}]}',
    '{"__proto__":{"items":[{"productId":"a","quantity":1}]}}',
  ]
  for (const body of bodies) {
    const reply = await call('POST', '/v1/reservations', { as: 'service', body })
    assert.is(reply.status, 400, body)
  }
  assert.is(engine.requests.length, 0)
  assert.not.ok('polluted' in {})
})

reserve('a customer is needed where the product limits each: 400 at customerId', async () => {
  const { call, engine } = fakes()
  engine.answer = () => ({ type: 'refused', refusal: { reason: 'customerRequired', productId: 'pixel-11' } })
  const reply = await call('POST', '/v1/reservations', { as: 'service', body: { items: [LINE] } })
  assert.is(reply.status, 400)
  assert.is(reply.body.code, 'validation-failed')
  assert.equal(pathsOf(reply), ['customerId'])
})

reserve('a refusal is a problem with what is left, and no position', async () => {
  const { call, engine } = fakes()
  const items = [{ productId: 'pixel-11', requested: 2, available: 1 }]
  engine.answer = () => ({ type: 'refused', refusal: { reason: 'outOfStock', items } })
  const reply = await call('POST', '/v1/reservations', { as: 'service', body: { items: [LINE] } })
  assert.is(reply.status, 409)
  assert.is(reply.headers.get('content-type'), 'application/problem+json')
  assert.is(reply.headers.get('holdfast-position'), null)
  assert.is(reply.body.code, 'out-of-stock')
  assert.equal(reply.body.items, items)
})

reserve.run()

const read = suite('GET /v1/reservations/{id}')

read('a live reservation has neither resolvedAt nor returned quantities', async () => {
  const { call, engine } = fakes()
  const reply = await call('GET', PATH, { as: 'service' })
  assert.is(reply.status, 200)
  assert.equal(reply.body, {
    reservationId: RESERVATION_ID,
    status: 'held',
    items: [{ productId: 'pixel-11', quantity: 2 }],
    customerId: 'usr_ann',
    reference: 'cart-1',
    expiresAt: '2026-11-27T08:10:00.000Z',
    sequence: 77,
  })
  assert.is(reply.headers.get('holdfast-position'), null, 'nothing was changed')
  assert.equal(engine.only, { type: 'readReservation', reservationId: RESERVATION_ID })
})

read('a confirmed one says when it ended and what came back', async () => {
  const { call, engine } = fakes()
  engine.answer = () =>
    reservation({
      status: 'confirmed',
      lines: [{ productId: 'pixel-11' as ProductId, quantity: 2, returned: 1 }],
      resolvedAtMs: LATER_MS,
    })
  const reply = await call('GET', PATH, { as: 'service' })
  assert.is(reply.body.resolvedAt, '2026-11-27T08:04:11.000Z')
  assert.equal(reply.body.items, [{ productId: 'pixel-11', quantity: 2, returned: 1 }])
  assert.ok(reservationReply.safeParse(reply.body).success)
})

read('a customer sees their own', async () => {
  const { call } = fakes()
  assert.is((await call('GET', PATH, { as: 'ann' })).status, 200)
})

read('what is somebody else’s looks exactly like what does not exist', async () => {
  const { call, engine } = fakes()
  const headers = { 'x-request-id': 'same' }
  const others = await call('GET', PATH, { as: 'bob', headers })
  engine.answer = () => reservation({ customerId: undefined })
  const nobodys = await call('GET', PATH, { as: 'bob', headers })
  engine.answer = () => ({ type: 'refused', refusal: { reason: 'unknownReservation' } })
  const missing = await call('GET', PATH, { as: 'bob', headers })
  assert.is(others.status, 404)
  assert.is(others.text, missing.text)
  assert.is(nobodys.text, missing.text)
  assert.equal([...others.headers], [...missing.headers])
})

read('what cannot be an id is not found, and nobody is asked', async () => {
  const { call, engine } = fakes()
  const ofNoShard = `${RESERVATION_ID.slice(0, -2)}ZZ`
  const ids = [
    'x',
    'res_',
    '__proto__',
    'constructor',
    '%00',
    'a%2fb',
    `${RESERVATION_ID}0`,
    'res_'.repeat(3_000),
  ]
  for (const id of [...ids, RESERVATION_ID.toLowerCase(), ofNoShard]) {
    const reply = await call('GET', `/v1/reservations/${id}`, { as: 'service' })
    assert.is(reply.status, 404, id.slice(0, 40))
    assert.is(reply.body.code, 'unknown-reservation')
  }
  assert.is(engine.requests.length, 0)
})

read.run()

const change = suite('changing a reservation')

type Change = {
  readonly word: string
  readonly body: unknown
  readonly request: Record<string, unknown>
  /** Bodies that are refused, with the path of the mistake. */
  readonly wrong: readonly (readonly [body: unknown, path: string])[]
  readonly mayBeEmpty?: boolean
  readonly forCustomers?: boolean
}

const WRONG_LINES = [
  [{ items: [] }, 'items'],
  [{ items: [{ productId: 'pixel-11', quantity: 0 }] }, 'items.0.quantity'],
  [{ items: [{ ...LINE, price: 1 }] }, 'items.0.price'],
] as const

const CHANGES: readonly Change[] = [
  {
    word: 'extend',
    body: { ttlSeconds: 60 },
    request: { type: 'extend', ttlMs: 60_000 },
    wrong: [
      [{}, 'ttlSeconds'],
      [{ ttlSeconds: 0 }, 'ttlSeconds'],
      [{ ttlSeconds: 3_601 }, 'ttlSeconds'],
      [{ ttlSeconds: 60, expiresAt: 'x' }, 'expiresAt'],
    ],
    forCustomers: true,
  },
  {
    word: 'paying',
    body: { seconds: 30 },
    request: { type: 'startPayment', payingMs: 30_000 },
    wrong: [
      [{ seconds: 0 }, 'seconds'],
      [{ seconds: 7_201 }, 'seconds'],
      [{ ttlSeconds: 60 }, 'ttlSeconds'],
    ],
    mayBeEmpty: true,
  },
  {
    word: 'release',
    body: { items: [LINE] },
    request: { type: 'release', items: [LINE] },
    wrong: [...WRONG_LINES, [{ reason: 'x' }, 'reason']],
    mayBeEmpty: true,
    forCustomers: true,
  },
  {
    word: 'confirm',
    body: { items: [LINE], reference: 'order-1' },
    request: { type: 'confirm', items: [LINE], reference: 'order-1' },
    wrong: [...WRONG_LINES, [{ reference: '' }, 'reference'], [{ price: 1 }, 'price']],
    mayBeEmpty: true,
  },
  {
    word: 'return',
    body: { items: [LINE], reason: 'unwanted' },
    request: { type: 'return', items: [LINE], reason: 'unwanted' },
    wrong: [
      [{}, 'reason'],
      [{ reason: '' }, 'reason'],
      [{ reason: 'a'.repeat(257) }, 'reason'],
      [{ reason: 'x', items: [] }, 'items'],
    ],
  },
]

for (const { word, body, request, wrong, mayBeEmpty = false, forCustomers = false } of CHANGES) {
  const path = `${PATH}/${word}`

  change(`${word} answers the reservation and its position`, async () => {
    const { call, engine } = fakes()
    const reply = await call('POST', path, { as: 'service', body })
    assert.is(reply.status, 200)
    assert.is(reply.body.reservationId, RESERVATION_ID)
    assert.ok(reservationReply.safeParse(reply.body).success)
    assert.is(reply.headers.get('holdfast-position'), 's3.77')
    assert.equal(engine.only, { reservationId: RESERVATION_ID, key: undefined, ...request })
  })

  change(`${word} refuses what is malformed, with its path`, async () => {
    for (const [malformed, at] of wrong) {
      const { call, engine } = fakes()
      const reply = await call('POST', path, { as: 'service', body: malformed })
      assert.is(reply.status, 400, JSON.stringify(malformed))
      assert.equal(pathsOf(reply), [at], JSON.stringify(malformed))
      assert.is(engine.requests.length, 0)
    }
  })

  change(`${word} passes refusals on`, async () => {
    const { call, engine } = fakes()
    engine.answer = () => ({ type: 'refused', refusal: { reason: 'reservationResolved', status: 'expired' } })
    const reply = await call('POST', path, { as: 'service', body })
    assert.is(reply.status, 409)
    assert.is(reply.body.code, 'reservation-resolved')
    assert.is(reply.body.reservationStatus, 'expired')
    assert.is(reply.body.status, 409)
  })

  change(`${word} ${mayBeEmpty ? 'takes no body for an empty one' : 'needs a body'}`, async () => {
    const { call } = fakes()
    assert.is((await call('POST', path, { as: 'service' })).status, mayBeEmpty ? 200 : 415)
    assert.is((await call('POST', path, { as: 'service', body: {} })).status, mayBeEmpty ? 200 : 400)
  })

  if (!forCustomers) {
    change(`${word} is not for customers, whatever they own`, async () => {
      const { call, engine } = fakes()
      assert.is((await call('POST', path, { as: 'ann', body })).status, 403)
      assert.is(engine.requests.length, 0)
    })
    continue
  }

  change(`${word} of one’s own is for customers`, async () => {
    const { call, engine } = fakes()
    assert.is((await call('POST', path, { as: 'ann', body })).status, 200)
    assert.equal(
      engine.requests.map(({ type }) => type),
      ['readReservation', word],
    )
  })

  change(`${word} of somebody else’s is not found, before its body is looked at`, async () => {
    for (const anyBody of [body, { nonsense: 1 }, '{']) {
      const { call, engine } = fakes()
      const headers = { 'x-request-id': 'same' }
      const others = await call('POST', path, { as: 'bob', body: anyBody, headers })
      engine.answer = () => ({ type: 'refused', refusal: { reason: 'unknownReservation' } })
      const missing = await call('POST', path, { as: 'bob', body: anyBody, headers })
      assert.is(others.status, 404)
      assert.is(others.text, missing.text)
      assert.ok(engine.requests.every(({ type }) => type === 'readReservation'))
    }
  })
}

change('goes on where nodes do not share their tables, and so nobody makes orders', async () => {
  const { call, tables } = fakes()
  tables.answer = () => {
    throw new TablesError('not-shared', 'each node has its own')
  }
  const reply = await call('POST', `${PATH}/release`, { as: 'service' })
  assert.is(reply.status, 200)
})

change('by a service is validated before anybody looks whether there is such a reservation', async () => {
  const { call, engine } = fakes()
  for (const word of ['extend', 'paying', 'release', 'confirm', 'return']) {
    const reply = await call('POST', `${PATH}/${word}`, { as: 'service', body: { nonsense: 1 } })
    assert.is(reply.body.code, 'validation-failed', word)
  }
  assert.is(engine.requests.length, 0)
})

change('is refused once an order owns the reservation, and be it while the body still comes', async () => {
  const { app, engine, tables } = fakes()
  const orderId = 'ord_01K5ZC4N8XQ2M7V3H9R6T1B0DW'
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        tables.answer = () => ({ orderId, customerId: 'usr_ann' })
        controller.enqueue(new TextEncoder().encode(JSON.stringify({ items: [LINE] })))
        controller.close()
      },
    },
    { highWaterMark: 0 },
  )
  const headers = { authorization: 'Bearer ann', 'content-type': 'application/json' }
  const init: RequestInit = { method: 'POST', headers, body, duplex: 'half' }
  const reply = await app.request(`${PATH}/release`, init)
  assert.is(reply.status, 409)
  assert.match(await reply.text(), '"owned-by-order"')
  assert.ok(engine.requests.every(({ type }) => type === 'readReservation'))
})

change('or reading one does not show the use of a discount that is held with its goods', async () => {
  const { call, engine, history } = fakes()
  const goods = { productId: 'pixel-11' as ProductId, quantity: 2, returned: 0 }
  const lines = [goods, { productId: '~TEN' as ProductId, quantity: 1, returned: 0 }]
  engine.answer = () => reservation({ lines })
  const known = await call('GET', PATH, { as: 'ann' })
  assert.equal(known.body.items, [{ productId: 'pixel-11', quantity: 2 }])
  engine.answer = () => ({ type: 'refused', refusal: { reason: 'unknownReservation' } })
  history.answer = () => ({ ...reservation({ lines }), createdAtMs: NOW_MS, resolvedAtMs: NOW_MS })
  const forgotten = await call('GET', PATH, { as: 'ann' })
  assert.equal(forgotten.body.items, [{ productId: 'pixel-11', quantity: 2 }])
})

change('payment has 900 seconds unless it says otherwise', async () => {
  const { call, engine } = fakes()
  await call('POST', `${PATH}/paying`, { as: 'service' })
  assert.ok(engine.only.type === 'startPayment' && engine.only.payingMs === 900_000)
})

change('the lines of several products go to the command as they are', async () => {
  const { call, engine } = fakes()
  const items = [LINE, LINE, { productId: 'iphone-17', quantity: 1 }]
  await call('POST', `${PATH}/release`, { as: 'service', body: { items } })
  assert.ok(engine.only.type === 'release')
  assert.equal(engine.only.items, items)
})

change('a reservation without customer and reference is shown without them', async () => {
  const { call, engine } = fakes()
  engine.answer = () => reservation({ customerId: undefined, reference: undefined })
  const reply = await call('POST', `${PATH}/confirm`, { as: 'service' })
  assert.not.ok('customerId' in reply.body || 'reference' in reply.body)
})

change('customers’ ids are compared as they are, case included', async () => {
  const { call, engine } = fakes()
  engine.answer = () => reservation({ customerId: 'USR_ANN' as CustomerId })
  assert.is((await call('GET', PATH, { as: 'ann' })).status, 404)
})

change.run()
