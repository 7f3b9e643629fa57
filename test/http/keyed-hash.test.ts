import * as assert from 'uvu/assert'
import { KeyedHash } from '../../src/http/keyed-hash.ts'
import { suite } from '../support/suite.ts'

/** HalfSipHash-2-4's own vectors for 64 bits: of the bytes 0, 1, 2 … in these lengths, under the key 00 01 … 07. */
const VECTORS: readonly (readonly [length: number, hash: string])[] = [
  [0, '218d1f59b9b83cc8'],
  [2, '064f39ef7c50eb57'],
  [4, 'd5e78a175be52ea1'],
  [6, 'ce3e91358aa2bc25'],
  [8, 'edfee820bce4858c'],
  [10, '95b0469f06a6f2ee'],
  [12, '7bc71f9faef5c799'],
  [14, '3bb1a870eae8e658'],
]

function hashOf(key: readonly [number, number], text: string): string {
  const hash = new KeyedHash(key)
  hash.digest(text)
  const bytes = Buffer.alloc(8)
  bytes.writeInt32LE(hash.high, 0)
  bytes.writeInt32LE(hash.low, 4)
  return bytes.toString('hex')
}

const test = suite('the keyed hash')

for (const [length, hash] of VECTORS) {
  test(`of ${length} bytes is HalfSipHash-2-4`, () => {
    const text = Buffer.from(Array.from({ length }, (_, i) => i)).toString('utf16le')
    assert.is(hashOf([0x03020100, 0x07060504], text), hash)
  })
}

test('differs by key, text and length', () => {
  const hashes = ['', '\0', '\0\0', 'ann', 'ann\0', 'bob', '汉', '汉汉'].flatMap((text) => [
    hashOf([1, 2], text),
    hashOf([1, 3], text),
  ])
  assert.is(new Set(hashes).size, hashes.length)
})

test('is the same however often it is asked, whatever was digested between', () => {
  const hash = new KeyedHash([5, 6])
  hash.digest('ann')
  const { high, low } = hash
  hash.digest('bob')
  hash.digest('ann')
  assert.equal([hash.high, hash.low], [high, low])
})

test.run()
