import * as assert from 'uvu/assert'
import { type ShardId, shardsMax } from '../../../src/domain/ids.ts'
import {
  hasReached,
  type Position,
  positionToken,
  readPosition,
} from '../../../src/persistence/journal/position.ts'
import { suite } from '../../support/suite.ts'

const at = (...places: readonly (readonly [shard: number, sequence: number])[]): Position =>
  new Map(places.map(([shard, sequence]) => [shard as ShardId, sequence]))
const test = suite('a position')

test('of all shards is one token, which reads back', () => {
  for (const shards of [1, 8, shardsMax]) {
    const position = at(...Array.from({ length: shards }, (_, shard) => [shard, shard ** 4] as const))
    const token = positionToken(position, shards)
    assert.match(token, /^p[A-Za-z0-9_-]+$/)
    assert.ok(token.length < 10_000, `${token.length} characters fit a header field`)
    assert.equal(readPosition(token, shards), position)
  }
})

test('is read from what replies carry, several together', () => {
  assert.equal(readPosition('s3.1042', 8), at([3, 1042]))
  assert.equal(readPosition('s3.1042,s1.7,s3.9', 8), at([3, 1042], [1, 7]))
  assert.equal(readPosition(`${positionToken(at([0, 5]), 2)},s0.4,s1.2`, 2), at([0, 5], [1, 2]))
})

test('is nothing else, whatever it looks like', () => {
  for (const text of [
    '',
    ',',
    's3',
    's3.',
    's.1',
    's8.1',
    's3.1042,',
    's3.-1',
    's3.1e3',
    's3.10000000000000000',
    'p',
    'pA',
    `p${'_'.repeat(400)}`,
    `p${'A'.repeat(20_000)}`,
    't0',
    positionToken(at(), 9),
    positionToken(at(), 7),
  ])
    assert.is(readPosition(text, 8), undefined, text.slice(0, 40))
})

test('is reached when every shard it names has come as far', () => {
  const now = at([0, 5], [1, 7])
  assert.ok(hasReached(now, at()))
  assert.ok(hasReached(now, at([0, 5], [1, 7])))
  assert.ok(hasReached(now, at([2, 0])))
  assert.not.ok(hasReached(now, at([0, 6])))
  assert.not.ok(hasReached(now, at([0, 1], [2, 1])))
})

test.run()
