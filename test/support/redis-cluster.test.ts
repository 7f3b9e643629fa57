import * as assert from 'uvu/assert'
import { keySlot } from '../../src/persistence/redis/key-slot.ts'
import { RedisCluster } from './redis-cluster.ts'
import { note, suite } from './suite.ts'

const test = suite('a Redis Cluster of processes', { needs: ['redis-server'], limitMs: 60_000 })

test('is whole when it has started, and again after a primary was killed and came back', async () => {
  const begunMs = performance.now()
  const cluster = await RedisCluster.start()
  note(`3 + 3 nodes within ${Math.round(performance.now() - begunMs)} ms`)
  try {
    const primary = await cluster.primaryOf('holdfast:{s0}:journal')
    const replicas = await cluster.replicasOf(primary)
    assert.is(replicas.length, 1)
    await cluster.clientOf(primary).set('holdfast:{s0}:journal', 'kept')
    assert.is(await cluster.clientOf(primary).wait(1, 1_000), 1)

    await cluster.kill(primary)
    await cluster.waitUntilHealthy()
    const promoted = await cluster.primaryOf(keySlot('{s0}'))
    assert.is(promoted, replicas[0])
    assert.is(await cluster.clientOf(promoted).get('holdfast:{s0}:journal'), 'kept')

    await cluster.restart(primary)
    await cluster.waitUntilHealthy()
    assert.equal(await cluster.replicasOf(promoted), [primary])
  } finally {
    await cluster.close()
  }
})

test.run()
