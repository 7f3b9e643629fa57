/** Ownership on a Redis Cluster of three primaries and three replicas, of which primaries die and stand still. */
import * as assert from 'uvu/assert'
import { readClusterStatus } from '../../src/cluster/cluster-status.ts'
import { leaseKey, metaKey } from '../../src/cluster/key-names.ts'
import { Leases } from '../../src/cluster/leases.ts'
import type { ShardId } from '../../src/domain/ids.ts'
import { RedisNodes } from '../../src/persistence/redis/redis-nodes.ts'
import { parseRedisUrl } from '../../src/redis-url.ts'
import { realClock, realRandom, realTimers } from '../../src/seams.ts'
import { OwnershipNodes, pause } from '../support/ownership-nodes.ts'
import { RedisCluster } from '../support/redis-cluster.ts'
import type { RedisServerProcess } from '../support/redis-server.ts'
import { note, suite } from '../support/suite.ts'

const failover = suite<{ redis: RedisCluster; all: OwnershipNodes }>('ownership on a Redis Cluster', {
  needs: ['redis-server'],
  limitMs: 60_000,
})
const SHARDS = 9
const shards = Array.from({ length: SHARDS }, (_, shard) => shard as ShardId)

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
    // Not the one that knows the members, whose turn is next.
    const primaries = await Promise.all(shards.map((shard) => redis.primaryOf(leaseKey(shard))))
    const members = await redis.primaryOf(metaKey)
    const shard = shards.find((each) => primaries[each] !== members) as ShardId
    const primary = primaries[shard] as RedisServerProcess
    const before = all.nodes.map((node) => node.lost.length)
    await primary.kill()
    const told = await statusOf(redis.url)
    assert.is(told.owned[shard]?.lease.type, 'unreachable')
    assert.ok(told.owned.filter(({ lease }) => lease.type === 'held').length >= SHARDS / 2)
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
    const primary = await redis.primaryOf(metaKey)
    const before = handedOver(all)
    primary.pause()
    await pause(4_000)
    primary.resume()
    const tookMs = await all.balanced(20_000)
    note(`all served ${tookMs.toFixed(0)} ms after it went on, as a replica`)
    await redis.waitUntilHealthy()
    assert.ok(handedOver(all) - before <= SHARDS, 'nodes that disagree for a while do not play ball')
    all.assertNoOverlap()
  },
)

failover.run()

function handedOver({ nodes }: OwnershipNodes): number {
  return nodes.reduce((sum, { ownership }) => sum + ownership.view().handedOver, 0)
}

async function statusOf(url: string) {
  const parsed = parseRedisUrl(url)
  if (parsed.type !== 'valid') throw new Error(url)
  const nodes = new RedisNodes(parsed.access, { clock: realClock, timers: realTimers })
  return await readClusterStatus(nodes, { timers: realTimers, random: realRandom(), commandTimeoutMs: 1_000 })
}

const cutOff = suite('a primary that is cut off with a client (FAULTS.md, 66)', {
  needs: ['redis-server'],
  limitMs: 60_000,
})

cutOff(
  'still renews leases there, which nobody believes in, while others own the shard elsewhere',
  async () => {
    const redis = await RedisCluster.start({ proxied: true })
    const all = new OwnershipNodes({ url: redis.url, shards: SHARDS, leaseMs: 1_500, ack: { replicas: 1 } })
    try {
      await all.start()
      await all.start()
      await all.balanced()
      const shard = 0 as ShardId
      const primary = await redis.primaryOf(leaseKey(shard))
      const client = redis.clientOf(primary)
      const token = String(await client.hget(leaseKey(shard), 'token'))
      const there = { primaryOf: () => client, failed: () => {} }
      const leases = new Leases({
        primaries: there,
        waiting: there,
        timers: realTimers,
        node: { id: 'there', address: '' },
        replicas: 1,
        leaseMs: all.leaseMs,
      })
      redis.isolate(primary)
      const { outcomes, isSafe } = await leases.round(client, [
        { type: 'renew', shard, token, to: undefined },
      ])
      assert.equal([outcomes, isSafe], [['ours'], false])
      await redis.waitUntilHealthy()
      redis.heal(primary)
      const tookMs = await all.balanced(20_000)
      note(`all served ${tookMs.toFixed(0)} ms after it was healed`)
      await redis.waitUntilHealthy()
      all.assertNoOverlap()
    } finally {
      await all.close()
      await redis.close()
    }
  },
)

cutOff.run()
