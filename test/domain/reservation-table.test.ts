/** The table of reservations is a `Map` to whoever uses it: compared with one, step by step. */
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import type { ReservationId } from '../../src/domain/ids.ts'
import { ReservationTable } from '../../src/domain/reservation-table.ts'
import { note, suite } from '../support/suite.ts'

const test = suite('a reservation table')

type Item = { readonly id: ReservationId; readonly made: number; readonly stock: { readonly number: number } }
const stocks = [0, 1, 2].map((number) => ({ number }))

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
          const item = { id, made, stock: stocks[number % 3] as Item['stock'] }
          table.add(item)
          map.set(id, item)
        }
        assert.is(table.get(id), map.get(id))
        assert.is(table.has(id), map.has(id))
        assert.is(table.size, map.size)
      })
      assert.equal([...table.values()], [...map.values()])
      for (const stock of stocks) {
        const own = [...map.values()].filter((item) => item.stock === stock)
        assert.equal([...table.ofStock(stock)], own)
      }
    }),
    { seed, numRuns: 100 },
  )
})

test('refuses a second reservation of the same id', () => {
  const table = new ReservationTable<Item>()
  const [stock = { number: 0 }] = stocks
  for (let number = 0; number < 500; number++) table.add({ id: idOf(number), made: number, stock })
  for (let number = 0; number < 500; number++) {
    assert.throws(() => table.add({ id: idOf(number), made: number, stock }), 'a reservation is made once')
  }
  assert.is(table.size, 500)
})

test('finds those of one product without a look at any other', () => {
  let looks = 0
  const table = new ReservationTable<Item>()
  for (let number = 0; number < 300; number++) {
    const item: Item = {
      id: idOf(number),
      made: number,
      get stock() {
        looks += 1
        return { number: number % 100 }
      },
    }
    table.add(item)
  }
  const looksToAdd = looks
  assert.equal(
    [...table.ofStock({ number: 7 })].map(({ made }) => made),
    [7, 107, 207],
  )
  assert.is(looks, looksToAdd)
})

test.run()
