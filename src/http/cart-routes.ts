/** The cart of whoever is signed in. What it shows is looked up anew each time: prices, and what is left of each product. */

import { quantityMax } from '../domain/bounds.ts'
import type { ProductId } from '../domain/ids.ts'
import { decimalOf } from '../domain/money.ts'
import type { Cart } from '../persistence/tables/orders/cart-operations.ts'
import { type PricedLine, priceOf } from '../shop/checkout/prices.ts'
import { readBody } from './body.ts'
import { personOf } from './buyer.ts'
import { tableKey, withReplay } from './idempotency.ts'
import { cartLineBody, cartRemoveQuery, cartReply } from './order-schemas.ts'
import type { HttpParts } from './parts.ts'
import { Problem } from './problems.ts'
import { queryOf } from './query.ts'
import { json } from './responses.ts'
import type { Call, Operation, Route } from './route.ts'
import { TABLES_POSITION } from './tables-position.ts'

type Parts = Pick<HttpParts, 'board' | 'tables'>

/** Before every place in the tables: a cart is read where it is written. */
const EXAMPLE = {
  cartId: 'cart_01K5ZC4N8XQ2M7V3H9R6T1B0DW',
  items: [
    {
      productId: 'iphone-17-pro',
      quantity: 1,
      title: 'iPhone 17 Pro',
      price: 1099,
      currency: 'USD',
      available: 5,
    },
  ],
  totalAmount: 1099,
  currency: 'USD',
}

export function cartRoutes(parts: Parts): readonly Route[] {
  return [
    { operation: READ, handle: (call) => read(parts, call) },
    { operation: ADD, handle: (call) => add(parts, call) },
    { operation: UPDATE, handle: (call) => update(parts, call) },
    { operation: REMOVE, handle: (call) => remove(parts, call) },
  ]
}

const SHARED = { tag: 'Cart and checkout', access: 'person', hot: true } as const
const SHOWN = {
  status: 200,
  description: 'The cart as it is now.',
  schema: cartReply,
  example: EXAMPLE,
} as const
const CHANGED = { ...SHOWN, headers: ['Holdfast-Position'] } as const

const READ: Operation = {
  ...SHARED,
  method: 'get',
  path: '/v1/cart',
  operationId: 'readCart',
  summary: 'Read one’s cart',
  success: SHOWN,
  problems: [],
}

async function read(parts: Parts, call: Call): Promise<Response> {
  const cart = await parts.tables.read('cart.read', { customerId: personOf(call) })
  return show(parts, call, cart)
}

const ADD: Operation = {
  ...SHARED,
  method: 'post',
  path: '/v1/cart/add',
  operationId: 'addToCart',
  summary: 'Put units into one’s cart',
  description: 'Adds to what is in it already. Nothing is held by a cart: checkout does that.',
  changes: true,
  body: { schema: cartLineBody, example: { productId: 'iphone-17-pro', quantity: 1 } },
  success: CHANGED,
  problems: ['unknown-product', 'product-retired', 'cart-full', 'cart-quantity'],
}

async function add(parts: Parts, call: Call): Promise<Response> {
  const body = await readBody(call, cartLineBody)
  await expectProduct(parts, body.productId)
  const args = { customerId: personOf(call), ...body, quantityMax }
  const cart = await parts.tables.write('cart.add', args, tableKey(call, body))
  if (cart.type === 'cart') return show(parts, call, cart, withReplay(TABLES_POSITION, cart))
  if (cart.reason === 'cart-full') throw new Problem('cart-full', 'A cart can have 99 different products.')
  throw new Problem('cart-quantity', `A cart can have ${quantityMax} units of a product.`)
}

const UPDATE: Operation = {
  ...SHARED,
  method: 'put',
  path: '/v1/cart/update',
  operationId: 'updateCart',
  summary: 'Set how many units of a product one’s cart has',
  changes: true,
  body: { schema: cartLineBody, example: { productId: 'iphone-17-pro', quantity: 2 } },
  success: CHANGED,
  problems: ['not-in-cart'],
}

async function update(parts: Parts, call: Call): Promise<Response> {
  const body = await readBody(call, cartLineBody)
  const args = { customerId: personOf(call), ...body, quantityMax }
  const cart = await parts.tables.write('cart.update', args, tableKey(call, body))
  if (cart.type === 'cart') return show(parts, call, cart, withReplay(TABLES_POSITION, cart))
  throw new Problem('not-in-cart', `There is no ${body.productId} in the cart.`)
}

const REMOVE: Operation = {
  ...SHARED,
  method: 'delete',
  path: '/v1/cart/remove',
  operationId: 'removeFromCart',
  summary: 'Take a product out of one’s cart',
  description: 'Taking out what is not in it changes nothing.',
  changes: true,
  query: { schema: cartRemoveQuery, example: { productId: 'iphone-17-pro' } },
  success: CHANGED,
  problems: [],
}

async function remove(parts: Parts, call: Call): Promise<Response> {
  const { productId } = queryOf(call, cartRemoveQuery)
  const args = { customerId: personOf(call), productId }
  const cart = await parts.tables.write('cart.remove', args, tableKey(call, { productId }))
  return show(parts, call, cart, withReplay(TABLES_POSITION, cart))
}

async function expectProduct({ tables }: Parts, productId: ProductId): Promise<void> {
  const [product] = await tables.read('catalog.products', { ids: [productId] })
  if (product === undefined) throw new Problem('unknown-product', `There is no product ${productId}.`)
  if (product.retired) throw new Problem('product-retired', `${productId} is not sold any more.`)
}

async function show(
  parts: Parts,
  call: Call,
  cart: Cart | undefined,
  headers?: Readonly<Record<string, string>>,
): Promise<Response> {
  const { lines, currency, totalMinor } = await priceOf(parts, cart?.lines ?? [])
  const available = await Promise.all(lines.map(({ productId }) => availableOf(parts, productId)))
  const totalAmount = currency === undefined ? 0 : decimalOf(totalMinor, currency)
  const items = lines.map((line, i) => itemOf(line, available[i] ?? 0))
  return json(call, 200, { cartId: cart?.cartId, items, totalAmount, currency }, headers)
}

/** Off the board: a cart shows what is there without waiting for a disk, also while a shard is down. */
async function availableOf({ board }: Parts, productId: ProductId): Promise<number> {
  const stock = await board.glance(productId)
  return stock?.available ?? 0
}

function itemOf(line: PricedLine, available: number) {
  const { productId, quantity, title, thumbnail, unitPriceMinor, currency } = line
  const price = currency === undefined ? undefined : decimalOf(unitPriceMinor, currency)
  const shortage = available === 0 ? 'out-of-stock' : 'insufficient-stock'
  const problem = line.problem ?? (available < quantity ? shortage : undefined)
  return { productId, quantity, title: title || undefined, thumbnail, price, currency, available, problem }
}
