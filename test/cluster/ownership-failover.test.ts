/** Ownership on a Redis Cluster of three primaries and three replicas, of which primaries die and stand still. */
import * as assert from 'uvu/assert'
import { leaseKey } from '../../src/cluster/key-names.ts'
import type { ShardId } from '../../src/domain/ids.ts'
import { OwnershipNodes, pause } from '../support/ownership-nodes.ts'
import { RedisCluster } from '../support/redis-cluster.ts'
import { note, suite } from '../support/suite.ts'

const failover = suite<{ redis: RedisCluster; all: OwnershipNodes }>('ownership on a Redis Cluster', {
  needs: ['redis-server'],
  limitMs: 60_000,
})
const SHARDS = 9

failover.before(async (context) => {
  context.redis = await RedisCluster.start()
  const { url } = context.redis
  context.all = new OwnershipNodes({ url, shards: SHARDS, leaseMs: 1_500, ack: { replicas: 1 } })
  await Promise.all([context.all.start(), context.all.start(), context.all.start()])
  await context.all.balanced()
})
failover.after(async ({ redis, all }) => {
  await all?.close()
  await redis?.close()
})

failover(
  'a killed primary’s shards are lost, and its owners’ again once a replica follows its successor',
  async ({ redis, all }) => {
    const primary = await redis.primaryOf(leaseKey(0 as ShardId))
    const before = all.nodes.map((node) => node.lost.length)
    await primary.kill()
    const lostMs = await all.until(() => !all.isBalanced(), 'its leases are over', all.leaseMs + 500)
    const others = all.counts.reduce((sum, count) => sum + count, 0)
    await pause(1_000)
    await primary.restart()
    const tookMs = await all.balanced(20_000)
    note(
      `lost after ${lostMs.toFixed(0)} ms, ${others} of ${SHARDS} never were; all served ${tookMs.toFixed(0)} ms after its restart as a replica`,
    )
    assert.ok(others > 0, 'shards of other primaries go on')
    const lost = all.nodes.map((node, at) => node.lost.length - (before[at] ?? 0))
    assert.is(lost.reduce((sum, count) => sum + count, 0) >= 1, true)
    await redis.waitUntilHealthy()
    all.assertNoOverlap()
  },
)

failover(
  'a primary that stands still past the leases is replaced, and what it still believes helps nobody',
  async ({ redis, all }) => {
    await all.balanced(20_000)
    const primary = await redis.primaryOf(leaseKey(1 as ShardId))
    primary.pause()
    await pause(4_000)
    primary.resume()
    const tookMs = await all.balanced(20_000)
    note(`all served ${tookMs.toFixed(0)} ms after it went on, as a replica`)
    await redis.waitUntilHealthy()
    all.assertNoOverlap()
  },
)

failover.run()
