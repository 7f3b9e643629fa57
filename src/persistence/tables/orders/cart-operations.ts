/** One cart a customer. It knows products by their ids alone: what they cost is looked up when it is shown. */
import type { ProductId } from '../../../domain/ids.ts'
import { drawId } from '../draw-id.ts'
import { type Moment, read, Undone, write } from '../operation.ts'
import { alone, change, type Query, row, rows } from '../query.ts'

/** Different products in one cart: as many as one reservation can have lines, less one for a coupon. */
export const cartLinesMax = 99

export type CartLine = { readonly productId: ProductId; readonly quantity: number }
export type Cart = { readonly type: 'cart'; readonly cartId: string; readonly lines: readonly CartLine[] }
export type CartRefused = {
  readonly type: 'refused'
  readonly reason: 'cart-full' | 'not-in-cart' | 'too-many'
}

type OfCustomer = { readonly customerId: string }
type OfProduct = OfCustomer & { readonly productId: ProductId }
type WithQuantity = OfProduct & { readonly quantity: number; readonly quantityMax: number }

export const cartOperations = {
  /** Undefined before the customer has put anything into one. */
  'cart.read': read(({ customerId }: OfCustomer) => readCart(customerId)),
  'cart.add': write((args: WithQuantity, moment) => addToCart(args, moment)),
  'cart.update': write((args: WithQuantity, moment) => updateLine(args, moment)),
  'cart.remove': write((args: OfProduct, moment) => removeLine(args, moment)),
}

export function* readCart(customerId: string): Query<Cart | undefined> {
  const cart = yield* row<{ readonly id: string }>('SELECT id FROM carts WHERE customer_id = ?', customerId)
  return cart === undefined ? undefined : yield* linesOf(cart.id)
}

function* linesOf(cartId: string): Query<Cart> {
  const lines = yield* rows<CartLine>(
    `SELECT product_id AS "productId", quantity FROM cart_lines WHERE cart_id = ?
      ORDER BY added_at_ms, product_id`,
    cartId,
  )
  return { type: 'cart', cartId, lines }
}

function* addToCart(
  { customerId, productId, quantity, quantityMax }: WithQuantity,
  moment: Moment,
): Query<Cart | CartRefused> {
  const cartId = yield* touchCart(customerId, moment)
  const added = yield* change(
    `INSERT INTO cart_lines (cart_id, product_id, quantity, added_at_ms) VALUES (?, ?, ?, ?)
     ON CONFLICT (cart_id, product_id) DO UPDATE SET quantity = cart_lines.quantity + excluded.quantity
       WHERE cart_lines.quantity + excluded.quantity <= ?`,
    cartId,
    productId,
    quantity,
    moment.nowMs,
    quantityMax,
  )
  if (added === 0) throw new Undone<CartRefused>({ type: 'refused', reason: 'too-many' })
  const cart = yield* linesOf(cartId)
  if (cart.lines.length > cartLinesMax)
    throw new Undone<CartRefused>({ type: 'refused', reason: 'cart-full' })
  return cart
}

function* updateLine(args: WithQuantity, moment: Moment): Query<Cart | CartRefused> {
  const cartId = yield* touchCart(args.customerId, moment)
  const updated = yield* change(
    'UPDATE cart_lines SET quantity = ? WHERE cart_id = ? AND product_id = ?',
    args.quantity,
    cartId,
    args.productId,
  )
  if (updated === 0) throw new Undone<CartRefused>({ type: 'refused', reason: 'not-in-cart' })
  return yield* linesOf(cartId)
}

function* removeLine({ customerId, productId }: OfProduct, moment: Moment): Query<Cart> {
  const cartId = yield* touchCart(customerId, moment)
  yield* change('DELETE FROM cart_lines WHERE cart_id = ? AND product_id = ?', cartId, productId)
  return yield* linesOf(cartId)
}

/** The customer's cart, made with the first thing put into it. */
function* touchCart(customerId: string, moment: Moment): Query<string> {
  yield* alone('cart', customerId)
  const cart = yield* row<{ readonly id: string }>(
    `INSERT INTO carts (id, customer_id, created_at_ms, updated_at_ms) VALUES (?, ?, ?, ?)
     ON CONFLICT (customer_id) DO UPDATE SET updated_at_ms =
       CASE WHEN carts.updated_at_ms > excluded.updated_at_ms THEN carts.updated_at_ms ELSE excluded.updated_at_ms END
     RETURNING id`,
    drawId('cart', moment),
    customerId,
    moment.nowMs,
    moment.nowMs,
  )
  return (cart as { readonly id: string }).id
}

/** Takes what an order has bought out of the cart it came from; what was added since stays. */
export function* takeOutOfCart({
  cartId,
  customerId,
  orderId,
}: {
  readonly cartId: string
  readonly customerId: string
  readonly orderId: string
}): Query<void> {
  yield* alone('cart', customerId)
  yield* change(
    `DELETE FROM cart_lines WHERE cart_id = ? AND EXISTS
       (SELECT 1 FROM order_lines l
         WHERE l.order_id = ? AND l.product_id = cart_lines.product_id AND l.quantity >= cart_lines.quantity)`,
    cartId,
    orderId,
  )
  yield* change(
    `UPDATE cart_lines SET quantity = quantity -
       (SELECT l.quantity FROM order_lines l WHERE l.order_id = ? AND l.product_id = cart_lines.product_id)
      WHERE cart_id = ? AND EXISTS
       (SELECT 1 FROM order_lines l WHERE l.order_id = ? AND l.product_id = cart_lines.product_id)`,
    orderId,
    cartId,
    orderId,
  )
}
