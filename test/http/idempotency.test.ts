import * as assert from 'uvu/assert'
import { type CommandKey, fingerprintIn, hashIn, shardOfKey } from '../../src/actors/command-key.ts'
import { EngineError } from '../../src/actors/engine-error.ts'
import type { Request as EngineRequest } from '../../src/actors/requests.ts'
import { GivenUp } from '../../src/actors/split-coordinator.ts'
import {
  type CustomerId,
  homeOf,
  type ProductId,
  type ReservationId,
  reservationIdOf,
} from '../../src/domain/ids.ts'
import type { Principal } from '../../src/http/parts.ts'
import { suite } from '../support/suite.ts'
import {
  type CallOptions,
  type Fakes,
  fakes,
  NOW_MS,
  RESERVATION_ID,
  type Reply,
  reservation,
  SHARDS,
  splitHeld,
  stock,
  usualAnswer,
} from './fake-parts.ts'
import { KeyedShards } from './keyed-shards.ts'

const KEY = '8e03978e-40d5-43dd-bc93-6894a57f9324'
const ITEMS = [{ productId: 'pixel-11', quantity: 2 }]
const SEVERAL = [...ITEMS, { productId: 'case', quantity: 1 }]
const RESERVATION = `/v1/reservations/${RESERVATION_ID}`
const PRODUCT = '/v1/products/pixel-11'
/** Of the same home as `RESERVATION_ID`. */
const EARLIER_ID = reservationIdOf('01K5ZC4N8XQ2M7V3H9R6T1B0AA', homeOf(RESERVATION_ID))

type Row = {
  readonly method: string
  readonly path: string
  readonly as: string
  readonly body?: unknown
  readonly status: number
  /** What the engine answers when it repeats an answer. */
  readonly replay: () => unknown
}

/** Every change that shards decide, but for new reservations. */
const CHANGES: readonly Row[] = [
  ...(
    [
      ['extend', { ttlSeconds: 60 }],
      ['paying', { seconds: 60 }],
      ['release', { items: ITEMS }],
      ['confirm', { reference: 'order-1' }],
      ['return', { reason: 'unwanted' }],
    ] as const
  ).map(([word, body]) => ({
    method: 'POST',
    path: `${RESERVATION}/${word}`,
    as: 'service',
    body,
    status: 200,
    replay: () => reservation({ replayed: true }),
  })),
  {
    method: 'POST',
    path: `${PRODUCT}/stock/adjustments`,
    as: 'staff',
    body: { delta: 1, reason: 'x' },
    status: 200,
    replay: () => stock({ replayed: true }),
  },
  {
    method: 'PUT',
    path: `${PRODUCT}/sale`,
    as: 'staff',
    body: { perCustomerLimit: 2, maxPerReservation: 1 },
    status: 200,
    replay: () => stock({ sale: { perCustomerLimit: 2, maxPerReservation: 1 }, replayed: true }),
  },
  {
    method: 'POST',
    path: `${PRODUCT}/waitlist`,
    as: 'ann',
    body: { quantity: 2 },
    status: 201,
    replay: () => {
      return {
        type: 'waiting',
        replayed: true,
        productId: 'pixel-11',
        quantity: 2,
        position: 7,
        sequence: 88,
      }
    },
  },
  {
    method: 'DELETE',
    path: `${PRODUCT}/waitlist`,
    as: 'ann',
    status: 204,
    replay: () => ({ type: 'left', replayed: true, sequence: 89 }),
  },
]

function keyed(key: string, options: CallOptions): CallOptions {
  return { ...options, headers: { ...options.headers, 'idempotency-key': key } }
}

/** The key that the last request to the engine carried. */
function keyIn(requests: readonly EngineRequest[]): CommandKey {
  const last = requests.at(-1)
  assert.ok(last !== undefined && 'key' in last && last.key !== undefined, 'it carries a key')
  return last.key
}

/** Sends a change and answers with the key it came with at the engine. */
async function keyOf(
  row: Pick<Row, 'method' | 'path' | 'as' | 'body'>,
  key: string = KEY,
): Promise<CommandKey> {
  const { call, engine } = fakes()
  const reply = await call(row.method, row.path, keyed(key, row))
  assert.ok(reply.status < 300, reply.text)
  return keyIn(engine.requests)
}

const form = suite('the Idempotency-Key header field')

form('is refused where its form is bad, before anything happens', async () => {
  const bad = [
    '',
    '""',
    '"',
    'a b',
    'é',
    'a\u007f',
    'x'.repeat(256),
    `"${'x'.repeat(256)}"`,
    'x'.repeat(10_000),
  ]
  for (const key of [...bad, 'a, b']) {
    const { call, engine } = fakes()
    const reply = await call(
      'POST',
      '/v1/reservations',
      keyed(key, { as: 'service', body: { items: ITEMS } }),
    )
    assert.is(reply.status, 400, key.slice(0, 20))
    assert.is(reply.body.code, 'malformed-request')
    assert.is(engine.requests.length, 0)
  }
})

form('is taken quoted or bare, up to 255 characters', async () => {
  for (const key of ['a', KEY, `"${KEY}"`, 'x'.repeat(255), `"${'x'.repeat(255)}"`, 'a"b', "'", '\\']) {
    const { call } = fakes()
    const reply = await call(
      'POST',
      '/v1/reservations',
      keyed(key, { as: 'service', body: { items: ITEMS } }),
    )
    assert.is(reply.status, 201, key)
  }
})

form('means the same quoted and bare, and nothing else means the same', async () => {
  const [row] = CHANGES as [Row]
  const keys = await Promise.all([KEY, `"${KEY}"`].map((key) => keyOf(row, key)))
  assert.is(keys[0], keys[1])
  const escaped = await Promise.all(['a"b\\c', '"a\\"b\\\\c"', '"a"b\\c"'].map((key) => keyOf(row, key)))
  assert.is(new Set(escaped).size, 1, 'within quotes, quotes and backslashes may be escaped')
  const others = await Promise.all(
    [KEY, KEY.toUpperCase(), `${KEY}0`, "'a'", 'a'].map((key) => keyOf(row, key)),
  )
  assert.is(new Set(others).size, 5)
})

form('is not looked at where nothing changes', async () => {
  const { call } = fakes()
  assert.is((await call('GET', RESERVATION, keyed('not good', { as: 'service' }))).status, 200)
})

form.run()

const scope = suite('a key belongs to one caller, one route and one body')

for (const row of CHANGES) {
  const name = `${row.method} ${row.path.replace(RESERVATION_ID, '{id}')}`

  scope(`${name} carries the key to who decides`, async () => {
    const key = await keyOf(row)
    assert.is(key.length, 24)
    assert.is(await keyOf(row), key)
    assert.is.not(hashIn(await keyOf(row, 'another')), hashIn(key))
  })

  scope(`${name} without a key carries none`, async () => {
    const { call, engine } = fakes()
    const reply = await call(row.method, row.path, row)
    assert.is(reply.status, row.status)
    const last = engine.requests.at(-1)
    assert.ok(last !== undefined && 'key' in last && last.key === undefined)
    assert.is(reply.headers.get('idempotency-replayed'), null)
  })

  scope(`${name} says where it gives an earlier reply again, with the same status`, async () => {
    const { call, engine } = fakes()
    const { replayed: _, ...first } = row.replay() as Record<string, unknown>
    const answers = [first, row.replay()]
    const replies: Reply[] = []
    for (const answer of answers) {
      engine.answer = (request) => (request.type === 'readReservation' ? reservation({}) : answer)
      replies.push(await call(row.method, row.path, keyed(KEY, row)))
    }
    const [before, again] = replies as [Reply, Reply]
    assert.is(before.status, row.status)
    assert.is(again.status, row.status)
    assert.is(again.text, before.text)
    assert.is(before.headers.get('idempotency-replayed'), null)
    assert.is(again.headers.get('idempotency-replayed'), 'true')
    assert.is(again.headers.get('holdfast-position'), before.headers.get('holdfast-position'))
  })

  scope(`${name} under the key of another body is 422`, async () => {
    const { call, engine } = fakes()
    engine.answer = () => ({ type: 'refused', refusal: { reason: 'idempotencyMismatch' } })
    const reply = await call(row.method, row.path, keyed(KEY, row))
    assert.is(reply.status, 422)
    assert.is(reply.body.code, 'idempotency-mismatch')
  })
}

scope('no two of them share a key, whichever caller, method or path they differ in', async () => {
  const rows = [
    ...CHANGES,
    ...CHANGES.map((row) => ({ ...row, as: 'admin', ...namedBy(row) })),
    ...CHANGES.map((row) => ({
      ...row,
      path: row.path.replace('pixel-11', 'case').replace(RESERVATION_ID, EARLIER_ID),
    })),
  ]
  const hashes = await Promise.all(rows.map(async (row) => hashIn(await keyOf(row))))
  assert.is(new Set(hashes).size, rows.length)
})

/** What a service adds where a customer asks for themselves. */
function namedBy({ method, path, as, body }: Row): Partial<Row> {
  if (as !== 'ann') return {}
  if (method === 'DELETE') return { path: `${path}?customerId=usr_ann` }
  return { body: { ...(body as object), customerId: 'usr_ann' } }
}

scope('the same path is the same however it was encoded', async () => {
  const row = { method: 'PUT', as: 'staff', body: {} }
  const plain = await keyOf({ ...row, path: '/v1/products/pixel-11/sale' })
  assert.is(await keyOf({ ...row, path: '/v1/products/%70ixel%2D11/sale' }), plain)
})

scope('a body means the same in other spacing and order, and with other escapes', async () => {
  const row = { method: 'POST', path: '/v1/reservations', as: 'service' }
  const same = [
    '{"items":[{"productId":"pixel-11","quantity":2}],"customerId":"usr_ann","reference":"é"}',
    ' { "reference" : "\\u00e9" , "customerId":"usr_ann",\n"items":[ {"quantity":2.0,"productId":"pixel\\u002d11"} ] } ',
    '{"customerId":"usr_ann","reference":"é","items":[{"quantity":2e0,"productId":"pixel-11"}]}',
  ]
  const keys = await Promise.all(same.map((body) => keyOf({ ...row, body })))
  assert.is(new Set(keys).size, 1)
  const others = [
    '{"items":[{"productId":"pixel-11","quantity":2}],"customerId":"usr_ann"}',
    '{"items":[{"productId":"pixel-11","quantity":3}],"customerId":"usr_ann","reference":"é"}',
    '{"items":[{"productId":"pixel-12","quantity":2}],"customerId":"usr_ann","reference":"é"}',
    '{"items":[{"productId":"pixel-11","quantity":2}],"customerId":"usr_bob","reference":"é"}',
    '{"items":[{"productId":"pixel-11","quantity":2}],"customerId":"usr_ann","reference":"e"}',
    '{"items":[{"productId":"pixel-11","quantity":2}],"customerId":"usr_ann","reference":"é","allowPartial":true}',
  ]
  const otherKeys = await Promise.all(others.map((body) => keyOf({ ...row, body })))
  assert.is(new Set([...keys, ...otherKeys].map(fingerprintIn)).size, others.length + 1)
  assert.is(new Set([...keys, ...otherKeys].map(hashIn)).size, 1)
})

scope('no body and an empty one are the same where the body is optional', async () => {
  const row = { method: 'POST', path: `${RESERVATION}/confirm`, as: 'service' }
  assert.is(await keyOf(row), await keyOf({ ...row, body: {} }))
})

scope('whose place a service gives up belongs to what it asks', async () => {
  const row = { method: 'DELETE', as: 'service' }
  const ann = await keyOf({ ...row, path: `${PRODUCT}/waitlist?customerId=usr_ann` })
  const bob = await keyOf({ ...row, path: `${PRODUCT}/waitlist?customerId=usr_bob` })
  assert.is(hashIn(ann), hashIn(bob))
  assert.is.not(fingerprintIn(ann), fingerprintIn(bob))
})

scope.run()

const making = suite('a new reservation under a key')

/** A key, found by trying, whose own shard is or is not the home of the ids that the fakes draw. */
async function keyThat(isHome: boolean, items: unknown = ITEMS): Promise<string> {
  for (let i = 0; ; i++) {
    const { call, engine, splits } = fakes()
    await call('POST', '/v1/reservations', keyed(`key-${i}`, { as: 'service', body: { items } }))
    const key = splits.asks[0]?.key ?? keyIn(engine.requests)
    if ((shardOfKey(key, SHARDS) === homeOf(RESERVATION_ID)) === isHome) return `key-${i}`
  }
}

const AT_HOME = await keyThat(true)
const ELSEWHERE = await keyThat(false)
const SEVERAL_AT_HOME = await keyThat(true, SEVERAL)
const SEVERAL_ELSEWHERE = await keyThat(false, SEVERAL)

function post({ call }: Fakes, key: string, items: unknown = ITEMS): Promise<Reply> {
  return call('POST', '/v1/reservations', keyed(key, { as: 'service', body: { items } }))
}

making('whose own shard is the home is one command and no more', async () => {
  const parts = fakes()
  assert.is((await post(parts, AT_HOME)).status, 201)
  const { only } = parts.engine
  assert.ok(only.type === 'reserve' && only.key !== undefined)
  assert.is(only.reservationId, RESERVATION_ID)
  const several = fakes()
  assert.is((await post(several, SEVERAL_AT_HOME, SEVERAL)).status, 201)
  assert.is(several.engine.requests.length, 0)
  assert.ok(several.splits.asks[0]?.key !== undefined)
})

making('whose own shard is another one is claimed there first', async () => {
  const parts = fakes()
  assert.is((await post(parts, ELSEWHERE)).status, 201)
  const [claim, command, ...more] = parts.engine.requests
  assert.ok(claim?.type === 'claimKey' && command?.type === 'reserve')
  assert.is(claim.shard, shardOfKey(claim.key, SHARDS))
  assert.is.not(claim.shard, homeOf(RESERVATION_ID))
  assert.is(claim.reservationId, RESERVATION_ID)
  assert.is(command.key, claim.key)
  assert.is(command.reservationId, RESERVATION_ID)
  assert.is(more.length, 0, 'a claim that led to something stays')
})

making('goes on under the id of an earlier claim, and is shown with it', async () => {
  const parts = fakes()
  parts.engine.answer = (request) =>
    request.type === 'claimKey' ? { type: 'claimed', reservationId: EARLIER_ID } : usualAnswer(request)
  const reply = await post(parts, ELSEWHERE)
  assert.is(reply.body.reservationId, EARLIER_ID)
  assert.is(reply.headers.get('location'), `/v1/reservations/${EARLIER_ID}`)
  const [, command] = parts.engine.requests
  assert.ok(command?.type === 'reserve' && command.reservationId === EARLIER_ID)
  const several = await post(parts, SEVERAL_ELSEWHERE, SEVERAL)
  assert.is(several.body.reservationId, EARLIER_ID)
  assert.is(parts.splits.asks[0]?.reservationId, EARLIER_ID)
})

making('that was made before is answered as then, its id and numbers included', async () => {
  for (const key of [AT_HOME, ELSEWHERE]) {
    const parts = fakes()
    parts.engine.answer = (request) => {
      if (request.type !== 'reserve') return usualAnswer(request)
      const then = { expiresAtMs: NOW_MS - 1_000, sequence: 900, quantity: 2, available: 7 }
      return { type: 'held', replayed: true, reservationId: EARLIER_ID, ...then }
    }
    const reply = await post(parts, key)
    assert.is(reply.status, 201)
    assert.is(reply.headers.get('idempotency-replayed'), 'true')
    assert.is(reply.headers.get('location'), `/v1/reservations/${EARLIER_ID}`)
    assert.is(reply.headers.get('holdfast-position'), `s${homeOf(EARLIER_ID)}.900`)
    assert.equal(reply.body, {
      reservationId: EARLIER_ID,
      status: 'held',
      items: [{ productId: 'pixel-11', quantity: 2, available: 7 }],
      expiresAt: '2026-11-27T07:59:59.000Z',
      sequence: 900,
    })
  }
})

making('of several products is answered as then too', async () => {
  const parts = fakes()
  parts.splits.answer = (ask) => ({ ...splitHeld(ask), replayed: true, reservationId: EARLIER_ID })
  const reply = await post(parts, SEVERAL_AT_HOME, SEVERAL)
  assert.is(reply.status, 201)
  assert.is(reply.body.reservationId, EARLIER_ID)
  assert.is(reply.headers.get('idempotency-replayed'), 'true')
})

making('gives its claim back where nothing came of it, and keeps it where that is not known', async () => {
  const outOfStock = { type: 'refused', refusal: { reason: 'outOfStock', items: [] } }
  const exists = { type: 'refused', refusal: { reason: 'reservationExists' } }
  const rows: readonly (readonly [answer: () => unknown, status: number, isGivenBack: boolean])[] = [
    [() => outOfStock, 409, true],
    [() => failure('overloaded'), 503, true],
    [() => failure('shard-unavailable'), 503, true],
    [() => failure('outcome-unknown'), 504, false],
    [() => exists, 409, false],
  ]
  for (const [answer, status, isGivenBack] of rows) {
    for (const [key, items] of [
      [ELSEWHERE, ITEMS],
      [SEVERAL_ELSEWHERE, SEVERAL],
    ] as const) {
      const parts = fakes()
      const { engine, splits } = parts
      engine.answer = (request) => (request.type === 'reserve' ? answer() : usualAnswer(request))
      splits.answer = () => answer() as never
      assert.is((await post(parts, key, items)).status, status)
      const given = engine.requests.filter(({ type }) => type === 'freeKey')
      assert.is(given.length, isGivenBack ? 1 : 0, JSON.stringify(answer))
      const [claim, back] = [engine.requests[0], given[0]]
      assert.ok(claim?.type === 'claimKey')
      if (back?.type === 'freeKey') assert.equal(back, { ...claim, type: 'freeKey' })
    }
  }
})

making('takes its key anew where the home has given up the id of an earlier claim', async () => {
  for (const isStillGivenUp of [false, true]) {
    const parts = fakes()
    const { engine, splits } = parts
    let claimedId: ReservationId | undefined = EARLIER_ID
    engine.answer = (request) => {
      if (request.type === 'freeKey') claimedId = undefined
      if (request.type !== 'claimKey') return usualAnswer(request)
      return { type: 'claimed', reservationId: claimedId ?? request.reservationId }
    }
    splits.answer = (ask) => {
      if (ask.reservationId === EARLIER_ID || isStillGivenUp) throw new GivenUp()
      return splitHeld(ask)
    }
    const reply = await post(parts, SEVERAL_ELSEWHERE, SEVERAL)
    assert.is(reply.status, isStillGivenUp ? 503 : 201)
    if (!isStillGivenUp) assert.is(reply.body.reservationId, RESERVATION_ID)
    assert.is(splits.asks.length, 2, 'once more, and no oftener')
    const types = engine.requests.map((request) => `${request.type} ${'isGivenUp' in request}`)
    const once = ['claimKey false', 'freeKey true']
    assert.equal(types, [...once, ...once.slice(0, isStillGivenUp ? 2 : 1)])
  }
})

function failure(code: EngineError['code']): never {
  throw new EngineError(code, 'x')
}

making('is answered all the same where giving the claim back fails', async () => {
  const parts = fakes()
  parts.engine.answer = (request) => {
    if (request.type === 'freeKey') return failure('outcome-unknown')
    if (request.type === 'claimKey') return usualAnswer(request)
    return { type: 'refused', refusal: { reason: 'unknownProduct', productId: 'pixel-11' } }
  }
  assert.is((await post(parts, ELSEWHERE)).status, 404)
})

making('whose claim is refused goes no further', async () => {
  const parts = fakes()
  parts.engine.answer = () => ({ type: 'refused', refusal: { reason: 'idempotencyMismatch' } })
  assert.is((await post(parts, ELSEWHERE)).status, 422)
  assert.is(parts.engine.only.type, 'claimKey')
})

making('whose claim has no answer has reserved nothing: 503, not 504', async () => {
  for (const code of ['outcome-unknown', 'shard-unavailable', 'overloaded'] as const) {
    const parts = fakes()
    parts.engine.answer = () => failure(code)
    assert.is((await post(parts, ELSEWHERE)).status, 503, code)
    assert.is(parts.engine.only.type, 'claimKey')
  }
})

making.run()

const attacks = suite('attacks with keys')

const ANN = { callerId: 'usr_ann', role: 'customer', customerId: 'usr_ann' as CustomerId } as const
const BOB = { callerId: 'usr_bob', role: 'customer', customerId: 'usr_bob' as CustomerId } as const
/** Three sessions of one customer, and one of another. */
const SESSIONS = new Map<string, Principal>([
  ['phone', ANN],
  ['laptop', ANN],
  ['tablet', ANN],
  ['bob', BOB],
])
const authenticator = { authenticate: (token: string) => SESSIONS.get(token), forget: () => {} }

function over(shards: KeyedShards): Fakes {
  return fakes({ engine: shards, splits: shards.splits, shards: SHARDS, authenticator })
}

const PLENTY = { 'pixel-11': 100, case: 100 }

attacks('25: the limit of a customer counts all their sessions', async () => {
  const asked: (CustomerId | undefined)[] = []
  const parts = fakes({ authenticator })
  parts.engine.answer = (request) => {
    if ('customerId' in request) asked.push(request.customerId)
    return usualAnswer(request)
  }
  parts.splits.answer = (ask) => {
    asked.push(ask.customerId)
    return splitHeld(ask)
  }
  const { call } = parts
  const sends = ['phone', 'laptop', 'tablet'].flatMap((as) => [
    call('POST', '/v1/reservations', { as, body: { items: ITEMS } }),
    call('POST', '/v1/reservations', keyed(as, { as, body: { items: ITEMS } })),
    call('POST', '/v1/reservations', { as, body: { items: SEVERAL } }),
    call('POST', `${PRODUCT}/waitlist`, { as, body: { quantity: 1 } }),
  ])
  for (const reply of await Promise.all(sends)) assert.is(reply.status, 201)
  assert.equal(
    asked,
    Array.from({ length: sends.length }, () => 'usr_ann'),
  )
})

attacks('27: another body under a key is 422, whichever products it names', async () => {
  const shards = new KeyedShards({ shards: SHARDS, stock: PLENTY })
  const { call } = over(shards)
  const send = (items: unknown) =>
    call('POST', '/v1/reservations', keyed(KEY, { as: 'phone', body: { items } }))
  const first = await send(ITEMS)
  assert.is(first.status, 201)
  const more = [{ productId: 'pixel-11', quantity: 1 }]
  for (const items of [
    SEVERAL,
    more,
    [{ productId: 'case', quantity: 2 }],
    [{ productId: 'nothing', quantity: 1 }],
  ]) {
    assert.is((await send(items)).status, 422)
  }
  assert.is((await send(ITEMS)).text, first.text)
  assert.is(shards.made.length, 1)
})

attacks('27: another user’s or route’s key is another key, and shows nothing of theirs', async () => {
  const shards = new KeyedShards({ shards: SHARDS, stock: PLENTY })
  const { call } = over(shards)
  const body = { items: ITEMS }
  const anns = await call('POST', '/v1/reservations', keyed(KEY, { as: 'phone', body }))
  const bobs = await call('POST', '/v1/reservations', keyed(KEY, { as: 'bob', body }))
  assert.is(bobs.status, 201)
  assert.is(bobs.headers.get('idempotency-replayed'), null)
  assert.is.not(bobs.body.reservationId, anns.body.reservationId)
  assert.not.match(bobs.text, /usr_ann/)
  const again = await call('POST', '/v1/reservations', keyed(KEY, { as: 'laptop', body }))
  assert.is(again.text, anns.text, 'the same customer on another device is the same caller')
  assert.is(shards.made.length, 2)
})

attacks('28: keys that are none reach nobody, and good ones leave nothing in the listener', async () => {
  const shards = new KeyedShards({ shards: SHARDS, stock: PLENTY })
  const { call } = over(shards)
  const before = shards.stock.get('pixel-11' as ProductId)
  for (const key of ['', 'x'.repeat(10_240), 'ключ', '\u{1f511}'.normalize()]) {
    const headers = { 'idempotency-key': Buffer.from(key).toString('latin1') }
    const reply = await call('POST', '/v1/reservations', { as: 'phone', body: { items: ITEMS }, headers })
    assert.is(reply.status, 400)
  }
  assert.is(shards.made.length, 0)
  assert.is(shards.stock.get('pixel-11' as ProductId), before)
})

attacks('a key comes back after the reservation has ended: still the first answer', async () => {
  const shards = new KeyedShards({ shards: SHARDS, stock: { 'pixel-11': 2, case: 1 } })
  const { call } = over(shards)
  for (const [key, items] of [
    ['one', ITEMS],
    ['two', [{ productId: 'case', quantity: 1 }]],
  ] as const) {
    const send = () => call('POST', '/v1/reservations', keyed(key, { as: 'phone', body: { items } }))
    const first = await send()
    assert.is(first.status, 201)
    const again = await send()
    assert.is(again.status, 201, 'there is no stock left, and none is needed')
    assert.is(again.text, first.text)
  }
})

attacks.run()
