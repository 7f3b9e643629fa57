/** Keeps the engine's side of a discount: as many units as it has uses, and no more to a customer than they may use. */
import { EngineError } from '../../actors/engine-error.ts'
import type { Refused } from '../../actors/requests.ts'
import { onHandMax } from '../../domain/bounds.ts'
import type { ProductId } from '../../domain/ids.ts'
import type { Discount } from '../../persistence/tables/orders/discount-operations.ts'
import type { ShopParts } from '../shop-parts.ts'
import { couponOf } from './coupon.ts'

const TRIES_MAX = 8

/**
 * Said again it changes nothing more. On hand are the uses that are left, so those that were taken count: with fewer uses
 * than were taken none are left. What orders that wait for their payment hold is theirs; fewer than that are refused.
 */
export async function keepCoupon(
  { engine }: Pick<ShopParts, 'engine'>,
  discount: Pick<Discount, 'code' | 'maxUses' | 'perCustomer'>,
): Promise<Refused | undefined> {
  const productId = couponOf(discount)
  if (productId === undefined) return undefined
  const kept = await setUses(engine, productId, discount)
  if (kept !== undefined) return kept
  const sale = { perCustomerLimit: discount.perCustomer ?? undefined, maxPerReservation: 1 }
  const scheduled = await engine.execute({ type: 'scheduleSale', productId, sale })
  return scheduled.type === 'refused' ? scheduled : undefined
}

/** Between a look at how many were taken and the change that rests on it, somebody may take another one. */
async function setUses(
  engine: ShopParts['engine'],
  productId: ProductId,
  { code, maxUses }: Pick<Discount, 'code' | 'maxUses'>,
): Promise<Refused | undefined> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const stock = await engine.execute({ type: 'readStock', productId })
    const sold = stock.type === 'stock' ? stock.sold : 0
    const change = {
      set: Math.max(0, (maxUses ?? onHandMax) - sold),
      expectedVersion: stock.type === 'stock' ? stock.version : 0,
    }
    const reason = `uses of ${code}`
    const kept = await engine.execute({ type: 'adjust', productId, change, reason, reference: undefined })
    if (kept.type !== 'refused') return undefined
    if (kept.refusal.reason !== 'stockVersionMismatch') return kept
  }
  throw new EngineError('overloaded', `${productId} changed ${TRIES_MAX} times while it was looked at`)
}
