/** Events and states to write and read back: of every type, with their extremes, and of random histories. */
import fc from 'fast-check'
import {
  customerIdLengthMax,
  linesMax,
  onHandMax,
  quantityMax,
  reasonLengthMax,
  referenceLengthMax,
} from '../../../src/domain/bounds.ts'
import { decide } from '../../../src/domain/decide.ts'
import type { Event } from '../../../src/domain/events.ts'
import { evolve } from '../../../src/domain/evolve.ts'
import {
  type CustomerId,
  type ProductId,
  type ReservationId,
  reservationIdOf,
  type ShardId,
} from '../../../src/domain/ids.ts'
import type { Fingerprint, KeyHash } from '../../../src/domain/key-table.ts'
import { abortedStep } from '../../../src/domain/split.ts'
import { emptyShard, type ShardState } from '../../../src/domain/stock.ts'
import { commandOf, type RandomStep, randomStep } from '../../domain/random-commands.ts'
import { type ShardStep, shardStep } from '../../domain/random-shard-steps.ts'
import { World, type WorldShard } from '../../domain/shards-world.ts'

export const noonMs = Date.UTC(2026, 0, 1, 12)
const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

export const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))

/** The n-th reservation id of a test. */
export function idOf(n: number, home = 0): ReservationId {
  let rest = n
  let text = ''
  for (let i = 0; i < 26; i++) {
    text = (CROCKFORD[rest % 32] as string) + text
    rest = Math.floor(rest / 32)
  }
  return reservationIdOf(text, home as ShardId)
}

const productId = fc.oneof(
  fc.constantFrom('a' as ProductId, 'x'.repeat(64) as ProductId, '~coupon' as ProductId),
  fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/).map((text) => text as ProductId),
)
const customerId = fc.oneof(
  fc.constantFrom(undefined, 'a' as CustomerId, '~'.repeat(customerIdLengthMax) as CustomerId),
  fc.stringMatching(/^[\x21-\x7e]{1,128}$/).map((text) => text as CustomerId),
)
const reservationId = fc.integer({ min: 0, max: 2 ** 40 }).map((n) => idOf(n, n % 1_024))
const version = fc.oneof(
  fc.integer({ min: 1, max: 300 }),
  fc.constantFrom(2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER),
)
const quantity = fc.oneof(fc.integer({ min: 1, max: 200 }), fc.constant(quantityMax))
const onHand = fc.oneof(fc.nat({ max: 300 }), fc.constant(onHandMax))
const timeMs = fc.oneof(
  fc.integer({ min: noonMs - 8 * 3_600_000, max: noonMs + 8 * 3_600_000 }),
  fc.constantFrom(0, noonMs, 2 ** 42),
)
/** Text as people write it, in characters of one to four bytes; a text of none is not the same as no text. */
const text = (maxLength: number) =>
  fc.oneof(
    fc.string({ unit: 'binary', maxLength: maxLength >> 1 }).filter((value) => value.isWellFormed()),
    fc.constantFrom('', '\0', '汉'.repeat(maxLength), '🛒'.repeat(maxLength >> 1), 'é\u202e\ufeff'),
  )
const reference = fc.option(text(referenceLengthMax), { nil: undefined })
const reason = text(reasonLengthMax)
const optional = (max: number) => fc.option(fc.nat({ max }), { nil: undefined })
const sale = fc.record(
  {
    opensAtMs: fc.option(timeMs, { nil: undefined }),
    closesAtMs: fc.option(timeMs, { nil: undefined }),
    perCustomerLimit: optional(onHandMax),
    holdTtlMs: optional(3_600_000),
    maxPerReservation: optional(quantityMax),
  },
  { noNullPrototype: true },
)
const shard = fc.nat({ max: 1_023 }).map((n) => n as ShardId)
const named = customerId.filter((name) => name !== undefined)
/** Bytes as characters, as keys, fingerprints and kept answers are. */
const bytes = (length: { readonly minLength: number; readonly maxLength: number }) =>
  fc.uint8Array(length).map((values) => Buffer.from(values).toString('latin1'))
const hash = bytes({ minLength: 16, maxLength: 16 }).map((text) => text as KeyHash)
const fingerprint = bytes({ minLength: 8, maxLength: 8 }).map((text) => text as Fingerprint)
const step = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.constantFrom(2 ** 32, abortedStep))
const units = fc.oneof(fc.nat({ max: 200 }), fc.constant(quantityMax))
const lines = fc.uniqueArray(
  fc.record(
    { productId, shard, quantity, available: onHand, holdVersion: version },
    { noNullPrototype: true },
  ),
  {
    minLength: 1,
    maxLength: linesMax,
    size: 'medium',
    selector: (line) => line.productId,
  },
)
const ofProduct = { productId, version }
const ofReservation = { ...ofProduct, reservationId }
const happened = <Type extends Event['type'], Fields>(
  type: Type,
  fields: { [Key in keyof Fields]: fc.Arbitrary<Fields[Key]> },
) => fc.record(fields).map((given) => ({ type, ...given }))

/** Events one by one, of every type; together they make no history. */
export const eventOfType = {
  UnitsHeld: happened('UnitsHeld', {
    ...ofReservation,
    customerId,
    reference,
    quantity,
    expiresAtMs: timeMs,
    available: onHand,
  }),
  HoldExtended: happened('HoldExtended', { ...ofReservation, expiresAtMs: timeMs }),
  PaymentStarted: happened('PaymentStarted', { ...ofReservation, expiresAtMs: timeMs }),
  UnitsReleased: happened('UnitsReleased', { ...ofReservation, quantity }),
  UnitsConfirmed: happened('UnitsConfirmed', { ...ofReservation, quantity, reference }),
  HoldExpired: happened('HoldExpired', { ...ofReservation, quantity }),
  UnitsReturned: happened('UnitsReturned', { ...ofReservation, quantity, reason }),
  ReturnsClosed: happened('ReturnsClosed', ofReservation),
  ReservationForgotten: happened('ReservationForgotten', ofReservation),
  StockAdjusted: happened('StockAdjusted', {
    ...ofProduct,
    delta: fc.oneof(fc.integer({ min: -300, max: 300 }), fc.constantFrom(onHandMax, -onHandMax)),
    onHand,
    reason,
    reference,
  }),
  SaleScheduled: happened('SaleScheduled', { ...ofProduct, sale }),
  ProductRetired: happened('ProductRetired', ofProduct),
  HoldPlaced: happened('HoldPlaced', { ...ofReservation, customerId, quantity, available: onHand }),
  HoldSettled: happened('HoldSettled', {
    ...ofReservation,
    step,
    held: units,
    sold: units,
    closed: fc.boolean(),
  }),
  SplitHeld: happened('SplitHeld', { reservationId, customerId, reference, expiresAtMs: timeMs, lines }),
  SplitExtended: happened('SplitExtended', { reservationId, expiresAtMs: timeMs }),
  SplitPaymentStarted: happened('SplitPaymentStarted', { reservationId, expiresAtMs: timeMs }),
  SplitSettled: fc.integer({ min: 1, max: linesMax }).chain((length) => {
    const ofEach = fc.array(units, { minLength: length, maxLength: length })
    return happened('SplitSettled', {
      reservationId,
      step,
      status: fc.constantFrom('held', 'paying', 'confirmed', 'released', 'expired'),
      quantities: ofEach,
      returned: ofEach,
      closed: fc.boolean(),
      reference,
      reason: fc.option(reason, { nil: undefined }),
    })
  }),
  SplitAcknowledged: happened('SplitAcknowledged', { reservationId, shard, step }),
  SplitForgotten: happened('SplitForgotten', { reservationId }),
  SplitAborted: happened('SplitAborted', { reservationId }),
  AbortForgotten: happened('AbortForgotten', { reservationId }),
  WaitlistJoined: happened('WaitlistJoined', { ...ofReservation, customerId: named, quantity }),
  WaitlistLeft: happened('WaitlistLeft', {
    ...ofProduct,
    customerId: named,
    cause: fc.constantFrom('left', 'overLimit', 'saleClosed', 'retired'),
  }),
  WaitlistServed: happened('WaitlistServed', {
    ...ofReservation,
    customerId: named,
    quantity,
    expiresAtMs: timeMs,
    available: onHand,
  }),
  UnitsEarmarked: happened('UnitsEarmarked', { ...ofProduct, quantity: onHand }),
  KeyClaimed: happened('KeyClaimed', { hash, fingerprint, reservationId }),
  KeyAnswered: happened('KeyAnswered', {
    hash,
    fingerprint,
    answer: bytes({ minLength: 0, maxLength: 1_000 }),
  }),
  KeyFreed: happened('KeyFreed', { hash }),
  KeysForgotten: happened('KeysForgotten', { count: fc.integer({ min: 1, max: 2 ** 20 }) }),
} satisfies { [Type in Event['type']]: fc.Arbitrary<Extract<Event, { type: Type }>> }

export const anyEvent: fc.Arbitrary<Event> = fc.oneof(...Object.values(eventOfType))

/** A history as it happens: each event, the state it left, and when. */
export type Chapter = { readonly event: Event; readonly atMs: number }

/** Decides random commands on one shard and keeps what happened. */
export function historyOf(steps: readonly RandomStep[]): {
  readonly state: ShardState
  readonly chapters: Chapter[]
} {
  const state = emptyShard()
  const chapters: Chapter[] = []
  let nowMs = noonMs
  let made = 0
  for (const { waitMs, draft } of steps) {
    nowMs += waitMs
    const command = commandOf(draft, {
      nowMs,
      nextId: idOf(made),
      versionOf: (product) => state.products.get(product)?.version ?? 0,
      reservations: [...state.reservations.values()].map(({ id, stock }) => ({
        id,
        productId: stock.productId,
      })),
    })
    if (!isPossible(state, command)) continue
    const decision = decide(state, command, nowMs)
    if (decision.type === 'refused') continue
    for (const event of decision.events) {
      evolve(state, event, nowMs)
      chapters.push({ event, atMs: nowMs })
      if (event.type === 'UnitsHeld') made += 1
    }
  }
  return { state, chapters }
}

export const randomSteps: fc.Arbitrary<RandomStep[]> = fc.array(randomStep, { maxLength: 80, size: 'max' })

export const shardSteps: fc.Arbitrary<ShardStep[]> = fc.array(shardStep, { maxLength: 80, size: 'max' })

/** The shards after random steps of several, with lines, keys and whatever is still on its way between them. */
export function shardsAfter(steps: readonly ShardStep[]): readonly WorldShard[] {
  const world = new World()
  for (const each of steps) world.step(each)
  return world.shards
}

/** What the shard asks of itself it only asks when it fits; the rules assert it. */
function isPossible(state: ShardState, command: ReturnType<typeof commandOf>): boolean {
  if (command.type !== 'expire' && command.type !== 'closeReturns' && command.type !== 'forget') return true
  const reservation = state.reservations.get(command.reservationId)
  if (reservation === undefined) return false
  const { status, returnClosed } = reservation
  const isLive = status === 'held' || status === 'paying'
  if (command.type === 'expire') return isLive
  if (command.type === 'closeReturns') return status === 'confirmed' && !returnClosed
  return !isLive && (status !== 'confirmed' || returnClosed)
}
