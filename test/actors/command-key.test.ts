/** Keys of commands: the same from the same, another from anything else, and spread over the shards. */
import * as assert from 'uvu/assert'
import {
  type CommandKey,
  commandKeyOf,
  fingerprintIn,
  hashIn,
  shardOfKey,
} from '../../src/actors/command-key.ts'
import { isBroken } from '../domain/given.ts'
import { suite } from '../support/suite.ts'

const scope = 'key_admin POST /v1/reservations'
const test = suite('the key of a command')

test('is the same for the same caller, route, key and body, a byte a character', () => {
  const key = commandKeyOf(scope, 'k', '{"quantity":1}')
  assert.is(key, commandKeyOf(scope, 'k', '{"quantity":1}'))
  assert.is(key.length, 24)
  assert.ok(/^[\0-\xff]{24}$/.test(key))
  assert.is(hashIn(key) + fingerprintIn(key), key)
  assert.equal([hashIn(key).length, fingerprintIn(key).length], [16, 8])
})

test('says in its halves whose key it is and which body came with it', () => {
  const key = commandKeyOf(scope, 'k', 'body')
  const otherBody = commandKeyOf(scope, 'k', 'bodY')
  assert.is(hashIn(otherBody), hashIn(key))
  assert.is.not(fingerprintIn(otherBody), fingerprintIn(key))
  for (const other of [
    commandKeyOf(`${scope}/x`, 'k', 'body'),
    commandKeyOf(scope, 'K', 'body'),
    commandKeyOf(`${scope}\nk`, '', 'body'),
    commandKeyOf('', `${scope} k`, 'body'),
  ]) {
    assert.is.not(hashIn(other), hashIn(key))
    assert.is(fingerprintIn(other), fingerprintIn(key))
  }
})

test('takes any text: a key of 255 characters, a body of none and of any script', () => {
  const keys = ['', '汉'.repeat(1_000), '\ud800', '\0'].map((body) =>
    commandKeyOf(scope, 'x'.repeat(255), body),
  )
  assert.is(new Set(keys.map(hashIn)).size, 1)
  assert.is(new Set(keys.map(fingerprintIn)).size, keys.length)
})

test('has one shard whatever the body, and all shards have their share', () => {
  for (const shards of [1, 3, 8, 1_024]) {
    const counts = new Map<number, number>()
    const keys = 40 * shards
    for (let n = 0; n < keys; n++) {
      const shard = shardOfKey(commandKeyOf(scope, `key ${n}`, 'a'), shards)
      assert.is(shard, shardOfKey(commandKeyOf(scope, `key ${n}`, 'b'), shards))
      counts.set(shard, (counts.get(shard) ?? 0) + 1)
    }
    assert.is(counts.size, shards)
    // Of 40 on average; fixed keys, so that this is no matter of chance.
    for (const [shard, count] of counts) assert.ok(shard < shards && count >= 10 && count <= 80, `${count}`)
  }
})

test('of another length is none', () => {
  for (const text of ['', 'x'.repeat(23), 'x'.repeat(25)])
    assert.throws(() => hashIn(text as CommandKey), isBroken(/24 characters/))
})

test.run()
