import * as assert from 'uvu/assert'
import { limitsChannel } from '../../src/cluster/key-names.ts'
import { RedisCluster } from '../support/redis-cluster.ts'
import { suite } from '../support/suite.ts'
import { until } from '../support/until.ts'
import { CommonLimitsNode } from './common-limits-node.ts'
import { noRates } from './fake-limits.ts'

const RATES = { ...noRates, customer: 20, login: 3 }
const test = suite('common limits on a Redis Cluster', { needs: ['redis-server'], limitMs: 120_000 })

test('go on when the primary that carries them is lost', async () => {
  const redis = await RedisCluster.start()
  const nodes = await Promise.all([
    CommonLimitsNode.start(redis.url, RATES),
    CommonLimitsNode.start(redis.url, RATES),
  ])
  const [one, other] = nodes
  if (one === undefined || other === undefined) throw new Error('two nodes')
  try {
    assert.is(await one.count(20, 'customer', 'ann'), 20)
    await until(async () => !(await other.take('customer', 'ann')))
    assert.is(await one.count(2, 'login', 'a ann'), 2)
    const lost = await redis.primaryOf(limitsChannel)
    assert.is(await redis.clientOf(lost).wait(1, 1_000), 1)

    await redis.kill(lost)
    assert.is(await one.count(20, 'customer', 'bob'), 20, 'nobody waits')
    await until(() => nodes.every(({ isJoined }) => isJoined))
    assert.is(await one.count(20, 'customer', 'eve'), 20)
    await until(async () => !(await other.take('customer', 'eve')))
    assert.equal([await other.take('login', 'a ann'), await one.take('login', 'a ann')], [true, false])
  } finally {
    for (const node of nodes) node.close()
    await redis.close()
  }
})

test.run()
