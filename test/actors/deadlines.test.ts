/** What is due when, against a sorted list; and letters waiting for their turn. The seed is printed. */
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { Deadlines } from '../../src/actors/deadlines.ts'
import { type Letter, Mailbox } from '../../src/actors/mailbox.ts'
import type { ShardId } from '../../src/domain/ids.ts'
import { note, suite } from '../support/suite.ts'
import { phone, readStock } from './asking.ts'

const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))

const deadlines = suite('deadlines')

deadlines('come out in the order of their times, whatever was added and taken in between', () => {
  note(`TEST_SEED=${seed}`)
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 50 }) },
    { weight: 1, arbitrary: fc.double({ min: 0, max: 2 ** 53, noNaN: true }) },
    { weight: 2, arbitrary: fc.constant('take' as const) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400, size: 'max' }), (steps) => {
      const heap = new Deadlines<{ atMs: number }>()
      const sorted: number[] = []
      for (const each of steps) {
        if (each !== 'take') {
          heap.add(each, { atMs: each })
          sorted.splice(sorted.findLastIndex((atMs) => atMs <= each) + 1, 0, each)
        } else if (sorted.length > 0) {
          const firstAtMs = heap.firstAtMs
          assert.is(heap.take().atMs, firstAtMs, 'an item goes with its time')
          assert.is(firstAtMs, sorted.shift())
        }
        assert.is(heap.size, sorted.length)
        assert.is(heap.firstAtMs, sorted[0] ?? Number.POSITIVE_INFINITY)
      }
      for (const atMs of sorted) assert.is(heap.take().atMs, atMs)
      assert.is(heap.size, 0)
    }),
    { seed, numRuns: 500 },
  )
})

deadlines('grow far beyond what they were made for', () => {
  const heap = new Deadlines<number>()
  const count = 100_000
  for (let n = 0; n < count; n++) heap.add((n * 7_919) % count, (n * 7_919) % count)
  for (let n = 0; n < count; n++) assert.is(heap.take(), n)
  assert.is(heap.firstAtMs, Number.POSITIVE_INFINITY)
})

deadlines.run()

const mailbox = suite('a mailbox')
const [first, second, foreign] = [0, 4, 1] as ShardId[]
assert.ok(first !== undefined && second !== undefined && foreign !== undefined)

mailbox('takes letters of its shards up to its bound over all of them, and no others', () => {
  const box = new Mailbox<string>([first, second], 3)
  assert.is(box.put(foreign, letter(0)), false)
  assert.equal(
    [1, 2, 3, 4].map((n) => box.put(n % 2 === 0 ? first : second, letter(n))),
    [true, true, true, false],
  )
  assert.is(box.size, 3)
  assert.equal(idsOf(box.take(second, 1)), [1])
  assert.is(box.put(first, letter(5)), true)
  assert.is(box.put(first, letter(6)), false)
})

mailbox('gives the oldest first, and what was put back before what came since', () => {
  const box = new Mailbox<string>([first], 100)
  for (let n = 0; n < 10; n++) box.put(first, letter(n))
  const taken = box.take(first, 6)
  assert.equal(idsOf(taken), [0, 1, 2, 3, 4, 5])
  box.put(first, letter(10))
  box.putBack(first, taken.slice(2))
  assert.is(box.size, 9)
  assert.equal(idsOf(box.take(first, 100)), [2, 3, 4, 5, 6, 7, 8, 9, 10])
  assert.equal(box.take(first, 100), [])
  box.putBack(first, [])
  assert.is(box.size, 0)
})

mailbox.run()

function letter(callId: number): Letter<string> {
  return { from: 'listener', callId, request: readStock(phone), deadlineMs: 0 }
}

function idsOf(letters: readonly Letter<string>[]): number[] {
  return letters.map(({ callId }) => callId)
}
