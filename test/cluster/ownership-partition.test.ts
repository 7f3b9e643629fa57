/** Ownership where the way between a node and Redis is cut, silent or slow, and where Redis itself is away for a moment. */
import * as assert from 'uvu/assert'
import { CutProxy } from '../support/cut-proxy.ts'
import { type OwnershipNode, OwnershipNodes, pause } from '../support/ownership-nodes.ts'
import { RedisServerProcess } from '../support/redis-server.ts'
import { note, suite } from '../support/suite.ts'

type World = {
  redis: RedisServerProcess
  proxy: CutProxy
  all: OwnershipNodes
  /** Behind the proxy. */
  far: OwnershipNode
  near: OwnershipNode
}

const SHARDS = 6
const partition = suite<World>('ownership and the way to Redis', { needs: ['redis-server'] })

partition.before.each(async (world) => {
  world.redis = await RedisServerProcess.start()
  world.proxy = await CutProxy.start(world.redis.port)
  world.all = new OwnershipNodes({ url: world.redis.url, shards: SHARDS })
  world.far = await world.all.start(`redis://127.0.0.1:${world.proxy.port}`)
  world.near = await world.all.start()
  await world.all.balanced()
})
partition.after.each(async ({ redis, proxy, all }) => {
  proxy.heal()
  await all.close()
  await proxy.close()
  await redis.close()
})

for (const [how, begin] of [
  ['cut off from Redis', (proxy) => proxy.cut()],
  ['whose requests vanish', (proxy) => proxy.blackhole(['requests'])],
  ['that hears no replies, while Redis hears it', (proxy) => proxy.blackhole(['replies'])],
] as const satisfies readonly (readonly [string, (proxy: CutProxy) => void])[]) {
  partition(
    `a node ${how} loses its shards before others take them, and gets its share once it is healed`,
    async ({ all, far, near, proxy }) => {
      begin(proxy)
      const lostMs = await all.until(() => far.believed.length === 0, 'it believes in none', all.leaseMs)
      assert.is(near.believed.length, SHARDS / 2)
      const takenMs = await all.until(
        () => near.believed.length === SHARDS,
        'the other has all',
        3 * all.leaseMs,
      )
      assert.equal([far.lost.length, far.workers.size], [SHARDS / 2, 0])
      proxy.heal()
      const healedMs = await all.balanced()
      note(
        `${how}: believed in nothing after ${ms(lostMs)}, the other had all ${ms(takenMs)} later; even ${ms(healedMs)} after`,
      )
      all.assertNoOverlap()
    },
  )
}

partition('a slow way and a lost reply cost nothing but time', async ({ all, far, proxy }) => {
  proxy.delay(all.leaseMs / 10)
  await pause(2 * all.leaseMs)
  proxy.delay(0)
  proxy.dropNextReply()
  await pause(all.leaseMs)
  assert.equal(far.lost, [])
  assert.ok(all.isBalanced())
  all.assertNoOverlap()
})

partition(
  'a Redis that is killed and comes back at once knows the leases, and nobody loses one',
  async ({ all, redis }) => {
    await redis.kill()
    await redis.restart()
    await pause(all.leaseMs)
    await all.balanced()
    assert.equal(
      all.nodes.flatMap(({ lost }) => lost),
      [],
    )
  },
)

partition(
  'while Redis is away nobody owns anything; then each takes what it had, and none twice',
  async ({ all, redis }) => {
    const before = all.nodes.map(({ believed }) => believed)
    await redis.kill()
    await all.until(() => all.counts.every((count) => count === 0), 'all are lost', all.leaseMs)
    await pause(all.leaseMs)
    await redis.restart()
    const tookMs = await all.balanced()
    note(`even ${ms(tookMs)} after Redis was back`)
    assert.equal(
      all.nodes.map(({ believed }) => believed),
      before,
    )
    all.assertNoOverlap()
  },
)

function ms(time: number): string {
  return `${time.toFixed(0)} ms`
}

partition.run()
