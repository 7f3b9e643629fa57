/** A line for phones: events and commands with everything a test does not care about filled in. */
import type { JoinWaitlist, LeaveWaitlist } from '../../src/domain/commands.ts'
import type { WaitlistExit } from '../../src/domain/events.ts'
import type { CustomerId, ReservationId } from '../../src/domain/ids.ts'
import { idOf, minuteMs, noonMs, phone } from './examples.ts'
import type { Happened } from './given.ts'

export const cleo = 'cleo' as CustomerId
export const dan = 'dan' as CustomerId

type Fields<E extends Happened['type']> = Partial<Omit<Extract<Happened, { type: E }>, 'type'>>

/** Under which a customer of these examples will hold what they wait for. */
export function idFor(customerId: CustomerId): ReservationId {
  return idOf([...customerId].reduce((sum, char) => sum * 131 + char.charCodeAt(0), 7) % 1_000_000_007)
}

// ---- Events ----------------------------------------------------------------------------------------------------------

export function waitlistJoined(
  customerId: CustomerId,
  quantity: number,
  fields: Fields<'WaitlistJoined'> = {},
): Happened {
  const reservationId = idFor(customerId)
  return { type: 'WaitlistJoined', productId: phone, customerId, quantity, reservationId, ...fields }
}

export function waitlistLeft(customerId: CustomerId, cause: WaitlistExit = 'left'): Happened {
  return { type: 'WaitlistLeft', productId: phone, customerId, cause }
}

export function waitlistServed(
  customerId: CustomerId,
  quantity: number,
  fields: Fields<'WaitlistServed'> = {},
): Happened {
  return {
    type: 'WaitlistServed',
    productId: phone,
    customerId,
    reservationId: idFor(customerId),
    quantity,
    expiresAtMs: noonMs + 10 * minuteMs,
    ...fields,
  }
}

export function unitsEarmarked(quantity: number): Happened {
  return { type: 'UnitsEarmarked', productId: phone, quantity }
}

// ---- Commands --------------------------------------------------------------------------------------------------------

export function joinWaitlist(
  customerId: CustomerId,
  quantity: number,
  fields: Partial<JoinWaitlist> = {},
): JoinWaitlist {
  const reservationId = idFor(customerId)
  return { type: 'joinWaitlist', productId: phone, customerId, quantity, reservationId, ...fields }
}

export function leaveWaitlist(customerId: CustomerId): LeaveWaitlist {
  return { type: 'leaveWaitlist', productId: phone, customerId }
}
