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

test('replaces a primary that is cut off, which stops taking writes and follows once it is back (fault 66)', async () => {
  const settings = { 'min-replicas-to-write': 1, 'min-replicas-max-lag': 1 }
  const cluster = await RedisCluster.start({ proxied: true, settings })
  try {
    const cutOff = await cluster.primaryOf('a')
    const own = cluster.clientOf(cutOff)
    await own.set('a', 'kept')
    assert.is(await own.wait(1, 1_000), 1)

    cluster.isolate(cutOff)
    await cluster.waitUntilHealthy()
    const promoted = await cluster.primaryOf('a')
    assert.is.not(promoted, cutOff)
    assert.is(await cluster.clientOf(promoted).get('a'), 'kept')
    const refusal = await own.set('a', 'lost').catch((error: Error) => error.message)
    assert.match(String(refusal), /^(?:NOREPLICAS|CLUSTERDOWN)/)

    cluster.heal(cutOff)
    await cluster.waitUntilHealthy()
    assert.equal(await cluster.replicasOf(promoted), [cutOff])
  } finally {
    await cluster.close()
  }
})

test('leaves nothing open where one of its nodes cannot start', async () => {
  const settings = { 'no-such-setting': 'yes' }
  // What stayed open would keep this process from ending, which the runner reports.
  await RedisCluster.start({ proxied: true, settings }).then(
    () => assert.unreachable('a server took a setting that is none'),
    (error: Error) => assert.match(error.message, /no-such-setting/),
  )
})

test.run()
