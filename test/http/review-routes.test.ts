import * as assert from 'uvu/assert'
import { reviewReply, reviewsReply } from '../../src/http/review-schemas.ts'
import { suite } from '../support/suite.ts'
import { pathsOf } from './replies.ts'
import { type Shop, shop } from './shop-parts.ts'

const PRODUCT = '/v1/products/pixel-11'
const PATH = `${PRODUCT}/reviews`

async function sold(...customers: readonly string[]): Promise<Shop> {
  const world = shop()
  const body = { productId: 'pixel-11', title: 'Pixel 11', price: 5, currency: 'USD' }
  await world.call('POST', '/v1/products', { as: 'staff', body })
  for (const customerId of customers) world.sell(customerId, 'pixel-11')
  return world
}

const reviews = suite('reviews')

reviews('are written by buyers and shown to all with their first name, on the page too', async () => {
  using world = await sold('usr_ann', 'usr_bob')
  const { call } = world
  world.shopTables.database.exec(
    `INSERT INTO users (id, email, email_key, name, role, password_hash, created_at_ms)
     VALUES ('usr_ann', 'ann@shop.example', 'ann@shop.example', ' Ann Maria Smith', 'customer', '${'x'.repeat(60)}', 0)`,
  )
  const before = (await call('GET', PRODUCT)).headers.get('etag')
  const body = { rating: 4, title: '<b>Good</b>', text: 'Two\nlines' }
  const made = await call('POST', PATH, { as: 'ann', body })
  assert.is(made.status, 201)
  assert.ok(reviewReply.safeParse(made.body).success)
  assert.is(made.headers.get('holdfast-position'), 't2')
  assert.is(made.body.author, 'Ann')
  await call('POST', PATH, { as: 'bob', body: { rating: 1 } })
  const list = await call('GET', PATH)
  assert.ok(reviewsReply.safeParse(list.body).success)
  assert.is((list.body.reviews as unknown[]).length, 2)
  assert.equal(
    (list.body.reviews as { author?: string; rating: number }[])
      .map(({ author, rating }) => [rating, author])
      .sort(),
    [
      [1, undefined],
      [4, 'Ann'],
    ],
  )
  const page = await call('GET', PRODUCT)
  assert.not.match(page.text + list.text + made.text, /usr_|Smith|@/, '15: nothing else of who wrote it')
  assert.is(page.body.rating, 2.5)
  assert.is(page.body.reviewCount, 2)
  assert.is((page.body.reviews as unknown[]).length, 2)
  assert.is.not(page.headers.get('etag'), before)
  const first = await call('GET', `${PATH}?limit=1`)
  const second = await call('GET', `${PATH}?limit=1&cursor=${first.body.nextCursor}`)
  assert.equal(
    [...(first.body.reviews as unknown[]), ...(second.body.reviews as unknown[])],
    list.body.reviews,
  )
  assert.is(second.body.nextCursor, undefined)
})

reviews('are refused from who has not bought it, from keys, and a second time', async () => {
  using world = await sold('usr_ann')
  const { call } = world
  const send = async (as: string | undefined, headers: Record<string, string> = {}) => {
    const reply = await call('POST', PATH, {
      body: { rating: 5 },
      headers,
      ...(as === undefined ? {} : { as }),
    })
    return [reply.status, reply.body.code ?? 'made']
  }
  assert.equal(await send(undefined), [401, 'unauthenticated'])
  assert.equal(await send('admin'), [403, 'forbidden'])
  assert.equal(await send('bob'), [403, 'not-a-buyer'])
  const headers = { 'idempotency-key': 'k-1' }
  assert.equal(await send('ann', headers), [201, 'made'])
  assert.equal(await send('ann', headers), [201, 'made'])
  assert.equal(await send('ann'), [409, 'already-reviewed'])
  assert.is((await call('GET', PRODUCT)).body.reviewCount, 1)
  assert.is((await call('GET', '/v1/products/nobody/reviews')).status, 404)
  const lost = await call('POST', '/v1/products/nobody/reviews', { as: 'ann', body: { rating: 5 } })
  assert.is(lost.body.code, 'unknown-product')
})

reviews('say what a review can say, and no more', async () => {
  using world = await sold('usr_ann')
  for (const [body, path] of [
    [{}, 'rating'],
    ...[0, 6, 4.5, '5', null, -1, 2 ** 53].map((rating) => [{ rating }, 'rating'] as const),
    [{ rating: 5, title: '' }, 'title'],
    [{ rating: 5, title: 'a\nb' }, 'title'],
    [{ rating: 5, title: 'x'.repeat(151) }, 'title'],
    [{ rating: 5, text: '' }, 'text'],
    [{ rating: 5, text: 'x'.repeat(5_001) }, 'text'],
    [{ rating: 5, text: '\u001b[31m' }, 'text'],
    [{ rating: 5, customerId: 'usr_bob' }, 'customerId'],
    [{ rating: 5, author: 'Bob' }, 'author'],
  ] as const) {
    const reply = await world.call('POST', PATH, { as: 'ann', body })
    assert.is(reply.status, 400, JSON.stringify(body).slice(0, 60))
    assert.equal(pathsOf(reply), [path])
  }
  assert.equal(pathsOf(await world.call('GET', `${PATH}?cursor=x`)), ['cursor'])
  assert.equal(pathsOf(await world.call('GET', `${PATH}?limit=0`)), ['limit'])
})

reviews.run()
