/** The rules of commands that name a product: reserve, adjust, schedule its sale, retire it. */
import { admit } from './admit.ts'
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

function decideReserve(stock: StockView, command: Reserve, nowMs: number): Decision {
  const admission = admit(stock, command, nowMs)
  if (admission.type === 'refused') return admission
  const { quantity } = admission
  return accepted({
    type: 'UnitsHeld',
    productId: command.productId,
    version: stock.version + 1,
    reservationId: command.reservationId,
    customerId: command.customerId,
    reference: command.reference,
    quantity,
    expiresAtMs: nowMs + (command.ttlMs ?? stock.sale.holdTtlMs ?? holdTtlMsDefault),
    available: availableOf(stock) - quantity,
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
