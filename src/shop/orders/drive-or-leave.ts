/** Drives an order as far as it goes now; what does not answer is left to whoever sweeps. */
import { EngineError } from '../../actors/engine-error.ts'
import { TablesError } from '../../persistence/tables/tables-error.ts'
import type { ShopParts } from '../shop-parts.ts'
import { driveOrder } from './drive-order.ts'

export async function driveOrLeave(parts: ShopParts, orderId: string): Promise<void> {
  try {
    await driveOrder(parts, orderId)
  } catch (error) {
    leaveToSweeper(error)
  }
}

/** What a part could not answer just now is a step that stays to be taken. Anything else is a mistake, and thrown on. */
export function leaveToSweeper(error: unknown): void {
  if (!(error instanceof EngineError) && !(error instanceof TablesError)) throw error
}
