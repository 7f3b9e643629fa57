/** The table of reservations is a `Map` of objects to whoever uses it: compared with one, step by step. */
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import type { CustomerId, ProductId, ReservationId } from '../../src/domain/ids.ts'
import type { ReservationRow } from '../../src/domain/reservation-row.ts'
import { ReservationTable } from '../../src/domain/reservation-table.ts'
import type { Reservation, ReservationStatus, Stock } from '../../src/domain/stock.ts'
import { note, suite } from '../support/suite.ts'
import { noonMs } from './examples.ts'
import { fieldsOf } from './portrait.ts'

const test = suite('a reservation table')

const stocks: readonly Stock[] = ['phone', 'cable', 'case'].map((id, number) => ({
  productId: id as ProductId,
  number,
  version: 0,
  onHand: 0,
  held: 0,
  sold: 0,
  retired: false,
  earmarked: 0,
  waitlist: undefined,
  sale: {},
  customers: undefined,
}))
const STATUSES: readonly ReservationStatus[] = ['held', 'paying', 'confirmed', 'released', 'expired']

/** Few enough that they repeat; those that differ only before the hashed characters, or behind them, collide. */
function idOf(number: number): ReservationId {
  const early = ['000000000000', '100000000000', '000000100000'][number % 3]
  const late = String(Math.floor(number / 3)).padStart(14, '0')
  return `res_${early}${late}07` as ReservationId
}

function made(number: number, nr: number): Reservation {
  return {
    id: idOf(number),
    stock: stocks[number % 3] as Stock,
    customerId: nr % 4 === 0 ? undefined : (`customer-${nr}`.slice(0, 1 + (nr % 13)) as CustomerId),
    reference: nr % 3 === 0 ? undefined : 'Größe 名 🎈'.repeat(nr % 4),
    status: STATUSES[nr % 5] as ReservationStatus,
    quantity: 1 + (nr % 1_000_000),
    returned: nr % 7,
    createdAtMs: noonMs + nr,
    expiresAtMs: noonMs + nr + 600_000,
    resolvedAtMs: nr % 5 < 2 ? 0 : noonMs + nr + 9,
    returnClosed: nr % 11 === 0,
  }
}

/** Made as a hold, and then what it became. */
function put(table: ReservationTable, reservation: Reservation): ReservationRow {
  const { id: reservationId, stock, createdAtMs, status, returned, resolvedAtMs, returnClosed } = reservation
  const row = table.add(stock, { ...reservation, reservationId }, createdAtMs)
  return Object.assign(row, { status, returned, resolvedAtMs, returnClosed })
}

test('holds what a Map would hold, in the order of making, whatever is added, changed and deleted', () => {
  const seed = Number(process.env.TEST_SEED ?? Date.now() | 0)
  note(`TEST_SEED=${seed}`)
  const does = fc.constantFrom('add', 'add', 'delete', 'end', 'mention')
  const step = fc.record({ number: fc.nat(900), does })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 3_000, size: 'max' }), (steps) => {
      const table = new ReservationTable()
      const map = new Map<ReservationId, Reservation>()
      steps.forEach(({ number, does }, nr) => {
        const id = idOf(number)
        const inMap = map.get(id)
        if (does === 'delete') assert.is(table.delete(id), map.delete(id))
        else if (does === 'add' && inMap === undefined) {
          put(table, made(number, nr))
          map.set(id, made(number, nr))
        } else if (inMap !== undefined) {
          for (const each of [inMap, table.get(id) as Reservation]) change(each, does, nr)
        }
        const [found, expected] = [table.get(id), map.get(id)]
        assert.equal(found && fieldsOf(found), expected && fieldsOf(expected))
        assert.is(table.has(id), map.has(id))
        assert.is(table.size, map.size)
      })
      assert.equal([...table.values()].map(fieldsOf), [...map.values()])
      for (const stock of stocks) {
        const own = [...map.values()].filter((item) => item.stock === stock)
        assert.equal([...table.ofStock(stock)].map(fieldsOf), own)
      }
      const again = ReservationTable.of(table.toBytes(), stocks)
      assert.equal([...again.values()].map(fieldsOf), [...map.values()])
      assert.equal(again.toBytes(), table.toBytes())
      for (const id of map.keys()) assert.ok(again.delete(id))
      assert.is(again.size, 0)
    }),
    { seed, numRuns: Number(process.env.TEST_RUNS ?? 60) },
  )
})

function change(reservation: Reservation, how: string, nr: number): void {
  if (how === 'mention') reservation.reference = `order ${nr}`.repeat(nr % 9)
  else {
    reservation.status = 'confirmed'
    reservation.quantity = 7
    reservation.returned = nr % 8
    reservation.expiresAtMs += 1
    reservation.resolvedAtMs = noonMs + nr
    reservation.returnClosed = nr % 2 === 0
  }
}

test('a reservation that is kept sees its row wherever that moves, and by its number it is found until deleted', () => {
  const table = new ReservationTable()
  const kept = Array.from({ length: 10_000 }, (_, nr) => put(table, made(nr, nr)))
  const numbers = kept.map(({ number }) => number)
  assert.equal(new Set(numbers).size, numbers.length)
  for (let nr = 0; nr < 10_000; nr++) if (nr % 10 !== 3) table.delete(idOf(nr))
  // Rows are left out when the next one comes.
  const late = put(table, made(20_000, 20_000))
  assert.equal(fieldsOf(late), made(20_000, 20_000))
  for (let nr = 0; nr < 10_000; nr++) {
    const found = table.at(numbers[nr] as number)
    if (nr % 10 !== 3) assert.is(found, undefined)
    else {
      const one = kept[nr] as Reservation
      one.status = 'expired'
      assert.equal(found && fieldsOf(found), { ...made(nr, nr), status: 'expired' })
    }
  }
  assert.throws(() => kept[0]?.status, /has not been forgotten/)
})

test('texts that nobody needs any more are left out in time', () => {
  const table = new ReservationTable()
  const one = put(table, made(1, 1))
  for (let nr = 0; nr < 20_000; nr++) {
    one.reference = `reference ${nr}`
    put(table, made(nr + 3, nr + 3))
    table.delete(idOf(nr + 3))
  }
  assert.ok(table.texts.length < 500_000, `${table.texts.length} bytes for one reservation`)
  assert.is(one.reference, 'reference 19999')
})

test('refuses a second reservation of the same id, and one without an id', () => {
  const table = new ReservationTable()
  for (let number = 0; number < 500; number++) put(table, made(number, number))
  for (let number = 0; number < 500; number++) {
    assert.throws(() => put(table, made(number, number)), 'a reservation is made once')
  }
  assert.is(table.size, 500)
  const [id] = [idOf(7)]
  for (const odd of [
    id.slice(1),
    `${id}0`,
    id.replace('7', 'U'),
    `${id.slice(0, -1)}é`,
    `${id.slice(0, -1)}°`,
  ]) {
    assert.is(table.get(odd as ReservationId), undefined, odd)
    assert.throws(() => put(table, { ...made(900, 1), id: odd as ReservationId }), 'has the form of one')
  }
})

test('bytes that no table gave are a broken invariant', () => {
  const table = new ReservationTable()
  for (let number = 0; number < 3; number++) put(table, made(number, number))
  const broken = (change: (words: Int32Array) => void) => {
    const { rows, texts } = table.toBytes()
    const copy = new Uint8Array(rows)
    change(new Int32Array(copy.buffer))
    assert.throws(() => ReservationTable.of({ rows: copy, texts }, stocks))
  }
  const ROW = 16
  broken((words) => words.copyWithin(ROW, 0, 4)) // the number says another row
  broken((words) => words.set([99], 11)) // no such product
  broken((words) => words.set([(words[14] as number) | 7], 14)) // no such status
  broken((words) => words.set([100_000], 15)) // texts beyond their end
  assert.throws(() => ReservationTable.of({ rows: new Uint8Array(70), texts: new Uint8Array() }, stocks))
  assert.is(ReservationTable.of(table.toBytes(), stocks).size, 3)
})

test.run()
