/** How events of split reservations change the state of a shard: of their home, and of the actors that hold their units. */
import { assert, unreachable } from './assert.ts'
import { advance, count, freed, known, took } from './counting.ts'
import type { HoldEvent, HoldPlaced, HoldSettled, SplitEvent, SplitHeld, SplitSettled } from './events.ts'
import { abortedBytes, holdBytes, splitBytes } from './footprint.ts'
import { homeOf } from './ids.ts'
import { type SplitReservation, shardsOf } from './split.ts'
import { availableOf, isLive, type ShardState } from './stock.ts'

/** Applies an event of one hold. */
export function evolveHold(shard: ShardState, event: HoldEvent, atMs: number): void {
  if (event.type === 'HoldPlaced') place(shard, event, atMs)
  else settleHold(shard, event)
}

function place(shard: ShardState, event: HoldPlaced, atMs: number): void {
  const { reservationId, customerId, quantity } = event
  const stock = advance(known(shard.products.get(event.productId)), event.version)
  assert(quantity > 0, 'a hold holds something')
  stock.held += quantity
  assert(stock.held <= stock.onHand, 'never more held than on hand')
  assert(availableOf(stock) === event.available, 'the reply said how many are left')
  count(stock, event, quantity)
  took(shard, stock, customerId)
  const ofReservation = shard.holds.get(reservationId) ?? []
  assert(!ofReservation.some((hold) => hold.stock === stock), 'a reservation has one hold of a product')
  ofReservation.push({
    reservationId,
    stock,
    customerId,
    heldAtMs: atMs,
    holdVersion: event.version,
    held: quantity,
    sold: 0,
    step: 0,
  })
  shard.holds.set(reservationId, ofReservation)
  shard.footprintBytes += holdBytes({ customerId })
}

function settleHold(shard: ShardState, event: HoldSettled): void {
  const { reservationId, step, held, sold, closed } = event
  const ofReservation = known(shard.holds.get(reservationId))
  const hold = known(ofReservation.find(({ stock }) => stock.productId === event.productId))
  const stock = advance(hold.stock, event.version)
  assert(step > hold.step, 'settlements are applied in order, each once')
  assert(held <= hold.held, 'a settlement never holds more')
  const gained = sold - hold.sold
  assert(gained <= hold.held - held, 'what is sold was held')
  assert(sold >= 0 && (gained <= 0 || hold.sold === 0), 'a reservation is confirmed once')
  stock.held += held - hold.held
  stock.sold += gained
  stock.onHand -= gained
  assert(stock.held >= 0 && stock.sold >= 0, 'never fewer than none held or sold')
  assert(stock.onHand >= stock.held, 'never more held than on hand')
  count(stock, hold, held - hold.held + gained - (closed ? sold : 0))
  freed(shard, stock, hold.held - held - gained)
  hold.held = held
  hold.sold = sold
  hold.step = step
  if (!closed && held + sold > 0) return
  assert(held === 0, 'what is closed holds nothing')
  shard.footprintBytes -= holdBytes(hold)
  const others = ofReservation.filter((other) => other !== hold)
  if (others.length > 0) shard.holds.set(reservationId, others)
  else shard.holds.delete(reservationId)
}

/** Applies an event of a home. Returns the reservation it changed, if it is still known. */
export function evolveSplit(
  shard: ShardState,
  event: SplitEvent,
  atMs: number,
): SplitReservation | undefined {
  const { reservationId } = event
  if (event.type === 'SplitHeld') return make(shard, event, atMs)
  if (event.type === 'SplitAborted') {
    assert(!shard.splits.has(reservationId), 'only an unknown reservation is aborted')
    assert(!shard.aborted.has(reservationId), 'a reservation is aborted once')
    shard.aborted.set(reservationId, atMs)
    shard.footprintBytes += abortedBytes
    return undefined
  }
  if (event.type === 'AbortForgotten') {
    assert(shard.aborted.delete(reservationId), 'an event names what exists')
    shard.footprintBytes -= abortedBytes
    return undefined
  }
  const split = known(shard.splits.get(reservationId))
  switch (event.type) {
    case 'SplitExtended':
      assert(split.status === 'held', 'only a hold is extended')
      split.expiresAtMs = event.expiresAtMs
      return split
    case 'SplitPaymentStarted':
      assert(split.status === 'held', 'payment starts once')
      split.status = 'paying'
      split.expiresAtMs = event.expiresAtMs
      return split
    case 'SplitSettled':
      settle(split, event, atMs)
      return split
    case 'SplitAcknowledged':
      assert(event.step === split.step, 'only the newest settlement is acknowledged')
      assert(split.unsettled.delete(event.shard), 'each shard acknowledges once')
      return split
    case 'SplitForgotten':
      assert(!isLive(split.status) && split.unsettled.size === 0, 'only what is settled is forgotten')
      assert(split.status !== 'confirmed' || split.returnClosed, 'a confirmed one is first closed')
      shard.splits.delete(reservationId)
      shard.footprintBytes -= splitBytes(split)
      return undefined
    default:
      return unreachable(event)
  }
}

function make(shard: ShardState, event: SplitHeld, atMs: number): SplitReservation {
  const { reservationId: id, customerId, reference, expiresAtMs } = event
  assert(!shard.splits.has(id) && !shard.aborted.has(id), 'a reservation is made once')
  assert(event.lines.length > 0, 'a reservation has a line')
  const split: SplitReservation = {
    id,
    customerId,
    reference,
    status: 'held',
    lines: event.lines.map(({ productId, shard: of, holdVersion, quantity }) => {
      return { productId, shard: of, holdVersion, quantity, returned: 0 }
    }),
    createdAtMs: atMs,
    expiresAtMs,
    resolvedAtMs: 0,
    returnClosed: false,
    step: 0,
    unsettled: new Set(),
  }
  shard.splits.set(id, split)
  shard.footprintBytes += splitBytes(split)
  return split
}

function settle(split: SplitReservation, event: SplitSettled, atMs: number): void {
  assert(event.step === split.step + 1, 'steps have no gaps')
  assert(isLive(split.status) || event.status === split.status, 'a reservation ends once')
  assert(!isLive(event.status) || event.status === split.status, 'a settlement ends it or leaves it as it is')
  split.step = event.step
  split.lines.forEach((line, i) => {
    const [quantity, returned] = [known(event.quantities[i]), known(event.returned[i])]
    assert(quantity <= line.quantity, 'a settlement never gives more')
    assert(returned >= line.returned && returned <= quantity, 'never more returned than confirmed')
    line.quantity = quantity
    line.returned = returned
  })
  if (isLive(split.status) && !isLive(event.status)) split.resolvedAtMs = atMs
  split.status = event.status
  split.returnClosed = event.closed
  if (event.reference !== undefined) split.reference = event.reference
  const home = homeOf(split.id)
  for (const shard of shardsOf(split)) if (shard !== home) split.unsettled.add(shard)
}
