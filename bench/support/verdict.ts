/** Holds what buyers were told against what the journal kept. The server is gone by now and has no say in it. */
import type { UnitsHeld } from '../../src/domain/events.ts'
import { foldJournal, type JournalFold } from './journal-fold.ts'
import type { Ledger } from './ledger.ts'

export type Expected = {
  readonly journalDirectory: string
  /** Units given to each product. */
  readonly stocked: ReadonlyMap<string, number>
  /** Units of these products that must have been sold and confirmed, no more and no fewer. */
  readonly soldOut: ReadonlyMap<string, number>
  readonly ledger: Ledger
}

export type Check = { readonly what: string; readonly passed: boolean; readonly seen: string }

export type Verdict = {
  readonly passed: boolean
  readonly events: number
  readonly oversold: number
  readonly checks: readonly Check[]
}

export function judge(expected: Expected): Verdict {
  const { ledger, soldOut } = expected
  const unasked: string[] = []
  const fold = foldJournal(expected.journalDirectory, (event) => {
    if (!wasAsked(ledger, event)) unasked.push(event.reservationId)
  })
  // Nobody here asks for several products at once.
  unasked.push(...fold.splits.keys(), ...fold.holds.keys())
  const oversold = sum([...fold.products.values()].map((product) => product.oversold))
  const lost = ledger.acknowledged.filter((one) => !isKept(fold, one))
  const acknowledgedIds = new Set(ledger.acknowledged.map(({ reservationId }) => reservationId))
  const unacknowledged = fold.reservations.size - acknowledgedIds.size + lost.length
  const limited = customersBeyondOne(fold, soldOut)
  const checks = [
    check('the journal is gapless and contradicts itself nowhere', fold.contradictions.length === 0, [
      `${fold.events} events`,
      ...fold.contradictions.slice(0, 3),
    ]),
    check('the journal stocked what was asked', hasStocked(fold, expected.stocked), [
      `${fold.products.size} products`,
    ]),
    check('oversold = 0, looked at after every event', oversold === 0, [`${oversold} units`]),
    ...[...soldOut].map(([productId, units]) => {
      const { held = 0, sold = 0 } = fold.products.get(productId) ?? {}
      return check(`${productId}: exactly ${units} sold`, sold === units && held === 0, [
        `${sold} sold, ${held} held`,
      ])
    }),
    check('every acknowledged reservation is in the journal', lost.length === 0, [
      `${ledger.acknowledged.length} acknowledged`,
      `${lost.length} lost`,
    ]),
    check(
      'no two acknowledgements of one reservation',
      acknowledgedIds.size === ledger.acknowledged.length,
      [],
    ),
    check('nothing in the journal that nobody asked for', unasked.length === 0, [
      `${unasked.length} unasked`,
    ]),
    // A buyer whose connection broke may have got a unit and not heard of it; without such buyers there are none.
    check('nothing in the journal that nobody was told', unacknowledged <= ledger.unanswered, [
      `${unacknowledged} untold`,
      `${ledger.unanswered} presses without an answer`,
    ]),
    check('nobody has two units where one was the limit', limited === 0, [`${limited} customers`]),
  ]
  return { passed: checks.every(({ passed }) => passed), events: fold.events, oversold, checks }
}

function check(what: string, passed: boolean, seen: readonly string[]): Check {
  return { what, passed, seen: seen.join(', ') }
}

function wasAsked(ledger: Ledger, { customerId, productId, quantity }: UnitsHeld): boolean {
  return customerId !== undefined && quantity === 1 && ledger.asked.get(customerId) === productId
}

function isKept(fold: JournalFold, one: Ledger['acknowledged'][number]): boolean {
  const kept = fold.reservations.get(one.reservationId)
  return kept?.productId === one.productId && kept.customerId === one.customerId
}

function hasStocked(fold: JournalFold, stocked: ReadonlyMap<string, number>): boolean {
  if (fold.products.size !== stocked.size) return false
  return [...stocked].every(([productId, units]) => fold.products.get(productId)?.stocked === units)
}

function customersBeyondOne(fold: JournalFold, limited: ReadonlyMap<string, number>): number {
  const units = new Map<string, number>()
  for (const { productId, customerId, held, sold } of fold.reservations.values()) {
    if (!limited.has(productId)) continue
    const key = `${productId} ${customerId}`
    units.set(key, (units.get(key) ?? 0) + held + sold)
  }
  return [...units.values()].filter((count) => count > 1).length
}

function sum(values: readonly number[]): number {
  return values.reduce((left, right) => left + right, 0)
}
