/** Stock: of one product, of many, and its adjustments. */
import type { StockReply } from '../actors/requests.ts'
import type { Adjust } from '../domain/commands.ts'
import { isProductId, type ProductId, shardOf } from '../domain/ids.ts'
import { stockManyMax } from '../limits.ts'
import { reaches } from './auth.ts'
import { type JsonBody, parseBody, readJson } from './body.ts'
import { readStockAt } from './history-routes.ts'
import { stockQuery } from './history-schemas.ts'
import { commandKey, withReplay } from './idempotency.ts'
import type { HttpParts } from './parts.ts'
import { productIdOf } from './path-ids.ts'
import { invalid } from './problems.ts'
import { queryOf } from './query.ts'
import { json, refusal } from './responses.ts'
import { type Call, type Operation, type Route, targetOf } from './route.ts'
import { adjustByBody, setToBody, stockManyQuery, stockManyReply, stockReply } from './schemas.ts'
import { publicStock, wholeStock } from './stock-view.ts'

type Parts = Pick<HttpParts, 'engine' | 'history' | 'shards' | 'clock'>

const EXAMPLE = { productId: 'iphone-17-pro', available: 41, version: 1042, asOf: '2026-11-27T08:00:00.000Z' }

export function stockRoutes(parts: Parts): readonly Route[] {
  return [
    { operation: READ, handle: (call) => read(parts, call) },
    { operation: READ_MANY, handle: (call) => readMany(parts, call) },
    { operation: ADJUST, handle: (call) => adjust(parts, call) },
  ]
}

const READ: Operation = {
  method: 'get',
  path: '/v1/products/{id}/stock',
  operationId: 'readStock',
  tag: 'Stock',
  summary: 'Read a product’s stock',
  description:
    'With a service key the reply also has `onHand`, `held`, `sold` and `sequence`, and can be asked for as of any moment: `at` is a time, or a sequence of the product’s shard, and the reply is what the last event at or before it left.',
  access: 'anyone',
  hot: true,
  query: { schema: stockQuery, example: {} },
  success: { status: 200, description: 'The stock.', schema: stockReply, example: EXAMPLE },
  problems: ['forbidden', 'unknown-product', 'history-not-kept', 'history-behind', 'history-unavailable'],
}

async function read(parts: Parts, call: Call): Promise<Response> {
  // Nearly all ask for now.
  if (targetOf(call.context).includes('?')) {
    const { at } = queryOf(call, stockQuery)
    if (at !== undefined) return readStockAt(parts, call, at)
  }
  const reply = await parts.engine.execute({ type: 'readStock', productId: productIdOf(call) })
  return reply.type === 'refused' ? refusal(call, reply.refusal) : json(call, 200, viewOf(call, reply))
}

const READ_MANY: Operation = {
  method: 'get',
  path: '/v1/stock',
  operationId: 'readStockOfMany',
  tag: 'Stock',
  summary: 'Read the stock of up to 100 products',
  access: 'anyone',
  hot: true,
  query: { schema: stockManyQuery, example: { productIds: 'iphone-17-pro,pixel-11' } },
  success: {
    status: 200,
    description: 'The stock of those that have any, in the order asked for.',
    schema: stockManyReply,
    example: { stock: [EXAMPLE], unknown: ['pixel-11'] },
  },
  problems: [],
}

async function readMany({ engine }: Parts, call: Call): Promise<Response> {
  const productIds = idsOf(queryOf(call, stockManyQuery).productIds)
  const replies = await Promise.all(
    productIds.map((productId) => engine.execute({ type: 'readStock', productId })),
  )
  const unknown = productIds.filter((_, i) => replies[i]?.type === 'refused')
  const stock = replies.flatMap((reply) => (reply.type === 'stock' ? [viewOf(call, reply)] : []))
  return json(call, 200, { stock, unknown })
}

/** Each id once. Throws 400. */
function idsOf(list: string): readonly ProductId[] {
  const named = list.split(',')
  if (named.length > stockManyMax) {
    throw invalid({ path: 'productIds', message: `must name at most ${stockManyMax} products` })
  }
  return [...new Set(named)].map((id) => {
    if (isProductId(id)) return id
    throw invalid({ path: 'productIds', message: 'must be product ids, separated by commas' })
  })
}

const ADJUST: Operation = {
  method: 'post',
  path: '/v1/products/{id}/stock/adjustments',
  operationId: 'adjustStock',
  tag: 'Stock',
  summary: 'Add units, take some away, or set how many there are',
  description:
    'Either `delta`, or `set` with the version it rests on. The first positive delta, or any set, creates the product’s stock. Never below what is held.',
  access: 'staff',
  changes: true,
  body: {
    schema: adjustByBody.or(setToBody),
    example: { delta: 100, reason: 'delivery 77', reference: 'po-3301' },
  },
  success: {
    status: 200,
    description: 'The stock right after.',
    schema: stockReply,
    example: { ...EXAMPLE, onHand: 45, held: 4, sold: 12, sequence: 20_311 },
    headers: ['Holdfast-Position'],
  },
  problems: [
    'unknown-product',
    'stock-version-mismatch',
    'stock-below-held',
    'stock-above-max',
    'memory-full',
  ],
}

async function adjust({ engine, shards }: Parts, call: Call): Promise<Response> {
  const productId = productIdOf(call)
  const body = await readJson(call)
  const adjustment = adjustmentOf(productId, body)
  const reply = await engine.execute({ ...adjustment, key: commandKey(call, body.value) })
  if (reply.type === 'refused') return refusal(call, reply.refusal)
  const position = `s${shardOf(productId, shards)}.${reply.sequence}`
  return json(call, 200, viewOf(call, reply), withReplay({ 'holdfast-position': position }, reply))
}

/** A union's mistakes would name both of its shapes; which one is meant the body says itself. */
function adjustmentOf(productId: ProductId, body: JsonBody): Adjust {
  const { value } = body
  const isSet = typeof value === 'object' && value !== null && 'set' in value
  if (isSet && 'delta' in value)
    throw invalid({ path: 'delta', message: 'cannot be given together with set' })
  if (isSet) {
    const { set, expectedVersion, reason } = parseBody(body, setToBody)
    return { type: 'adjust', productId, change: { set, expectedVersion }, reason, reference: undefined }
  }
  const { delta, reason, reference } = parseBody(body, adjustByBody)
  return { type: 'adjust', productId, change: { delta }, reason, reference }
}

function viewOf(call: Call, reply: StockReply) {
  return reaches(call.principal, 'service') ? wholeStock(reply) : publicStock(reply)
}
