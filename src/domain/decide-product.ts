/** The rules of commands that name a product: reserve, adjust, schedule its sale, retire it. */
import { unreachable } from './assert.ts'
import { holdTtlMsDefault, onHandMax } from './bounds.ts'
import type { Adjust, ProductCommand, Reserve } from './commands.ts'
import { accepted, type Decision, refused } from './decision.ts'
import { availableOf, type StockView } from './stock.ts'

/** Answers a command from its product's stock; `undefined` is a product that never had any. */
export function decideForProduct(
  stock: StockView | undefined,
  command: ProductCommand,
  nowMs: number,
): Decision {
  const { productId } = command
  if (command.type === 'adjust') return decideAdjust(stock, command)
  if (stock === undefined) return refused({ reason: 'unknownProduct', productId })
  switch (command.type) {
    case 'reserve':
      return decideReserve(stock, command, nowMs)
    case 'scheduleSale':
      return accepted({ type: 'SaleScheduled', productId, version: stock.version + 1, sale: command.sale })
    case 'retire':
      if (stock.retired) return accepted()
      return accepted({ type: 'ProductRetired', productId, version: stock.version + 1 })
    default:
      return unreachable(command)
  }
}

/**
 * Refusals in their order of precedence (DESIGN.md, "Limits"). With `allowPartial` each limit clips what is asked for,
 * and only a limit that leaves nothing refuses.
 */
function decideReserve(stock: StockView, command: Reserve, nowMs: number): Decision {
  const { productId, customerId, allowPartial } = command
  const { opensAtMs, closesAtMs, perCustomerLimit, maxPerReservation } = stock.sale
  let quantity = command.quantity

  if (perCustomerLimit !== undefined && customerId === undefined) {
    return refused({ reason: 'customerRequired', productId })
  }
  if (stock.retired) return refused({ reason: 'productRetired', productId })
  if (opensAtMs !== undefined && nowMs < opensAtMs)
    return refused({ reason: 'saleNotOpen', productId, opensAtMs })
  if (closesAtMs !== undefined && nowMs >= closesAtMs)
    return refused({ reason: 'saleClosed', productId, closesAtMs })

  if (maxPerReservation !== undefined && quantity > maxPerReservation) {
    if (!allowPartial || maxPerReservation === 0) {
      return refused({ reason: 'maxPerReservation', productId, limit: maxPerReservation })
    }
    quantity = maxPerReservation
  }
  if (perCustomerLimit !== undefined && customerId !== undefined) {
    // A limit lowered below what a customer already has leaves them nothing, and takes nothing away.
    const remaining = Math.max(0, perCustomerLimit - (stock.customers?.get(customerId) ?? 0))
    if (quantity > remaining) {
      if (!allowPartial || remaining === 0) {
        return refused({ reason: 'perCustomerLimit', productId, limit: perCustomerLimit, remaining })
      }
      quantity = remaining
    }
  }
  const available = availableOf(stock)
  if (quantity > available) {
    if (!allowPartial || available === 0) {
      return refused({ reason: 'outOfStock', items: [{ productId, requested: command.quantity, available }] })
    }
    quantity = available
  }

  return accepted({
    type: 'UnitsHeld',
    productId,
    version: stock.version + 1,
    reservationId: command.reservationId,
    customerId,
    reference: command.reference,
    quantity,
    expiresAtMs: nowMs + (command.ttlMs ?? stock.sale.holdTtlMs ?? holdTtlMsDefault),
    available: available - quantity,
  })
}

/** The first positive delta, or any set, makes a product's stock. */
function decideAdjust(stock: StockView | undefined, command: Adjust): Decision {
  const { productId, change, reason, reference } = command
  const version = stock?.version ?? 0
  const before = stock?.onHand ?? 0
  const held = stock?.held ?? 0

  if (stock === undefined && 'delta' in change && change.delta <= 0) {
    return refused({ reason: 'unknownProduct', productId })
  }
  if ('set' in change && change.expectedVersion !== undefined && change.expectedVersion !== version) {
    return refused({ reason: 'stockVersionMismatch', expected: change.expectedVersion, version })
  }
  const onHand = 'set' in change ? change.set : before + change.delta
  if (onHand < held) return refused({ reason: 'stockBelowHeld', onHand: before, held })
  if (onHand > onHandMax) return refused({ reason: 'stockAboveMax', onHandMax })

  return accepted({
    type: 'StockAdjusted',
    productId,
    version: version + 1,
    delta: onHand - before,
    onHand,
    reason,
    reference,
  })
}
