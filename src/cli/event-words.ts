/** Events as lines: for people, and as the JSON of `export`, `history` and `tail` (docs/journal-export.md). */
import { unreachable } from '../domain/assert.ts'
import type {
  Event,
  HoldEvent,
  KeyEvent,
  SplitEvent,
  SplitSettled,
  WaitlistEvent,
  WaitlistExit,
} from '../domain/events.ts'
import { abortedStep } from '../domain/split.ts'
import { bytesText, eventFields, namedFields, timeText } from '../persistence/journal/event-fields.ts'
import type { JournalEvent } from '../persistence/journal/journal-follower.ts'
import { quoted } from './terminal.ts'

export type EventJson = {
  readonly time: string
  readonly shard: number
  readonly sequence: number
  readonly type: Event['type']
  readonly [field: string]: unknown
}

/** Field names are stable. Times are RFC 3339 and end in `At`, spans are seconds and say so; what is absent is left out. */
export function eventJson({ atMs, shard, sequence, event }: JournalEvent): EventJson {
  const { type } = event
  const at = { time: timeText(atMs), shard, sequence, type }
  if (type !== 'SplitAcknowledged') return { ...at, ...eventFields(event) }
  // It stands in the home's shard, and tells of another.
  const { reservationId, shard: participant, step } = event
  return { ...at, reservationId, participant, step }
}

/** Time, place, type, product and version where it is a product's, then what the type adds. */
export function eventText({ atMs, shard, sequence, event }: JournalEvent): string {
  const head = `${timeText(atMs)} s${shard}.${sequence} ${event.type}`
  const product = 'version' in event ? [word(event.productId), `v${event.version}`] : []
  return [head, ...product, ...detailsOf(event)].join(' ')
}

/** Why it happened, in a few words. */
export function causeOf(event: Event): string {
  switch (event.type) {
    case 'UnitsHeld':
      return event.customerId === undefined ? 'reserved' : `reserved for ${word(event.customerId)}`
    case 'HoldExtended':
      return 'extended on request'
    case 'PaymentStarted':
      return 'the payment began'
    case 'UnitsReleased':
      return 'given up on request'
    case 'UnitsConfirmed':
      return 'sold'
    case 'HoldExpired':
      return 'its time was over'
    case 'UnitsReturned':
      return event.reason === '' ? 'returned' : `returned: ${word(event.reason)}`
    case 'ReturnsClosed':
      return 'the time for returns was over'
    case 'ReservationForgotten':
      return 'it had ended long before'
    case 'StockAdjusted':
      return event.reason === '' ? 'adjusted' : `adjusted: ${word(event.reason)}`
    case 'SaleScheduled':
      return 'the terms of sale were set'
    case 'ProductRetired':
      return 'the product was retired'
    case 'HoldPlaced':
      return 'held for a reservation of several products'
    case 'HoldSettled':
      return event.held + event.sold === 0 ? 'nothing of it is left' : 'the reservation says so'
    case 'SplitHeld':
      return event.customerId === undefined ? 'reserved' : `reserved for ${word(event.customerId)}`
    case 'SplitExtended':
      return 'extended on request'
    case 'SplitPaymentStarted':
      return 'the payment began'
    case 'SplitSettled':
      return settledCause(event)
    case 'SplitAcknowledged':
      return `shard ${event.shard} has heard of it`
    case 'SplitForgotten':
      return 'it had ended long before'
    case 'SplitAborted':
      return 'a hold asked for it, and it was never made'
    case 'AbortForgotten':
      return 'nobody can ask for it any more'
    case 'WaitlistJoined':
      return 'stands in line'
    case 'WaitlistLeft':
      return EXITS[event.cause]
    case 'WaitlistServed':
      return `its turn in line: reserved for ${word(event.customerId)}`
    case 'UnitsEarmarked':
      return event.quantity === 0 ? 'nothing is put aside any more' : 'put aside for who is first in line'
    case 'KeyClaimed':
      return 'taken by a reservation that another shard decides'
    case 'KeyAnswered':
      return 'the command was accepted'
    case 'KeyFreed':
      return 'the command was refused'
    case 'KeysForgotten':
      return 'they were the oldest'
    default:
      return unreachable(event)
  }
}

const EXITS: Readonly<Record<WaitlistExit, string>> = {
  left: 'left the line',
  overLimit: 'has as much as a customer can have',
  saleClosed: 'the sale was over',
  retired: 'the product was retired',
}

function settledCause({ status, closed, reason }: SplitSettled): string {
  if (closed) return 'the time for returns was over'
  switch (status) {
    case 'held':
    case 'paying':
      return 'given up in part on request'
    case 'released':
      return 'given up on request'
    case 'expired':
      return 'its time was over'
    case 'confirmed':
      if (reason === undefined) return 'sold'
      return reason === '' ? 'returned' : `returned: ${word(reason)}`
    default:
      return unreachable(status)
  }
}

function detailsOf(event: Event): string[] {
  switch (event.type) {
    case 'UnitsHeld':
      return [
        event.reservationId,
        `quantity=${event.quantity}`,
        `available=${event.available}`,
        `until=${timeText(event.expiresAtMs)}`,
        ...optional('customer', event.customerId),
        ...optional('reference', event.reference),
      ]
    case 'HoldExtended':
    case 'PaymentStarted':
      return [event.reservationId, `until=${timeText(event.expiresAtMs)}`]
    case 'UnitsReleased':
    case 'HoldExpired':
      return [event.reservationId, `quantity=${event.quantity}`]
    case 'UnitsConfirmed':
      return [event.reservationId, `quantity=${event.quantity}`, ...optional('reference', event.reference)]
    case 'UnitsReturned':
      return [event.reservationId, `quantity=${event.quantity}`, ...optional('reason', event.reason)]
    case 'ReturnsClosed':
    case 'ReservationForgotten':
      return [event.reservationId]
    case 'StockAdjusted':
      return [
        `delta=${event.delta}`,
        `onHand=${event.onHand}`,
        ...optional('reason', event.reason),
        ...optional('reference', event.reference),
      ]
    case 'SaleScheduled':
      return Object.entries(namedFields(event.sale)).map(([name, value]) => `${name}=${value}`)
    case 'ProductRetired':
      return []
    default:
      return furtherDetailsOf(event)
  }
}

function furtherDetailsOf(event: HoldEvent | SplitEvent | WaitlistEvent | KeyEvent): string[] {
  switch (event.type) {
    case 'HoldPlaced':
      return [
        event.reservationId,
        `quantity=${event.quantity}`,
        `available=${event.available}`,
        ...optional('customer', event.customerId),
      ]
    case 'HoldSettled':
      return [
        event.reservationId,
        ...(event.step === abortedStep ? ['aborted'] : [`step=${event.step}`]),
        `held=${event.held}`,
        `sold=${event.sold}`,
        ...(event.closed ? ['closed'] : []),
      ]
    case 'SplitHeld':
      return [
        event.reservationId,
        ...event.lines.map(({ productId, shard, quantity }) => `${word(productId)}@s${shard}=${quantity}`),
        `until=${timeText(event.expiresAtMs)}`,
        ...optional('customer', event.customerId),
        ...optional('reference', event.reference),
      ]
    case 'SplitExtended':
    case 'SplitPaymentStarted':
      return [event.reservationId, `until=${timeText(event.expiresAtMs)}`]
    case 'SplitSettled':
      return [
        event.reservationId,
        `step=${event.step}`,
        event.status,
        `quantities=${event.quantities.join()}`,
        ...(event.returned.some((units) => units > 0) ? [`returned=${event.returned.join()}`] : []),
        ...(event.closed ? ['closed'] : []),
        ...optional('reference', event.reference),
        ...optional('reason', event.reason),
      ]
    case 'SplitAcknowledged':
      return [event.reservationId, `shard=${event.shard}`, `step=${event.step}`]
    case 'SplitForgotten':
    case 'SplitAborted':
    case 'AbortForgotten':
      return [event.reservationId]
    case 'WaitlistJoined':
      return [event.reservationId, `customer=${word(event.customerId)}`, `quantity=${event.quantity}`]
    case 'WaitlistLeft':
      return [`customer=${word(event.customerId)}`]
    case 'WaitlistServed':
      return [
        event.reservationId,
        `customer=${word(event.customerId)}`,
        `quantity=${event.quantity}`,
        `available=${event.available}`,
        `until=${timeText(event.expiresAtMs)}`,
      ]
    case 'UnitsEarmarked':
      return [`quantity=${event.quantity}`]
    case 'KeyClaimed':
      return [`key=${bytesText('hash', event.hash)}`, event.reservationId]
    case 'KeyAnswered':
    case 'KeyFreed':
      return [`key=${bytesText('hash', event.hash)}`]
    case 'KeysForgotten':
      return [`count=${event.count}`]
    default:
      return unreachable(event)
  }
}

function optional(name: string, text: string | undefined): string[] {
  return text === undefined || text === '' ? [] : [`${name}=${word(text)}`]
}

/** As it is where that is one plain word, else in quotes: the text is some client's. */
export function word(text: string): string {
  return /^[\x21\x23-\x3c\x3e-\x7e]+$/.test(text) ? text : quoted(text)
}
