/** A key table does what a map would, in the order of recording, whatever comes and goes. */
import { hash } from 'node:crypto'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { type Fingerprint, type KeyHash, type KeyRecord, KeyTable } from '../../src/domain/key-table.ts'
import { note, suite } from '../support/suite.ts'
import { isBroken } from './given.ts'

const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
const hashOf = (n: number) => hash('sha256', `key ${n}`, 'buffer').toString('latin1', 0, 16) as KeyHash
const fingerprint = 'ABCDEFGH' as Fingerprint
const answer = (n: number, atMs: number, value = 'as it was'): KeyRecord => {
  return { hash: hashOf(n), fingerprint, kind: 'answer', atMs, value }
}

const table = suite('a key table')

table('gives back what was recorded, short values and long ones, bytes of every value', () => {
  const keys = new KeyTable()
  const bytes = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).join('')
  const records = [0, 1, 31, 32, 33, 256].map((length, n) => answer(n, 1_000 + n, bytes.slice(0, length)))
  for (const record of records) keys.add(record)
  records.forEach((record, n) => void assert.equal(keys.find(hashOf(n)), record))
  assert.equal([...keys.values()], records)
  assert.is(keys.find(hashOf(99)), undefined)
  assert.is(keys.oldestAtMs, 1_000)
})

table('turns a claim into an answer, and frees one', () => {
  const keys = new KeyTable()
  keys.add({ ...answer(1, 10), kind: 'claim' })
  keys.add(answer(2, 20))
  keys.add(answer(1, 30))
  assert.is(keys.find(hashOf(1))?.kind, 'answer')
  assert.equal(
    [...keys.values()].map(({ atMs }) => atMs),
    [20, 30],
  )
  assert.ok(keys.remove(hashOf(2)))
  assert.not(keys.remove(hashOf(2)))
  assert.is(keys.size, 1)
  assert.is(keys.oldestAtMs, 30)
})

table('counts and forgets from the oldest on', () => {
  const keys = new KeyTable()
  for (let n = 0; n < 5_000; n++) keys.add(answer(n, n))
  assert.is(keys.countBefore(1_234, 10_000), 1_234)
  assert.is(keys.countBefore(1_234, 100), 100)
  keys.forget(1_234)
  assert.is(keys.size, 5_000 - 1_234)
  assert.is(keys.find(hashOf(1_233)), undefined)
  assert.is(keys.find(hashOf(1_234))?.atMs, 1_234)
  keys.forget(keys.size)
  assert.is(keys.oldestAtMs, undefined)
  keys.add(answer(1, 9_000))
  assert.is(keys.size, 1)
})

table('counts what is there, and nothing else, wherever something was removed', () => {
  const keys = new KeyTable()
  for (let n = 0; n < 10; n++) keys.add(answer(n, n))
  for (const n of [0, 3, 4]) keys.remove(hashOf(n))
  assert.is(keys.countBefore(6, 10_000), 3)
  assert.is(keys.countBefore(10, 10_000), 7)
  for (let n = 10; n < 3_000; n++) keys.add(answer(n, n))
  assert.is(keys.countBefore(9_999, 10_000), 2_997)
})

table('takes nothing that would be another thing when it is read', () => {
  const keys = new KeyTable()
  keys.add(answer(1, 0))
  keys.add(answer(2, 2 ** 48 - 1))
  assert.is(keys.find(hashOf(2))?.atMs, 2 ** 48 - 1)
  for (const atMs of [-1, 2 ** 48]) assert.throws(() => keys.add(answer(3, atMs)), isBroken(/48 bits/))
  for (const odd of ['', 'ABCDEFG', 'ABCDEFGHI'] as Fingerprint[])
    assert.throws(() => keys.add({ ...answer(3, 1), fingerprint: odd }), isBroken(/24 characters/))
  for (const odd of ['', '0123456789abcde', '0123456789abcdefg'] as KeyHash[])
    assert.throws(() => keys.find(odd), isBroken(/16 characters/))
})

table('goes on as it was when the numbers of its cells begin anew', () => {
  const keys = new KeyTable()
  const value = (n: number) => String(n).padEnd(n % 2 === 0 ? 33 : 8, '.')
  const kept = 1_500
  for (let n = 0; n < 20_000; n++) {
    keys.add(answer(n, n, value(n)))
    if (n < kept) continue
    keys.forget(1)
    const oldest = n - kept + 1
    assert.equal(keys.find(hashOf(oldest)), answer(oldest, oldest, value(oldest)))
  }
  assert.equal(
    [...keys.values()].map(({ atMs }) => atMs),
    Array.from({ length: kept }, (_, i) => 20_000 - kept + i),
  )
})

table('is a map in order of recording', () => {
  note(`TEST_SEED=${seed}`)
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('add' as const), n: fc.nat({ max: 400 }) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), n: fc.nat({ max: 400 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), n: fc.nat({ max: 40 }) }) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 3_000, size: 'max' }), (steps) => {
      const keys = new KeyTable()
      const model = new Map<number, KeyRecord>()
      steps.forEach((each, atMs) => {
        if (each.do === 'add') {
          const record = answer(each.n, atMs, 'v'.repeat(each.n % 50))
          model.delete(each.n)
          model.set(each.n, record)
          keys.add(record)
        } else if (each.do === 'remove') assert.is(keys.remove(hashOf(each.n)), model.delete(each.n))
        else {
          const count = Math.min(each.n, model.size)
          for (const n of [...model.keys()].slice(0, count)) model.delete(n)
          keys.forget(count)
        }
        assert.is(keys.size, model.size)
      })
      assert.equal([...keys.values()], [...model.values()])
      for (const [n, record] of model) assert.equal(keys.find(hashOf(n)), record)
    }),
    { seed, numRuns: Number(process.env.TEST_RUNS ?? 60) },
  )
})

table.run()
