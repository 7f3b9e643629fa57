/** Ids of new reservations: their form, their time, their home, and that every bit of chance is used. */

import { decodeTime } from 'ulid'
import * as assert from 'uvu/assert'
import { ReservationIds } from '../../src/actors/reservation-ids.ts'
import { homeOf, isReservationId, type ProductId, shardOf } from '../../src/domain/ids.ts'
import { realRandom } from '../../src/seams.ts'
import { ManualClock } from '../support/manual-time.ts'
import { suite } from '../support/suite.ts'

const startMs = Date.UTC(2026, 10, 21)
const shards = 8

function idsOf(fraction: () => number) {
  const clock = new ManualClock(startMs)
  return { clock, ids: new ReservationIds({ clock, random: { fraction }, shards }) }
}

const test = suite('ids of reservations')

test('are ULIDs of the moment with the home of the product', () => {
  const { clock, ids } = idsOf(realRandom().fraction)
  for (let n = 0; n < 1_000; n++) {
    const product = `product-${n}` as ProductId
    const id = ids.draw(product)
    assert.ok(isReservationId(id), id)
    assert.is(homeOf(id), shardOf(product, shards))
    assert.is(decodeTime(id.slice(4, 30)), clock.wallMs())
    clock.pass(n % 3)
  }
})

test('use 80 bits of chance, each character all of its range', () => {
  const phone = 'phone' as ProductId
  const chanceOf = (fraction: number) =>
    idsOf(() => fraction)
      .ids.draw(phone)
      .slice(14, 30)
  assert.is(chanceOf(0), '0'.repeat(16))
  assert.is(chanceOf(1 - 2 ** -32), 'Z'.repeat(16))
  const { ids } = idsOf(realRandom().fraction)
  const seen = Array.from({ length: 16 }, () => new Set<string>())
  for (let n = 0; n < 2_000; n++) {
    ;[...ids.draw(phone).slice(14, 30)].forEach((character, at) => void seen[at]?.add(character))
  }
  assert.equal(
    seen.map(({ size }) => size),
    Array(16).fill(32),
  )
})

test('of the same millisecond are no neighbours', () => {
  const { ids } = idsOf(realRandom().fraction)
  const drawn = Array.from({ length: 10_000 }, () => ids.draw('phone' as ProductId))
  assert.is(new Set(drawn).size, drawn.length)
  assert.not.equal(drawn.toSorted(), drawn)
})

test.run()
