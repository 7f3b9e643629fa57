/** What every database must do for the shop, whoever runs the statements: people, products, and what is told of them. */
import * as assert from 'uvu/assert'
import type { CustomerId, ProductId } from '../../src/domain/ids.ts'
import { hashOfApiKey } from '../../src/persistence/tables/api-key.ts'
import { type OperationName, operations } from '../../src/persistence/tables/operations.ts'
import { tableKeyOf } from '../../src/persistence/tables/table-key.ts'
import { TablesError, type TablesErrorCode } from '../../src/persistence/tables/tables-error.ts'
import { fields, PIXEL } from '../persistence/tables/catalog/products.ts'
import type { TestOptions } from '../support/recorder.ts'
import { suite } from '../support/suite.ts'
import { declareMoneyTests } from './tables-of-money.ts'
import { declareOrderTests } from './tables-of-orders.ts'
import { declareRestorationTests } from './tables-of-restorations.ts'
import { NOW_MS, type Opening, type Place, withinTables } from './tables-place.ts'

const HOUR_MS = 3_600_000
const HASH = 'h'.repeat(60)
const ADDRESS = {
  name: 'Ann',
  line1: '1 High Street',
  line2: null,
  city: 'Leeds',
  region: null,
  postalCode: 'LS1',
  country: 'GB',
  phone: null,
}

export type TablesTest = (name: string, body: (place: Place) => Promise<void>) => void

/** Declares the suite; `opening` makes empty tables. */
export function tablesContract(
  name: string,
  opening: Opening,
  {
    close = () => Promise.resolve(),
    ...options
  }: TestOptions & { readonly close?: () => Promise<unknown> } = {},
): void {
  const tables = suite(`${name} as tables`, options)
  const asked = new Set<OperationName>()
  const test: TablesTest = (title, body) => tables(title, () => withinTables(opening, asked, body))

  test('a key is shown once, found by its hash, and revoked for everybody', async (place) => {
    const request = { name: 'till', role: 'service', createdBy: 'key_admin' } as const
    const { id, key } = await place.write('apiKeys.create', request)
    const found = await place.read('apiKeys.find', { hash: hashOfApiKey(key) })
    assert.equal(found, { id, role: 'service' })
    assert.equal(await place.read('apiKeys.list', {}), [{ id, createdAtMs: NOW_MS, ...request }])
    assert.is((await place.write('apiKeys.revoke', { id })).revoked, true)
    assert.is((await place.write('apiKeys.revoke', { id })).revoked, false)
    assert.is(await place.read('apiKeys.find', { hash: hashOfApiKey(key) }), undefined)
    assert.equal(
      place.notices.filter(({ type }) => type === 'keyRevoked'),
      [{ type: 'keyRevoked', id }],
    )
  })

  test('what was made under an idempotency key is made once, and answered as before for a day', async (place) => {
    const request = { name: 'till', role: 'service', createdBy: 'key_admin' } as const
    const key = tableKeyOf('key_admin POST /v1/keys', 'once', '{}')
    const first = await place.write('apiKeys.create', request, key)
    assert.equal(await place.write('apiKeys.create', request, key), { ...first, replayed: true })
    assert.is((await place.read('apiKeys.list', {})).length, 1)
    const known = await place.read('idempotency.find', { key, nowMs: NOW_MS })
    assert.equal(known, { type: 'answered', reply: { ...first, replayed: true } })
    const other = tableKeyOf('key_admin POST /v1/keys', 'once', '{"name":"desk"}')
    await fails('idempotency-mismatch', place.write('apiKeys.create', request, other))
    place.clock.pass(24 * HOUR_MS)
    assert.not.equal(await place.write('apiKeys.create', request, key), { ...first, replayed: true })
  })

  test('a value that a table’s own check refuses is refused, and leaves nothing behind', async (place) => {
    const key = tableKeyOf('key_admin POST /v1/keys', 'bad', '{}')
    const request = { name: '', role: 'service', createdBy: 'key_admin' } as const
    await fails('invalid', place.write('apiKeys.create', request, key))
    assert.is(await place.read('idempotency.find', { key, nowMs: NOW_MS }), undefined)
    assert.is((await place.write('apiKeys.create', { ...request, name: 'till' }, key)).replayed, undefined)
  })

  test('people register once, sign in, stay signed in, and are signed out', async (place) => {
    const ann = {
      name: 'Ann',
      email: 'Ann@x.org',
      emailKey: 'ann@x.org',
      passwordHash: HASH,
      refreshMs: HOUR_MS,
    }
    const made = await place.write('users.register', ann)
    assert.ok(made.type === 'signedIn')
    const { id: userId } = made.user
    assert.equal(await place.write('users.register', ann), { type: 'refused', reason: 'emailTaken' })
    assert.equal(await place.read('users.find', { id: userId }), made.user)
    const credentials = { id: userId, passwordHash: HASH }
    assert.equal(await place.read('users.credentials', { emailKey: 'ann@x.org' }), credentials)
    assert.equal(await place.read('users.credentials', { id: userId }), credentials)
    const session = { userId, role: 'customer' }
    assert.equal(await place.read('sessions.find', { id: made.session.id, nowMs: NOW_MS }), session)

    const tokenHash = hashOfApiKey(made.session.refreshToken)
    const next = await place.write('sessions.refresh', { tokenHash, refreshMs: HOUR_MS })
    assert.ok(next.type === 'signedIn' && next.session.id === made.session.id)
    const stolen = await place.write('sessions.refresh', { tokenHash, refreshMs: HOUR_MS })
    assert.equal(stolen, { type: 'refused', reason: 'reused' })
    assert.is(await place.read('sessions.find', { id: made.session.id, nowMs: NOW_MS }), undefined)

    const login = { userId, passwordHash: HASH, newHash: undefined, refreshMs: HOUR_MS }
    const [one, two] = [
      await place.write('sessions.start', login),
      await place.write('sessions.start', login),
    ]
    assert.ok(one.type === 'signedIn' && two.type === 'signedIn')
    assert.is((await place.write('sessions.end', { id: one.session.id, userId })).ended, true)
    const byToken = { tokenHash: hashOfApiKey(two.session.refreshToken) }
    assert.is((await place.write('sessions.endByToken', byToken)).ended, true)
    const wrong = { ...login, passwordHash: 'x'.repeat(60) }
    assert.equal(await place.write('sessions.start', wrong), {
      type: 'refused',
      reason: 'credentialsChanged',
    })
    assert.is((await place.write('users.setRole', { id: userId, role: 'staff' })).type, 'changed')
    assert.ok(place.notices.some((notice) => notice.type === 'sessionsChanged' && notice.userId === userId))
  })

  test('an address of mail is one person’s, a new password ends other sessions, a refused change changes nothing', async (place) => {
    const person = (name: string) => ({
      name,
      email: `${name}@x.org`,
      emailKey: `${name}@x.org`,
      passwordHash: HASH,
      refreshMs: HOUR_MS,
    })
    const ann = await place.write('users.register', person('ann'))
    const bob = await place.write('users.register', person('bob'))
    assert.ok(ann.type === 'signedIn' && bob.type === 'signedIn')
    const nothing = { name: undefined, email: undefined, password: undefined, sessionId: undefined }
    const { id } = ann.user
    const email = { text: 'bob@x.org', key: 'bob@x.org' }
    const taken = await place.write('users.change', { ...nothing, id, name: 'Anna', email })
    assert.equal(taken, { type: 'refused', reason: 'emailTaken' })
    assert.is((await place.read('users.find', { id }))?.name, 'ann')
    const password = { oldHash: HASH, newHash: 'n'.repeat(60) }
    const changed = await place.write('users.change', { ...nothing, id, name: 'Anna', password })
    assert.ok(changed.type === 'changed' && changed.user.name === 'Anna')
    assert.is(await place.read('sessions.find', { id: ann.session.id, nowMs: NOW_MS }), undefined)
  })

  test('addresses are their owner’s, and signing keys are made when the last one is old', async (place) => {
    const person = {
      name: 'A',
      email: 'a@x.org',
      emailKey: 'a@x.org',
      passwordHash: HASH,
      refreshMs: HOUR_MS,
    }
    const made = await place.write('users.register', person)
    assert.ok(made.type === 'signedIn')
    const { id: userId } = made.user
    const added = await place.write('addresses.add', { userId, address: ADDRESS })
    assert.ok(added.type === 'added')
    const { id } = added.address
    const moved = { ...ADDRESS, city: 'York' }
    assert.is((await place.write('addresses.replace', { userId, id, address: moved })).type, 'replaced')
    assert.equal(await place.read('addresses.list', { userId }), [{ ...moved, id }])
    assert.is(await place.read('addresses.find', { userId: 'usr_other', id }), undefined)
    assert.equal(await place.write('addresses.remove', { userId, id }), { removed: true })

    const key = { privateJwk: JSON.stringify({ d: 'x'.repeat(40) }), unlessYoungerThanMs: HOUR_MS }
    assert.equal(await place.write('signingKeys.add', key), { added: true })
    assert.equal(await place.write('signingKeys.add', key), { added: false })
    place.clock.pass(HOUR_MS)
    assert.equal(await place.write('signingKeys.add', key), { added: true })
    assert.is((await place.read('signingKeys.list', {})).length, 2)
  })

  test('products are changed by whoever knows their version, and listed in the order of their ids', async (place) => {
    const ids = ['Zebra', 'apple', 'pear', 'Äpfel'] as ProductId[]
    const products = ids.map((productId) => ({ productId, fields: fields({ title: productId }) }))
    const imported = await place.write('catalog.import', { products })
    assert.equal(imported.results, ['created', 'created', 'created', 'created'])
    const made = await place.write('catalog.create', { productId: PIXEL, fields: fields() })
    assert.ok(made.type === 'saved' && made.position > imported.position)
    const again = await place.write('catalog.create', { productId: PIXEL, fields: fields() })
    assert.equal(again, { type: 'refused', reason: 'exists' })
    const guard = { ifMatch: [1] }
    const patched = await place.write('catalog.patch', { productId: PIXEL, change: { price: 5 }, guard })
    assert.ok(patched.type === 'saved' && patched.product.priceMinor === 500)
    const late = await place.write('catalog.patch', { productId: PIXEL, change: { price: 6 }, guard })
    assert.equal(late, { type: 'refused', reason: 'guard' })
    await place.write('catalog.addImage', { productId: PIXEL, url: 'https://img.example/b.png' })
    await place.write('catalog.replace', { productId: PIXEL, fields: fields({ brand: null }), guard: {} })
    assert.is((await place.read('catalog.product', { productId: PIXEL }))?.version, 4)
    const all = { category: undefined, brand: undefined, after: undefined, limit: 10 }
    const names = (await place.read('catalog.browse', all)).map(({ productId }) => productId)
    assert.equal(names, ['Zebra', 'apple', 'pear', PIXEL, 'Äpfel'])
    for (const which of [
      { brand: 'Google' },
      { category: 'Phones' },
      { brand: 'Google', category: 'Phones' },
    ])
      assert.is((await place.read('catalog.browse', { ...all, ...which, after: 'apple' })).length > 1, true)
    await place.write('catalog.retire', { productId: PIXEL, guard: {} })
    assert.is((await place.read('catalog.browse', all)).length, 4)
    const [summary] = await place.read('catalog.products', { ids: [PIXEL] })
    assert.is(summary?.retired, true)
    assert.is((await place.read('catalog.found', { ids })).products.length, 4)
    const events = await place.read('outbox.after', { id: imported.position, limit: 100 })
    const versions = events.map(({ payload }) => payload.version)
    assert.equal(versions, [1, 2, 3, 4, 5])
    assert.is(await place.read('outbox.last', {}), events.at(-1)?.id)
  })

  test('who has bought nothing reviews nothing', async (place) => {
    await place.write('catalog.create', { productId: PIXEL, fields: fields() })
    const customerId = 'usr_ann' as CustomerId
    const review = { productId: PIXEL, customerId, rating: 5, title: null, text: 'Good.' }
    assert.equal(await place.write('catalog.review', review), { type: 'refused', reason: 'not-a-buyer' })
    assert.is(await place.read('catalog.hasBought', { customerId, productId: PIXEL }), false)
    assert.equal(await place.read('catalog.reviews', { productId: PIXEL, before: undefined, limit: 5 }), [])
  })

  declareOrderTests(test)
  declareMoneyTests(test)
  declareRestorationTests(test)

  tables('every operation has been asked', () => {
    const names = Object.keys(operations) as OperationName[]
    assert.equal(
      names.filter((each) => !asked.has(each)),
      [],
    )
  })
  tables.after(async () => void (await close()))
  tables.run()
}

export async function fails(code: TablesErrorCode, asked: Promise<unknown>): Promise<void> {
  const [outcome] = await Promise.allSettled([asked])
  assert.is(outcome.status, 'rejected')
  const { reason } = outcome as PromiseRejectedResult
  assert.instance(reason, TablesError)
  assert.is(reason.code, code, reason.message)
}
