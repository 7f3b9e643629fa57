/** How events of a waitlist change its product. */
import { assert, unreachable } from './assert.ts'
import { known } from './counting.ts'
import type { WaitlistEvent, WaitlistServed } from './events.ts'
import { waitlistBytes } from './footprint.ts'
import type { Reservation, ShardState, Stock } from './stock.ts'

/** Applies an event of a line, but for the one that serves it. */
export function evolveWaitlist(
  shard: ShardState,
  stock: Stock,
  event: Exclude<WaitlistEvent, WaitlistServed>,
): void {
  const bytesBefore = waitlistBytes(stock.waitlist)
  switch (event.type) {
    case 'WaitlistJoined': {
      const { customerId, quantity, reservationId } = event
      stock.waitlist ??= { line: new Map(), served: new Map(), freed: 0 }
      assert(!stock.waitlist.line.has(customerId), 'a customer stands in line once')
      stock.waitlist.line.set(customerId, { customerId, quantity, reservationId })
      break
    }
    case 'WaitlistLeft': {
      const waitlist = known(stock.waitlist)
      const [head] = waitlist.line.keys()
      assert(waitlist.line.delete(event.customerId), 'who leaves stood in line')
      if (head === event.customerId) {
        // What was put aside for the head is the next one's.
        waitlist.freed += stock.earmarked
        stock.earmarked = 0
        shard.unserved.add(stock)
      }
      dropIfEmpty(stock)
      break
    }
    case 'UnitsEarmarked':
      known(stock.waitlist).freed = 0
      stock.earmarked = event.quantity
      assert(stock.earmarked <= stock.onHand - stock.held, 'only free units are put aside')
      break
    default:
      return unreachable(event)
  }
  shard.footprintBytes += waitlistBytes(stock.waitlist) - bytesBefore
}

/** Takes the head out of the line; what was put aside for it is free for its hold. */
export function leaveServed(
  shard: ShardState,
  stock: Stock,
  { customerId, reservationId, quantity }: WaitlistServed,
): void {
  const waitlist = known(stock.waitlist)
  const bytesBefore = waitlistBytes(waitlist)
  const [head] = waitlist.line.values()
  assert(head?.customerId === customerId, 'the line is served in order')
  assert(
    head.reservationId === reservationId && head.quantity === quantity,
    'the head gets what it waits for',
  )
  waitlist.line.delete(customerId)
  waitlist.served.set(customerId, reservationId)
  waitlist.freed = 0
  stock.earmarked = 0
  shard.footprintBytes += waitlistBytes(waitlist) - bytesBefore
}

/** A reservation ended: where it was handed over to somebody in line, that need not be known any longer. */
export function forgetServed(shard: ShardState, { stock, customerId, id }: Reservation): void {
  const { waitlist } = stock
  if (waitlist === undefined || customerId === undefined || waitlist.served.get(customerId) !== id) return
  const bytesBefore = waitlistBytes(waitlist)
  waitlist.served.delete(customerId)
  dropIfEmpty(stock)
  shard.footprintBytes += waitlistBytes(stock.waitlist) - bytesBefore
}

/** Nobody waits: the state says so in one way only. */
function dropIfEmpty(stock: Stock): void {
  if (stock.waitlist?.line.size === 0 && stock.waitlist.served.size === 0) stock.waitlist = undefined
}
