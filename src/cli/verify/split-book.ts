/**
 * Reservations of several products at their home, as the events make them: each ends once, its settlements are numbered
 * without gaps, and it is forgotten only when every shard has heard of its end.
 */
import { unreachable } from '../../domain/assert.ts'
import type { SplitEvent, SplitHeld, SplitSettled } from '../../domain/events.ts'
import type { CustomerId, ProductId, ReservationId, ShardId } from '../../domain/ids.ts'
import { homeOf } from '../../domain/ids.ts'
import type { ShardView } from '../../domain/stock.ts'
import type { At, HoldBook } from './hold-book.ts'
import { forgetOld, type Wrong } from './wrong.ts'

type Line = {
  readonly productId: ProductId
  readonly shard: ShardId
  /** Of the hold that is this line's. */
  readonly holdVersion: number
  quantity: number
  returned: number
}

export type BookedSplit = {
  readonly customerId: CustomerId | undefined
  status: SplitSettled['status']
  readonly lines: readonly Line[]
  step: number
  closed: boolean
  /** Other shards that have not acknowledged the newest settlement. */
  readonly unsettled: Set<ShardId>
  /** Of its newest event. */
  at: At
}

export class SplitBook {
  readonly splits = new Map<ReservationId, BookedSplit>()
  readonly aborted = new Set<ReservationId>()
  /** Lately. */
  readonly #forgotten = new Map<ReservationId, BookedSplit>()

  goOnFrom(state: ShardView, at: At): void {
    for (const [id, split] of state.splits) {
      const { customerId, status, step, returnClosed: closed } = split
      const lines = split.lines.map((line) => ({ ...line }))
      const unsettled = new Set(split.unsettled)
      this.splits.set(id, { customerId, status, lines, step, closed, unsettled, at })
    }
    for (const id of state.aborted.keys()) this.aborted.add(id)
  }

  /** One that this home forgot lately, of whose end every shard had heard. */
  forgotten(id: ReservationId): BookedSplit | undefined {
    return this.#forgotten.get(id)
  }

  apply(event: SplitEvent, at: At, holds: HoldBook): Wrong | undefined {
    const { reservationId: id } = event
    const split = this.splits.get(id)
    switch (event.type) {
      case 'SplitHeld':
        return this.#make(event, at, holds)
      case 'SplitAborted':
        if (split !== undefined) return `reservation ${id} is ${split.status}`
        if (this.aborted.has(id)) return `reservation ${id} is aborted already`
        this.aborted.add(id)
        return undefined
      case 'AbortForgotten':
        return this.aborted.delete(id) ? undefined : `reservation ${id} is not aborted`
    }
    if (split === undefined) return `reservation ${id} was never made here, or is forgotten`
    const { status, unsettled, closed } = split
    split.at = at
    switch (event.type) {
      case 'SplitExtended':
        return status === 'held' ? undefined : `reservation ${id} is ${status}`
      case 'SplitPaymentStarted':
        split.status = 'paying'
        return status === 'held' ? undefined : `reservation ${id} is ${status}`
      case 'SplitSettled':
        return settle(split, event)
      case 'SplitAcknowledged':
        if (event.step !== split.step)
          return `acknowledges settlement ${event.step}, and ${split.step} is the newest`
        return unsettled.delete(event.shard) ? undefined : `shard ${event.shard} has nothing to acknowledge`
      case 'SplitForgotten': {
        const isOver = status === 'released' || status === 'expired' || closed
        if (!isOver) return `reservation ${id} is ${status}`
        if (unsettled.size > 0) return `shard ${[...unsettled].join(', ')} has not heard of its end`
        this.splits.delete(id)
        forgetOld(this.#forgotten, at.atMs, (forgotten) => forgotten.at.atMs)
        this.#forgotten.set(id, split)
        return undefined
      }
      default:
        return unreachable(event)
    }
  }

  /** Where it differs from what the engine wrote down at the same sequence. */
  differenceFrom({ splits, aborted }: ShardView): Wrong | undefined {
    if (splits.size !== this.splits.size)
      return `it has ${splits.size} split reservations, and the events make ${this.splits.size}`
    for (const [id, theirs] of splits) {
      const own = this.splits.get(id)
      const isSame =
        own !== undefined &&
        own.status === theirs.status &&
        own.step === theirs.step &&
        own.closed === theirs.returnClosed &&
        own.customerId === theirs.customerId &&
        own.unsettled.size === theirs.unsettled.size &&
        [...own.unsettled].every((shard) => theirs.unsettled.has(shard)) &&
        own.lines.length === theirs.lines.length &&
        own.lines.every(({ productId, shard, holdVersion, quantity, returned }, i) => {
          const line = theirs.lines[i]
          return (
            line?.productId === productId &&
            line.holdVersion === holdVersion &&
            line.shard === shard &&
            line.quantity === quantity &&
            line.returned === returned
          )
        })
      if (!isSame) return `split reservation ${id} differs from what the events make`
    }
    const isSame = aborted.size === this.aborted.size && [...this.aborted].every((id) => aborted.has(id))
    return isSame ? undefined : 'its aborted reservations differ from what the events make'
  }

  #make({ reservationId: id, customerId, lines }: SplitHeld, at: At, holds: HoldBook): Wrong | undefined {
    if (this.splits.has(id)) return `reservation ${id} is made twice`
    if (this.aborted.has(id)) return `reservation ${id} was aborted`
    const isInOrder = lines.every(
      ({ productId }, i) => i === 0 || productId > (lines[i - 1]?.productId ?? ''),
    )
    if (lines.length === 0 || !isInOrder) return `reservation ${id} has no lines, or out of order`
    for (const { productId, shard, quantity, available, holdVersion } of lines) {
      if (quantity <= 0) return `holds ${quantity} of ${productId}`
      if (shard !== homeOf(id)) continue
      const hold = holds.find(id, productId)
      const isAs =
        hold?.step === 0 &&
        hold.holdVersion === holdVersion &&
        hold.held === quantity &&
        hold.available === available &&
        hold.customerId === customerId
      if (!isAs) return `says that it holds ${quantity} of ${productId}, and its own shard does not`
    }
    const own = lines.map(({ available: _, ...line }) => ({ ...line, returned: 0 }))
    const made = { customerId, status: 'held', lines: own, step: 0, closed: false, at } as const
    this.splits.set(id, { ...made, unsettled: new Set() })
    return undefined
  }
}

/** Units that the home says are held of a line, and sold. */
export function saidOf(
  { status }: BookedSplit,
  { quantity, returned }: Line,
): {
  readonly held: number
  readonly sold: number
} {
  if (status === 'held' || status === 'paying') return { held: quantity, sold: 0 }
  return { held: 0, sold: status === 'confirmed' ? quantity - returned : 0 }
}

function settle(split: BookedSplit, event: SplitSettled): Wrong | undefined {
  const { reservationId: id, step, status, quantities, returned, closed } = event
  const { lines, status: before } = split
  const wasLive = before === 'held' || before === 'paying'
  const isLive = status === 'held' || status === 'paying'
  if (step !== split.step + 1) return `is settlement ${step} of ${id}, and ${split.step + 1} was due`
  if (split.closed) return `reservation ${id} is closed already`
  if (wasLive ? isLive && status !== before : status !== before || before !== 'confirmed')
    return `reservation ${id} is ${before}, and becomes ${status}`
  if (quantities.length !== lines.length)
    return `has ${quantities.length} quantities for ${lines.length} lines`
  const was = lines.map(({ quantity, returned }) => ({ quantity, returned }))
  lines.forEach((line, i) => {
    line.quantity = quantities[i] ?? 0
    line.returned = returned[i] ?? 0
  })
  const home = homeOf(id)
  Object.assign(split, { step, status, closed })
  for (const { shard } of lines) if (shard !== home) split.unsettled.add(shard)

  for (const [i, { quantity, returned }] of lines.entries()) {
    const line = was[i] ?? { quantity: 0, returned: 0 }
    if (quantity < 0 || quantity > line.quantity) return `line ${i + 1} has ${quantity} of ${line.quantity}`
    if (returned < line.returned || returned > quantity)
      return `line ${i + 1} has ${returned} returned of ${quantity} confirmed, and had ${line.returned}`
    const mayChange = isLive || (wasLive && status === 'confirmed')
    if (!mayChange && quantity !== line.quantity) return `line ${i + 1} of what is ${status} changes`
    if (wasLive && returned > 0) return `line ${i + 1} has ${returned} returned of what was not confirmed`
  }
  if (closed && (wasLive || status !== 'confirmed')) return `closes what is ${before}`
  const isNothing = quantities.every((quantity) => quantity === 0)
  return isNothing && (isLive || status === 'confirmed') ? `is ${status} with nothing` : undefined
}
