/** Ids as the engine's callers have them. Those of 8 characters are the size the journal's figure asks for. */
import { MessageChannel } from 'node:worker_threads'
import { Engine } from '../../src/actors/engine.ts'
import type { CustomerId, ProductId, ReservationId } from '../../src/domain/ids.ts'
import { portOf, realClock, realRandom, realTimers } from '../../src/seams.ts'

export const SHARDS = 8
/** A prime step through a catalog, so that neighbours in time are strangers there. */
export const STRIDE = 7_919

export const hotId = 'hot00000' as ProductId

export function productIds(count: number): readonly ProductId[] {
  return Array.from({ length: count }, (_, i) => `p${String(i).padStart(7, '0')}` as ProductId)
}

export function customerIds(count: number): readonly CustomerId[] {
  return Array.from({ length: count }, (_, i) => customerIdOf(i))
}

export function customerIdOf(nr: number): CustomerId {
  return `c${String(nr).padStart(7, '0')}` as CustomerId
}

/** Draws reservation ids exactly as the engine does, for rivals that need an engine for nothing else. */
export function idDrawer(): (productId: ProductId) => ReservationId {
  const engine = new Engine({
    clock: realClock,
    timers: realTimers,
    random: realRandom(),
    control: portOf(new MessageChannel().port1),
    portOf,
    shards: SHARDS,
    workers: 1,
  })
  engine.close()
  return (productId) => engine.newReservationId(productId)
}
