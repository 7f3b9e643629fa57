/** `npm run move` with a Redis Cluster of three primaries, each with a replica that is waited for. */
import * as assert from 'uvu/assert'
import { replicatedRedis } from '../../src/cli/local-cluster/redis-settings.ts'
import { LongFigure } from '../support/long-figure.ts'
import { aloneWith, amongOthers, MovedShop, moved } from '../support/moving.ts'
import { RedisCluster } from '../support/redis-cluster.ts'
import { Site } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const test = suite('a move to a Redis Cluster', { needs: ['redis-server'], limitMs: 180_000 })
const COMMAND = 'node test/support/run.ts --long test/cli/move-cluster.long.ts'

test('and back, and servers tell the same', async () => {
  const figure = new LongFigure('move-cluster')
  const cluster = await RedisCluster.start({ settings: replicatedRedis })
  await using site = new Site()
  try {
    const nodes = { ...amongOthers(cluster.url), REDIS_ACK: 'replicas:1' }
    const shop = new MovedShop()
    const alone = await site.start({ environment: aloneWith })
    await shop.sell(alone)
    const before = await shop.told(alone)
    await alone.stop()
    await moved(site.directory, ['--to', 'redis'], nodes)
    figure.say('there')
    const node = await site.start({ environment: nodes })
    assert.equal(await shop.told(node), before)
    await shop.sell(node)
    const later = await shop.told(node)
    await node.stop()
    await moved(site.directory, ['--to', 'files'], nodes)
    figure.say('and back')
    const again = await site.start({ environment: aloneWith })
    assert.equal(await shop.told(again), later)
    await again.stop()
    figure.end({ command: COMMAND, seed: 'none', shards: aloneWith.SHARDS })
  } finally {
    await cluster.close()
  }
})

test.run()
