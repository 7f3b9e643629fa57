/** Rows are found by their ids, in whatever order the times in these come. */
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { CROCKFORD, type ReservationId } from '../../src/domain/ids.ts'
import { packedWords, packId } from '../../src/domain/packed-id.ts'
import { ReservationIndex, rowsPerBlock } from '../../src/domain/reservation-index.ts'
import { RowBlock } from '../../src/domain/reservation-row.ts'
import type { Stock } from '../../src/domain/stock.ts'
import { note, suite } from '../support/suite.ts'
import { noonMs } from './examples.ts'

const stock = { number: 0 } as Stock

/** Of a time in ms, and told apart by its random part. */
function packed(timeMs: number, random: number): Int32Array {
  const time = Array.from({ length: 10 }, (_, at) => CROCKFORD[Math.floor(timeMs / 32 ** (9 - at)) % 32])
  const words = new Int32Array(packedWords)
  assert.ok(packId(`res_${time.join('')}${String(random).padStart(16, '0')}07`, words))
  return words
}

class Rows {
  readonly index = new ReservationIndex()
  readonly blocks: RowBlock[] = []
  count = 0

  enter(id: Int32Array): void {
    const at = this.count % rowsPerBlock
    if (at === 0) this.blocks.push(new RowBlock(rowsPerBlock))
    const making = { reservationId: '' as ReservationId, customerId: undefined, reference: undefined }
    this.blocks.at(-1)?.write(at, id, stock, { ...making, quantity: 1, expiresAtMs: noonMs }, noonMs)
    this.index.enter(this.count++, id)
  }

  find(id: Int32Array): number | undefined {
    return this.index.find(id, this.blocks)
  }

  delete(row: number): void {
    this.blocks[Math.floor(row / rowsPerBlock)]?.setDeleted(row % rowsPerBlock)
  }
}

const test = suite('an index of reservations')

test('finds every row and nothing else, with clocks that go on, stand still and go back by any time', () => {
  const seed = Number(process.env.TEST_SEED ?? Date.now() | 0)
  note(`TEST_SEED=${seed}`)
  const stretch = fc.record({
    stepMs: fc.constantFrom(0, 0, 1, 1, 3, -1, 1_000),
    leapMs: fc.constantFrom(0, 0, 60_000, -2_000, -86_400_000),
    rows: fc.integer({ min: 1, max: 2_500 }),
  })
  fc.assert(
    fc.property(fc.array(stretch, { minLength: 1, maxLength: 8 }), (stretches) => {
      const rows = new Rows()
      const ids: Int32Array[] = []
      let timeMs = noonMs
      for (const { stepMs, leapMs, rows: count } of stretches) {
        timeMs += leapMs
        for (let i = 0; i < count; i++) {
          timeMs += stepMs
          const id = packed(timeMs, ids.length)
          assert.is(rows.find(id), undefined)
          rows.enter(id)
          ids.push(id)
        }
      }
      ids.forEach((id, row) => {
        assert.is(rows.find(id), row)
        // One of the same time, one of a time beside it.
        assert.is(rows.find(id.with(3, (id[3] as number) ^ (1 << 29))), undefined)
        assert.is(rows.find(id.with(1, (id[1] as number) ^ (1 << 10))), undefined)
      })
    }),
    { seed, numRuns: Number(process.env.TEST_RUNS ?? 15) },
  )
})

test('ids that want the same slot are told apart, up to the end of the slots and around it', () => {
  const rows = new Rows()
  // The slot comes from the third and fourth words: these differ before them.
  const ids = Array.from({ length: rowsPerBlock }, (_, nr) => packed(noonMs, 5).with(0, nr))
  for (const id of ids) rows.enter(id)
  for (const [row, id] of ids.entries()) assert.is(rows.find(id), row)
  assert.is(rows.find(packed(noonMs, 5).with(0, rowsPerBlock)), undefined)
})

test('a deleted row is not found, and one made anew under its id is', () => {
  const rows = new Rows()
  const ids = Array.from({ length: rowsPerBlock + 10 }, (_, nr) => packed(noonMs + nr, nr))
  for (const id of ids) rows.enter(id)
  for (const nr of [3, rowsPerBlock + 3]) {
    const id = ids[nr] as Int32Array
    rows.delete(nr)
    assert.is(rows.find(id), undefined)
    rows.enter(id)
    assert.is(rows.find(id), rows.count - 1)
  }
})

test.run()
