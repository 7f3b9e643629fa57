import * as assert from 'uvu/assert'
import { EngineError, type EngineErrorCode } from '../../src/actors/engine-error.ts'
import type { Refusal } from '../../src/domain/decision.ts'
import type { ProductId } from '../../src/domain/ids.ts'
import { PROBLEMS } from '../../src/http/problems.ts'
import { retryAfter } from '../../src/http/responses.ts'
import { problemReply } from '../../src/http/schemas.ts'
import { TablesError, type TablesErrorCode } from '../../src/persistence/tables/tables-error.ts'
import { suite } from '../support/suite.ts'
import { fakes, NOW_MS } from './fake-parts.ts'

const productId = 'pixel-11' as ProductId
const AT = '2026-11-27T08:00:00.000Z'
const BODY = { items: [{ productId, quantity: 2 }] }

/** Every refusal the domain knows, by reason: one that is missing here does not compile. */
const REFUSALS: {
  readonly [Reason in Refusal['reason']]: readonly [
    refusal: Extract<Refusal, { readonly reason: Reason }>,
    status: number,
    code: string,
    members: Readonly<Record<string, unknown>>,
  ]
} = {
  reservationExists: [{ reason: 'reservationExists' }, 409, 'reservation-exists', {}],
  unknownProduct: [{ reason: 'unknownProduct', productId }, 404, 'unknown-product', { productId }],
  customerRequired: [{ reason: 'customerRequired', productId }, 400, 'validation-failed', {}],
  productRetired: [{ reason: 'productRetired', productId }, 409, 'product-retired', { productId }],
  saleNotOpen: [
    { reason: 'saleNotOpen', productId, opensAtMs: NOW_MS },
    409,
    'sale-not-open',
    { opensAt: AT },
  ],
  saleClosed: [{ reason: 'saleClosed', productId, closesAtMs: NOW_MS }, 409, 'sale-closed', { closesAt: AT }],
  maxPerReservation: [
    { reason: 'maxPerReservation', productId, limit: 2 },
    409,
    'max-per-reservation',
    { productId, limit: 2 },
  ],
  perCustomerLimit: [
    { reason: 'perCustomerLimit', productId, limit: 2, remaining: 1 },
    409,
    'per-customer-limit',
    { productId, limit: 2, remaining: 1 },
  ],
  outOfStock: [
    { reason: 'outOfStock', items: [{ productId, requested: 2, available: 1 }] },
    409,
    'out-of-stock',
    { items: [{ productId, requested: 2, available: 1 }] },
  ],
  stockAvailable: [
    { reason: 'stockAvailable', productId, available: 3 },
    409,
    'stock-available',
    { productId, available: 3 },
  ],
  alreadyWaiting: [
    { reason: 'alreadyWaiting', productId, quantity: 2 },
    409,
    'already-waiting',
    { productId, quantity: 2 },
  ],
  waitlistFull: [{ reason: 'waitlistFull', productId }, 409, 'waitlist-full', { productId }],
  notWaiting: [{ reason: 'notWaiting', productId }, 404, 'not-waiting', { productId }],
  unknownReservation: [{ reason: 'unknownReservation' }, 404, 'unknown-reservation', {}],
  reservationResolved: [
    { reason: 'reservationResolved', status: 'expired' },
    409,
    'reservation-resolved',
    { reservationStatus: 'expired' },
  ],
  notConfirmed: [
    { reason: 'notConfirmed', status: 'held' },
    409,
    'not-confirmed',
    { reservationStatus: 'held' },
  ],
  returnWindowOver: [{ reason: 'returnWindowOver' }, 409, 'return-window-over', {}],
  paymentStarted: [
    { reason: 'paymentStarted', deadlineMs: NOW_MS },
    409,
    'payment-started',
    { deadline: AT },
  ],
  lifetimeExceeded: [
    { reason: 'lifetimeExceeded', latestExpiryMs: NOW_MS },
    409,
    'lifetime-exceeded',
    { latestExpiresAt: AT },
  ],
  exceedsHeld: [
    { reason: 'exceedsHeld', productId, requested: 3, held: 2 },
    409,
    'exceeds-held',
    { held: 2 },
  ],
  exceedsConfirmed: [
    { reason: 'exceedsConfirmed', productId, requested: 3, confirmed: 2 },
    409,
    'exceeds-confirmed',
    { confirmed: 2 },
  ],
  idempotencyMismatch: [{ reason: 'idempotencyMismatch' }, 422, 'idempotency-mismatch', {}],
  stockVersionMismatch: [
    { reason: 'stockVersionMismatch', expected: 8, version: 9 },
    409,
    'stock-version-mismatch',
    { expectedVersion: 8, version: 9 },
  ],
  stockBelowHeld: [
    { reason: 'stockBelowHeld', onHand: 5, held: 4 },
    409,
    'stock-below-held',
    { onHand: 5, held: 4 },
  ],
  stockAboveMax: [{ reason: 'stockAboveMax', onHandMax: 7 }, 409, 'stock-above-max', { onHandMax: 7 }],
}

/** Every way the engine can fail to answer. */
const ENGINE_ERRORS: Readonly<Record<EngineErrorCode, readonly [status: number, code: string]>> = {
  overloaded: [503, 'overloaded'],
  'shard-unavailable': [503, 'shard-unavailable'],
  'storage-full': [503, 'storage-full'],
  'read-only': [503, 'storage-full'],
  'memory-full': [503, 'memory-full'],
  'shutting-down': [503, 'shutting-down'],
  'command-quarantined': [503, 'command-quarantined'],
  'outcome-unknown': [504, 'outcome-unknown'],
}

const problems = suite('problems')

for (const [reason, [refusal, status, code, members]] of Object.entries(REFUSALS)) {
  problems(`the refusal ${reason} is ${status} ${code}`, async () => {
    const { call, engine } = fakes()
    engine.answer = () => ({ type: 'refused', refusal })
    const reply = await call('POST', '/v1/reservations', { as: 'service', body: BODY })
    assert.is(reply.status, status)
    assert.is(reply.headers.get('content-type'), 'application/problem+json')
    assert.is(reply.body.status, status)
    assert.is(reply.body.code, code)
    assert.is(reply.body.type, `/problems/${code}`)
    assert.is(reply.body.instance, '/v1/reservations')
    assert.ok(problemReply.safeParse(reply.body).success)
    for (const [name, value] of Object.entries(members)) assert.equal(reply.body[name], value, name)
  })
}

for (const [engineCode, [status, code]] of Object.entries(ENGINE_ERRORS)) {
  problems(`the engine’s ${engineCode} is ${status} with Retry-After, without its inner words`, async () => {
    const { call, engine } = fakes()
    engine.answer = () => {
      throw new EngineError(engineCode as EngineErrorCode, 'worker 3 lost shard 7', { retryAfterSeconds: 2 })
    }
    const reply = await call('POST', '/v1/reservations', { as: 'service', body: BODY })
    assert.is(reply.status, status)
    assert.is(reply.body.code, code)
    assert.match(reply.headers.get('retry-after') ?? '', /^[234]$/)
    assert.not.match(reply.text, /worker|shard 7/)
  })
}

/** Every way the tables can fail to answer; a value they should never have been given is this program's fault. */
const TABLES_ERRORS: Readonly<Record<TablesErrorCode, readonly [status: number, code: string]>> = {
  overloaded: [503, 'overloaded'],
  unavailable: [503, 'tables-unavailable'],
  'not-shared': [503, 'tables-not-shared'],
  'storage-full': [503, 'storage-full'],
  'shutting-down': [503, 'shutting-down'],
  'api-keys-full': [409, 'api-keys-full'],
  'idempotency-mismatch': [422, 'idempotency-mismatch'],
  'idempotency-in-flight': [409, 'idempotency-in-flight'],
  invalid: [500, 'internal-error'],
  damaged: [500, 'tables-damaged'],
  'outcome-unknown': [504, 'outcome-unknown'],
}

for (const [tablesCode, [status, code]] of Object.entries(TABLES_ERRORS)) {
  problems(`the tables’ ${tablesCode} is ${status} ${code}`, async () => {
    const { call, apiKeys } = fakes()
    apiKeys.list = () => Promise.reject(new TablesError(tablesCode as TablesErrorCode, 'a secret file name'))
    const reply = await call('GET', '/v1/api-keys', { as: 'admin' })
    assert.is(reply.status, status)
    assert.is(reply.body.code, code)
    assert.is(reply.headers.has('retry-after'), status > 500 || tablesCode === 'idempotency-in-flight')
    assert.not.match(reply.text, /secret/)
  })
}

/** What the detail of `storage-full` says of confirm, release and return, by who had no room. */
const STILL_SETTLES = /can still be confirmed, released and returned/

problems('storage-full says that settling goes on where it does, and nowhere else', async () => {
  const { call, engine, apiKeys } = fakes()
  const detailOf = async (code: EngineErrorCode) => {
    engine.answer = () => {
      throw new EngineError(code, 'no room')
    }
    return String((await call('POST', '/v1/reservations', { as: 'service', body: BODY })).body.detail)
  }
  assert.match(await detailOf('storage-full'), STILL_SETTLES)
  const readOnly = await detailOf('read-only')
  assert.not.match(readOnly, /confirm|release/)
  assert.match(readOnly, 'Reads')
  apiKeys.create = () => Promise.reject(new TablesError('storage-full', 'no room'))
  const key = await call('POST', '/v1/api-keys', { as: 'admin', body: { name: 'shop', role: 'service' } })
  assert.is(key.body.code, 'storage-full')
  assert.not.match(String(key.body.detail), /confirm|release|Reads/)
})

problems('Retry-After is whole seconds, at least one, spread to as much again', () => {
  const drawn = (fraction: number, seconds: number) => retryAfter(seconds, { fraction: () => fraction })
  assert.is(drawn(0, 1), '1')
  assert.is(drawn(0.999, 1), '2')
  assert.is(drawn(0, 0), '1')
  assert.is(drawn(0, 2.2), '3')
  assert.is(drawn(0.999, 10), '20')
})

problems('every type leads to a page of this server, for people and for machines', async () => {
  const { call } = fakes()
  for (const [code, { title, status }] of Object.entries(PROBLEMS)) {
    const page = await call('GET', `/problems/${code}`, { headers: { accept: 'text/html,*/*;q=0.8' } })
    assert.is(page.status, 200)
    assert.match(page.headers.get('content-type') ?? '', /^text\/html/)
    assert.match(page.headers.get('content-security-policy') ?? '', /^default-src 'none'/)
    assert.ok(page.text.includes(code))
    const json = await call('GET', `/problems/${code}`)
    assert.is(json.body.title, title)
    assert.is(json.body.status, status)
    assert.ok(String(json.body.help).length > 20)
    assert.is(json.headers.get('vary'), 'Accept')
  }
})

problems('the list names every one', async () => {
  const { call } = fakes()
  const page = await call('GET', '/problems', { headers: { accept: 'text/html' } })
  const json = await call('GET', '/problems')
  for (const code of Object.keys(PROBLEMS)) {
    assert.ok(page.text.includes(`/problems/${code}`))
    assert.ok(json.text.includes(`"${code}"`))
  }
})

problems('an unknown one is not found, inherited names included', async () => {
  const { call } = fakes()
  for (const code of ['nonsense', 'constructor', '__proto__', 'toString', 'a%0ab']) {
    assert.is((await call('GET', `/problems/${code}`)).status, 404, code)
  }
})

problems.run()
