/** FAULTS.md, H65, H66, H67 and H69: what becomes of a Redis Cluster, and of those whose journal it holds. */
import * as assert from 'uvu/assert'
import { leaseKey } from '../../src/cluster/key-names.ts'
import type { ShardId } from '../../src/domain/ids.ts'
import { journalKeysOf } from '../../src/persistence/journal/redis/place.ts'
import { keySlot } from '../../src/persistence/redis/key-slot.ts'
import type { AppNode } from '../support/app-node.ts'
import { ClusterTrial } from '../support/cluster-trial.ts'
import type { RedisCluster } from '../support/redis-cluster.ts'
import { pause } from '../support/server-process.ts'
import { note, suite } from '../support/suite.ts'

type World = { trial: ClusterTrial; redis: RedisCluster }

/** A killed primary is back, as a replica, well before. */
const BACK_WITHIN_MS = 10_000
const MIGRATE_MS = 300
/** By then a replica has taken its place. */
const ISOLATED_MS = 3_000

const cluster = suite<World>('a Redis Cluster under load', { needs: ['redis-server'], limitMs: 90_000 })

cluster.after(async ({ trial }) => await trial?.close())

cluster('serves two nodes', async (world) => {
  world.trial = await ClusterTrial.start({ nodes: 2, redis: 'proxied cluster', isRouted: true })
  world.redis = world.trial.all.cluster as RedisCluster
})

cluster('whose primary is killed loses nothing that was acknowledged', async ({ trial, redis }) => {
  const primary = await redis.primaryOf(leaseKey(0 as ShardId))
  trial.load()
  await pause(300)
  await redis.kill(primary)
  await pause(1_500)
  await redis.restart(primary)
  const soldMs = await trial.sellsAgain()
  note(`sold by every shard again ${soldMs.toFixed(0)} ms after it was back as a replica`)
  assert.ok(soldMs < BACK_WITHIN_MS)
  await redis.waitUntilHealthy()
  await trial.all.untilBalanced()
  await trial.judgeAnswers()
})

cluster(
  'whose primary is cut off from the others, but not from nodes, has nothing acknowledged there, and is superseded',
  async ({ trial, redis }) => {
    const primary = await redis.primaryOf(leaseKey(1 as ShardId))
    trial.load()
    await pause(300)
    redis.isolate(primary)
    await pause(ISOLATED_MS)
    redis.heal(primary)
    await trial.sellsAgain()
    await redis.waitUntilHealthy()
    assert.not.equal(await redis.primaryOf(leaseKey(1 as ShardId)), primary)
    await trial.all.untilBalanced()
    await trial.judgeAnswers()
  },
)

cluster(
  'whose replica stands still acknowledges nothing: the outcome is unknown, and found by its key once it goes on',
  async ({ trial, redis }) => {
    const shard = 2 as ShardId
    const product = trial.probes[shard] as string
    await trial.judge()
    const [node] = trial.all.nodes as [AppNode]
    const primary = await redis.primaryOf(leaseKey(shard))
    const [replica] = await redis.replicasOf(primary)
    assert.ok(replica !== undefined)
    redis.pause(replica)
    const outcome = await trial.reserveAt(node, product)
    redis.resume(replica)
    assert.is(outcome.type === 'answered' && outcome.status, 504)
    const doubtful = trial.ledger.doubtful()
    assert.is(doubtful.length, 1)
    await redis.waitUntilHealthy()
    await trial.judgeAnswers()
    const [resolved] = doubtful
    assert.is(resolved?.asked.known, 'acknowledged', 'the same key has found what became of it')
  },
)

cluster('whose slots move to another primary while they are written to', async ({ trial, redis }) => {
  const shard = 3 as ShardId
  const from = await redis.primaryOf(leaseKey(shard))
  const others = redis.nodes.filter((node) => node !== from)
  const to = others[await firstPrimary(redis, others)]
  assert.ok(to !== undefined)
  const slot = keySlot(leaseKey(shard))
  const [source, target] = [redis.clientOf(from), redis.clientOf(to)]
  const [sourceId, targetId] = [
    await source.call('CLUSTER', 'MYID'),
    await target.call('CLUSTER', 'MYID'),
  ] as [string, string]
  trial.load()
  await pause(300)
  await target.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', sourceId)
  await source.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', targetId)
  const { journal, head } = journalKeysOf(shard)
  // Between them a script finds one of its keys here and one there: TRYAGAIN.
  for (const key of [head, journal, leaseKey(shard)]) {
    await source.call('MIGRATE', to.host, to.port, key, 0, 5_000, 'REPLACE')
    await pause(MIGRATE_MS)
  }
  for (const client of [target, source]) await client.call('CLUSTER', 'SETSLOT', slot, 'NODE', targetId)
  await trial.sellsAgain()
  await trial.all.untilBalanced()
  await trial.judgeAnswers()
  assert.is(await redis.primaryOf(slot), to)
})

cluster.run()

/** Which of them serves slots. */
async function firstPrimary(redis: RedisCluster, nodes: RedisCluster['nodes']): Promise<number> {
  for (const [at, node] of nodes.entries())
    if ((await redis.clientOf(node).info('replication')).includes('role:master')) return at
  throw new Error('no other primary')
}
