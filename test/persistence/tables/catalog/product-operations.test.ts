import * as assert from 'uvu/assert'
import type { ProductId } from '../../../../src/domain/ids.ts'
import type { CurrencyCode } from '../../../../src/domain/money.ts'
import type { BrowseArgs } from '../../../../src/persistence/tables/catalog/product-operations.ts'
import { InProcessTables } from '../../../support/in-process-tables.ts'
import { ManualClock } from '../../../support/manual-time.ts'
import { suite } from '../../../support/suite.ts'
import { fields, PIXEL } from './products.ts'

const START_MS = Date.parse('2026-11-27T08:00:00.000Z')

function opened() {
  const clock = new ManualClock(START_MS)
  const tables = new InProcessTables(clock)
  const events = async () =>
    (await tables.read('outbox.after', { id: 0, limit: 100 })).map(({ type, subjectId, payload }) => ({
      type,
      subjectId,
      payload,
    }))
  return { clock, tables, events, [Symbol.dispose]: () => tables.close() }
}

const one = suite('a product in the tables')

one('is made once, and read as it was made', async () => {
  using world = opened()
  const { tables, events } = world
  const made = await tables.write('catalog.create', { productId: PIXEL, fields: fields() })
  assert.is(made.type, 'saved')
  const found = await tables.read('catalog.product', { productId: PIXEL })
  assert.equal(found, {
    productId: PIXEL,
    ...fields(),
    version: 1,
    createdAtMs: START_MS,
    updatedAtMs: START_MS,
    retiredAtMs: null,
    ratingSum: 0,
    reviewCount: 0,
  })
  assert.equal(await tables.write('catalog.create', { productId: PIXEL, fields: fields({ title: 'x' }) }), {
    type: 'refused',
    reason: 'exists',
  })
  assert.equal(await events(), [{ type: 'product.changed', subjectId: PIXEL, payload: { version: 1 } }])
})

one('without an id gets one that nobody guesses', async () => {
  using world = opened()
  const made = await world.tables.write('catalog.create', { productId: undefined, fields: fields() })
  assert.ok(made.type === 'saved')
  assert.match(made.product.productId, /^prd_[0-9A-HJKMNP-TV-Z]{26}$/)
})

one('is replaced, and what changes nothing writes nothing', async () => {
  using world = opened()
  const { tables, events, clock } = world
  const replace = (changes: Parameters<typeof fields>[0], guard = {}) =>
    tables.write('catalog.replace', { productId: PIXEL, fields: fields(changes), guard })
  const made = await replace({})
  clock.pass(1_000)
  const same = await replace({})
  const other = await replace({ brand: null, category: 'Phones', images: [] })
  assert.equal(
    [made, same, other].map((reply) => (reply.type === 'saved' ? [reply.how, reply.product.version] : [])),
    [
      ['created', 1],
      ['unchanged', 1],
      ['updated', 2],
    ],
  )
  const found = await tables.read('catalog.product', { productId: PIXEL })
  assert.is(found?.brand, null)
  assert.is(found?.createdAtMs, START_MS)
  assert.is(found?.updatedAtMs, START_MS + 1_000)
  assert.is((await events()).length, 2)
})

one('is changed only where it is as the guard wants it', async () => {
  using world = opened()
  const { tables } = world
  const replace = async (guard: object) => {
    const title = `title ${Math.random()}`
    const reply = await tables.write('catalog.replace', {
      productId: PIXEL,
      fields: fields({ title }),
      guard,
    })
    return reply.type === 'refused' ? reply.reason : reply.how
  }
  assert.is(await replace({ ifMatch: [1] }), 'guard')
  assert.is(await replace({ ifMatch: 'any' }), 'guard')
  assert.is(await replace({ ifNoneMatch: 'any' }), 'created')
  assert.is(await replace({ ifNoneMatch: 'any' }), 'guard')
  assert.is(await replace({ ifMatch: [2, 3] }), 'guard')
  assert.is(await replace({ ifMatch: [2, 1] }), 'updated')
  assert.is(await replace({ ifMatch: 'any' }), 'updated')
  assert.is(await replace({ ifNoneMatch: [3] }), 'guard')
  assert.is(await replace({ ifNoneMatch: [2] }), 'updated')
  assert.is(await replace({ ifMatch: [] }), 'guard')
})

one('keeps what a change leaves out, and its price has the digits of its currency', async () => {
  using world = opened()
  const { tables } = world
  await tables.write('catalog.create', { productId: PIXEL, fields: fields() })
  const patch = (change: object) => tables.write('catalog.patch', { productId: PIXEL, change, guard: {} })
  assert.equal(await patch({ price: 9.999 }), { type: 'refused', reason: 'price', currency: 'USD' })
  assert.equal(await patch({ currency: 'JPY' }), { type: 'refused', reason: 'price', currency: 'JPY' })
  assert.equal(await patch({ currency: 'JPY', price: 9.5 }), {
    type: 'refused',
    reason: 'price',
    currency: 'JPY',
  })
  const cheaper = await patch({ price: 899.5 })
  assert.ok(cheaper.type === 'saved')
  assert.equal(
    { ...cheaper.product, version: 1 },
    {
      ...cheaper.product,
      ...fields({ priceMinor: 89_950 }),
      version: 1,
    },
  )
  const abroad = await patch({ currency: 'JPY' as CurrencyCode, price: 120_000, brand: null })
  assert.ok(abroad.type === 'saved')
  assert.is(abroad.product.priceMinor, 120_000)
  assert.is(abroad.product.brand, null)
})

one('is retired for good, and whoever retires it again is told the same', async () => {
  using world = opened()
  const { tables, events } = world
  await tables.write('catalog.create', { productId: PIXEL, fields: fields() })
  const retire = (guard = {}) => tables.write('catalog.retire', { productId: PIXEL, guard })
  assert.equal(await retire({ ifMatch: [7] }), { type: 'refused', reason: 'guard' })
  const [first, second] = [await retire({ ifMatch: [1] }), await retire({ ifMatch: [1] })]
  assert.ok(first.type === 'saved' && second.type === 'saved')
  assert.equal([first.how, second.how], ['updated', 'unchanged'])
  assert.equal(first.product, second.product)
  const refused = { type: 'refused', reason: 'retired' }
  assert.equal(
    await tables.write('catalog.replace', { productId: PIXEL, fields: fields(), guard: {} }),
    refused,
  )
  assert.equal(await tables.write('catalog.patch', { productId: PIXEL, change: {}, guard: {} }), refused)
  assert.equal((await events()).at(-1)?.payload, { version: 2, retired: true })
  assert.is((await events()).length, 2)
})

one('has so many images and no more, each once', async () => {
  using world = opened()
  const { tables } = world
  await tables.write('catalog.create', { productId: PIXEL, fields: fields({ images: [] }) })
  const add = async (n: number) => {
    const reply = await tables.write('catalog.addImage', { productId: PIXEL, url: `/images/${n}` })
    return reply.type === 'refused' ? reply.reason : reply.how
  }
  assert.is(await add(0), 'updated')
  assert.is(await add(0), 'unchanged')
  for (let n = 1; n < 20; n++) assert.is(await add(n), 'updated')
  assert.is(await add(20), 'images')
})

one.run()

const many = suite('products in the tables')

many('are listed in the order of their ids, by category, brand, or both, without the retired', async () => {
  using world = opened()
  const { tables } = world
  const shelf: readonly (readonly [string, string | null, string | null])[] = [
    ['a1', 'Google', 'Phones > Android'],
    ['a2', 'Apple', 'Phones > iOS'],
    ['a3', 'Google', 'Phones'],
    ['a4', 'Google', 'Phones > Android > Used'],
    ['a5', 'Google', 'Phones and more'],
    ['a6', null, null],
  ]
  for (const [id, brand, category] of shelf)
    await tables.write('catalog.create', { productId: id as ProductId, fields: fields({ brand, category }) })
  await tables.write('catalog.create', { productId: 'a0' as ProductId, fields: fields() })
  await tables.write('catalog.retire', { productId: 'a0' as ProductId, guard: {} })
  const list = async (args: Partial<BrowseArgs>) => {
    const all = { category: undefined, brand: undefined, after: undefined, limit: 10, ...args }
    return (await tables.read('catalog.browse', all)).map(({ productId }) => productId)
  }
  assert.equal(await list({}), ['a1', 'a2', 'a3', 'a4', 'a5', 'a6'])
  assert.equal(await list({ after: 'a2', limit: 2 }), ['a3', 'a4'])
  assert.equal(await list({ category: 'Phones' }), ['a1', 'a2', 'a3', 'a4'])
  assert.equal(await list({ category: 'Phones > Android', after: 'a1' }), ['a4'])
  assert.equal(await list({ brand: 'Google', after: 'a1', limit: 2 }), ['a3', 'a4'])
  assert.equal(await list({ brand: 'Google', category: 'Phones', after: 'a1' }), ['a3', 'a4'])
  // Moved to another category, it is found there and no longer here.
  await tables.write('catalog.patch', {
    productId: 'a1' as ProductId,
    change: { category: 'Toys' },
    guard: {},
  })
  assert.equal(await list({ category: 'Phones > Android' }), ['a4'])
  assert.equal(await list({ category: 'Toys' }), ['a1'])
})

many('are summed up for a cart, up to a hundred at a time', async () => {
  using world = opened()
  const { tables } = world
  const ids = Array.from({ length: 100 }, (_, i) => `p${i}` as ProductId)
  for (const productId of ids.slice(0, 60))
    await tables.write('catalog.create', { productId, fields: fields({ images: [] }) })
  await tables.write('catalog.addImage', { productId: ids[3] as ProductId, url: '/images/x' })
  await tables.write('catalog.retire', { productId: ids[3] as ProductId, guard: {} })
  assert.equal(await tables.read('catalog.products', { ids: [] }), [])
  assert.equal(await tables.read('catalog.products', { ids: [ids[3] as ProductId] }), [
    {
      productId: 'p3',
      title: 'Pixel 11',
      priceMinor: 99_999,
      currency: 'USD',
      thumbnail: '/images/x',
      retired: true,
      version: 3,
    },
  ])
  assert.is((await tables.read('catalog.products', { ids: ids.slice(55, 65) })).length, 5)
  assert.is((await tables.read('catalog.products', { ids })).length, 60)
})

many.run()
