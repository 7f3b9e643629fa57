/**
 * What must be true of reservations of several products between their shards, once all events have been read (DESIGN.md,
 * P1 to P5).
 *
 * A1  What a home says of a line, its product's shard holds, unless the home knows that this shard has not heard yet.
 * A2  No shard holds units by a settlement that no home has journaled.
 * A3  A hold of which nothing was said yet is in doubt, and asks: it need not be a reservation's. Not so at the home itself,
 *     where hold and reservation are one frame, and not where the home knows that this very hold has heard.
 *
 * Every effect in another shard is journaled after its cause is durable, so that a crash leaves none of these broken. But
 * shards are read one after the other: of a running engine, what happened meanwhile is not judged. And where a repair gave
 * up events of a shard, others still know of what those said.
 */
import { homeOf, type ProductId, type ReservationId, type ShardId } from '../../domain/ids.ts'
import type { BookedHold } from './hold-book.ts'
import type { Ledger } from './ledger.ts'
import { type BookedSplit, saidOf } from './split-book.ts'
import type { Wrong } from './wrong.ts'

export type ShardLedger = {
  readonly ledger: Ledger
  /** Of the event to come. */
  readonly nextSequence: number
  readonly isLost: boolean
}

export type Disagreement = {
  readonly shard: ShardId
  /** With whom. */
  readonly other: ShardId
  /** The shard's newest event of the reservation. */
  readonly sequence: number
  readonly reason: Wrong
}

export type AcrossOptions = {
  /** How many the data has; `undefined` where nobody knows. */
  readonly shards: number | undefined
  /** Reservations with later events are not judged. */
  readonly beforeMs: number
}

/** Where the shards disagree. A shard without events has no ledger; of a lost one nothing is said. */
export function* disagreements(
  ledgers: ReadonlyMap<ShardId, ShardLedger>,
  options: AcrossOptions,
): Generator<Disagreement> {
  for (const [shard, { ledger, nextSequence, isLost }] of ledgers) {
    if (isLost) continue
    const reason = ledger.heldForNobody()
    if (reason !== undefined) yield { shard, other: shard, sequence: nextSequence - 1, reason }
    for (const [id, split] of ledger.splits.splits) {
      if (split.at.atMs >= options.beforeMs) continue
      for (const line of split.lines) {
        const reason = lineFault({ id, split, line }, ledgers, options)
        if (reason !== undefined) yield { shard, other: line.shard, sequence: split.at.sequence, reason }
      }
    }
    for (const [id, productId, hold] of ledger.holds.all()) {
      if (hold.at.atMs >= options.beforeMs) continue
      const reason = holdFault({ id, productId, hold, shard }, ledgers, options)
      if (reason !== undefined) yield { shard, other: homeOf(id), sequence: hold.at.sequence, reason }
    }
  }
}

/** What a home says of a line, and its shard does not. */
function lineFault(
  of: {
    readonly id: ReservationId
    readonly split: BookedSplit
    readonly line: BookedSplit['lines'][number]
  },
  ledgers: ReadonlyMap<ShardId, ShardLedger>,
  { shards, beforeMs }: AcrossOptions,
): Wrong | undefined {
  const { id, split, line } = of
  const { productId, shard } = line
  if (shards !== undefined && shard >= shards) return `${id} has a line in shard ${shard} of ${shards}`
  const there = ledgers.get(shard)
  if (there?.isLost === true) return undefined
  const said = saidOf(split, line)
  if (split.closed || said.held + said.sold === 0) return undefined
  const hold = there?.ledger.holds.find(id, productId)
  if (hold?.holdVersion === line.holdVersion) return undefined // It says itself where it stands at something else.
  const overAtMs = there?.ledger.holds.overAtMs(id, productId)
  if (overAtMs !== undefined && overAtMs >= beforeMs) return undefined
  return `${id} has ${textOf(said)} of ${productId}, of which shard ${shard} knows nothing`
}

/** What a shard holds, and its home does not say. */
function holdFault(
  of: {
    readonly id: ReservationId
    readonly productId: ProductId
    readonly hold: BookedHold
    readonly shard: ShardId
  },
  ledgers: ReadonlyMap<ShardId, ShardLedger>,
  { shards, beforeMs }: AcrossOptions,
): Wrong | undefined {
  const { id, productId, hold, shard } = of
  const home = homeOf(id)
  if (shards !== undefined && home >= shards) return `${id} would have its home in shard ${home} of ${shards}`
  const there = ledgers.get(home)
  if (there?.isLost === true) return undefined
  const mine = `${id} has ${textOf(hold)} of ${productId} here`
  const isOf = (line: BookedSplit['lines'][number]) =>
    line.productId === productId && line.holdVersion === hold.holdVersion
  const split = there?.ledger.splits.splits.get(id)
  if (split === undefined) {
    if (hold.step > 0)
      return `${mine} by settlement ${hold.step}, and its home, shard ${home}, knows nothing of it`
    if (home === shard) return `${mine}, at its home, and was never made`
    const forgotten = there?.ledger.splits.forgotten(id)?.lines.some(isOf)
    return forgotten === true ? `${mine}, and its home, shard ${home}, has forgotten its end` : undefined
  }
  if (split.at.atMs >= beforeMs) return undefined
  const line = split.lines.find(isOf)
  if (hold.step > split.step)
    return `${mine} by settlement ${hold.step}, and its home, shard ${home}, has come to ${split.step}`
  if (line === undefined) {
    if (hold.step === 0 && home !== shard) return undefined
    return `${mine}, and its home, shard ${home}, has no such line`
  }
  const said = split.closed ? { held: 0, sold: 0 } : saidOf(split, line)
  if (said.held === hold.held && said.sold === hold.sold) return undefined
  // Units only become fewer: who has not heard yet has at least as many.
  const isBehind = split.unsettled.has(shard) && hold.held + hold.sold >= said.held + said.sold
  if (isBehind) return undefined
  return `${mine}, and its home, shard ${home}, says ${textOf(said)}, of which this shard has heard`
}

function textOf({ held, sold }: { readonly held: number; readonly sold: number }): string {
  return sold === 0 ? `${held} held` : held === 0 ? `${sold} sold` : `${held} held and ${sold} sold`
}
