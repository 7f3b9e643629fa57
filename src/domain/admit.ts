/** What a product's stock says to a line of a request. */
import type { Refusal } from './decision.ts'
import type { CustomerId, ProductId } from './ids.ts'
import { availableOf, type StockView } from './stock.ts'

export type Ask = {
  readonly productId: ProductId
  readonly quantity: number
  readonly customerId: CustomerId | undefined
  /** Take what can be had, if it is anything, instead of all or nothing. */
  readonly allowPartial: boolean
}

/** How many units can be had, or why none. */
export type Admission =
  | { readonly type: 'admitted'; readonly quantity: number }
  | { readonly type: 'refused'; readonly refusal: Refusal }

/**
 * Refusals in their order of precedence (DESIGN.md, "Limits"). With `allowPartial` each limit clips what is asked for,
 * and only a limit that leaves nothing refuses.
 */
export function admit(stock: StockView, ask: Ask, nowMs: number): Admission {
  const { productId, customerId, allowPartial } = ask
  const { opensAtMs, closesAtMs, perCustomerLimit, maxPerReservation } = stock.sale
  let quantity = ask.quantity

  if (perCustomerLimit !== undefined && customerId === undefined) {
    return no({ reason: 'customerRequired', productId })
  }
  if (stock.retired) return no({ reason: 'productRetired', productId })
  if (opensAtMs !== undefined && nowMs < opensAtMs) return no({ reason: 'saleNotOpen', productId, opensAtMs })
  if (closesAtMs !== undefined && nowMs >= closesAtMs)
    return no({ reason: 'saleClosed', productId, closesAtMs })

  if (maxPerReservation !== undefined && quantity > maxPerReservation) {
    if (!allowPartial || maxPerReservation === 0) {
      return no({ reason: 'maxPerReservation', productId, limit: maxPerReservation })
    }
    quantity = maxPerReservation
  }
  if (perCustomerLimit !== undefined && customerId !== undefined) {
    // A limit lowered below what a customer already has leaves them nothing, and takes nothing away.
    const remaining = Math.max(0, perCustomerLimit - (stock.customers?.get(customerId) ?? 0))
    if (quantity > remaining) {
      if (!allowPartial || remaining === 0) {
        return no({ reason: 'perCustomerLimit', productId, limit: perCustomerLimit, remaining })
      }
      quantity = remaining
    }
  }
  const available = availableOf(stock)
  if (quantity > available) {
    if (!allowPartial || available === 0) {
      return no({ reason: 'outOfStock', items: [{ productId, requested: ask.quantity, available }] })
    }
    quantity = available
  }
  return { type: 'admitted', quantity }
}

function no(refusal: Refusal): Admission {
  return { type: 'refused', refusal }
}
