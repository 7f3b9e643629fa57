/** What HTTP says of what the rules refuse. */
import { unreachable } from '../domain/assert.ts'
import type { Refusal } from '../domain/decision.ts'
import type { FieldError, ProblemCode } from './problems.ts'
import { timeOf } from './time.ts'

export type RefusalProblem = {
  readonly code: ProblemCode
  readonly detail: string
  /** What a program needs in order to react. */
  readonly members?: Readonly<Record<string, unknown>>
}

/** The one switch from a domain refusal to what HTTP says of it. */
export function problemOfRefusal(refusal: Refusal): RefusalProblem {
  switch (refusal.reason) {
    case 'reservationExists':
      return about('reservation-exists', 'A reservation with the id drawn for this request exists already.')
    case 'unknownProduct':
      return about('unknown-product', `There is no product ${refusal.productId}.`, {
        productId: refusal.productId,
      })
    case 'customerRequired': {
      const message = `is needed: ${refusal.productId} is limited per customer`
      const errors: FieldError[] = [{ path: 'customerId', message }]
      return about('validation-failed', `customerId: ${message}`, { errors })
    }
    case 'productRetired':
      return about('product-retired', `${refusal.productId} is not sold any more.`, {
        productId: refusal.productId,
      })
    case 'saleNotOpen': {
      const { productId } = refusal
      const opensAt = timeOf(refusal.opensAtMs)
      return about('sale-not-open', `The sale of ${productId} opens at ${opensAt}.`, { productId, opensAt })
    }
    case 'saleClosed': {
      const { productId } = refusal
      const closesAt = timeOf(refusal.closesAtMs)
      return about('sale-closed', `The sale of ${productId} closed at ${closesAt}.`, { productId, closesAt })
    }
    case 'maxPerReservation': {
      const { productId, limit } = refusal
      return about('max-per-reservation', `One reservation can have ${limit} of ${productId}.`, {
        productId,
        limit,
      })
    }
    case 'perCustomerLimit': {
      const { productId, limit, remaining } = refusal
      const detail = `A customer can have ${limit} of ${productId}; this one can take ${remaining} more.`
      return about('per-customer-limit', detail, { productId, limit, remaining })
    }
    case 'outOfStock': {
      const { items } = refusal
      const short = items.find(({ requested, available }) => available < requested) ?? items[0]
      const detail =
        short === undefined
          ? 'Not enough units are available.'
          : `${short.requested} of ${short.productId} were asked for, ${short.available} are available.`
      return about('out-of-stock', detail, { items })
    }
    case 'stockAvailable': {
      const { productId, available } = refusal
      return about('stock-available', `${available} of ${productId} are available.`, { productId, available })
    }
    case 'alreadyWaiting': {
      const { productId, quantity } = refusal
      const detail = `The customer stands in line for ${quantity} of ${productId}.`
      return about('already-waiting', detail, { productId, quantity })
    }
    case 'waitlistFull': {
      const { productId } = refusal
      return about('waitlist-full', `The line for ${productId} is full.`, { productId })
    }
    case 'notWaiting': {
      const { productId } = refusal
      return about('not-waiting', `The customer does not stand in line for ${productId}.`, { productId })
    }
    case 'unknownReservation':
      return about('unknown-reservation', 'There is no such reservation.')
    case 'reservationResolved': {
      // `status` is the problem's own member (RFC 9457), so the reservation's needs another name.
      const reservationStatus = refusal.status
      return about('reservation-resolved', `The reservation is ${reservationStatus}.`, { reservationStatus })
    }
    case 'notConfirmed': {
      const reservationStatus = refusal.status
      const detail = `The reservation is ${reservationStatus}; only confirmed units can be returned.`
      return about('not-confirmed', detail, { reservationStatus })
    }
    case 'returnWindowOver':
      return about('return-window-over', 'The return window of this reservation is over.')
    case 'paymentStarted': {
      const deadline = timeOf(refusal.deadlineMs)
      return about('payment-started', `Payment has started and must end by ${deadline}.`, { deadline })
    }
    case 'lifetimeExceeded': {
      const latestExpiresAt = timeOf(refusal.latestExpiryMs)
      const detail = `The reservation can live until ${latestExpiresAt} at the latest.`
      return about('lifetime-exceeded', detail, { latestExpiresAt })
    }
    case 'exceedsHeld': {
      const { productId, requested, held } = refusal
      const detail = `${requested} of ${productId} were named, ${held} are held.`
      return about('exceeds-held', detail, { productId, requested, held })
    }
    case 'exceedsConfirmed': {
      const { productId, requested, confirmed } = refusal
      const detail = `${requested} of ${productId} were named, ${confirmed} are left to return.`
      return about('exceeds-confirmed', detail, { productId, requested, confirmed })
    }
    case 'idempotencyMismatch':
      return about('idempotency-mismatch', 'This Idempotency-Key came with another body before.')
    case 'stockVersionMismatch': {
      const { expected, version } = refusal
      const detail = `The stock is at version ${version}, not ${expected}.`
      return about('stock-version-mismatch', detail, { expectedVersion: expected, version })
    }
    case 'stockBelowHeld': {
      const { onHand, held } = refusal
      return about('stock-below-held', `Of ${onHand} on hand, ${held} are held.`, { onHand, held })
    }
    case 'stockAboveMax': {
      const { onHandMax } = refusal
      return about('stock-above-max', `A product can have ${onHandMax} units at most.`, { onHandMax })
    }
    default:
      return unreachable(refusal)
  }
}

function about(code: ProblemCode, detail: string, members?: Readonly<Record<string, unknown>>) {
  return members === undefined ? { code, detail } : { code, detail, members }
}
