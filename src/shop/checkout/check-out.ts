/**
 * Checkout: prices, hold, order, in this order. An order is never without a hold, and money is not in sight yet.
 *
 * Between the hold and its order this may stop. Then the checkout that was begun still knows the hold's id, and whoever
 * tries again within its time goes on with it; if nobody does, it expires like any other.
 */
import { createHash } from 'node:crypto'
import { crashPoint } from '../../crash-points.ts'
import type { Line } from '../../domain/commands.ts'
import type { Refusal } from '../../domain/decision.ts'
import type { CustomerId, ProductId, ReservationId } from '../../domain/ids.ts'
import { type CurrencyCode, minorUnits } from '../../domain/money.ts'
import { holdLookMs } from '../../limits.ts'
import type { Replayable } from '../../persistence/tables/idempotency-records.ts'
import type { NewOrder, OrderRefused, OrderReply } from '../../persistence/tables/orders/order-operations.ts'
import type { Order } from '../../persistence/tables/orders/order-rows.ts'
import type { TableKey } from '../../persistence/tables/table-key.ts'
import { answeredBefore } from '../answered-before.ts'
import { driveOrLeave } from '../orders/drive-or-leave.ts'
import { findReservation, giveUnitsBack } from '../orders/units.ts'
import type { ShopParts } from '../shop-parts.ts'
import { couponOf, discountCodeOf, discountOn, isValidAt } from './coupon.ts'
import { type Holding, holdCart } from './hold-cart.ts'
import { isPayable, type PricedLine, priceOf } from './prices.ts'

export type CheckoutSource =
  | { readonly type: 'cart'; readonly cartId: string }
  | { readonly type: 'reservation'; readonly reservationId: ReservationId }

export type CheckoutAsk = {
  readonly customerId: CustomerId
  readonly source: CheckoutSource
  readonly address: string | undefined
  readonly discountCode: string | undefined
  /** As the shopper saw it: a decimal number. */
  readonly expectedTotal: number | undefined
  readonly key: TableKey | undefined
}

export type CheckoutRefused =
  | { readonly type: 'refused'; readonly reason: 'unknown-cart' | 'cart-empty' | 'unknown-reservation' }
  | { readonly type: 'refused'; readonly reason: 'cart-problems'; readonly lines: readonly PricedLine[] }
  | { readonly type: 'refused'; readonly reason: 'amount-too-large' }
  | {
      readonly type: 'refused'
      readonly reason: 'unknown-discount' | 'discount-not-valid' | 'discount-other-currency'
      readonly code: string
    }
  | { readonly type: 'refused'; readonly reason: 'discount-used-up'; readonly code: string }
  | { readonly type: 'refused'; readonly reason: 'discount-with-reservation' }
  | {
      readonly type: 'refused'
      readonly reason: 'total-changed'
      readonly totalMinor: number
      readonly currency: CurrencyCode
    }
  | { readonly type: 'refused'; readonly reason: 'units'; readonly refusal: Refusal }
  | OrderRefused

type Made = (OrderReply & Replayable) | CheckoutRefused

export async function checkOut(parts: ShopParts, ask: CheckoutAsk): Promise<Made> {
  const before = await answeredBefore<OrderReply>(parts, ask.key)
  if (before !== undefined) return before
  return ask.source.type === 'cart'
    ? await ofCart(parts, ask, ask.source.cartId)
    : await ofReservation(parts, ask, ask.source.reservationId)
}

async function ofCart(parts: ShopParts, ask: CheckoutAsk, cartId: string): Promise<Made> {
  const { tables } = parts
  const { customerId } = ask
  const cart = await tables.read('cart.read', { customerId })
  if (cart === undefined || cart.cartId !== cartId) return { type: 'refused', reason: 'unknown-cart' }
  if (cart.lines.length === 0) return { type: 'refused', reason: 'cart-empty' }
  const code = ask.discountCode === undefined ? undefined : discountCodeOf(ask.discountCode)
  if (ask.discountCode !== undefined && code === undefined)
    return { type: 'refused', reason: 'unknown-discount', code: ask.discountCode }
  const fingerprint = fingerprintOf(cartId, cart.lines, code)
  const before = await tables.read('orders.pendingByFingerprint', { customerId, fingerprint })
  if (before !== undefined && isAsExpected(before, ask)) return await again(parts, ask, before)

  const bill = await billOf(parts, ask, cart.lines)
  if (bill.type === 'refused') return bill
  await supersede(parts, cartId)
  const held = await holdCart(parts, { customerId, fingerprint, lines: bill.lines, coupon: bill.coupon })
  if (held.type === 'refused') return unitsRefused(held.refusal, bill)
  if (held.type === 'ordered') return await again(parts, ask, held.order)
  const made = await make(parts, ask, { ...bill, ...held, cartId, fingerprint })
  // What was refused now is not sold to anybody by this hold.
  if (made.type === 'refused' && made.reason === 'price-changed')
    await giveUnitsBack(parts, { reservationId: held.reservationId, reason: 'the price changed' })
  return made
}

/** Where its prices were frozen at others than are shown now, the order that waits is not what is asked for. */
function isAsExpected({ totalMinor, currency }: Order, { expectedTotal }: CheckoutAsk): boolean {
  return expectedTotal === undefined || minorUnits(expectedTotal, currency) === totalMinor
}

/** The order that waits for its payment already; where it is to go may have been thought over. */
async function again({ tables }: ShopParts, ask: CheckoutAsk, before: Order): Promise<Made> {
  const { address = before.address ?? undefined, key } = ask
  if (key === undefined && (address ?? null) === before.address) return { type: 'order', order: before }
  return await tables.write('orders.readdress', { orderId: before.orderId, address }, key)
}

/** A reservation of the caller's is adopted, not repeated. */
async function ofReservation(
  parts: ShopParts,
  ask: CheckoutAsk,
  reservationId: ReservationId,
): Promise<Made> {
  if (ask.discountCode !== undefined) return { type: 'refused', reason: 'discount-with-reservation' }
  const reservation = await findReservation(parts, reservationId)
  if (reservation === undefined || reservation.customerId !== ask.customerId)
    return { type: 'refused', reason: 'unknown-reservation' }
  const owner = await parts.tables.read('orders.ofReservation', { reservationId })
  if (owner !== undefined) return await ownedBy(parts, ask, owner.orderId)
  const { status, expiresAtMs } = reservation
  // Someone charges for it elsewhere: it would be paid twice.
  if (status === 'paying')
    return {
      type: 'refused',
      reason: 'units',
      refusal: { reason: 'paymentStarted', deadlineMs: expiresAtMs },
    }
  if (status !== 'held')
    return { type: 'refused', reason: 'units', refusal: { reason: 'reservationResolved', status } }

  const lines = reservation.lines.map(({ productId, quantity }) => ({ productId, quantity }))
  const bill = await billOf(parts, ask, lines)
  if (bill.type === 'refused') return bill
  const fingerprint = fingerprintOf(reservationId, lines, undefined)
  const { customerId } = ask
  const begun = await parts.tables.write('checkouts.begin', { customerId, fingerprint, reservationId })
  const { orderId } = begun
  return await make(parts, ask, {
    ...bill,
    orderId,
    reservationId,
    expiresAtMs,
    cartId: undefined,
    fingerprint,
  })
}

/** It has become an order before: told again as long as that waits for its payment. */
async function ownedBy(parts: ShopParts, ask: CheckoutAsk, orderId: string): Promise<Made> {
  const order = await parts.tables.read('orders.find', { orderId })
  const isWaiting = order?.status === 'pending_payment' && order.customerId === ask.customerId
  return isWaiting ? await again(parts, ask, order) : { type: 'refused', reason: 'owned-by-order', orderId }
}

type Bill = {
  readonly type: 'bill'
  readonly lines: readonly PricedLine[]
  readonly currency: CurrencyCode
  readonly subtotalMinor: number
  readonly discountMinor: number
  readonly discountCode: string | undefined
  readonly coupon: ProductId | undefined
}

async function billOf(
  parts: ShopParts,
  ask: CheckoutAsk,
  asked: readonly Line[],
): Promise<Bill | CheckoutRefused> {
  const { lines, currency, totalMinor: subtotalMinor } = await priceOf(parts, asked)
  if (currency === undefined || lines.some(({ problem }) => problem !== undefined))
    return { type: 'refused', reason: 'cart-problems', lines }
  if (!isPayable(subtotalMinor)) return { type: 'refused', reason: 'amount-too-large' }
  const off = await discountFor(parts, ask.discountCode, { minor: subtotalMinor, currency })
  if (off.type === 'refused') return off
  const { discountMinor, discountCode, coupon } = off
  const totalMinor = subtotalMinor - discountMinor
  if (ask.expectedTotal !== undefined && minorUnits(ask.expectedTotal, currency) !== totalMinor)
    return { type: 'refused', reason: 'total-changed', totalMinor, currency }
  return { type: 'bill', lines, currency, subtotalMinor, discountMinor, discountCode, coupon }
}

type Off = { readonly type: 'off' } & Pick<Bill, 'discountMinor' | 'discountCode' | 'coupon'>

async function discountFor(
  { tables, clock }: ShopParts,
  text: string | undefined,
  subtotal: { readonly minor: number; readonly currency: CurrencyCode },
): Promise<Off | CheckoutRefused> {
  if (text === undefined) return { type: 'off', discountMinor: 0, discountCode: undefined, coupon: undefined }
  const code = discountCodeOf(text)
  const discount = code === undefined ? undefined : await tables.read('discounts.find', { code })
  if (code === undefined || discount === undefined)
    return { type: 'refused', reason: 'unknown-discount', code: text }
  if (!isValidAt(discount, clock.wallMs())) return { type: 'refused', reason: 'discount-not-valid', code }
  const discountMinor = discountOn(discount, subtotal)
  if (discountMinor === undefined) return { type: 'refused', reason: 'discount-other-currency', code }
  return { type: 'off', discountMinor, discountCode: code, coupon: couponOf(discount) }
}

/** What the cart was meant to become before it was changed gives its units back, or they would keep its owner out. */
async function supersede(parts: ShopParts, cartId: string): Promise<void> {
  const pending = await parts.tables.read('orders.pendingOfCart', { cartId })
  for (const { orderId } of pending) {
    const reason = 'another order was made of the cart'
    const cancel = { orderId, by: 'shop', reason, unlessPaid: true } as const
    const cancelled = await parts.tables.write('orders.cancel', cancel)
    if (cancelled.type === 'order') await driveOrLeave(parts, orderId)
  }
}

type Making = Omit<Bill, 'type'> &
  Omit<Holding, 'type'> & { readonly cartId: string | undefined; readonly fingerprint: string }

async function make(parts: ShopParts, ask: CheckoutAsk, making: Making): Promise<Made> {
  const { orderId, reservationId, expiresAtMs, cartId, fingerprint } = making
  const { currency, subtotalMinor, discountMinor, discountCode } = making
  const order: NewOrder = {
    orderId,
    customerId: ask.customerId,
    cartId,
    fingerprint,
    reservationId,
    currency,
    subtotalMinor,
    discountMinor,
    discountCode,
    address: ask.address,
    expiresAtMs,
    lookAtMs: expiresAtMs + holdLookMs,
    lines: making.lines.map(({ productId, title, unitPriceMinor, quantity }) => {
      return { productId, title, unitPriceMinor, quantity }
    }),
  }
  const made = await parts.tables.write('orders.create', order, ask.key)
  crashPoint('checkout.afterOrder')
  return made
}

/** Of a coupon's units nobody wants to hear: the discount was used as often as it can be. */
function unitsRefused(refusal: Refusal, { coupon, discountCode }: Bill): CheckoutRefused {
  const isOfCoupon = 'productId' in refusal && refusal.productId === coupon
  const isShort =
    refusal.reason === 'outOfStock' &&
    refusal.items.some((item) => item.productId === coupon && item.available < item.requested)
  if (coupon === undefined || discountCode === undefined || !(isOfCoupon || isShort))
    return { type: 'refused', reason: 'units', refusal }
  if (refusal.reason === 'outOfStock') {
    const goods = refusal.items.filter((item) => item.productId !== coupon)
    if (goods.some((item) => item.available < item.requested))
      return { type: 'refused', reason: 'units', refusal: { reason: 'outOfStock', items: goods } }
  }
  return { type: 'refused', reason: 'discount-used-up', code: discountCode }
}

/** The same for the same wish, so that whoever repeats it is known. */
function fingerprintOf(source: string, lines: readonly Line[], code: string | undefined): string {
  const sorted = lines.toSorted((a, b) => (a.productId < b.productId ? -1 : 1))
  const wish = [source, code ?? '', ...sorted.map(({ productId, quantity }) => `${productId}=${quantity}`)]
  return createHash('sha256').update(wish.join('\n')).digest('hex')
}
