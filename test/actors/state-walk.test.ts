/** Two copies of a state, compared window by window: the same where nothing was flipped, and different by any one field. */
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { partNames, walkOver } from '../../src/actors/state-walk.ts'
import { evolve } from '../../src/domain/evolve.ts'
import type { CustomerId } from '../../src/domain/ids.ts'
import type { ReservationRow } from '../../src/domain/reservation-row.ts'
import { emptyShard, type ShardState, type Stock } from '../../src/domain/stock.ts'
import { checkedRecords } from '../../src/limits.ts'
import { ByteReader } from '../../src/persistence/journal/bytes.ts'
import { decodeState, encodeState } from '../../src/persistence/journal/state-codec.ts'
import { ann, bob, cable, idOf, phone, saleScheduled, stockAdjusted, unitsHeld } from '../domain/examples.ts'
import { given } from '../domain/given.ts'
import { madeAtHome, split1 } from '../domain/split-examples.ts'
import { waitlistJoined } from '../domain/waitlist-examples.ts'
import { seed, shardSteps, shardsAfter } from '../persistence/journal/values.ts'
import { note, suite } from '../support/suite.ts'

type Parts = Readonly<Record<string, number>>

/** Walks over all of one state and compares each window with the other. */
function differences(
  state: ShardState,
  other: ShardState,
): { readonly found: string[]; readonly seen: Parts } {
  const seen: Record<string, number> = {}
  const found = partNames.flatMap((part) => {
    const walk = walkOver(part, state)
    const replayed = walkOver(part, other)
    const windows = Array.from({ length: Math.ceil(walk.size / checkedRecords) || 1 }, () => walk.next())
    seen[part] = windows.reduce((sum, { crcs }) => sum + crcs.length, 0)
    const different = windows.map((window) => replayed.differenceIn(window))
    return different.flatMap((one) => (one === undefined ? [] : [`${part} ${one.id} of ${one.products}`]))
  })
  return { found, seen }
}

function copyOf(state: ShardState): ShardState {
  return decodeState(new ByteReader(encodeState(state)))
}

const same = suite('a state, walked over window by window')

same('is the same as its replay, and as what a snapshot gives back', () => {
  note(`TEST_SEED=${seed}`)
  const sum: Record<string, number> = {}
  fc.assert(
    fc.property(shardSteps, (steps) => {
      for (const { state, journal } of shardsAfter(steps)) {
        const replayed = emptyShard()
        for (const { event, atMs } of journal) evolve(replayed, event, atMs)
        const { found, seen } = differences(state, replayed)
        assert.equal(found, [])
        assert.equal(differences(state, copyOf(state)).found, [])
        for (const part of partNames) {
          assert.is(seen[part], state[part].size)
          sum[part] = (sum[part] ?? 0) + (seen[part] ?? 0)
        }
      }
    }),
    { seed, numRuns: 100 },
  )
  for (const part of partNames) assert.ok((sum[part] ?? 0) > 0, `${part} were never any`)
})

same('is gone on in after whatever has changed meanwhile, and begun again at its end', () => {
  const state = manyHolds(5 * checkedRecords)
  const replayed = copyOf(state)
  const walk = walkOver('reservations', state)
  const other = walkOver('reservations', replayed)
  const firsts: (string | undefined)[] = []
  for (let n = 0; n < 8; n++) {
    const window = walk.next()
    firsts.push(window.from)
    assert.is(other.differenceIn(window), undefined)
    // Some of what comes next, of what has been, and in the end so much that rows are moved.
    for (let nr = 10; nr < 5 * checkedRecords && n === 2; nr += 3) for (const at of [0, 1]) forget(nr + at)
  }
  assert.equal(firsts.slice(0, 3), [undefined, idOf(checkedRecords), idOf(2 * checkedRecords)])
  assert.ok(firsts.lastIndexOf(undefined) > 2, `a round ends: ${firsts}`)

  function forget(nr: number): void {
    for (const copy of [state, replayed]) copy.reservations.delete(idOf(nr))
  }
})

same('is compared from anywhere in it, whatever was compared before', () => {
  const state = manyHolds(5 * checkedRecords)
  const walk = walkOver('reservations', state)
  const windows = Array.from({ length: 5 }, () => walk.next())
  const other = walkOver('reservations', copyOf(state))
  for (const at of [3, 1, 4, 4, 0, 2]) {
    const window = windows[at]
    assert.ok(window !== undefined && window.crcs.length === checkedRecords)
    assert.is(other.differenceIn(window), undefined)
  }
})

same.run()

const flips = suite('a single flip')

type Flip = (state: ShardState) => void
const ofStock = (flip: (stock: Stock) => void): Flip => {
  return ({ products }) => flip(products.get(phone) as Stock)
}
/** Any field, those that nothing but a flip changes included. */
const fieldsOf = (
  record: (state: ShardState) => object,
  fields: object,
): readonly (readonly [string, Flip])[] =>
  Object.entries(fields).map(([field, value]) => [
    field,
    (state) => void Object.assign(record(state), { [field]: value }),
  ])

const FLIPS: readonly (readonly [part: string, flips: readonly (readonly [string, Flip])[]])[] = [
  [
    'products phone of phone',
    [
      ...fieldsOf(({ products }) => products.get(phone) as Stock, {
        productId: 'phonf',
        number: 65_536,
        version: 4_096,
        onHand: 11,
        held: 3 + 2 ** 40,
        sold: -1,
        retired: true,
        earmarked: 1,
        customers: undefined,
        waitlist: undefined,
      }),
      ...['opensAtMs', 'closesAtMs', 'perCustomerLimit', 'holdTtlMs', 'maxPerReservation'].map(
        (field) =>
          [
            field,
            ofStock((stock) => {
              stock.sale = { ...stock.sale, [field]: 7 }
            }),
          ] as const,
      ),
      ['a customer more', ofStock(({ customers }) => void customers?.set('bub' as CustomerId, 1))],
      ['a customer less in line', ofStock(({ waitlist }) => void waitlist?.line.delete(bob))],
    ],
  ],
  [
    `reservations ${idOf(1)} of phone`,
    fieldsOf(({ reservations }) => reservations.get(idOf(1)) as ReservationRow, {
      quantity: 2 + 1_024,
      returned: 1,
      status: 'paying',
      returnClosed: true,
      expiresAtMs: 5 + Date.UTC(2026, 0, 1),
      resolvedAtMs: 1,
      reference: 'ordes-1',
    }),
  ],
  [
    `splits ${split1} of cable,case,phone`,
    [
      ...fieldsOf(({ splits }) => splits.get(split1) as object, {
        customerId: 'anm',
        reference: 'x',
        status: 'paying',
        createdAtMs: 1,
        expiresAtMs: 1,
        resolvedAtMs: 1,
        returnClosed: true,
        step: 1,
        unsettled: new Set([1]),
      }),
      ...fieldsOf(({ splits }) => splits.get(split1)?.lines[0] as object, {
        shard: 3,
        holdVersion: 3,
        quantity: 2,
        returned: 1,
      }),
    ],
  ],
  [
    `holds ${split1} of cable,case`,
    fieldsOf(({ holds }) => holds.get(split1)?.[0] as object, {
      customerId: undefined,
      heldAtMs: 1,
      holdVersion: 3,
      held: 0,
      sold: 1,
      step: 1,
    }),
  ],
]

flips('of each field is seen, on either side, and its record is named', () => {
  const state = withEverything()
  for (const [named, all] of FLIPS) {
    for (const [field, flip] of all) {
      const flipped = copyOf(state)
      assert.equal(differences(flipped, state).found, [], 'the copy is the same')
      flip(flipped)
      const { found } = differences(flipped, state)
      assert.ok(found.includes(named), `${named}: ${field}, found ${found}`)
      assert.is.not(differences(state, flipped).found.length, 0, `${named}: ${field}, replayed wrongly`)
    }
  }
})

flips('that loses a record, or makes one, is seen', () => {
  const state = manyHolds(checkedRecords + 3)
  for (const lost of [0, 5, checkedRecords - 1, checkedRecords + 1, checkedRecords + 2]) {
    const flipped = copyOf(state)
    flipped.reservations.delete(idOf(lost))
    assert.is.not(differences(flipped, state).found.length, 0, `memory has lost ${lost}`)
    assert.is.not(differences(state, flipped).found.length, 0, `memory has ${lost} too many`)
  }
})

flips.run()

/** Two products with all that they can have, reservations of one and of several, and holds. */
function withEverything(): ShardState {
  const { shard } = given(
    ...madeAtHome,
    stockAdjusted(10),
    saleScheduled({ perCustomerLimit: 8, maxPerReservation: 9 }),
    unitsHeld(2, { reservationId: idOf(1), reference: 'order-1' }),
    unitsHeld(8, { reservationId: idOf(2), customerId: undefined }),
    waitlistJoined(bob, 1),
  )
  const { waitlist, customers } = shard.products.get(phone) as Stock
  assert.ok(waitlist?.line.size === 1 && customers?.get(ann) === 2 && shard.products.has(cable))
  return shard
}

/** Numbered from 0, of one product. */
function manyHolds(count: number): ShardState {
  const ids = Array.from({ length: count }, (_, nr) => idOf(nr))
  return given(
    stockAdjusted(count),
    ...ids.map((reservationId) => unitsHeld(1, { reservationId, customerId: undefined })),
  ).shard
}
