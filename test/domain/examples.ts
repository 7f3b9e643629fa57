/** One phone shop at noon: events and commands with everything a test does not care about filled in. */
import type {
  Adjust,
  CloseReturns,
  Confirm,
  Expire,
  Extend,
  Forget,
  Line,
  Release,
  Reserve,
  Retire,
  Return,
  ScheduleSale,
  StartPayment,
} from '../../src/domain/commands.ts'
import {
  type CustomerId,
  type ProductId,
  type ReservationId,
  reservationIdOf,
  type ShardId,
} from '../../src/domain/ids.ts'
import type { Sale } from '../../src/domain/stock.ts'
import type { Happened } from './given.ts'

// Brands are given where text is parsed; here it is written down.
export const phone = 'phone' as ProductId
export const cable = 'cable' as ProductId
export const ann = 'ann' as CustomerId
export const bob = 'bob' as CustomerId
export const res1 = idOf(1)
export const res2 = idOf(2)
export const res3 = idOf(3)
export const res4 = idOf(4)

export const noonMs = Date.UTC(2026, 0, 1, 12)
export const secondMs = 1_000
export const minuteMs = 60 * secondMs
export const hourMs = 60 * minuteMs

/** One for each number. */
export function idOf(nr: number): ReservationId {
  return reservationIdOf(String(nr).padStart(26, '0'), 0 as ShardId)
}

type Fields<E extends Happened['type']> = Partial<Omit<Extract<Happened, { type: E }>, 'type'>>

// ---- Events ----------------------------------------------------------------------------------------------------------

export function stockAdjusted(delta: number, fields: Fields<'StockAdjusted'> = {}): Happened {
  return { type: 'StockAdjusted', productId: phone, delta, reason: 'count', reference: undefined, ...fields }
}

export function unitsHeld(quantity: number, fields: Fields<'UnitsHeld'> = {}): Happened {
  return {
    type: 'UnitsHeld',
    productId: phone,
    reservationId: res1,
    customerId: ann,
    reference: undefined,
    quantity,
    expiresAtMs: noonMs + 10 * minuteMs,
    ...fields,
  }
}

export function holdExtended(expiresAtMs: number): Happened {
  return { type: 'HoldExtended', productId: phone, reservationId: res1, expiresAtMs }
}

export function paymentStarted(expiresAtMs: number = noonMs + 15 * minuteMs): Happened {
  return { type: 'PaymentStarted', productId: phone, reservationId: res1, expiresAtMs }
}

export function unitsReleased(quantity: number): Happened {
  return { type: 'UnitsReleased', productId: phone, reservationId: res1, quantity }
}

export function unitsConfirmed(quantity: number, fields: Fields<'UnitsConfirmed'> = {}): Happened {
  return {
    type: 'UnitsConfirmed',
    productId: phone,
    reservationId: res1,
    quantity,
    reference: undefined,
    ...fields,
  }
}

export function holdExpired(quantity: number): Happened {
  return { type: 'HoldExpired', productId: phone, reservationId: res1, quantity }
}

export function unitsReturned(quantity: number): Happened {
  return { type: 'UnitsReturned', productId: phone, reservationId: res1, quantity, reason: 'too small' }
}

export function returnsClosed(): Happened {
  return { type: 'ReturnsClosed', productId: phone, reservationId: res1 }
}

export function reservationForgotten(): Happened {
  return { type: 'ReservationForgotten', productId: phone, reservationId: res1 }
}

export function saleScheduled(sale: Sale): Happened {
  return { type: 'SaleScheduled', productId: phone, sale }
}

export function productRetired(): Happened {
  return { type: 'ProductRetired', productId: phone }
}

// ---- Commands --------------------------------------------------------------------------------------------------------

export function reserve(quantity: number, fields: Partial<Reserve> = {}): Reserve {
  return {
    type: 'reserve',
    reservationId: res1,
    productId: phone,
    customerId: ann,
    quantity,
    ttlMs: undefined,
    allowPartial: false,
    reference: undefined,
    ...fields,
  }
}

export function extend(ttlMs: number): Extend {
  return { type: 'extend', reservationId: res1, ttlMs }
}

export function startPayment(payingMs: number = 15 * minuteMs): StartPayment {
  return { type: 'startPayment', reservationId: res1, payingMs }
}

/** Quantities are lines of the phone; without any, the command is for all there is. */
export function release(...quantities: readonly number[]): Release {
  return { type: 'release', reservationId: res1, items: linesOf(quantities) }
}

export function confirm(...quantities: readonly number[]): Confirm {
  return { type: 'confirm', reservationId: res1, items: linesOf(quantities), reference: undefined }
}

/** `return` is a word of the language. */
export function giveBack(...quantities: readonly number[]): Return {
  return { type: 'return', reservationId: res1, items: linesOf(quantities), reason: 'too small' }
}

export function expire(): Expire {
  return { type: 'expire', reservationId: res1 }
}

export function closeReturns(): CloseReturns {
  return { type: 'closeReturns', reservationId: res1 }
}

export function forget(): Forget {
  return { type: 'forget', reservationId: res1 }
}

export function adjust(change: Adjust['change'], fields: Partial<Adjust> = {}): Adjust {
  return { type: 'adjust', productId: phone, change, reason: 'count', reference: undefined, ...fields }
}

export function adjustTo(set: number, expectedVersion?: number): Adjust {
  return adjust({ set, expectedVersion })
}

export function scheduleSale(sale: Sale): ScheduleSale {
  return { type: 'scheduleSale', productId: phone, sale }
}

export function retire(): Retire {
  return { type: 'retire', productId: phone }
}

function linesOf(quantities: readonly number[]): readonly Line[] | undefined {
  if (quantities.length === 0) return undefined
  return quantities.map((quantity) => ({ productId: phone, quantity }))
}
