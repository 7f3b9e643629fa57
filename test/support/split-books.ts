/**
 * Reservations of several products counted from events, by a rule of thumb of its own: what their homes said, what the
 * shards hold for them, and whether the two agree, or will once everybody was heard.
 */
import type { HoldEvent, SplitEvent } from '../../src/domain/events.ts'
import { homeOf, type ReservationId } from '../../src/domain/ids.ts'

export type BookedSplit = {
  readonly customerId: string | undefined
  /** By product id. */
  readonly lines: {
    readonly productId: string
    readonly shard: number
    readonly holdVersion: number
    quantity: number
    returned: number
  }[]
  status: 'held' | 'paying' | 'confirmed' | 'released' | 'expired'
  expiresAtMs: number
  step: number
  closed: boolean
  /** Shards that the home has not heard from since its newest settlement. */
  readonly unsettled: Set<number>
}

export type BookedHold = {
  readonly id: string
  readonly shard: number
  readonly productId: string
  readonly customerId: string | undefined
  readonly holdVersion: number
  held: number
  sold: number
  step: number
}

/** What a hold gained and lost. */
export type Moved = { readonly held: number; readonly sold: number }

export class SplitBooks {
  readonly splits = new Map<string, BookedSplit>()
  /** By reservation and product; those that hold or sold nothing are not kept. */
  readonly holds = new Map<string, BookedHold>()
  readonly #aborted = new Set<string>()

  /** Books what a home says; answers what is wrong with it. */
  say(event: SplitEvent, at: { readonly shard: number; readonly atMs: number }): string | undefined {
    const { reservationId: id } = event
    if (homeOf(id) !== at.shard) return `${id} is not at home here (P1)`
    const split = this.splits.get(id)
    switch (event.type) {
      case 'SplitHeld': {
        if (split !== undefined || this.#aborted.has(id)) return `${id} is there already (I6)`
        const { customerId, expiresAtMs } = event
        const lines = event.lines.map(({ available: _, ...line }) => ({ ...line, returned: 0 }))
        const made = { customerId, lines, expiresAtMs, step: 0, closed: false } as const
        this.splits.set(id, { ...made, status: 'held', unsettled: new Set() })
        return undefined
      }
      case 'SplitAborted':
        this.#aborted.add(id)
        return split === undefined ? undefined : `${id} is ${split.status}, and aborted (I6)`
      case 'AbortForgotten':
        return this.#aborted.delete(id) ? undefined : `${id} was not aborted`
    }
    if (split === undefined) return `there is no ${id}`
    const isLive = split.status === 'held' || split.status === 'paying'
    switch (event.type) {
      case 'SplitExtended':
      case 'SplitPaymentStarted':
        if (!isLive) return `it is ${split.status} already (I6)`
        split.expiresAtMs = event.expiresAtMs
        if (event.type === 'SplitPaymentStarted') split.status = 'paying'
        return undefined
      case 'SplitSettled': {
        const { status, quantities, returned, closed } = event
        if (event.step !== split.step + 1) return `settlement ${event.step} after ${split.step} (I9)`
        if (!isLive && status !== split.status) return `it is ${split.status}, and becomes ${status} (I6)`
        split.lines.forEach((line, i) => {
          line.quantity = quantities[i] ?? Number.NaN
          line.returned = returned[i] ?? Number.NaN
        })
        for (const { shard } of split.lines) if (shard !== at.shard) split.unsettled.add(shard)
        Object.assign(split, { status, step: event.step, closed })
        const isEarly = status === 'expired' && at.atMs < split.expiresAtMs
        return isEarly ? `expired ${split.expiresAtMs - at.atMs} ms early` : undefined
      }
      case 'SplitAcknowledged':
        if (event.step !== split.step) return `${event.step} is heard of, and ${split.step} is the newest`
        return split.unsettled.delete(event.shard) ? undefined : `shard ${event.shard} was heard before`
      case 'SplitForgotten':
        this.splits.delete(id)
        return isLive || split.unsettled.size > 0 ? `${id} is forgotten too early` : undefined
    }
  }

  /** Books what a shard does with a line's units; answers how many moved, or what is wrong. */
  move(event: HoldEvent, shard: number): Moved | string {
    const { reservationId: id, productId } = event
    const name = `${id}/${productId}`
    const before = this.holds.get(name)
    if (event.type === 'HoldPlaced') {
      if (before !== undefined) return `${name} is held already (I6)`
      const { customerId, version: holdVersion, quantity } = event
      const placed = { id, shard, productId, customerId, holdVersion, held: quantity, sold: 0, step: 0 }
      this.holds.set(name, placed)
      return { held: quantity, sold: 0 }
    }
    if (before === undefined) return `${name} is not held`
    const { held, sold, step } = event
    if (step <= before.step) return `settlement ${step} after ${before.step} (P3)`
    const moved = { held: held - before.held, sold: sold - before.sold }
    if (held < 0 || sold < 0 || moved.held > 0 || moved.sold > -moved.held)
      return `${held} held and ${sold} sold, after ${before.held} and ${before.sold} (I2)`
    Object.assign(before, { held, sold, step })
    if (event.closed || held + sold === 0) this.holds.delete(name)
    return moved
  }

  /** What every hold will stand at when all have been heard: its line's share, or nothing. */
  *agreed(): Generator<readonly [hold: BookedHold, to: Moved]> {
    for (const hold of this.holds.values()) yield [hold, this.#saidOf(hold)]
  }

  /** What has not been heard: holds in doubt, and shards that a home waits for. */
  *pending(): Generator<string> {
    for (const [id, { unsettled }] of this.splits)
      if (unsettled.size > 0) yield `${id} waits for shard ${[...unsettled].join()}`
    for (const [{ id, productId, step, held, sold }, to] of this.agreed())
      if (held !== to.held || sold !== to.sold) yield `${id} holds ${held} of ${productId} in step ${step}`
  }

  /** What is wrong between shards, though some may not have been heard yet (P3, P4). */
  *disagreements(): Generator<string> {
    for (const [id, split] of this.splits) {
      // Who cannot give anything back any more holds nothing that anybody need know of.
      if (split.closed) continue
      for (const line of split.lines) {
        const { held, sold } = unitsOf(split, line)
        const hold = this.holds.get(`${id}/${line.productId}`)
        const isThere = hold?.holdVersion === line.holdVersion && hold.shard === line.shard
        if (held + sold > 0 && !isThere)
          yield `${id} has ${held + sold} of ${line.productId} that nobody holds`
      }
    }
    for (const [hold, to] of this.agreed()) {
      const { id, productId, shard, held, sold, step } = hold
      const split = this.splits.get(id)
      const what = `${id}: ${held} held, ${sold} sold of ${productId}`
      if (step > (split?.step ?? 0)) yield `${what} by settlement ${step}, which its home never said`
      const isOwn = split?.lines.some((line) => isLineOf(line, hold)) === true
      if (isOwn && !split?.unsettled.has(shard) && (held !== to.held || sold !== to.sold))
        yield `${what}, and its home has heard of ${to.held} and ${to.sold}`
      if (!isOwn && homeOf(id as ReservationId) === shard) yield `${what}, at its home, for nothing`
    }
  }

  #saidOf(hold: BookedHold): Moved {
    const split = this.splits.get(hold.id)
    const line = split?.lines.find((line) => isLineOf(line, hold))
    return split === undefined || line === undefined ? { held: 0, sold: 0 } : unitsOf(split, line)
  }
}

function isLineOf(line: BookedSplit['lines'][number], hold: BookedHold): boolean {
  return line.productId === hold.productId && line.holdVersion === hold.holdVersion
}

function unitsOf({ status }: BookedSplit, line: BookedSplit['lines'][number]): Moved {
  const { quantity, returned } = line
  if (status === 'held' || status === 'paying') return { held: quantity, sold: 0 }
  return { held: 0, sold: status === 'confirmed' ? quantity - returned : 0 }
}
