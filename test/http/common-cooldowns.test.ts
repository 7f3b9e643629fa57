/** FAULTS.md, attack 29, over several nodes. */
import * as assert from 'uvu/assert'
import type { CustomerId } from '../../src/domain/ids.ts'
import { cooldownExpiries, cooldownWindowMs } from '../../src/limits.ts'
import { RedisServerProcess } from '../support/redis-server.ts'
import { suite } from '../support/suite.ts'
import { until } from '../support/until.ts'
import { CommonLimitsNode } from './common-limits-node.ts'
import { noRates } from './fake-limits.ts'

const ann = 'ann' as CustomerId
const bob = 'bob' as CustomerId
const test = suite('a customer’s cool-down, on several nodes', { needs: ['redis-server'], limitMs: 30_000 })

test('counts what has expired at any, holds at all, and is told of after an outage', async () => {
  const server = await RedisServerProcess.start()
  const [one, other] = await Promise.all([
    CommonLimitsNode.start(server.url, noRates),
    CommonLimitsNode.start(server.url, noRates),
  ])
  try {
    one.expire(ann, cooldownExpiries - 1)
    other.expire(ann, 1)
    await until(() => [one, other].every(({ cooldowns }) => cooldowns.leftMs(ann) > 0))
    assert.is(other.cooldowns.leftMs(ann), cooldownWindowMs)
    assert.is(other.cooldowns.leftMs(bob), 0)

    await server.kill()
    await until(() => !one.isJoined && !other.isJoined)
    one.expire(bob, cooldownExpiries)
    assert.ok(one.cooldowns.leftMs(bob) > 0, 'where it happened it holds at once')
    assert.is(other.cooldowns.leftMs(bob), 0)
    await server.restart()
    await until(() => other.cooldowns.leftMs(bob) > 0, 'the other node hears of it')
    assert.equal(await server.client().keys('*'), [])
  } finally {
    one.close()
    other.close()
    await server.close()
  }
})

test.run()
