import * as assert from 'uvu/assert'
import type { ShardId } from '../../src/domain/ids.ts'
import { OwnershipNodes, pause } from '../support/ownership-nodes.ts'
import { RedisServerProcess } from '../support/redis-server.ts'
import { note, suite } from '../support/suite.ts'

const ownership = suite<{ redis: RedisServerProcess; all: OwnershipNodes }>('ownership on one Redis', {
  needs: ['redis-server'],
})

ownership.before(async (context) => {
  context.redis = await RedisServerProcess.start()
})
ownership.before.each(async (context) => {
  await context.redis.client().flushall()
  context.all = new OwnershipNodes({ url: context.redis.url, shards: 8 })
})
ownership.after.each(async ({ all }) => await all.close())
ownership.after(async ({ redis }) => await redis?.close())

ownership('a node alone takes all shards at once, and says so', async ({ all }) => {
  const node = await all.start()
  const tookMs = await all.balanced(1_000)
  note(`all 8 shards after ${tookMs.toFixed(0)} ms`)
  assert.is(node.owners.size, 8)
  assert.is(node.owners.get(3 as ShardId)?.nodeId, node.id)
})

ownership('a node that joins gets its share by hand-overs, one at a time', async ({ all }) => {
  const first = await all.start()
  await all.balanced()
  const second = await all.start()
  const tookMs = await all.balanced()
  const gaps = [...second.acquiredAtMs].map(([shard, atMs]) => atMs - (first.surrenderedAtMs.get(shard) ?? 0))
  note(
    `balanced after ${tookMs.toFixed(0)} ms; from the end of a surrender to acquired: ${gaps.map((ms) => ms.toFixed(0))} ms`,
  )
  assert.is(first.ownership.view().handedOver, 4)
  assert.is(second.ownership.view().acquired, 4)
  assert.ok(Math.max(...gaps) < 300)
  await pause(500)
  assert.is(first.ownership.view().handedOver, 4, 'nothing moves that need not')
  assert.is(second.ownership.view().handedOver, 0)
  all.assertNoOverlap()
})

ownership('a node that leaves hands all over, and nobody waits for its leases to expire', async ({ all }) => {
  const [first] = [await all.start(), await all.start(), await all.start()]
  await all.balanced()
  await first.leave()
  const tookMs = await all.balanced(300)
  note(`balanced ${tookMs.toFixed(0)} ms after it had left`)
  assert.is(first.ownership.view().handedOver - 5 >= 0, true)
  assert.equal(first.lost, [])
  assert.is(first.workers.size, 0)
  all.assertNoOverlap()
})

ownership('the shards of a killed node are taken within its lease and 500 ms', async ({ all }) => {
  const [, , third] = [await all.start(), await all.start(), await all.start()]
  await all.balanced()
  third.kill()
  const tookMs = await all.balanced(all.leaseMs + 500)
  note(`with leases of ${all.leaseMs} ms: all served again ${tookMs.toFixed(0)} ms after the kill`)
  all.assertNoOverlap()
})

ownership(
  'a stalled owner is off the board before another acquires, hears that it has lost, and gets its share again',
  async ({ all }) => {
    const [first, second] = [await all.start(), await all.start()]
    await all.balanced()
    first.freeze()
    await all.until(() => second.believed.length === 8, 'the other has all', all.leaseMs + 500)
    assert.equal(first.believed, [])
    assert.equal(first.lost, [], 'it knows nothing of it yet')
    first.thaw()
    await all.until(() => first.lost.length === 4, 'it has noticed', 200)
    await all.balanced()
    all.assertNoOverlap()
  },
)

ownership('a node with another number of shards does not join', async ({ all }) => {
  await all.start()
  const other = new OwnershipNodes({ url: all.options.url, shards: 16 })
  try {
    await other.start()
    assert.unreachable('it has joined')
  } catch (error) {
    assert.match((error as Error).message, /set to 16 shards.*has 8.*SHARDS=8/)
  } finally {
    for (const node of other.nodes) node.isLiving = false
    await other.close()
  }
})

ownership.run()
