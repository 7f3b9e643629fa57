import * as assert from 'uvu/assert'
import { CROCKFORD, type ReservationId, reservationIdOf, type ShardId } from '../../src/domain/ids.ts'
import { packedWords, packId, unpackId } from '../../src/domain/packed-id.ts'
import { suite } from '../support/suite.ts'
import { isBroken } from './given.ts'

const ULID = '7ZZZZZZZZZZZZZZZZZZZZZZZZZ'
const id = reservationIdOf(ULID, 1_023 as ShardId)

const packed = suite('a reservation id in five words')

packed('is unpacked as it was, whatever stands where', () => {
  const words = new Int32Array(packedWords + 2)
  for (let at = 4; at < id.length; at++) {
    for (const digit of CROCKFORD) {
      const changed = (id.slice(0, at) + digit + id.slice(at + 1)) as ReservationId
      assert.ok(packId(changed, words.subarray(2)))
      assert.is(unpackId(words, 2, words[6] as number), changed)
    }
  }
})

packed('is refused where any of its characters is no digit', () => {
  const words = new Int32Array(packedWords)
  for (let at = 4; at < id.length; at++) {
    // The last but one has the low byte of a digit.
    for (const other of ['U', 'z', ' ', '\x7f', '\x80', 'é', 'Ł', '汉'])
      assert.not(packId(id.slice(0, at) + other + id.slice(at + 1), words), `${other} at ${at}`)
  }
  for (const other of ['', id.slice(1), `${id}0`]) assert.not(packId(other, words), other)
})

packed('is not read where there are not enough words', () => {
  const words = new Int32Array(packedWords)
  packId(id, words)
  assert.is(unpackId(words.subarray(0, 4), 0, words[4] as number), id)
  assert.throws(() => unpackId(words.subarray(0, 3), 0, words[4] as number), isBroken(/has its words/))
})

packed.run()
