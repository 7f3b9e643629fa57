/** Answers kept under a key: read back as they were said, whatever they say, and mostly in the cell that a key has anyway. */
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { decodeAnswer, encodeAnswer } from '../../src/actors/answer-codec.ts'
import { reservationAnswer } from '../../src/actors/answers.ts'
import type { HeldLine, Reply, Request, ReservationReply, StockReply } from '../../src/actors/requests.ts'
import {
  customerIdLengthMax,
  linesMax,
  onHandMax,
  quantityMax,
  reasonLengthMax,
  referenceLengthMax,
} from '../../src/domain/bounds.ts'
import type { Event } from '../../src/domain/events.ts'
import type { CustomerId, ProductId, ReservationId, ShardId } from '../../src/domain/ids.ts'
import { type Fingerprint, type KeyHash, keyInlineMax } from '../../src/domain/key-table.ts'
import { emptyShard } from '../../src/domain/stock.ts'
import { eventBytesMax, lineBytesMax } from '../../src/limits.ts'
import { ByteWriter } from '../../src/persistence/journal/bytes.ts'
import { writeEvent } from '../../src/persistence/journal/event-codec.ts'
import {
  confirm,
  extend,
  giveBack,
  hourMs,
  minuteMs,
  noonMs,
  phone,
  release,
  reserve,
  startPayment,
  stockAdjusted,
  unitsConfirmed,
  unitsHeld,
} from '../domain/examples.ts'
import { given, isBroken } from '../domain/given.ts'
import { reserveSplit } from '../domain/split-examples.ts'
import { joinWaitlist, leaveWaitlist } from '../domain/waitlist-examples.ts'
import { idOf, seed, shardSteps, shardsAfter } from '../persistence/journal/values.ts'
import { note, suite } from '../support/suite.ts'

const nothing = emptyShard()
/** Of a shard that made a thousand events a second for a month. */
const sequence = 2_600_000_000
const reservationId = fc.integer({ min: 0, max: 2 ** 48 }).map((n) => idOf(n, n % 1_024))
const units = fc.oneof(fc.nat({ max: 300 }), fc.constantFrom(quantityMax, onHandMax))
const atMs = fc.constantFrom(noonMs, 0, 2 ** 42)
const laterMs = fc.oneof(fc.integer({ min: -hourMs, max: 2 * hourMs }), fc.constant(0))
const sequences = fc.oneof(fc.nat({ max: 300 }), fc.constantFrom(2 ** 28, 2 ** 35, Number.MAX_SAFE_INTEGER))

const kept = suite('an answer that is kept')

kept('of a reservation is read back as it was', () => {
  note(`TEST_SEED=${seed}`)
  fc.assert(
    fc.property(reservationId, units, units, laterMs, atMs, (id, quantity, available, later, now) => {
      const reply = { type: 'held', quantity, available, expiresAtMs: now + later, sequence: 7 } as const
      const request = reserve(1, { reservationId: id })
      assert.equal(again(request, reply, now), { ...reply, replayed: true, reservationId: id })
    }),
    { seed, numRuns: 500 },
  )
})

kept('of a reservation of several products is read back as it was', () => {
  const line = fc.record({
    productId: fc.constantFrom(phone, 'x'.repeat(64) as ProductId),
    quantity: units,
    available: units,
  })
  const lines = fc.array(
    line.map((each): HeldLine => ({ ...each })),
    { minLength: 1, maxLength: linesMax },
  )
  fc.assert(
    fc.property(reservationId, lines, laterMs, atMs, sequences, (id, all, later, now, of) => {
      const expiresAtMs = now + later
      const reply = { type: 'splitHeld', reservationId: id, lines: all, expiresAtMs, sequence: of } as const
      assert.equal(again(reserveSplit({ reservationId: id }), reply, now), { ...reply, replayed: true })
    }),
    { seed, numRuns: 300 },
  )
})

kept('about any reservation there is, of one product or several, is read back as it was', () => {
  let answers = 0
  fc.assert(
    fc.property(shardSteps, sequences, fc.nat({ max: hourMs }), (steps, of, laterBy) => {
      for (const { state, journal } of shardsAfter(steps)) {
        const now = (journal.at(-1)?.atMs ?? noonMs) + laterBy
        const ids = [...state.splits.keys(), ...[...state.reservations.values()].map(({ id }) => id)]
        for (const id of ids) {
          const reply = reservationAnswer(state, id, { sequence: of, nowMs: now })
          assert.is(reply.type, 'reservation')
          const request = { ...release(), reservationId: id }
          const value = encodeAnswer(request, reply, now)
          const read = decodeAnswer({ value, atMs: now }, request, state)
          assert.equal(read, { ...reply, replayed: true, unsettled: [] })
          answers += 1
        }
      }
    }),
    { seed, numRuns: 100 },
  )
  assert.ok(answers > 100)
})

kept('about a reservation says what was true then, not what is now', () => {
  const before = given(stockAdjusted(5), unitsHeld(3)).shard
  const request = extend(hourMs)
  const reply = reservationAnswer(before, request.reservationId, { sequence: 2, nowMs: noonMs })
  const value = encodeAnswer(request, reply, noonMs)
  const after = given(stockAdjusted(5), unitsHeld(3), unitsConfirmed(1, { reference: 'order 7' })).shard
  assert.equal(decodeAnswer({ value, atMs: noonMs }, request, after), { ...reply, replayed: true })
})

kept('about a reservation that is forgotten cannot be said again', () => {
  const { shard } = given(stockAdjusted(5), unitsHeld(3))
  const request = confirm()
  const reply = reservationAnswer(shard, request.reservationId, { sequence: 2, nowMs: noonMs })
  const value = encodeAnswer(request, reply, noonMs)
  assert.is(decodeAnswer({ value, atMs: noonMs }, request, nothing), undefined)
})

kept('about stock is read back as it was', () => {
  const optional = fc.option(fc.constantFrom(0, 1, noonMs, 2 ** 42), { nil: undefined })
  const names = ['opensAtMs', 'closesAtMs', 'perCustomerLimit', 'holdTtlMs', 'maxPerReservation']
  const sale = fc.tuple(...names.map(() => optional)).map((values) => {
    return Object.fromEntries(names.map((name, i) => [name, values[i]]))
  })
  fc.assert(
    fc.property(
      sale,
      fc.array(units, { minLength: 5, maxLength: 5 }),
      fc.boolean(),
      atMs,
      (of, numbers, retired, now) => {
        const [version = 0, onHand = 0, held = 0, available = 0, sold = 0] = numbers
        const reply: StockReply = {
          type: 'stock',
          productId: phone,
          version,
          onHand,
          held,
          available,
          sold,
          retired,
          sale: of,
          asOfMs: now,
          sequence,
        }
        assert.equal(again({ type: 'scheduleSale', productId: phone, sale: of }, reply, now), {
          ...reply,
          replayed: true,
        })
      },
    ),
    { seed, numRuns: 300 },
  )
})

kept('about a place in the line, or leaving it, is read back as it was', () => {
  const place = {
    type: 'waiting',
    productId: phone,
    quantity: quantityMax,
    position: 10_000,
    sequence,
  } as const
  assert.equal(again(joinWaitlist('ann' as CustomerId, 1), place, noonMs), { ...place, replayed: true })
  const left = { type: 'left', sequence } as const
  assert.equal(again(leaveWaitlist('ann' as CustomerId), left, noonMs), { ...left, replayed: true })
})

kept('is none that no command under a key is answered with', () => {
  for (const reply of [
    { type: 'done' },
    { type: 'refused', refusal: { reason: 'unknownReservation' } },
    { type: 'linesHeld', lines: [], ttlMs: undefined },
  ] as const) {
    assert.throws(() => encodeAnswer(reserve(1), reply, noonMs), isBroken(/not an answer that is kept/))
  }
})

kept.run()

const small = suite('the usual answer')

const soldWith = (reference: string | undefined): ReservationReply => ({
  type: 'reservation',
  reservationId: idOf(1),
  customerId: 'a customer' as CustomerId,
  reference,
  status: 'confirmed',
  lines: [{ productId: phone, quantity: 2, returned: 0 }],
  expiresAtMs: noonMs + 10 * minuteMs,
  resolvedAtMs: noonMs,
  sequence,
  unsettled: [],
})

const stockOf = (sale: StockReply['sale']): StockReply => ({
  type: 'stock',
  productId: phone,
  version: 100_000,
  onHand: 60_000,
  held: 9_000,
  available: 51_000,
  sold: 40_000,
  retired: false,
  sale,
  asOfMs: noonMs,
  sequence,
})

const held = {
  type: 'held',
  quantity: 4,
  available: 60_000,
  expiresAtMs: noonMs + 30 * minuteMs,
  sequence,
} as const

for (const [what, request, reply] of [
  ['a reservation', reserve(1, { reservationId: idOf(1) }), held],
  ['a confirmation with an order’s number', confirm(), soldWith('ord_0123456789')],
  ['an extension', extend(hourMs), { ...soldWith(undefined), status: 'held', resolvedAtMs: undefined }],
  ['a payment', startPayment(), { ...soldWith('cart 12345'), status: 'paying', resolvedAtMs: undefined }],
  ['a release', release(), { ...soldWith(undefined), status: 'released' }],
  [
    'a return a month later',
    giveBack(),
    {
      ...soldWith('ord_012345'),
      resolvedAtMs: noonMs - 30 * 24 * hourMs,
      expiresAtMs: noonMs - 30 * 24 * hourMs,
    },
  ],
  [
    'a delivery',
    { type: 'adjust', productId: phone, change: { delta: 9 }, reason: '', reference: undefined },
    stockOf({ perCustomerLimit: 2, holdTtlMs: 10 * minuteMs }),
  ],
  [
    'a place in the line',
    joinWaitlist('ann' as CustomerId, 1),
    { type: 'waiting', productId: phone, quantity: 2, position: 9_999, sequence },
  ],
  ['leaving the line', leaveWaitlist('ann' as CustomerId), { type: 'left', sequence }],
] satisfies readonly [string, Request, Reply][]) {
  small(`to ${what} fits the cell of its key`, () => {
    const { length } = encodeAnswer(request, reply, noonMs)
    assert.ok(length <= keyInlineMax, `${length} characters`)
  })
}

small('is of characters that are bytes', () => {
  const value = encodeAnswer(confirm(), soldWith('größer 汉 🛒'), noonMs)
  assert.ok([...value].every((character) => character.charCodeAt(0) <= 0xff))
})

small.run()

const room = suite('the room that a shard asks for before it decides')

/** Four bytes each, and as many as there may be. */
const longest = (characters: number) => '🛒'.repeat(characters / 2)
const longName = '~'.repeat(customerIdLengthMax) as CustomerId

function bytesOf(...events: readonly Event[]): number {
  const writer = new ByteWriter(1_024)
  for (const event of events) writeEvent(writer, event, noonMs)
  return writer.length
}

function answered(request: Request, reply: Reply): Event {
  const [hash, fingerprint] = ['h'.repeat(16) as KeyHash, 'f'.repeat(8) as Fingerprint]
  return { type: 'KeyAnswered', hash, fingerprint, answer: encodeAnswer(request, reply, noonMs) }
}

room('holds the longest reservation of the most products together with its answer', () => {
  const names = Array.from({ length: linesMax }, (_, n) => String(n).padStart(64, 'x') as ProductId)
  const id = idOf(1)
  const placed = names.map((productId) => ({
    type: 'HoldPlaced' as const,
    productId,
    version: 2 ** 40,
    reservationId: id,
    customerId: longName,
    quantity: quantityMax,
    available: onHandMax,
  }))
  const lines = placed.map(({ productId, quantity, available, version }) => {
    return { productId, shard: 1_023 as ShardId, quantity, available, holdVersion: version }
  })
  const made: Event = {
    type: 'SplitHeld',
    reservationId: id,
    customerId: longName,
    reference: longest(referenceLengthMax),
    expiresAtMs: noonMs + hourMs,
    lines,
  }
  const said = lines.map(({ productId, quantity, available }) => ({ productId, quantity, available }))
  const reply = {
    type: 'splitHeld',
    reservationId: id,
    lines: said,
    expiresAtMs: noonMs + hourMs,
    sequence,
  } as const
  const bytes = bytesOf(...placed, made, answered(reserveSplit({ reservationId: id }), reply))
  assert.ok(bytes <= eventBytesMax + linesMax * lineBytesMax, `${bytes} bytes`)
})

room('holds the longest return of the most products together with its answer', () => {
  const names = Array.from({ length: linesMax }, (_, n) => String(n).padStart(64, 'x') as ProductId)
  const id = idOf(1)
  const settled: Event = {
    type: 'SplitSettled',
    reservationId: id,
    step: 2 ** 40,
    status: 'confirmed',
    quantities: names.map(() => quantityMax),
    returned: names.map(() => quantityMax),
    closed: false,
    reference: undefined,
    reason: longest(reasonLengthMax),
  }
  const holds = names.map((productId) => ({
    type: 'HoldSettled' as const,
    productId,
    version: 2 ** 40,
    reservationId: id,
    step: 2 ** 40,
    held: 0,
    sold: quantityMax,
    closed: false,
  }))
  const lines = names.map((productId) => ({ productId, quantity: quantityMax, returned: quantityMax }))
  const reply = { ...soldWith(longest(referenceLengthMax)), lines }
  const bytes = bytesOf(settled, ...holds, answered({ ...giveBack(), reservationId: id }, reply))
  assert.ok(bytes <= eventBytesMax + linesMax * lineBytesMax, `${bytes} bytes`)
})

room('holds the longest commands of one product together with their answers', () => {
  const id: ReservationId = idOf(1)
  const ofProduct = { productId: 'x'.repeat(64) as ProductId, version: 2 ** 40 }
  const reason = longest(reasonLengthMax)
  const reference = longest(referenceLengthMax)
  const sold = soldWith(reference)
  const whole = {
    opensAtMs: noonMs,
    closesAtMs: noonMs,
    perCustomerLimit: onHandMax,
    maxPerReservation: onHandMax,
  }
  const cases: readonly (readonly [Event, Request, Reply])[] = [
    [
      { type: 'UnitsConfirmed', ...ofProduct, reservationId: id, quantity: quantityMax, reference },
      confirm(),
      sold,
    ],
    [
      { type: 'UnitsReturned', ...ofProduct, reservationId: id, quantity: quantityMax, reason },
      giveBack(),
      sold,
    ],
    [
      { type: 'StockAdjusted', ...ofProduct, delta: onHandMax, onHand: onHandMax, reason, reference },
      { type: 'adjust', productId: ofProduct.productId, change: { delta: onHandMax }, reason, reference },
      stockOf({ ...whole, holdTtlMs: hourMs }),
    ],
  ]
  for (const [event, request, reply] of cases) {
    const bytes = bytesOf(event, answered(request, reply))
    assert.ok(bytes <= eventBytesMax, `${event.type}: ${bytes} bytes`)
  }
})

room.run()

function again(request: Request, reply: Reply, now: number): Reply | undefined {
  const value = encodeAnswer(request, reply, now)
  return decodeAnswer({ value, atMs: now }, request, nothing)
}
