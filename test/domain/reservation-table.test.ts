/** The table of reservations is a `Map` to whoever uses it: compared with one, step by step. */
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import type { ReservationId } from '../../src/domain/ids.ts'
import { ReservationTable } from '../../src/domain/reservation-table.ts'
import { note, suite } from '../support/suite.ts'

const test = suite('a reservation table')

type Item = { readonly id: ReservationId; readonly made: number }

/** Few enough that they repeat; those that differ only before the hashed characters collide. */
function idOf(number: number): ReservationId {
  const early = String(number % 3).padStart(18, '0')
  const late = String(Math.floor(number / 3)).padStart(8, '0')
  return `res_${early}${late}07` as ReservationId
}

test('holds what a Map would hold, in the order of making, whatever is added and deleted', () => {
  const seed = Date.now() | 0
  note(`seed ${seed}`)
  const step = fc.record({ number: fc.nat(900), deletes: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 3_000, size: 'max' }), (steps) => {
      const table = new ReservationTable<Item>()
      const map = new Map<ReservationId, Item>()
      steps.forEach(({ number, deletes }, made) => {
        const id = idOf(number)
        if (deletes) assert.is(table.delete(id), map.delete(id))
        else if (!map.has(id)) {
          const item = { id, made }
          table.add(item)
          map.set(id, item)
        }
        assert.is(table.get(id), map.get(id))
        assert.is(table.has(id), map.has(id))
        assert.is(table.size, map.size)
      })
      assert.equal([...table.values()], [...map.values()])
    }),
    { seed, numRuns: 100 },
  )
})

test('refuses a second reservation of the same id', () => {
  const table = new ReservationTable<Item>()
  for (let number = 0; number < 500; number++) table.add({ id: idOf(number), made: number })
  for (let number = 0; number < 500; number++) {
    assert.throws(() => table.add({ id: idOf(number), made: number }), 'a reservation is made once')
  }
  assert.is(table.size, 500)
})

test.run()
