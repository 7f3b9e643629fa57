/** What buyers say of a product. */
import { reviewPageMax } from '../limits/catalog.ts'
import type { Review } from '../persistence/tables/catalog/review-operations.ts'
import { readBody } from './body.ts'
import { tableKey, withReplay } from './idempotency.ts'
import type { HttpParts } from './parts.ts'
import { productIdOf } from './path-ids.ts'
import { invalid, Problem } from './problems.ts'
import { limitOf, queryOf } from './query.ts'
import { json } from './responses.ts'
import { reviewBody, reviewReply, reviewsQuery, reviewsReply } from './review-schemas.ts'
import type { Call, Operation, Route } from './route.ts'
import { timeOf } from './time.ts'

type Parts = Pick<HttpParts, 'tables'>

const REVIEW_ID = /^rev_[0-7][0-9A-HJKMNP-TV-Z]{25}$/
const PATH = '/v1/products/{id}/reviews'
const SAID = { rating: 5, title: 'Good', text: 'It takes good pictures.' }
export const REVIEW = {
  reviewId: 'rev_01K5ZC4N8XQ2M7V3H9R6T1B0DW',
  author: 'Ann',
  ...SAID,
  createdAt: '2026-11-27T08:00:00.000Z',
}

export function reviewRoutes(parts: Parts): readonly Route[] {
  return [
    { operation: LIST, handle: (call) => list(parts, call) },
    { operation: MAKE, handle: (call) => make(parts, call) },
  ]
}

const LIST: Operation = {
  method: 'get',
  path: PATH,
  operationId: 'listReviews',
  tag: 'Catalog',
  summary: 'Read a product’s reviews',
  description: 'The newest first. They are plain text: whoever shows them escapes them.',
  access: 'anyone',
  query: { schema: reviewsQuery, example: { limit: '20' } },
  success: {
    status: 200,
    description: 'One page.',
    schema: reviewsReply,
    example: { reviews: [REVIEW], nextCursor: REVIEW.reviewId },
  },
  problems: ['unknown-product'],
}

async function list({ tables }: Parts, call: Call): Promise<Response> {
  const productId = productIdOf(call)
  const { cursor, limit } = queryOf(call, reviewsQuery)
  if (cursor !== undefined && !REVIEW_ID.test(cursor)) {
    throw invalid({ path: 'cursor', message: 'must be the nextCursor of another page' })
  }
  const most = limitOf(limit, reviewPageMax)
  const found = await tables.read('catalog.reviews', { productId, before: cursor, limit: most + 1 })
  if (found.length === 0 && (await tables.read('catalog.product', { productId })) === undefined) {
    throw unknown(productId)
  }
  const page = found.slice(0, most)
  const last = page.at(-1)
  const isMore = found.length > most && last !== undefined
  return json(call, 200, {
    reviews: page.map(shownReview),
    ...(isMore ? { nextCursor: last.reviewId } : {}),
  })
}

const MAKE: Operation = {
  method: 'post',
  path: PATH,
  operationId: 'reviewProduct',
  tag: 'Catalog',
  summary: 'Review a product one has bought',
  description: 'Once a product: a review cannot be changed.',
  access: 'person',
  changes: true,
  body: { schema: reviewBody, example: SAID },
  success: {
    status: 201,
    description: 'The review.',
    schema: reviewReply,
    example: REVIEW,
    headers: ['Holdfast-Position'],
  },
  problems: ['unknown-product', 'not-a-buyer', 'already-reviewed'],
}

async function make({ tables }: Parts, call: Call): Promise<Response> {
  const productId = productIdOf(call)
  const customerId = call.principal?.customerId
  if (customerId === undefined) throw new Problem('forbidden', 'Only people review products.')
  const body = await readBody(call, reviewBody)
  const { rating, title = null, text = null } = body
  const args = { productId, customerId, rating, title, text }
  const reply = await tables.write('catalog.review', args, tableKey(call, body))
  if (reply.type === 'reviewed') {
    const fields = { 'holdfast-position': `t${reply.position}` }
    return json(call, 201, shownReview(reply.review), withReplay(fields, reply))
  }
  if (reply.reason === 'unknown') throw unknown(productId)
  if (reply.reason === 'not-a-buyer')
    throw new Problem('not-a-buyer', `Only buyers of ${productId} review it.`)
  throw new Problem('already-reviewed', `You have reviewed ${productId} already.`)
}

export function shownReview({ reviewId, author, rating, title, text, createdAtMs }: Review) {
  return {
    reviewId,
    ...(author === null ? {} : { author }),
    rating,
    ...(title === null ? {} : { title }),
    ...(text === null ? {} : { text }),
    createdAt: timeOf(createdAtMs),
  }
}

function unknown(productId: string): Problem {
  return new Problem('unknown-product', `There is no product ${productId}.`)
}
