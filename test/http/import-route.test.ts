import * as assert from 'uvu/assert'
import { EngineError } from '../../src/actors/engine-error.ts'
import type { ProductId } from '../../src/domain/ids.ts'
import { TablesError } from '../../src/persistence/tables/tables-error.ts'
import { suite } from '../support/suite.ts'
import { type Fakes, fakes, usualAnswer } from './fake-parts.ts'
import { type Shop, shop } from './shop-parts.ts'

const PATH = '/v1/products/import'

type Told = {
  readonly line?: number
  readonly productId?: string
  readonly status?: string
  readonly errors?: readonly { readonly path: string; readonly message: string }[]
  readonly warnings?: readonly { readonly path: string }[]
  readonly summary?: Readonly<Record<string, unknown>>
}

async function sent(
  world: Fakes,
  body: string,
  { type = 'application/x-ndjson', query = '?currency=USD' } = {},
): Promise<{ readonly told: readonly Told[]; readonly summary: Readonly<Record<string, unknown>> }> {
  const reply = await world.call('POST', PATH + query, {
    as: 'staff',
    body,
    headers: { 'content-type': type },
  })
  assert.is(reply.status, 200, reply.text)
  assert.is(reply.headers.get('content-type'), 'application/x-ndjson')
  const told: readonly Told[] = reply.text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const summary = told.at(-1)?.summary
  assert.ok(summary !== undefined, reply.text)
  return { told: told.slice(0, -1), summary }
}

function lines(...records: readonly object[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join('')
}

const file = suite('a file of products')

file('is taken line by line, and answered so', async () => {
  using world = shop()
  const text =
    lines(
      { id: 'a', name: 'A', price: 5, popularity: 3, categories: ['X', 'Y'] },
      { id: 'b', name: 'B', price: 5.555 },
    ) +
    'nonsense\n\n' +
    lines({ id: 'c', name: 'C', price: '7.50', quantity: 3 }, { id: 'search', name: 'D', price: 1 })
  const { told, summary } = await sent(world, text)
  assert.equal(
    told.map(({ line, productId, status }) => [line, productId, status]),
    [
      [1, 'a', 'created'],
      [2, 'b', 'failed'],
      [3, undefined, 'failed'],
      [5, 'c', 'created'],
      [6, 'search', 'failed'],
    ],
  )
  assert.equal(
    told.map(({ errors = [] }) => errors.map(({ path }) => path)),
    [[], ['price'], [''], [], ['productId']],
  )
  assert.equal(
    told[0]?.warnings?.map(({ path }) => path),
    ['popularity'],
  )
  assert.equal(summary, {
    records: 5,
    created: 2,
    updated: 0,
    unchanged: 0,
    failed: 3,
    stockFailed: 0,
    warnings: 1,
    complete: true,
    position: 't2',
  })
  const page = await world.call('GET', '/v1/products/a')
  assert.is(page.body.category, 'X > Y')
  assert.is(page.body.price, 5)
  const adjusted = world.engine.requests.filter(({ type }) => type === 'adjust')
  assert.equal(adjusted, [
    {
      type: 'adjust',
      productId: 'c',
      change: { set: 3, expectedVersion: undefined },
      reason: 'import',
      reference: undefined,
    },
  ])
})

file('that comes again changes nothing, and one that was edited only what is other', async () => {
  using world = shop()
  const records = [
    { name: 'A', brand: 'x', price: 5, quantity: 45 },
    { name: 'B', brand: 'x', price: 5 },
  ]
  assert.is((await sent(world, lines(...records))).summary.created, 2)
  const events = async () => (await world.shopTables.read('outbox.after', { id: 0, limit: 100 })).length
  const before = await events()
  world.engine.requests.splice(0)
  const { told, summary } = await sent(world, lines(...records))
  assert.is(summary.unchanged, 2)
  assert.is(await events(), before)
  assert.equal(
    world.engine.requests.map(({ type }) => type),
    ['readStock'],
    'stock that is so already is left alone',
  )
  const edited = await sent(world, lines(records[0] as object, { ...records[1], price: 6 }))
  assert.equal([edited.summary.unchanged, edited.summary.updated], [1, 1])
  assert.equal(
    edited.told.map(({ productId }) => productId),
    told.map(({ productId }) => productId),
  )
})

file('may be CSV', async () => {
  using world = shop()
  const text =
    'SKU,Name,Price,Categories,Image,Quantity,specifications.Colour\r\n' +
    'a,"Phone, black",9.99,A|B,https://img.example/a.png,2,black\r\n' +
    'b,Phone,x,,,,\r\n'
  const { told, summary } = await sent(world, text, { type: 'text/csv; charset=utf-8; header=present' })
  assert.equal(
    told.map(({ line, productId, status }) => [line, productId, status]),
    [
      [2, 'a', 'created'],
      [3, 'b', 'failed'],
    ],
  )
  assert.is(summary.created, 1)
  const { body } = await world.call('GET', '/v1/products/a')
  assert.is(body.title, 'Phone, black')
  assert.equal(body.specifications, { Colour: 'black' })
})

file('needs a currency from somewhere, and takes that of the record first', async () => {
  using world = shop()
  const records = lines({ id: 'a', name: 'A', price: 5 }, { id: 'b', name: 'B', price: 5, currency: 'JPY' })
  const without = await sent(world, records, { query: '' })
  assert.equal(
    without.told.map(({ status }) => status),
    ['failed', 'created'],
  )
  assert.equal(without.told[0]?.errors?.[0]?.path, 'currency')
  await sent(world, records)
  assert.is((await world.call('GET', '/v1/products/b')).body.currency, 'JPY')
})

file('18: is refused as a whole where it is no such file, before anything is read', async () => {
  using world = shop()
  const send = (headers: Record<string, string>, as = 'staff', query = '') =>
    world.call('POST', PATH + query, { as, body: '{}', headers })
  const ndjson = { 'content-type': 'application/x-ndjson' }
  assert.is((await send({ 'content-type': 'application/json' })).status, 415)
  assert.is((await send({ 'content-type': 'text/csv; charset=utf-16' })).status, 415)
  assert.is((await send({ ...ndjson, 'content-encoding': 'gzip' })).status, 415)
  assert.is((await send({ ...ndjson, 'content-length': '999999999' })).status, 413)
  assert.is((await send(ndjson, 'staff', '?currency=usd')).status, 400)
  assert.is((await send(ndjson, 'staff', '?x=1')).status, 400)
  assert.is((await send(ndjson, 'ann')).status, 403)
  assert.is((await send(ndjson, 'service')).status, 403)
  assert.equal((await sent(world, '')).told, [])
})

file('says of each line what the engine or the tables did not do', async () => {
  using world = shop()
  await world.call('POST', '/v1/products', {
    as: 'staff',
    body: { productId: 'old', title: 'x', price: 1, currency: 'USD' },
  })
  await world.call('DELETE', '/v1/products/old', { as: 'staff' })
  world.engine.answer = (request) => {
    if (request.type !== 'adjust') return usualAnswer(request)
    if (request.productId === 'held') {
      return { type: 'refused', refusal: { reason: 'stockBelowHeld', onHand: 9, held: 4 } }
    }
    throw new EngineError('shard-unavailable', 'planted')
  }
  const records = ['held', 'away', 'old'].map((id) => ({ id, name: id, price: 5, quantity: 1 }))
  const { told, summary } = await sent(world, lines(...records))
  assert.equal(
    told.map(({ status, errors = [] }) => [status, errors[0]?.path]),
    [
      ['created', 'quantity'],
      ['created', 'quantity'],
      ['failed', 'productId'],
    ],
  )
  assert.match(told[0]?.errors?.[0]?.message ?? '', /4 are held/)
  assert.is(summary.stockFailed, 2)

  const down = fakes()
  down.tables.answer = () => {
    throw new TablesError('unavailable', 'planted')
  }
  const none = await sent(down, lines({ id: 'a', name: 'A', price: 5 }))
  assert.equal(none.told[0]?.errors?.[0]?.path, '')
  assert.is(none.summary.failed, 1)
  assert.is(none.summary.complete, true)
})

file('is saved in batches, and a product twice in it is the last of both', async () => {
  using world = shop()
  const records = Array.from({ length: 450 }, (_, i) => ({
    id: `p${i}`,
    name: `n${i}`,
    price: (100 + i) / 100,
  }))
  const { told, summary } = await sent(world, lines(...records, { id: 'p7', name: 'other', price: 9 }))
  assert.equal([summary.created, summary.updated], [450, 1])
  assert.equal(
    told.map(({ line }) => line),
    Array.from({ length: 451 }, (_, i) => i + 1),
  )
  assert.equal(told.at(-1)?.warnings?.[0]?.path, 'productId')
  const found = await world.shopTables.read('catalog.product', { productId: 'p7' as ProductId })
  assert.is(found?.title, 'other')
})

file('stops where its sender leaves, and what was saved stays', async () => {
  using world: Shop = shop()
  let left = () => {}
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const records = Array.from({ length: 250 }, (_, i) => ({ id: `p${i}`, name: `n${i}`, price: 1 }))
      controller.enqueue(Buffer.from(lines(...records)))
      left = () => controller.error(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }))
    },
  })
  const init = { method: 'POST', body, duplex: 'half' } as RequestInit
  const headers = { authorization: 'Bearer staff', 'content-type': 'application/x-ndjson' }
  const response = await world.app.request(`${PATH}?currency=USD`, { ...init, headers })
  const reader = response.body?.getReader()
  const first = Buffer.from((await reader?.read())?.value ?? []).toString()
  assert.is(first.trim().split('\n').length, 200, 'results come while the file is still coming')
  left()
  const rest = Buffer.from((await reader?.read())?.value ?? []).toString()
  assert.match(rest, /"complete":false/)
  assert.is((await reader?.read())?.done, true)
  assert.ok(await world.shopTables.read('catalog.product', { productId: 'p199' as ProductId }))
  assert.is(await world.shopTables.read('catalog.product', { productId: 'p200' as ProductId }), undefined)
})

file('is one of two at a time', async () => {
  using world = shop()
  const open = async () => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
    const init = { method: 'POST', body: readable, duplex: 'half' } as RequestInit
    const headers = { authorization: 'Bearer staff', 'content-type': 'text/csv' }
    return { response: await world.app.request(PATH, { ...init, headers }), writer: writable.getWriter() }
  }
  const [first, second, third] = [await open(), await open(), await open()]
  assert.equal([first.response.status, second.response.status, third.response.status], [200, 200, 503])
  assert.match(third.response.headers.get('retry-after') ?? '', /^\d+$/)
  await Promise.all([first.writer.close(), first.response.text()])
  const fourth = await open()
  assert.is(fourth.response.status, 200)
  await Promise.all([second, fourth].flatMap(({ writer, response }) => [writer.close(), response.text()]))
})

file.run()
