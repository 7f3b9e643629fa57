import fc from 'fast-check'
import * as assert from 'uvu/assert'
import type { CustomerId, ProductId } from '../../../../src/domain/ids.ts'
import { recordPurchase } from '../../../../src/persistence/tables/catalog/purchases.ts'
import { SqliteSession } from '../../../../src/persistence/tables/sqlite-session.ts'
import { InProcessTables } from '../../../support/in-process-tables.ts'
import { ManualClock } from '../../../support/manual-time.ts'
import { note, suite } from '../../../support/suite.ts'
import { fields, PIXEL } from './products.ts'

const START_MS = Date.parse('2026-11-27T08:00:00.000Z')
const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))

async function opened(buyers: readonly string[], products: readonly string[] = [PIXEL]) {
  const clock = new ManualClock(START_MS)
  const tables = new InProcessTables(clock)
  const session = new SqliteSession(tables.database)
  const productIds = products as readonly ProductId[]
  for (const productId of productIds) await tables.write('catalog.create', { productId, fields: fields() })
  for (const customerId of buyers)
    session.run(
      recordPurchase({ customerId: customerId as CustomerId, productIds, orderId: 'ord_1' }, { nowMs: 1 }),
    )
  return { clock, tables, [Symbol.dispose]: () => tables.close() }
}

function review(customerId: string, rating = 4, productId: string = PIXEL) {
  return {
    productId: productId as ProductId,
    customerId: customerId as CustomerId,
    rating,
    title: 'x',
    text: null,
  }
}

const reviews = suite('reviews in the tables')

reviews('are made by buyers, each once, and counted with the product', async () => {
  using world = await opened(['usr_ann', 'usr_bob'])
  const { tables, clock } = world
  const made = await tables.write('catalog.review', review('usr_ann', 5))
  assert.ok(made.type === 'reviewed')
  assert.match(made.review.reviewId, /^rev_/)
  const refusals = [
    await tables.write('catalog.review', review('usr_ann', 1)),
    await tables.write('catalog.review', review('usr_cyd')),
    await tables.write('catalog.review', review('usr_ann', 5, 'nobody')),
  ]
  assert.equal(
    refusals.map((reply) => (reply.type === 'refused' ? reply.reason : '')),
    ['already-reviewed', 'not-a-buyer', 'unknown'],
  )
  clock.pass(1)
  await tables.write('catalog.review', review('usr_bob', 2))
  const product = await tables.read('catalog.product', { productId: PIXEL })
  assert.equal([product?.ratingSum, product?.reviewCount, product?.version], [7, 2, 1])
  const list = (before?: string) => tables.read('catalog.reviews', { productId: PIXEL, before, limit: 1 })
  const [newest] = await list()
  assert.is(newest?.rating, 2)
  const [older] = await list(newest?.reviewId)
  assert.is(older?.rating, 5)
  assert.equal(await list(older?.reviewId), [])
  assert.ok(await tables.read('catalog.hasBought', { customerId: 'usr_bob' as CustomerId, productId: PIXEL }))
  assert.not(
    await tables.read('catalog.hasBought', { customerId: 'usr_cyd' as CustomerId, productId: PIXEL }),
  )
})

reviews('bought twice, a product is bought', async () => {
  using world = await opened(['usr_ann', 'usr_ann'])
  assert.is((await world.tables.write('catalog.review', review('usr_ann'))).type, 'reviewed')
})

const BUYERS = ['usr_0', 'usr_1', 'usr_2', 'usr_3', 'usr_4', 'usr_5']
const PRODUCTS = ['a', 'b', 'c']
type Act =
  | { readonly does: 'review'; readonly who: number; readonly of: number; readonly rating: number }
  | { readonly does: 'price'; readonly of: number; readonly price: number; readonly version: number }

const acts: fc.Arbitrary<readonly (readonly Act[])[]> = fc.array(
  fc.array(
    fc.oneof(
      fc.record({
        does: fc.constant('review' as const),
        who: fc.nat({ max: BUYERS.length }),
        of: fc.nat({ max: 2 }),
        rating: fc.integer({ min: 1, max: 5 }),
      }),
      fc.record({
        does: fc.constant('price' as const),
        of: fc.nat({ max: 2 }),
        price: fc.integer({ min: 1, max: 9 }),
        version: fc.integer({ min: 0, max: 6 }),
      }),
    ),
    { minLength: 1, maxLength: 12 },
  ),
  { maxLength: 5 },
)

reviews('and prices, written by many at once in any order, add up to what the rows say', async () => {
  note(`TEST_SEED=${seed}`)
  let made = 0
  await fc.assert(
    fc.asyncProperty(acts, async (turns) => {
      using world = await opened(BUYERS, PRODUCTS)
      const { tables } = world
      const prices = new Map<string, number>()
      const versions = new Map(PRODUCTS.map((productId) => [productId, 1]))
      for (const turn of turns) {
        const replies = await Promise.all(turn.map((act) => done(tables, act)))
        turn.forEach((act, i) => {
          const productId = PRODUCTS[act.of] as string
          if (act.does !== 'price' || replies[i] !== 'updated') return
          prices.set(productId, act.price * 100)
          versions.set(productId, (versions.get(productId) ?? 0) + 1)
        })
        made += replies.filter((reply) => reply === 'reviewed').length
      }
      for (const productId of PRODUCTS) {
        const product = await tables.read('catalog.product', { productId: productId as ProductId })
        const rows = await tables.read('catalog.reviews', {
          productId: productId as ProductId,
          before: undefined,
          limit: 100,
        })
        assert.is(product?.reviewCount, rows.length)
        assert.is(
          product?.ratingSum,
          rows.reduce((sum, { rating }) => sum + rating, 0),
        )
        assert.is(product?.priceMinor, prices.get(productId) ?? fields().priceMinor)
        assert.is(product?.version, versions.get(productId))
      }
    }),
    { seed, numRuns: 40 },
  )
  assert.ok(made > 50, `${made} reviews`)
})

async function done(tables: InProcessTables, act: Act): Promise<string> {
  const productId = PRODUCTS[act.of] as ProductId
  if (act.does === 'review') {
    const reply = await tables.write(
      'catalog.review',
      review(BUYERS[act.who] ?? 'usr_none', act.rating, productId),
    )
    return reply.type
  }
  const guard = act.version === 0 ? {} : { ifMatch: [act.version] }
  const reply = await tables.write('catalog.patch', { productId, change: { price: act.price }, guard })
  return reply.type === 'saved' ? reply.how : reply.reason
}

reviews.run()
