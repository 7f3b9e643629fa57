import * as assert from 'uvu/assert'
import { RedisNodes } from '../../../src/persistence/redis/redis-nodes.ts'
import { parseRedisUrl } from '../../../src/redis-url.ts'
import { realClock, realTimers } from '../../../src/seams.ts'
import { RedisCluster } from '../../support/redis-cluster.ts'
import { suite } from '../../support/suite.ts'

const KEY = 'holdfast:{s5}:journal'
const test = suite('the nodes of a Redis Cluster', { needs: ['redis-server'], limitMs: 120_000 })

test('a primary that is cut off and still believes in itself misleads nobody who reaches the others (fault 66)', async () => {
  const settings = { 'min-replicas-to-write': 1, 'min-replicas-max-lag': 1 }
  const redis = await RedisCluster.start({ proxied: true, settings })
  try {
    const cutOff = await redis.primaryOf(KEY)
    // First of the seeds, and reached past its proxy, as by a client on its own side of the cut.
    const parsed = parseRedisUrl(`${cutOff.url},${redis.url}`)
    if (parsed.type === 'invalid') throw new Error(parsed.expected)
    const nodes = new RedisNodes(parsed.access, { clock: realClock, timers: realTimers })
    const before = await nodes.connect(KEY)
    assert.is(before.options.port, redis.announcedPort(cutOff))

    redis.isolate(cutOff)
    await redis.waitUntilHealthy()
    assert.match(await redis.clientOf(cutOff).info('replication'), 'role:master')
    nodes.forget()
    const after = await nodes.connect(KEY)
    assert.is(after.options.port, redis.announcedPort(await redis.primaryOf(KEY)))
    assert.is.not(after.options.port, redis.announcedPort(cutOff))
    assert.is(await after.set(KEY, 'kept').catch((error: Error) => error.message.split(' ')[0]), 'NOREPLICAS')

    redis.heal(cutOff)
    await redis.waitUntilHealthy()
    assert.is(await after.set(KEY, 'kept'), 'OK')
    for (const each of [before, after]) each.disconnect()
  } finally {
    await redis.close()
  }
})

test.run()
