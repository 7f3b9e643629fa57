import * as assert from 'uvu/assert'
import { EngineError } from '../../src/actors/engine-error.ts'
import { type CustomerId, type ProductId, type ShardId, shardOf } from '../../src/domain/ids.ts'
import type { PastReservation } from '../../src/history/fold.ts'
import { HistoryError, type HistoryErrorCode } from '../../src/history/history-error.ts'
import type { PastStock, StockEvent } from '../../src/history/queries.ts'
import { positionToken } from '../../src/persistence/journal/position.ts'
import { suite } from '../support/suite.ts'
import { type Fakes, fakes, NOW_MS, RESERVATION_ID, type Reply, SHARDS } from './fake-parts.ts'

const productId = 'pixel-11' as ProductId
const shard = shardOf(productId, SHARDS)
const STOCK = '/v1/products/pixel-11/stock'

const reservation: PastReservation = {
  reservationId: RESERVATION_ID,
  customerId: 'usr_ann' as CustomerId,
  reference: 'order-1',
  status: 'confirmed',
  lines: [{ productId, quantity: 2, returned: 1 }],
  createdAtMs: NOW_MS,
  expiresAtMs: NOW_MS + 600_000,
  resolvedAtMs: NOW_MS + 60_000,
  sequence: 78,
}
const SHOWN = {
  reservationId: RESERVATION_ID,
  status: 'confirmed',
  items: [{ productId, quantity: 2, returned: 1 }],
  customerId: 'usr_ann',
  reference: 'order-1',
  expiresAt: '2026-11-27T08:10:00.000Z',
  resolvedAt: '2026-11-27T08:01:00.000Z',
  sequence: 78,
}

const pathsOf = ({ body }: Reply) => (body.errors as { path: string }[]).map(({ path }) => path)
const asked = ({ history }: Fakes) => history.asked.map(({ question }) => question)

const list = suite('GET /v1/reservations')

list('asks for what fits the filter, and shows each as GET does', async () => {
  const world = fakes()
  world.history.answer = () => ({ reservations: [reservation], next: RESERVATION_ID })
  const filter = 'customerId=usr_ann&status=confirmed&productId=pixel-11&reference=order-1'
  const reply = await world.call('GET', `/v1/reservations?${filter}&limit=1`, { as: 'service' })
  assert.is(reply.status, 200)
  assert.equal(reply.body, { reservations: [SHOWN], nextCursor: RESERVATION_ID.slice(4) })
  assert.is(reply.headers.get('holdfast-position'), positionToken(new Map([[3 as ShardId, 77]]), SHARDS))
  assert.equal(asked(world), [
    {
      type: 'listReservations',
      filter: { customerId: 'usr_ann', reference: 'order-1', productId: 'pixel-11', status: 'confirmed' },
      before: undefined,
      limit: 1,
    },
  ])
})

list('goes on behind a cursor, and has fifty entries unless it is told', async () => {
  const world = fakes()
  const { status, body } = await world.call('GET', `/v1/reservations?cursor=${RESERVATION_ID.slice(4)}`, {
    as: 'service',
  })
  assert.is(status, 200)
  assert.equal(body, { reservations: [] })
  const [question] = asked(world)
  assert.equal(question, {
    type: 'listReservations',
    filter: { customerId: undefined, reference: undefined, productId: undefined, status: undefined },
    before: RESERVATION_ID,
    limit: 50,
  })
})

list('waits for the position of one’s own write, in either form', async () => {
  const world = fakes()
  const all = positionToken(new Map([[1 as ShardId, 9]]), SHARDS)
  for (const token of ['s3.1042', all, `s3.1042,${all}`])
    assert.is(
      (await world.call('GET', `/v1/reservations?minPosition=${token}`, { as: 'service' })).status,
      200,
    )
  const afters = world.history.asked.map(({ after }) => [
    after?.get(3 as ShardId) ?? 0,
    after?.get(1 as ShardId) ?? 0,
  ])
  assert.equal(afters, [
    [1042, 0],
    [0, 9],
    [1042, 9],
  ])
})

list('refuses what it cannot read, and names it', async () => {
  const world = fakes()
  const rows: readonly (readonly [query: string, path: string])[] = [
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=1e2', 'limit'],
    ['limit=-1', 'limit'],
    ['cursor=abc', 'cursor'],
    ['cursor=res_x', 'cursor'],
    ['minPosition=1042', 'minPosition'],
    ['minPosition=s8.1', 'minPosition'],
    ['minPosition=s3.', 'minPosition'],
    ['minPosition=p!', 'minPosition'],
    ['minPosition=pAAAA', 'minPosition'],
    ['status=gone', 'status'],
    ['productId=search', 'productId'],
    ['customerId=%20', 'customerId'],
    ['since=1', 'since'],
    ['status=held&status=paying', 'status'],
  ]
  for (const [query, path] of rows) {
    const reply = await world.call('GET', `/v1/reservations?${query}`, { as: 'service' })
    assert.is(reply.status, 400, query)
    assert.equal(pathsOf(reply), [path], query)
  }
  assert.is(world.history.asked.length, 0)
})

list('says when the history cannot answer, and when to come back', async () => {
  const world = fakes()
  const rows: readonly (readonly [HistoryErrorCode, code: string])[] = [
    ['behind', 'history-behind'],
    ['unavailable', 'history-unavailable'],
    ['overloaded', 'overloaded'],
    ['shutting-down', 'shutting-down'],
  ]
  for (const [thrown, code] of rows) {
    world.history.answer = () => Promise.reject(new HistoryError(thrown, 'the thread says more'))
    for (const path of ['/v1/reservations', `${STOCK}/events`]) {
      const reply = await world.call('GET', path, { as: 'service' })
      assert.is(reply.status, 503)
      assert.is(reply.body.code, code)
      assert.match(reply.headers.get('retry-after') ?? '', /^[12]$/)
      assert.not.match(reply.text, 'thread')
    }
  }
})

list.run()

const forgotten = suite('GET /v1/reservations/{id} of one its shard has forgotten')
const refusedByShard = () => ({ type: 'refused', refusal: { reason: 'unknownReservation' } })

forgotten('is answered from the history, to those who may see it', async () => {
  const world = fakes()
  world.engine.answer = refusedByShard
  world.history.answer = () => reservation
  for (const as of ['ann', 'service']) {
    const reply = await world.call('GET', `/v1/reservations/${RESERVATION_ID}`, { as })
    assert.is(reply.status, 200)
    assert.equal(reply.body, SHOWN)
  }
  const foreign = await world.call('GET', `/v1/reservations/${RESERVATION_ID}`, { as: 'bob' })
  world.history.answer = () => undefined
  const missing = await world.call('GET', `/v1/reservations/${RESERVATION_ID}`, { as: 'bob' })
  assert.is(foreign.status, 404)
  assert.equal({ ...foreign.body, requestId: 0 }, { ...missing.body, requestId: 0 })
})

forgotten('is never taken for unknown while the history cannot say so', async () => {
  const world = fakes()
  world.engine.answer = refusedByShard
  world.history.answer = () => Promise.reject(new HistoryError('behind', ''))
  const reply = await world.call('GET', `/v1/reservations/${RESERVATION_ID}`, { as: 'service' })
  assert.is(reply.body.code, 'history-behind')
})

forgotten('is not looked for where the shard knows it, nor for changes', async () => {
  const world = fakes()
  assert.is((await world.call('GET', `/v1/reservations/${RESERVATION_ID}`, { as: 'ann' })).status, 200)
  world.engine.answer = refusedByShard
  const body = { ttlSeconds: 60 }
  for (const as of ['ann', 'service']) {
    const reply = await world.call('POST', `/v1/reservations/${RESERVATION_ID}/extend`, { as, body })
    assert.is(reply.status, 404)
  }
  assert.is(world.history.asked.length, 0)
})

forgotten.run()

const events = suite('GET /v1/products/{id}/stock/events')

const counts = { version: 7, onHand: 45, held: 4, sold: 12, waiting: 0, earmarked: 0, retired: false }
const before = { ...counts, version: 6, held: 2 }
const held: StockEvent = {
  event: {
    type: 'UnitsHeld',
    productId,
    version: 7,
    reservationId: RESERVATION_ID,
    customerId: 'usr_ann' as CustomerId,
    reference: 'cart-1',
    quantity: 2,
    expiresAtMs: NOW_MS,
    available: 41,
  },
  sequence: 1042,
  atMs: NOW_MS,
  before,
  after: counts,
  reservation,
}

events('shows each with its cause, what it changed and what was left', async () => {
  const world = fakes()
  const adjusted: StockEvent = {
    ...held,
    event: {
      type: 'StockAdjusted',
      productId,
      version: 8,
      delta: -5,
      onHand: 40,
      reason: 'breakage',
      reference: 'po-1',
    },
    before: counts,
    after: { ...counts, version: 8, onHand: 40, retired: true },
    reservation: undefined,
  }
  const sale: StockEvent = {
    ...adjusted,
    event: { type: 'SaleScheduled', productId, version: 9, sale: { perCustomerLimit: 2, holdTtlMs: 60_000 } },
  }
  world.history.answer = () => ({ events: [sale, adjusted, held], next: 6 })
  const reply = await world.call('GET', `${STOCK}/events?limit=3&cursor=9`, { as: 'service' })
  assert.is(reply.status, 200)
  const [first, second, third] = reply.body.events as Record<string, unknown>[]
  assert.equal(first?.cause, { sale: { perCustomerLimit: 2, holdTtlSeconds: 60 } })
  assert.equal(second?.cause, { reason: 'breakage', reference: 'po-1' })
  assert.equal(second?.change, { onHand: -5, held: 0, sold: 0 })
  assert.is(second?.retired, true)
  assert.equal(third, {
    type: 'UnitsHeld',
    version: 7,
    sequence: 1042,
    at: '2026-11-27T08:00:00.000Z',
    cause: { reservationId: RESERVATION_ID, customerId: 'usr_ann', reference: 'order-1' },
    change: { onHand: 0, held: 2, sold: 0 },
    onHand: 45,
    held: 4,
    sold: 12,
    available: 41,
  })
  assert.is(reply.body.nextCursor, '6')
  assert.equal(asked(world), [{ type: 'listStockEvents', productId, from: 9, limit: 3 }])
})

events('of a product that never had stock is not found', async () => {
  const world = fakes()
  world.history.answer = () => undefined
  const reply = await world.call('GET', `${STOCK}/events`, { as: 'service' })
  assert.is(reply.status, 404)
  assert.is(reply.body.code, 'unknown-product')
  assert.is((await world.call('GET', `${STOCK}/events?cursor=x`, { as: 'service' })).status, 400)
  assert.is((await world.call('GET', '/v1/products/search/stock/events', { as: 'service' })).status, 404)
})

events.run()

const past = suite('GET /v1/products/{id}/stock?at=')

const then: PastStock = {
  productId,
  version: 7,
  onHand: 45,
  held: 4,
  sold: 12,
  waiting: 0,
  earmarked: 0,
  retired: true,
  sequence: 1000,
  atMs: NOW_MS - 5_000,
}
const SHOWN_THEN = {
  productId,
  available: 41,
  version: 7,
  asOf: '2026-11-27T07:59:55.000Z',
  onHand: 45,
  held: 4,
  sold: 12,
  sequence: 1000,
  retired: true,
}

past('is the stock after the last event at or before a time or a sequence', async () => {
  const world = fakes()
  world.history.answer = () => ({ type: 'stock', stock: then })
  const rows: readonly (readonly [at: string, moment: object])[] = [
    ['2026-11-27T08:00:00Z', { type: 'time', atMs: NOW_MS }],
    ['2026-11-27T09:59:59.5%2B02:00', { type: 'time', atMs: NOW_MS - 500 }],
    ['2026-11-27T09:59:59.5+02:00', { type: 'time', atMs: NOW_MS - 500 }],
    ['2031', { type: 'sequence', sequence: 2_031 }],
    ['0', { type: 'sequence', sequence: 0 }],
  ]
  for (const [at, moment] of rows) {
    const reply = await world.call('GET', `${STOCK}?at=${at}`, { as: 'service' })
    assert.is(reply.status, 200, at)
    assert.equal(reply.body, SHOWN_THEN)
    assert.equal(asked(world).at(-1), { type: 'readStockAt', productId, moment })
    // Everything that was acknowledged by now counts.
    assert.is(world.history.asked.at(-1)?.after?.get(shard), 2_031)
  }
})

past('is for services, whoever asks first', async () => {
  const world = fakes()
  assert.is((await world.call('GET', `${STOCK}?at=1`)).status, 401)
  assert.is((await world.call('GET', `${STOCK}?at=1`, { as: 'ann' })).status, 403)
  assert.is((await world.call('GET', '/v1/products/search/stock?at=1')).status, 401)
  assert.is(world.engine.requests.length + world.history.asked.length, 0)
})

past(
  'is 400 for the future and for what is no moment, 410 before what is kept, 404 where there was none',
  async () => {
    const world = fakes()
    for (const at of [
      '2032',
      '2026-11-27T08:00:00.001Z',
      'yesterday',
      '2026-02-30T00:00:00Z',
      '-1',
      '',
      '1.5',
    ]) {
      const reply = await world.call('GET', `${STOCK}?at=${at}`, { as: 'service' })
      assert.is(reply.status, 400, at)
      assert.equal(pathsOf(reply), ['at'])
    }
    assert.is(world.history.asked.length, 0)
    world.history.answer = () => ({ type: 'gone' })
    const gone = await world.call('GET', `${STOCK}?at=7`, { as: 'service' })
    assert.is(gone.status, 410)
    assert.is(gone.body.code, 'history-not-kept')
    world.history.answer = () => ({ type: 'unknown' })
    assert.is((await world.call('GET', `${STOCK}?at=7`, { as: 'service' })).body.code, 'unknown-product')
  },
)

past('is answered although the product’s shard is not there', async () => {
  const world = fakes()
  world.engine.answer = () => Promise.reject(new EngineError('shard-unavailable', 'it is recovering'))
  world.history.answer = () => ({ type: 'stock', stock: then })
  const byTime = await world.call('GET', `${STOCK}?at=2026-11-27T08:00:00Z`, { as: 'service' })
  assert.is(byTime.status, 200)
  assert.is(world.history.asked.at(-1)?.after, undefined)
  const future = await world.call('GET', `${STOCK}?at=2026-11-27T08:00:01Z`, { as: 'service' })
  assert.is(future.status, 400)
  assert.is((await world.call('GET', `${STOCK}?at=9999`, { as: 'service' })).status, 200)
  assert.is(world.history.asked.at(-1)?.after?.get(shard), 9_999, 'which the history then waits for')
})

past.run()
