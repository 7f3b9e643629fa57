/** Products, as staff make, replace, change and retire them. */
import { EngineError } from '../actors/engine-error.ts'
import { unreachable } from '../domain/assert.ts'
import type { ProductId } from '../domain/ids.ts'
import { productImagesMax } from '../limits/catalog.ts'
import type {
  ProductGuard,
  ProductRefused,
  ProductSaved,
} from '../persistence/tables/catalog/product-writes.ts'
import type { Replayable } from '../persistence/tables/idempotency-records.ts'
import { retireInEngine } from '../shop/catalog/retirement.ts'
import { readBody } from './body.ts'
import { tableKey, withReplay } from './idempotency.ts'
import type { HttpParts } from './parts.ts'
import { productIdOf } from './path-ids.ts'
import { matchedVersions } from './preconditions.ts'
import { Problem } from './problems.ts'
import { FIELDS, PRODUCT, PRODUCT_ID } from './product-examples.ts'
import { patchProductBody, productBody, productReply, replaceProductBody } from './product-schemas.ts'
import { badPrice, changeOf, fieldsOf, shownProduct, versionTag } from './product-view.ts'
import { json } from './responses.ts'
import type { Call, Operation, Route } from './route.ts'

type Parts = Pick<HttpParts, 'engine' | 'tables'>
type Replied = (ProductSaved | ProductRefused) & Replayable

const MADE = 201

export function productChangeRoutes(parts: Parts): readonly Route[] {
  return [
    { operation: CREATE, handle: (call) => create(parts, call) },
    { operation: REPLACE, handle: (call) => replace(parts, call) },
    { operation: PATCH, handle: (call) => patch(parts, call) },
    { operation: RETIRE, handle: (call) => retire(parts, call) },
  ]
}

const SAVED = {
  schema: productReply,
  example: PRODUCT,
  headers: ['Holdfast-Position', 'ETag'],
} as const

const CREATE: Operation = {
  method: 'post',
  path: '/v1/products',
  operationId: 'createProduct',
  tag: 'Catalog',
  summary: 'Put a product into the catalog',
  description: 'It has no units yet: POST /v1/products/{id}/stock/adjustments adds them.',
  access: 'staff',
  changes: true,
  body: { schema: productBody, example: { productId: PRODUCT_ID, ...FIELDS } },
  success: {
    ...SAVED,
    status: MADE,
    description: 'The product.',
    headers: ['Location', 'Holdfast-Position', 'ETag'],
  },
  problems: ['product-exists'],
}

async function create({ tables }: Parts, call: Call): Promise<Response> {
  const body = await readBody(call, productBody)
  const { productId, ...rest } = body
  const args = { productId, fields: fieldsOf(rest) }
  return answer(call, await tables.write('catalog.create', args, tableKey(call, body)), productId)
}

const REPLACE: Operation = {
  method: 'put',
  path: '/v1/products/{id}',
  operationId: 'replaceProduct',
  tag: 'Catalog',
  summary: 'Make a product, or replace all that is said of it',
  description:
    'With `If-None-Match: *` it is only made, with `If-Match` only replaced. What the body leaves out is then empty; stock and reviews are not touched.',
  access: 'staff',
  changes: true,
  conditions: ['If-Match', 'If-None-Match'],
  body: { schema: replaceProductBody, example: FIELDS },
  success: {
    ...SAVED,
    status: 200,
    description: 'The product as it is now.',
    created: {
      status: MADE,
      description: 'The product, which was not there before.',
      headers: ['Location', 'Holdfast-Position', 'ETag'],
    },
  },
  problems: ['unknown-product', 'precondition-failed', 'product-retired'],
}

async function replace({ tables }: Parts, call: Call): Promise<Response> {
  const productId = productIdOf(call)
  const guard = guardOf(call)
  const body = await readBody(call, replaceProductBody)
  const args = { productId, fields: fieldsOf(body), guard }
  return answer(call, await tables.write('catalog.replace', args, tableKey(call, { body, guard })), productId)
}

const PATCH: Operation = {
  method: 'patch',
  path: '/v1/products/{id}',
  operationId: 'changeProduct',
  tag: 'Catalog',
  summary: 'Change some of what is said of a product',
  description: 'What the body leaves out stays as it is.',
  access: 'staff',
  changes: true,
  conditions: ['If-Match'],
  body: { schema: patchProductBody, example: { price: 899.99 } },
  success: { ...SAVED, status: 200, description: 'The product as it is now.' },
  problems: ['unknown-product', 'precondition-failed', 'product-retired'],
}

async function patch({ tables }: Parts, call: Call): Promise<Response> {
  const productId = productIdOf(call)
  const guard = guardOf(call)
  const body = await readBody(call, patchProductBody)
  const args = { productId, change: changeOf(body), guard }
  return answer(call, await tables.write('catalog.patch', args, tableKey(call, { body, guard })), productId)
}

const RETIRE: Operation = {
  method: 'delete',
  path: '/v1/products/{id}',
  operationId: 'retireProduct',
  tag: 'Catalog',
  summary: 'Retire a product',
  description:
    'For good: new reservations are refused, live ones finish, and it is no longer listed. It can still be read. 504 means that it is retired in the catalog and may not be for reservations yet: the next try, or the next reader of it, makes it so.',
  access: 'staff',
  changes: true,
  conditions: ['If-Match'],
  success: {
    ...SAVED,
    status: 200,
    description: 'The product as it is now.',
    example: { ...PRODUCT, retired: true },
  },
  problems: ['unknown-product', 'precondition-failed'],
}

async function retire({ tables, engine }: Parts, call: Call): Promise<Response> {
  const productId = productIdOf(call)
  const guard = guardOf(call)
  const reply = await tables.write('catalog.retire', { productId, guard }, tableKey(call, { guard }))
  if (reply.type === 'saved') {
    try {
      await retireInEngine(engine, productId)
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      // The catalog's part is done, so nothing less can be said.
      throw new EngineError('outcome-unknown', 'retired in the catalog alone', { cause: error })
    }
  }
  return answer(call, reply, productId)
}

function guardOf(call: Call): ProductGuard {
  return { ifMatch: matchedVersions(call, 'if-match'), ifNoneMatch: matchedVersions(call, 'if-none-match') }
}

/** The part of the product that was changed: the same whenever it is given again. */
function answer(call: Call, reply: Replied, productId: ProductId | undefined): Response {
  if (reply.type === 'refused') throw productProblem(productId ?? 'with this id', reply)
  const { how, product, position } = reply
  const fields = { etag: versionTag(product), 'holdfast-position': `t${position}` }
  const isNew = how === 'created'
  const location = isNew ? { location: `/v1/products/${product.productId}` } : {}
  return json(call, isNew ? MADE : 200, shownProduct(product), withReplay({ ...fields, ...location }, reply))
}

/** What HTTP says of a change that was refused. */
export function productProblem(named: string, refused: ProductRefused): Problem {
  switch (refused.reason) {
    case 'unknown':
      return new Problem('unknown-product', `There is no product ${named}.`)
    case 'exists':
      return new Problem('product-exists', `There is a product ${named}.`)
    case 'retired':
      return new Problem('product-retired', `${named} was retired, and cannot be changed.`)
    case 'guard':
      return new Problem('precondition-failed', `${named} is not as If-Match or If-None-Match wants it.`)
    case 'price':
      return badPrice(refused.currency)
    case 'images':
      return new Problem('too-many-images', `${named} has ${productImagesMax} images, the most there can be.`)
    default:
      return unreachable(refused)
  }
}
