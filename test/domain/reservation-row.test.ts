/** A row by itself: of which id it is, what it takes, and how it is told from bytes that are none. */
import * as assert from 'uvu/assert'
import { reservationIdOf, type ShardId } from '../../src/domain/ids.ts'
import { packedWords, packId } from '../../src/domain/packed-id.ts'
import { RowBlock, rowBytes } from '../../src/domain/reservation-row.ts'
import type { Stock } from '../../src/domain/stock.ts'
import { suite } from '../support/suite.ts'
import { noonMs } from './examples.ts'
import { isBroken } from './given.ts'

const AT = 1
const ID = reservationIdOf('7ABCDEFGHJKMNPQRSTVWXYZ012', 77 as ShardId)
const INT32_MAX = 2 ** 31 - 1

function packedId(): Int32Array {
  const packed = new Int32Array(packedWords)
  assert.ok(packId(ID, packed))
  return packed
}

/** The second row of a block. */
function written(): RowBlock {
  const block = new RowBlock(3)
  const making = {
    reservationId: ID,
    customerId: undefined,
    reference: undefined,
    quantity: 3,
    expiresAtMs: noonMs + 600_000,
  }
  block.write(AT, packedId(), { number: 5 } as Stock, making, noonMs)
  block.setStatus(AT, 'paying')
  block.setReturned(AT, 1)
  return block
}

const row = suite('a row of a reservation')

row('is of its id and of no other, whichever word of it differs', () => {
  const block = written()
  assert.ok(block.isOfId(AT, packedId()))
  assert.not(block.isOfId(AT - 1, packedId()))
  for (let word = 0; word < packedWords; word++) {
    const other = packedId()
    other[word] = (other[word] as number) ^ 1
    assert.not(block.isOfId(AT, other), `word ${word}`)
  }
  const read = new Int32Array(packedWords)
  block.readId(AT, read)
  assert.equal([...read], [...packedId()])
})

row('takes what fits it, to the last, and nothing else', () => {
  const block = written()
  for (const units of [0, INT32_MAX]) {
    block.setQuantity(AT, units)
    block.setReturned(AT, units)
    assert.equal([block.quantity(AT), block.returned(AT)], [units, units])
  }
  for (const units of [-1, INT32_MAX + 1]) {
    assert.throws(() => block.setQuantity(AT, units), isBroken(/31 bits/))
    assert.throws(() => block.setReturned(AT, units), isBroken(/31 bits/))
  }
  for (const ms of [-INT32_MAX, 0, INT32_MAX]) {
    block.setExpiresAtMs(AT, noonMs + ms)
    assert.is(block.expiresAtMs(AT), noonMs + ms)
  }
  for (const ms of [-INT32_MAX - 1, 0.5, INT32_MAX + 1])
    assert.throws(() => block.setExpiresAtMs(AT, noonMs + ms), isBroken(/within weeks/))
  block.setTexts(AT, INT32_MAX)
  assert.is(block.texts(AT), INT32_MAX)
  assert.throws(() => block.setTexts(AT, INT32_MAX + 1), isBroken(/2 GiB/))
})

row('is told from bytes that nobody wrote as one', () => {
  assert.ok(written().isWellFormed(AT))
  const spoilt = (name: string, spoil: (words: Int32Array, doubles: Float64Array) => void) => {
    const block = written()
    const { buffer } = block.bytes
    spoil(new Int32Array(buffer, AT * rowBytes, 16), new Float64Array(buffer, AT * rowBytes, 8))
    assert.not(block.isWellFormed(AT), name)
  }
  for (const status of [5, 6, 7]) spoilt(`status ${status}`, (words) => words.set([status], 14))
  for (let bit = 4; bit < 12; bit++)
    spoilt(`mark ${bit}`, (words) => words.set([(words[14] as number) | (1 << bit)], 14))
  for (let word = 0; word < 4; word++) {
    for (const bit of [30, 31])
      spoilt(`bit ${bit} of word ${word}`, (words) => words.set([(words[word] as number) | (1 << bit)], word))
  }
  for (const time of [2, 3]) {
    for (const odd of [Number.NaN, 0.5, -0, 2 ** 60, Number.POSITIVE_INFINITY])
      spoilt(`time ${odd}`, (_, doubles) => doubles.set([odd], time))
  }
  for (const count of [12, 13]) spoilt('fewer than none', (words) => words.set([-1], count))
})

row.run()
