/** Ids in paths. What cannot be an id names nothing, so it is not found, and nobody is asked. */
import { homeOf, isProductId, isReservationId, type ProductId, type ReservationId } from '../domain/ids.ts'
import { Problem } from './problems.ts'
import type { Call } from './route.ts'

const SHOWN_LENGTH_MAX = 64

/** Throws 404. */
export function productIdOf(call: Call): ProductId {
  const id = call.context.req.param('id') ?? ''
  if (isProductId(id)) return id
  throw new Problem('unknown-product', `There is no product ${id.slice(0, SHOWN_LENGTH_MAX)}.`)
}

/** Throws 404. */
export function reservationIdOf(call: Call, shards: number): ReservationId {
  const id = call.context.req.param('id') ?? ''
  if (isReservationId(id) && homeOf(id) < shards) return id
  throw unknownReservation()
}

/** The same for what does not exist and for what is somebody else's. */
export function unknownReservation(): Problem {
  return new Problem('unknown-reservation', 'There is no such reservation.')
}
