/** Which shard each product is in, and that nothing happens to it, or to a reservation, in any other. */
import type { Event } from '../../domain/events.ts'
import { homeOf, type ProductId, type ShardId } from '../../domain/ids.ts'
import type { Wrong } from './wrong.ts'

export class PlaceBook {
  readonly #shards = new Map<ProductId, ShardId>()

  add(productId: ProductId, shard: ShardId): void {
    this.#shards.set(productId, shard)
  }

  /** Two shards that both sell a product would each sell it once; nobody finds a reservation whose id names another. */
  misplaced(event: Event, shard: ShardId): Wrong | undefined {
    if ('version' in event) {
      const place = this.#shards.get(event.productId)
      if (place === undefined) this.#shards.set(event.productId, shard)
      else if (place !== shard) return `product ${event.productId} is in shard ${place} already`
    }
    if (!('reservationId' in event)) return undefined
    switch (event.type) {
      case 'HoldPlaced':
      case 'HoldSettled':
      case 'KeyClaimed':
        return undefined // What these are about may be at home elsewhere.
    }
    const home = homeOf(event.reservationId)
    return home === shard ? undefined : `${event.type} of ${event.reservationId}, whose home is shard ${home}`
  }
}
