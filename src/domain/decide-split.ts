/** The rules of reservations of several products: at their home, and in the actors that hold their units (see split.ts). */
import { admit } from './admit.ts'
import { assert, unreachable } from './assert.ts'
import { holdTtlMsDefault } from './bounds.ts'
import type { HoldLines, Line, ReservationCommand, ReserveSplit, Settle, SplitCommand } from './commands.ts'
import { accepted, type Decision, type Refusal, refused } from './decision.ts'
import type { HoldPlaced, HoldSettled, SplitSettled } from './events.ts'
import type { ProductId } from './ids.ts'
import { extendedTo, paymentDeadline } from './reservation-times.ts'
import type { SettledLine } from './split.ts'
import { availableOf, type HoldView, isLive, type ShardView, type SplitView } from './stock.ts'

/** What a shard's products give to their lines of a reservation. */
export type Gathered = {
  /** A hold for each line that gets anything; none where the request cannot be granted. */
  readonly events: readonly HoldPlaced[]
  /** Why nothing is held, or, with `allowPartial`, why some lines get nothing. */
  readonly refusals: readonly Refusal[]
  /** The least time to live that the sales of the held products ask for. */
  readonly ttlMs: number | undefined
}

type Asked = Pick<HoldLines, 'reservationId' | 'customerId' | 'allowPartial'> & {
  readonly lines: readonly Line[]
}

/**
 * Holds every line, or nothing. With `allowPartial` a line that gets nothing is left out, but for what no wait can mend:
 * an unknown product, and a customer who must be named.
 */
export function gatherHolds(shard: ShardView, asked: Asked, nowMs: number): Gathered {
  const { reservationId, customerId, allowPartial } = asked
  const events: HoldPlaced[] = []
  const refusals: Refusal[] = []
  let ttlMs: number | undefined
  for (const { productId, quantity: asks } of asked.lines) {
    const stock = shard.products.get(productId)
    if (stock === undefined) {
      refusals.push({ reason: 'unknownProduct', productId })
      continue
    }
    const admission = admit(stock, { productId, quantity: asks, customerId, allowPartial }, nowMs)
    if (admission.type === 'refused') {
      refusals.push(admission.refusal)
      continue
    }
    const { quantity } = admission
    const available = availableOf(stock) - quantity
    events.push({
      type: 'HoldPlaced',
      productId,
      version: stock.version + 1,
      reservationId,
      customerId,
      quantity,
      available,
    })
    const { holdTtlMs } = stock.sale
    if (holdTtlMs !== undefined) ttlMs = Math.min(ttlMs ?? holdTtlMs, holdTtlMs)
  }
  if (refusals.length === 0 || (allowPartial && !refusals.some(isHopeless)))
    return { events, refusals, ttlMs }
  return { events: [], refusals: [...refusals, ...shortagesOf(shard, asked, refusals)], ttlMs: undefined }
}

/** What the other lines could have had, for a caller who is told what is short. */
function shortagesOf(shard: ShardView, { lines }: Asked, refusals: readonly Refusal[]): Refusal[] {
  const named = new Set(
    refusals.flatMap((refusal) =>
      refusal.reason === 'outOfStock' ? refusal.items.map(({ productId }) => productId) : [],
    ),
  )
  const items = lines.flatMap(({ productId, quantity: requested }) => {
    const stock = shard.products.get(productId)
    if (stock === undefined || named.has(productId)) return []
    return [{ productId, requested, available: availableOf(stock) }]
  })
  return items.length === 0 ? [] : [{ reason: 'outOfStock', items }]
}

const PRECEDENCE: readonly Refusal['reason'][] = [
  'unknownProduct',
  'customerRequired',
  'productRetired',
  'saleNotOpen',
  'saleClosed',
  'maxPerReservation',
  'perCustomerLimit',
  'outOfStock',
]

/** The one refusal that stands for all of them: the first by precedence; shortages of all lines together, in their order. */
export function worstOf(refusals: readonly Refusal[], order: readonly ProductId[]): Refusal {
  const rank = ({ reason }: Refusal) => PRECEDENCE.indexOf(reason)
  const worst = refusals.toSorted((a, b) => rank(a) - rank(b))[0]
  assert(worst !== undefined, 'somebody refused')
  if (worst.reason !== 'outOfStock') return worst
  const items = refusals.flatMap((refusal) => (refusal.reason === 'outOfStock' ? refusal.items : []))
  return {
    reason: 'outOfStock',
    items: items.toSorted((a, b) => order.indexOf(a.productId) - order.indexOf(b.productId)),
  }
}

/** Answers what shards say to each other of a split reservation. */
export function decideBetweenShards(shard: ShardView, command: SplitCommand, nowMs: number): Decision {
  const { reservationId } = command
  switch (command.type) {
    case 'holdLines': {
      // A command that comes again finds what it held.
      if (shard.holds.has(reservationId)) return accepted()
      const { events, refusals } = gatherHolds(shard, command, nowMs)
      if (events.length > 0) return accepted(...events)
      return refused(worstOf(refusals, productsOf(command)))
    }
    case 'reserveSplit':
      return decideReserveSplit(shard, command, nowMs)
    case 'askOutcome':
      if (shard.splits.has(reservationId) || shard.aborted.has(reservationId)) return accepted()
      return accepted({ type: 'SplitAborted', reservationId })
    case 'settle':
      return accepted(...holdEvents(shard, command))
    case 'acknowledge': {
      const { participant, step } = command
      const split = shard.splits.get(reservationId)
      if (split?.unsettled.has(participant) !== true || step !== split.step) return accepted()
      return accepted({ type: 'SplitAcknowledged', reservationId, shard: participant, step })
    }
    default:
      return unreachable(command)
  }
}

function productsOf({ lines }: { readonly lines: readonly Line[] }): ProductId[] {
  return lines.map(({ productId }) => productId)
}

/** Makes the reservation at its home, out of what is held elsewhere and the home's own lines. */
function decideReserveSplit(shard: ShardView, command: ReserveSplit, nowMs: number): Decision {
  const { reservationId, customerId, reference, heldElsewhere } = command
  if (shard.splits.has(reservationId) || shard.aborted.has(reservationId)) {
    return refused({ reason: 'reservationExists' })
  }
  const own = gatherHolds(shard, command, nowMs)
  const isGranted = command.allowPartial
    ? own.events.length + heldElsewhere.length > 0 && !own.refusals.some(isHopeless)
    : own.refusals.length === 0
  if (!isGranted) return refused(worstOf(own.refusals, productsOf(command)))

  const lines = [
    ...own.events.map(({ productId, quantity, available, version: holdVersion }) => {
      return { productId, shard: command.home, quantity, available, holdVersion }
    }),
    ...heldElsewhere,
  ].toSorted((a, b) => (a.productId < b.productId ? -1 : 1))
  const salesTtlMs = [own.ttlMs, command.ttlMsElsewhere].filter((ttlMs) => ttlMs !== undefined)
  const ttlMs = command.ttlMs ?? (salesTtlMs.length > 0 ? Math.min(...salesTtlMs) : holdTtlMsDefault)
  return accepted(...own.events, {
    type: 'SplitHeld',
    reservationId,
    customerId,
    reference,
    expiresAtMs: nowMs + ttlMs,
    lines,
  })
}

function isHopeless({ reason }: Refusal): boolean {
  return reason === 'unknownProduct' || reason === 'customerRequired'
}

/** Answers a command of a reservation from its home's state. */
export function decideForSplit(
  shard: ShardView,
  split: SplitView,
  command: ReservationCommand,
  nowMs: number,
): Decision {
  const { id: reservationId, status } = split
  switch (command.type) {
    case 'return':
      return decideReturn(shard, split, command)
    case 'closeReturns':
      assert(status === 'confirmed' && !split.returnClosed, 'only an open return window closes')
      return settled(shard, split, { closed: true })
    case 'forget':
      assert(!isLive(status) && split.unsettled.size === 0, 'only what is settled everywhere is forgotten')
      assert(status !== 'confirmed' || split.returnClosed, 'a confirmed one is first closed')
      return accepted({ type: 'SplitForgotten', reservationId })
  }
  if (!isLive(status)) return refused({ reason: 'reservationResolved', status })
  switch (command.type) {
    case 'extend': {
      const extended = extendedTo(split, command.ttlMs, nowMs)
      if (typeof extended !== 'number') return refused(extended)
      if (extended === split.expiresAtMs) return accepted()
      return accepted({ type: 'SplitExtended', reservationId, expiresAtMs: extended })
    }
    case 'startPayment': {
      if (status === 'paying') return accepted()
      const expiresAtMs = paymentDeadline(split, command.payingMs, nowMs)
      return accepted({ type: 'SplitPaymentStarted', reservationId, expiresAtMs })
    }
    case 'release': {
      const part = partsOf(split, command.items)
      if (part.type === 'excess') return refused({ reason: 'exceedsHeld', ...part.line, held: part.had })
      const left = split.lines.map(({ quantity }, i) => quantity - (part.quantities[i] as number))
      if (left.every((quantity) => quantity === 0)) return settled(shard, split, { status: 'released' })
      return settled(shard, split, { quantities: left })
    }
    case 'confirm': {
      const part = partsOf(split, command.items)
      if (part.type === 'excess') return refused({ reason: 'exceedsHeld', ...part.line, held: part.had })
      const { quantities } = part
      return settled(shard, split, { status: 'confirmed', quantities, reference: command.reference })
    }
    case 'expire':
      return settled(shard, split, { status: 'expired' })
    default:
      return unreachable(command)
  }
}

function decideReturn(
  shard: ShardView,
  split: SplitView,
  command: Extract<ReservationCommand, { type: 'return' }>,
): Decision {
  const { status } = split
  if (isLive(status)) return refused({ reason: 'notConfirmed', status })
  if (status !== 'confirmed') return refused({ reason: 'reservationResolved', status })
  if (split.returnClosed) return refused({ reason: 'returnWindowOver' })
  const part = partsOf(split, command.items)
  if (part.type === 'excess')
    return refused({ reason: 'exceedsConfirmed', ...part.line, confirmed: part.had })
  if (part.quantities.every((quantity) => quantity === 0)) {
    const productId = split.lines[0]?.productId as ProductId
    return refused({ reason: 'exceedsConfirmed', productId, requested: 0, confirmed: 0 })
  }
  const returned = split.lines.map((line, i) => line.returned + (part.quantities[i] as number))
  return settled(shard, split, { returned, reason: command.reason })
}

type Change = Partial<
  Pick<SplitSettled, 'status' | 'quantities' | 'returned' | 'closed' | 'reference' | 'reason'>
>

/** The next settlement, and with it what it means for the home's own products. */
function settled(shard: ShardView, split: SplitView, change: Change): Decision {
  const settlement: SplitSettled = {
    type: 'SplitSettled',
    reservationId: split.id,
    step: split.step + 1,
    status: change.status ?? split.status,
    quantities: change.quantities ?? split.lines.map(({ quantity }) => quantity),
    returned: change.returned ?? split.lines.map(({ returned }) => returned),
    closed: change.closed ?? split.returnClosed,
    reference: change.reference,
    reason: change.reason,
  }
  const { reservationId, step, status, quantities, returned, closed } = settlement
  const lines = split.lines.map(({ productId, holdVersion }, i) => ({
    productId,
    holdVersion,
    held: isLive(status) ? (quantities[i] as number) : 0,
    sold: status === 'confirmed' ? (quantities[i] as number) - (returned[i] as number) : 0,
  }))
  return accepted(settlement, ...holdEvents(shard, { reservationId, step, lines, closed }))
}

/**
 * What a settlement changes in the holds of one shard: nothing where it is known, or older than what is. It names all holds
 * of the shard, so one that it leaves out came from a command that was heard again, and holds nothing.
 */
function holdEvents(
  shard: ShardView,
  { reservationId, step, lines, closed }: Omit<Settle, 'type' | 'shard'>,
): HoldSettled[] {
  const found = shard.holds.get(reservationId) ?? []
  return found.flatMap((hold) => {
    const { productId } = hold.stock
    const { held, sold } = lines.find(isOf(hold)) ?? { held: 0, sold: 0 }
    if (step <= hold.step) return []
    const isOver = closed || held + sold === 0
    if (held === hold.held && sold === hold.sold && !isOver) return []
    return [
      {
        type: 'HoldSettled',
        productId,
        version: hold.stock.version + 1,
        reservationId,
        step,
        held,
        sold,
        closed,
      },
    ]
  })
}

function isOf({ stock, holdVersion }: HoldView) {
  return (line: SettledLine) => line.productId === stock.productId && line.holdVersion === holdVersion
}

type Parts =
  | { readonly type: 'parts'; readonly quantities: readonly number[] }
  /** The line that names more than the reservation has of that product. */
  | {
      readonly type: 'excess'
      readonly line: { readonly productId: ProductId; readonly requested: number }
      readonly had: number
    }

/** The units of each line that the items name, items of the same product summed; without items, all there are. */
function partsOf(split: SplitView, items: readonly Line[] | undefined): Parts {
  const had = split.lines.map(({ quantity, returned }) => quantity - returned)
  if (items === undefined) return { type: 'parts', quantities: had }
  const quantities = split.lines.map(() => 0)
  for (const { productId, quantity } of items) {
    const at = split.lines.findIndex((line) => line.productId === productId)
    const requested = (quantities[at] ?? 0) + quantity
    const most = had[at] ?? 0
    if (requested > most) return { type: 'excess', line: { productId, requested }, had: most }
    quantities[at] = requested
  }
  return { type: 'parts', quantities }
}
