/** What buyers say of products. What it adds up to stands with the product, changed in the same transaction. */
import { assert } from '../../../domain/assert.ts'
import type { CustomerId, ProductId } from '../../../domain/ids.ts'
import { reviewPageMax } from '../../../limits/catalog.ts'
import { drawId } from '../draw-id.ts'
import { type Moment, read, write } from '../operation.ts'
import { enqueue } from '../outbox.ts'
import { change, glance, type Query, row } from '../query.ts'
import { hasBought } from './purchases.ts'

export type NewReview = {
  readonly productId: ProductId
  readonly customerId: CustomerId
  readonly rating: number
  readonly title: string | null
  readonly text: string | null
}

export type Review = {
  readonly reviewId: string
  /** First name of who wrote it, as it is now; null where there is no such account. */
  readonly author: string | null
  readonly rating: number
  readonly title: string | null
  readonly text: string | null
  readonly createdAtMs: number
}

export type ReviewReply =
  | {
      readonly type: 'reviewed'
      readonly review: Review
      /** Place of the change in the outbox. */
      readonly position: number
    }
  | { readonly type: 'refused'; readonly reason: 'unknown' | 'not-a-buyer' | 'already-reviewed' }

type ReviewsArgs = {
  readonly productId: ProductId
  /** Only those that are older than this one. */
  readonly before: string | undefined
  readonly limit: number
}

/** Behind every id of a review. */
const NEWEST = 'rev_~'

export const reviewOperations = {
  'catalog.hasBought': read((args: { readonly customerId: CustomerId; readonly productId: ProductId }) =>
    hasBought(args),
  ),
  /** Of one product, the newest first. */
  'catalog.reviews': read((args: ReviewsArgs) => reviews(args)),
  'catalog.review': write((review: NewReview, moment) => makeReview(review, moment)),
}

function* reviews({ productId, before = NEWEST, limit }: ReviewsArgs): Query<readonly Review[]> {
  const found = yield* glance<Review>(
    `SELECT reviews.id AS "reviewId", users.name AS author, rating, title, text, reviews.created_at_ms AS "createdAtMs"
     FROM reviews LEFT JOIN users ON users.id = reviews.customer_id
     WHERE product_id = ? AND reviews.id < ? ORDER BY reviews.id DESC LIMIT ?`,
    productId,
    before,
    Math.min(limit, reviewPageMax + 1),
  )
  return found.map((review) => ({ ...review, author: firstName(review.author) }))
}

/** All that others are told of somebody's name. */
function firstName(name: string | null): string | null {
  return name?.trim().split(/\s+/, 1)[0] ?? null
}

function* makeReview(made: NewReview, moment: Moment): Query<ReviewReply> {
  const { productId, customerId, rating, title, text } = made
  // Neither products nor purchases ever go, so what is seen here stays so.
  if ((yield* row('SELECT id FROM products WHERE id = ?', productId)) === undefined) {
    return { type: 'refused', reason: 'unknown' }
  }
  if (!(yield* hasBought({ customerId, productId }))) return { type: 'refused', reason: 'not-a-buyer' }
  const reviewId = drawId('rev', moment)
  const inserted = yield* change(
    `INSERT INTO reviews (id, product_id, customer_id, rating, title, text, created_at_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (product_id, customer_id) DO NOTHING`,
    reviewId,
    productId,
    customerId,
    rating,
    title,
    text,
    moment.nowMs,
  )
  if (inserted === 0) return { type: 'refused', reason: 'already-reviewed' }
  const counted = yield* change(
    'UPDATE products SET rating_sum = rating_sum + ?, review_count = review_count + 1 WHERE id = ?',
    rating,
    productId,
  )
  assert(counted === 1, 'a review is of a product')
  const event = { type: 'review.changed', subjectId: productId, payload: { reviewId, rating } } as const
  const position = yield* enqueue(event, moment)
  const writer = yield* row<{ readonly name: string }>('SELECT name FROM users WHERE id = ?', customerId)
  const author = firstName(writer?.name ?? null)
  return {
    type: 'reviewed',
    review: { reviewId, author, rating, title, text, createdAtMs: moment.nowMs },
    position,
  }
}
