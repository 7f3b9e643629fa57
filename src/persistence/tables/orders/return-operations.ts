/** Items that came back. Counted when they are taken in, so that nothing comes back twice; paid back once they are on hand. */
import type { Line } from '../../../domain/commands.ts'
import { drawId } from '../draw-id.ts'
import { type Moment, Undone, write } from '../operation.ts'
import { aloneBy, change, type Query, row, rows } from '../query.ts'
import { aloneWithOrder, findOrder, note, type Order } from './order-rows.ts'
import { requestRefund } from './refund-operations.ts'

export type ReturnRow = {
  readonly returnId: string
  readonly orderId: string
  readonly items: readonly Line[]
  readonly reason: string
  readonly gives: 0 | 1
  readonly by: string
}

export type Begin = {
  readonly orderId: string
  /** All that has not come back unless given. */
  readonly items: readonly Line[] | undefined
  readonly reason: string
  /** Whether what was paid for them goes back too. */
  readonly gives: boolean
  readonly by: string
}

export type ReturnRefused =
  | { readonly type: 'refused'; readonly reason: 'unknown-order' }
  | { readonly type: 'refused'; readonly reason: 'order-state'; readonly status: Order['status'] }
  | {
      readonly type: 'refused'
      readonly reason: 'exceeds-order'
      readonly item: Line
      /** Of the product, that have not come back. */
      readonly left: number
    }

type Of = { readonly returnId: string }

export const returnOperations = {
  'returns.begin': write((args: Begin, moment) => beginReturn(args, moment)),
  /** The units are on hand. */
  'returns.done': write((args: Of, moment) => returnDone(args, moment)),
  /** The engine does not take them: they do not count as returned. */
  'returns.refuse': write((args: Of, moment) => refuseReturn(args, moment)),
}

/** Those whose units are still to be put on hand. */
export function* openReturnsOf(orderId: string): Query<readonly ReturnRow[]> {
  const found = yield* rows<Omit<ReturnRow, 'items'> & { readonly items: string }>(
    `${SELECT} WHERE order_id = ? AND status = 'requested' ORDER BY id`,
    orderId,
  )
  return found.map((each) => ({ ...each, items: JSON.parse(each.items) }))
}

const SELECT = `
  SELECT id AS "returnId", order_id AS "orderId", items, reason, gives, requested_by AS "by" FROM order_returns`

function* beginReturn(
  args: Begin,
  moment: Moment,
): Query<{ readonly type: 'order'; readonly order: Order; readonly returnId: string } | ReturnRefused> {
  const { orderId, reason } = args
  yield* aloneWithOrder(orderId)
  const order = yield* findOrder(orderId)
  if (order === undefined) return { type: 'refused', reason: 'unknown-order' }
  const { status } = order
  if (status !== 'confirmed' && status !== 'shipped' && status !== 'delivered')
    return { type: 'refused', reason: 'order-state', status }
  const left = order.lines.flatMap(({ productId, quantity, returned }) =>
    quantity === returned ? [] : [{ productId, quantity: quantity - returned }],
  )
  const items = args.items ?? left
  if (items.length === 0) return { type: 'refused', reason: 'order-state', status }
  for (const item of items) {
    const counted = yield* change(
      `UPDATE order_lines SET returned = returned + ?
        WHERE order_id = ? AND product_id = ? AND returned + ? <= quantity`,
      item.quantity,
      orderId,
      item.productId,
      item.quantity,
    )
    if (counted === 1) continue
    const has = left.find(({ productId }) => productId === item.productId)?.quantity ?? 0
    throw new Undone<ReturnRefused>({ type: 'refused', reason: 'exceeds-order', item, left: has })
  }
  const returnId = drawId('rtn', moment)
  yield* change(
    `INSERT INTO order_returns (id, order_id, items, reason, gives, requested_by, status, at_ms)
     VALUES (?, ?, ?, ?, ?, ?, 'requested', ?)`,
    returnId,
    orderId,
    JSON.stringify(items),
    reason,
    args.gives ? 1 : 0,
    args.by,
    moment.nowMs,
  )
  yield* change(
    'UPDATE orders SET look_at_ms = ?, updated_at_ms = ? WHERE id = ?',
    moment.nowMs,
    moment.nowMs,
    orderId,
  )
  yield* note(orderId, { type: 'return-requested', detail: reason }, moment)
  return { type: 'order', order: (yield* findOrder(orderId)) as Order, returnId }
}

function* returnDone({ returnId }: Of, moment: Moment): Query<{ readonly type: 'done' }> {
  const taken = yield* settle(returnId, 'done')
  if (taken === undefined) return { type: 'done' }
  const { orderId, reason, by } = taken
  yield* note(orderId, { type: 'returned', detail: reason }, moment)
  if (taken.gives === 0) return { type: 'done' }
  const order = (yield* findOrder(orderId)) as Order
  const amountMinor = priceOfReturn(order, yield* givenBack(taken), taken.items)
  if (amountMinor > 0) yield* requestRefund({ orderId, amountMinor, reason, by }, moment)
  return { type: 'done' }
}

function* refuseReturn({ returnId }: Of, moment: Moment): Query<{ readonly type: 'done' }> {
  const taken = yield* settle(returnId, 'refused')
  if (taken === undefined) return { type: 'done' }
  for (const { productId, quantity } of taken.items) {
    yield* change(
      'UPDATE order_lines SET returned = returned - ? WHERE order_id = ? AND product_id = ?',
      quantity,
      taken.orderId,
      productId,
    )
  }
  yield* note(taken.orderId, { type: 'return-refused' }, moment)
  return { type: 'done' }
}

/** The return, where it was not settled before. */
function* settle(returnId: string, status: 'done' | 'refused'): Query<ReturnRow | undefined> {
  yield* aloneBy('order', 'SELECT order_id FROM order_returns WHERE id = ?', returnId)
  const settled = yield* change(
    `UPDATE order_returns SET status = ? WHERE id = ? AND status = 'requested'`,
    status,
    returnId,
  )
  if (settled === 0) return undefined
  const found = yield* row<Omit<ReturnRow, 'items'> & { readonly items: string }>(
    `${SELECT} WHERE id = ?`,
    returnId,
  )
  return found === undefined ? undefined : { ...found, items: JSON.parse(found.items) }
}

/** Of what is paid at the door nobody pays for items that came back before. */
export function* dueAtTheDoor(orderId: string): Query<number> {
  const order = (yield* findOrder(orderId)) as Order
  return order.totalMinor - paidFor(order, yield* givenBack({ orderId, returnId: '' }))
}

/** Items of the order whose price goes back with a return of their own, except this one. */
function* givenBack({ orderId, returnId }: Pick<ReturnRow, 'orderId' | 'returnId'>): Query<readonly Line[]> {
  const found = yield* rows<{ readonly items: string }>(
    `SELECT items FROM order_returns WHERE order_id = ? AND id <> ? AND status = 'done' AND gives = 1`,
    orderId,
    returnId,
  )
  return found.flatMap(({ items }) => JSON.parse(items))
}

/**
 * What was paid for these items. Their share is that of all items up to these, less that of the items before: nothing stays
 * behind by rounding, and what was kept back stays kept.
 */
function priceOfReturn(order: Order, before: readonly Line[], items: readonly Line[]): number {
  const left = order.capturedMinor - order.refundedMinor
  return Math.min(left, paidFor(order, [...before, ...items]) - paidFor(order, before))
}

/** The items' price less their share of the discount, rounded down. */
function paidFor({ lines, totalMinor, subtotalMinor }: Order, items: readonly Line[]): number {
  const prices = new Map(lines.map((line) => [line.productId, line.unitPriceMinor]))
  const full = items.reduce(
    (sum, { productId, quantity }) => sum + (prices.get(productId) ?? 0) * quantity,
    0,
  )
  return Number((BigInt(full) * BigInt(totalMinor)) / BigInt(Math.max(1, subtotalMinor)))
}
