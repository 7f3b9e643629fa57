import * as assert from 'uvu/assert'
import { keySlot, SLOTS } from '../../../src/persistence/redis/key-slot.ts'
import { RedisServerProcess } from '../../support/redis-server.ts'
import { suite } from '../../support/suite.ts'

const KEYS = [
  '',
  'a',
  '123456789',
  '{user1}.a',
  'x{}y',
  '{}',
  '{{b}}',
  'a{b',
  'a}b{c}',
  'grün{é}',
  '{s0}',
  '{s7}:journal',
]

const test = suite('the slot of a key')

test('is the one of the specification', () => {
  assert.is(keySlot('123456789'), 0x31c3)
  assert.is(keySlot('holdfast:{s3}:journal'), keySlot('holdfast:{s3}:lease'))
  for (const key of KEYS) assert.ok(keySlot(key) >= 0 && keySlot(key) < SLOTS)
})

test(
  'is the one that a server says',
  async () => {
    const server = await RedisServerProcess.start({ 'cluster-enabled': 'yes' })
    try {
      const client = server.client()
      for (const key of KEYS) assert.is(keySlot(key), await client.call('CLUSTER', 'KEYSLOT', key), key)
    } finally {
      await server.close()
    }
  },
  { needs: ['redis-server'] },
)

test.run()
