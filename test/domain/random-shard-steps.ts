/**
 * Random steps of three shards that mostly make sense: buyers of one and of several products, lines, and messages between
 * shards that are late, lost, heard twice or out of order. Whatever they name, they name by how recent it is, so that
 * shrinking a sequence keeps its sense.
 */
import fc from 'fast-check'
import type { CustomerId, ProductId, ShardId } from '../../src/domain/ids.ts'
import { hourMs, minuteMs, secondMs } from './examples.ts'

const names = ['apple', 'berry', 'cherry', 'date', 'elder'] as const
export const shards = [0, 1, 2].map((shard) => shard as ShardId)
export const products = names.map((name) => name as string as ProductId)
export const customers = ['ann', 'bob', 'cleo', 'dan'].map((name) => name as CustomerId)

/** Where each product is kept: two shards have two, so that some reservations have two lines in one. */
export function shardOfProduct(productId: ProductId): ShardId {
  return (products.indexOf(productId) % shards.length) as ShardId
}

const productId = fc.constantFrom(...products)
const anyone = fc.constantFrom(...customers, undefined)
const customerId = fc.constantFrom(...customers)
/** Small, so that stock and limits are often met exactly. */
const quantity = fc.integer({ min: 1, max: 4 })
const ttlMs = fc.constantFrom(secondMs, minuteMs, hourMs)
const recency = fc.nat({ max: 9 })
const few = fc.option(fc.nat({ max: 5 }), { nil: undefined, freq: 2 })
/** Which of a reservation's lines, by place; a place beyond them is a product it has none of. */
const items = fc.option(
  fc.array(fc.record({ at: fc.nat({ max: 4 }), quantity: fc.integer({ min: 1, max: 3 }) }), {
    minLength: 1,
    maxLength: 3,
  }),
  { nil: undefined, freq: 2 },
)
const sometimes = (arbitrary: fc.Arbitrary<number>) =>
  fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary })

const draft = fc.oneof(
  weighing(10, {
    type: fc.constant('reserve'),
    productId,
    customerId: anyone,
    quantity,
    allowPartial: fc.boolean(),
  }),
  weighing(16, {
    type: fc.constant('several'),
    lines: fc.uniqueArray(fc.record({ productId, quantity }), {
      minLength: 1,
      maxLength: 4,
      selector: (line) => line.productId,
    }),
    customerId: anyone,
    allowPartial: fc.boolean(),
    ttlMs: sometimes(ttlMs),
  }),
  weighing(50, { type: fc.constant('deliver'), recency }),
  weighing(10, { type: fc.constant('deliverAgain'), recency }),
  weighing(4, { type: fc.constant('lose'), recency }),
  weighing(3, { type: fc.constant('giveUp'), recency }),
  weighing(5, { type: fc.constant('doubt'), recency }),
  weighing(5, { type: fc.constant('redeliver'), recency }),
  weighing(6, { type: fc.constant('add'), productId, delta: fc.integer({ min: -4, max: 6 }) }),
  weighing(1, { type: fc.constant('set'), productId, set: fc.nat({ max: 12 }) }),
  weighing(6, {
    type: fc.constant('scheduleSale'),
    productId,
    opensInMs: sometimes(fc.constantFrom(0, 1, hourMs, 2 * hourMs)),
    closesInMs: sometimes(fc.constantFrom(0, 1, minuteMs, hourMs)),
    perCustomerLimit: few,
    maxPerReservation: few,
    holdTtlMs: sometimes(ttlMs),
  }),
  weighing(3, { type: fc.constant('openSale'), productId }),
  weighing(1, { type: fc.constant('retire'), productId }),
  weighing(4, { type: fc.constant('extend'), recency, ttlMs }),
  weighing(4, { type: fc.constant('startPayment'), recency, payingMs: ttlMs }),
  weighing(12, { type: fc.constant('release'), recency, items }),
  weighing(12, { type: fc.constant('confirm'), recency, items }),
  weighing(8, { type: fc.constant('return'), recency, items }),
  weighing(8, { type: fc.constantFrom('expire', 'closeReturns', 'forget'), recency }),
  weighing(2, { type: fc.constant('forgetAbort'), recency }),
  weighing(12, {
    type: fc.constant('joinWaitlist'),
    productId,
    customerId,
    quantity: fc.integer({ min: 1, max: 6 }),
  }),
  weighing(4, { type: fc.constant('leaveWaitlist'), productId, customerId, recency }),
  weighing(6, { type: fc.constant('goOn'), recency }),
  weighing(2, { type: fc.constant('restart'), shard: fc.constantFrom(...shards) }),
  weighing(6, {
    type: fc.constant('key'),
    shard: fc.constantFrom(...shards),
    does: fc.constantFrom('claim', 'answer', 'answer', 'free', 'forget'),
    number: fc.nat({ max: 7 }),
    length: fc.constantFrom(0, 20, 32, 33, 300),
  }),
)

const waitMs = fc.oneof(
  { weight: 12, arbitrary: fc.constant(0) },
  { weight: 4, arbitrary: fc.constantFrom(1, secondMs) },
  { weight: 1, arbitrary: fc.constantFrom(minuteMs, 20 * minuteMs, 2 * hourMs) },
)

export type Draft = typeof draft extends fc.Arbitrary<infer Value> ? Value : never
export type ShardStep = {
  readonly waitMs: number
  /** Of those who wait in line, how many may be served at once; none where there is no room for holds. */
  readonly servedMax: number
  readonly draft: Draft
}

/** Some time passes, then something is asked for, or a message comes. */
export const shardStep: fc.Arbitrary<ShardStep> = fc.record(
  { waitMs, servedMax: fc.constantFrom(32, 32, 2, 1, 0), draft },
  { noNullPrototype: true },
)

function weighing<Fields>(weight: number, fields: { [Key in keyof Fields]: fc.Arbitrary<Fields[Key]> }) {
  return { weight, arbitrary: fc.record<Fields>(fields, { noNullPrototype: true }) }
}
