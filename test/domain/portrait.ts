/** A shard's state as plain arrays, so that comparing two also compares the order of their maps. */
import type { ReservationView, ShardView, TextLengths } from '../../src/domain/stock.ts'

/** All of a state but what no two commands have between them: units that were freed and not offered to a line yet. */
export function portraitOf(shard: ShardView) {
  return {
    products: [...shard.products].map(([id, { waitlist, ...stock }]) => ({
      id,
      ...stock,
      customers: stock.customers && [...stock.customers],
      waitlist: waitlist && { line: [...waitlist.line], served: [...waitlist.served] },
    })),
    reservations: [...shard.reservations.values()].map((reservation) => {
      // A reservation whose stock is another object than the shard's would count where nobody looks.
      const ofShard = reservation.stock === shard.products.get(reservation.stock.productId)
      return { ...fieldsOf(reservation), stock: reservation.stock.productId, ofShard }
    }),
    splits: [...shard.splits].map(([key, split]) => ({ key, ...split, unsettled: [...split.unsettled] })),
    aborted: [...shard.aborted],
    holds: [...shard.holds].map(([key, holds]) => ({
      key,
      holds: holds.map((hold) => {
        const ofShard = hold.stock === shard.products.get(hold.stock.productId)
        return { ...hold, stock: hold.stock.productId, ofShard }
      }),
    })),
    keys: [...shard.keys.values()],
  }
}

/** As plain values, read now: a reservation itself shows what it is by then. */
export function fieldsOf(reservation: Omit<ReservationView, keyof TextLengths>) {
  const { id, stock, customerId, reference, status, quantity, returned } = reservation
  const { createdAtMs, expiresAtMs, resolvedAtMs, returnClosed } = reservation
  const times = { createdAtMs, expiresAtMs, resolvedAtMs }
  return { id, stock, customerId, reference, status, quantity, returned, ...times, returnClosed }
}
