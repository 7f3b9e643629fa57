/** Events as lines: for people, and as the JSON of `export`, `history` and `tail` (docs/journal-export.md). */
import type { Event } from '../domain/events.ts'
import type { JournalEvent } from '../persistence/journal/journal-follower.ts'
import { quoted, timeText } from './terminal.ts'

export type EventJson = {
  readonly time: string
  readonly shard: number
  readonly sequence: number
  readonly type: Event['type']
  readonly [field: string]: unknown
}

/** Field names are stable. Times are RFC 3339 and end in `At`, spans are seconds and say so; what is absent is left out. */
export function eventJson({ atMs, shard, sequence, event }: JournalEvent): EventJson {
  const { type, ...fields } = event
  return { time: timeText(atMs), shard, sequence, type, ...plain(fields) }
}

/** Time, place, type, product and version, then what the type adds. */
export function eventText({ atMs, shard, sequence, event }: JournalEvent): string {
  const head = `${timeText(atMs)} s${shard}.${sequence} ${event.type} ${word(event.productId)} v${event.version}`
  return [head, ...detailsOf(event)].join(' ')
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
      return Object.entries(plain(event.sale)).map(([name, value]) => `${name}=${value}`)
    case 'ProductRetired':
      return []
  }
}

function optional(name: string, text: string | undefined): string[] {
  return text === undefined || text === '' ? [] : [`${name}=${word(text)}`]
}

/** As it is where that is one plain word, else in quotes: the text is some client's. */
export function word(text: string): string {
  return /^[\x21\x23-\x3c\x3e-\x7e]+$/.test(text) ? text : quoted(text)
}

function plain(fields: object): Record<string, unknown> {
  const named: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue
    if (typeof value === 'number' && name.endsWith('AtMs')) named[name.slice(0, -2)] = timeText(value)
    else if (typeof value === 'number' && name.endsWith('Ms'))
      named[`${name.slice(0, -2)}Seconds`] = value / 1_000
    else named[name] = plainValue(value)
  }
  return named
}

function plainValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainValue)
  return typeof value === 'object' && value !== null ? plain(value) : value
}
