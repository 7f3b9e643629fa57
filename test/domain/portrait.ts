/** A shard's state as plain arrays, so that comparing two also compares the order of their maps. */
import type { ShardView } from '../../src/domain/stock.ts'

export function portraitOf(shard: ShardView) {
  return {
    products: [...shard.products].map(([id, stock]) => ({
      id,
      ...stock,
      customers: stock.customers && [...stock.customers],
    })),
    reservations: [...shard.reservations.values()].map((reservation) => {
      // A reservation whose stock is another object than the shard's would count where nobody looks.
      const ofShard = reservation.stock === shard.products.get(reservation.stock.productId)
      return { ...reservation, stock: reservation.stock.productId, ofShard }
    }),
  }
}
