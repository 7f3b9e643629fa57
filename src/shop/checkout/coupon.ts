/**
 * Discounts, and the coupons behind them. A coupon is a product of the engine whose id starts with `~`, which no client's
 * can; its uses are units. So the last use cannot be taken twice, and goods and coupon are held in one go (DESIGN.md, "The
 * rules").
 */
import type { ProductId } from '../../domain/ids.ts'
import { type CurrencyCode, percentOf } from '../../domain/money.ts'
import type { Discount } from '../../persistence/tables/orders/discount-operations.ts'

const CODE = /^[A-Z0-9][A-Z0-9_-]{0,39}$/

/** The code as it is kept, or undefined where this can be none. People type them in any case. */
export function discountCodeOf(text: string): string | undefined {
  const code = text.toUpperCase()
  return CODE.test(code) ? code : undefined
}

/** The product whose units are the discount's uses; undefined where it can be used without end by everybody. */
export function couponOf({
  code,
  maxUses,
  perCustomer,
}: Pick<Discount, 'code' | 'maxUses' | 'perCustomer'>): ProductId | undefined {
  return maxUses === null && perCustomer === null ? undefined : (`~${code}` as ProductId)
}

export function isCoupon(productId: ProductId): boolean {
  return productId.startsWith('~')
}

/** Whether it can be used at this time. */
export function isValidAt({ active, validFromMs, validUntilMs }: Discount, nowMs: number): boolean {
  return active === 1 && (validFromMs ?? 0) <= nowMs && nowMs < (validUntilMs ?? Number.POSITIVE_INFINITY)
}

/** What it takes off, never more than there is; undefined where it is of another currency. */
export function discountOn(
  { percent, amountMinor, currency }: Discount,
  subtotal: { readonly minor: number; readonly currency: CurrencyCode },
): number | undefined {
  if (percent !== null) return percentOf(subtotal.minor, percent)
  if (currency !== subtotal.currency) return undefined
  return Math.min(amountMinor ?? 0, subtotal.minor)
}
