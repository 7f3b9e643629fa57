/**
 * The line of those who wait for a product (DESIGN.md, "Waitlist").
 *
 * W1  Units that become free while somebody waits go to the line, in order, in the frame that frees them: no newcomer
 *     comes between.
 * W2  While they are too few for the head, they are put aside for it. What was free when the head joined stays free.
 */
import { assert } from './assert.ts'
import { holdTtlMsDefault, waitlistMax } from './bounds.ts'
import type { JoinWaitlist, LeaveWaitlist } from './commands.ts'
import { accepted, type Decision, refused } from './decision.ts'
import type { Event, WaitlistExit } from './events.ts'
import type { CustomerId, ReservationId } from './ids.ts'
import { availableOf, type StockView } from './stock.ts'

export type Waiting = {
  readonly customerId: CustomerId
  readonly quantity: number
  readonly reservationId: ReservationId
}

export type Waitlist = {
  /** In order. */
  readonly line: Map<CustomerId, Waiting>
  /** Holds that were handed to somebody in line and still live. */
  readonly served: Map<CustomerId, ReservationId>
  /** Units that became free and were not offered to the line yet; none between two commands. */
  freed: number
}

/** Lets a customer stand in line for what is not there, where they could reserve it if it were. */
export function decideJoin(stock: StockView, command: JoinWaitlist, nowMs: number): Decision {
  const { productId, customerId, quantity, reservationId } = command
  const { opensAtMs, closesAtMs, maxPerReservation, perCustomerLimit } = stock.sale
  if (stock.retired) return refused({ reason: 'productRetired', productId })
  if (opensAtMs !== undefined && nowMs < opensAtMs)
    return refused({ reason: 'saleNotOpen', productId, opensAtMs })
  if (closesAtMs !== undefined && nowMs >= closesAtMs)
    return refused({ reason: 'saleClosed', productId, closesAtMs })
  if (maxPerReservation !== undefined && quantity > maxPerReservation)
    return refused({ reason: 'maxPerReservation', productId, limit: maxPerReservation })
  const remaining = remainingFor(stock, customerId)
  if (perCustomerLimit !== undefined && quantity > remaining)
    return refused({ reason: 'perCustomerLimit', productId, limit: perCustomerLimit, remaining })

  const present = stock.waitlist?.line.get(customerId)
  if (present !== undefined) {
    if (present.quantity === quantity) return accepted()
    return refused({ reason: 'alreadyWaiting', productId, quantity: present.quantity })
  }
  const available = availableOf(stock)
  if (available >= quantity) return refused({ reason: 'stockAvailable', productId, available })
  if ((stock.waitlist?.line.size ?? 0) >= waitlistMax) return refused({ reason: 'waitlistFull', productId })
  const version = stock.version + 1
  return accepted({ type: 'WaitlistJoined', productId, version, customerId, quantity, reservationId })
}

/** Gives a place in the line up. A hold that came of it stays. */
export function decideLeave(
  stock: StockView,
  { productId, customerId }: LeaveWaitlist,
  nowMs: number,
): Decision {
  const isWaiting = stock.waitlist?.line.has(customerId) === true && exitOf(stock, nowMs) === undefined
  if (!isWaiting) return refused({ reason: 'notWaiting', productId })
  return accepted({ type: 'WaitlistLeft', productId, version: stock.version + 1, customerId, cause: 'left' })
}

/**
 * What the line gets of the units that were freed, for at most `max` of those who wait. Ask after every command that frees
 * any, and again as long as `hasMore`: what is freed is put aside for the line meanwhile.
 */
export function serveLine(
  stock: StockView,
  nowMs: number,
  max: number,
): { readonly events: readonly Event[]; readonly hasMore: boolean } {
  const { waitlist, productId, sale } = stock
  if (waitlist === undefined) return { events: [], hasMore: false }
  const events: Event[] = []
  let { version } = stock
  let free = stock.onHand - stock.held
  /** Of the free ones, those that are the line's. */
  let pool = Math.min(free, stock.earmarked + Math.max(0, waitlist.freed))
  let earmarked = stock.earmarked
  let hasMore = false
  let head: Waiting | undefined
  const exit = exitOf(stock, nowMs)
  for (const first of waitlist.line.values()) {
    head = first
    const { customerId, quantity, reservationId } = first
    const cause = exit ?? (quantity > mostFor(stock, customerId) ? 'overLimit' : undefined)
    if (cause === undefined && quantity > free) break
    if (events.length === max) {
      hasMore = true
      break
    }
    head = undefined
    version += 1
    earmarked = 0
    if (cause !== undefined) {
      events.push({ type: 'WaitlistLeft', productId, version, customerId, cause })
      continue
    }
    free -= quantity
    pool = Math.max(0, pool - quantity)
    events.push({
      type: 'WaitlistServed',
      productId,
      version,
      customerId,
      reservationId,
      quantity,
      expiresAtMs: nowMs + (sale.holdTtlMs ?? holdTtlMsDefault),
      available: free,
    })
  }
  const wanted = head === undefined ? 0 : pool
  if (wanted !== earmarked) {
    events.push({ type: 'UnitsEarmarked', productId, version: version + 1, quantity: wanted })
  }
  assert(wanted <= free, 'only free units are put aside')
  return { events, hasMore }
}

/** Place in the line, from 1; `undefined` for who does not stand in it. */
export function positionOf(stock: StockView, customerId: CustomerId): number | undefined {
  let position = 0
  for (const waiting of stock.waitlist?.line.keys() ?? []) {
    position += 1
    if (waiting === customerId) return position
  }
  return undefined
}

/** Why nobody is served any more, if so. A sale that was put off is not the one they stood in line for. */
export function exitOf({ retired, sale }: StockView, nowMs: number): WaitlistExit | undefined {
  const { opensAtMs = Number.NEGATIVE_INFINITY, closesAtMs = Number.POSITIVE_INFINITY } = sale
  if (retired) return 'retired'
  return nowMs < opensAtMs || nowMs >= closesAtMs ? 'saleClosed' : undefined
}

/** What one more reservation of this customer may hold. */
function mostFor(stock: StockView, customerId: CustomerId): number {
  return Math.min(remainingFor(stock, customerId), stock.sale.maxPerReservation ?? Number.POSITIVE_INFINITY)
}

function remainingFor({ sale, customers }: StockView, customerId: CustomerId): number {
  if (sale.perCustomerLimit === undefined) return Number.POSITIVE_INFINITY
  return Math.max(0, sale.perCustomerLimit - (customers?.get(customerId) ?? 0))
}
