/** Whether products can be had now, by the boards of their shards: durable, and never older than what anybody was answered. */

import type { Engine } from '../actors/engine.ts'
import { EngineError } from '../actors/engine-error.ts'
import type { ProductId } from '../domain/ids.ts'
import { searchStocksMax } from '../limits/search.ts'

export type StockSource = {
  /** Absent are those of which nothing can be said now. */
  inStock(productIds: readonly ProductId[]): Promise<ReadonlyMap<ProductId, boolean>>
}

export function stockOnBoards(engine: Pick<Engine, 'glanceMany' | 'isShownLive'>): StockSource {
  return {
    async inStock(productIds) {
      const found = new Map<ProductId, boolean>()
      for (let from = 0; from < productIds.length; from += searchStocksMax) {
        // Of a worker that is down: what it made durable last may never have been shown, nor that there is a product at all.
        const some = productIds
          .slice(from, from + searchStocksMax)
          .filter((productId) => engine.isShownLive(productId))
        const glances = await engine.glanceMany(some)
        for (const [i, productId] of some.entries()) {
          const glance = glances[i]
          if (glance instanceof EngineError) continue
          found.set(productId, glance !== undefined && !glance.retired && glance.available > 0)
        }
      }
      return found
    },
  }
}
