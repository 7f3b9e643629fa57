import type { Redis } from 'ioredis'
import * as assert from 'uvu/assert'
import { debtWindowsMax, refusedKnownMs } from '../../src/limits/common-limits.ts'
import { rateLimitsContract } from '../contract/rate-limits.ts'
import { RedisServerProcess } from '../support/redis-server.ts'
import { suite } from '../support/suite.ts'
import { until } from '../support/until.ts'
import { CommonLimitsNode } from './common-limits-node.ts'
import { noRates } from './fake-limits.ts'

const NEEDS = { needs: ['redis-server'], limitMs: 30_000 }
const RATES = { ...noRates, customer: 20, address: 100, login: 3 }

rateLimitsContract(
  'memory of a node’s listeners, with what is rare in Redis',
  async (rates) => {
    const server = await RedisServerProcess.start()
    const node = await CommonLimitsNode.start(server.url, rates, 2)
    const [one, other] = node.ends
    if (one === undefined || other === undefined) throw new Error('two listeners')
    return {
      ends: [one.limits, other.limits],
      pass: async (ms) => {
        node.clock.pass(ms)
        await ageKeys(server.client(), ms)
      },
      close: async () => {
        node.close()
        await server.close()
      },
    }
  },
  { needs: ['redis-server'] },
)

type World = { server: RedisServerProcess; one: CommonLimitsNode; other: CommonLimitsNode }

const test = suite<Partial<World>>('the limits of two nodes', { ...NEEDS, context: {} })

test.before.each(async (world) => {
  world.server = await RedisServerProcess.start()
  const { url } = world.server
  world.one = await CommonLimitsNode.start(url, RATES)
  world.other = await CommonLimitsNode.start(url, RATES)
})

test.after.each(async ({ one, other, server }) => {
  one?.close()
  other?.close()
  await server?.close()
})

test('what one has taken the other owes, at the latest a moment later', async (world) => {
  const { one, other } = whole(world)
  assert.is(await one.count(20, 'customer', 'ann'), 20)
  await until(async () => !(await other.take('customer', 'ann')), 'the other node refuses')
  assert.is(await other.take('customer', 'bob'), true)
  assert.is(await other.count(100, 'address', 'ann'), 100, 'each limit by itself')
})

test('who comes to both in the same moment has twice as much once, and waits for it', async (world) => {
  const { one, other } = whole(world)
  const [first, second] = await Promise.all([
    one.count(30, 'customer', 'ann'),
    other.count(30, 'customer', 'ann'),
  ])
  assert.equal([first, second], [20, 20])
  const owes = async (node: CommonLimitsNode) => {
    const taken = await node.limits.take('customer', 'ann')
    return taken.type === 'refused' && taken.retryInMs > 1_000
  }
  await until(async () => (await owes(one)) && (await owes(other)), 'both know of the debt')
  for (const node of [one, other]) {
    node.clock.pass(1_000)
    assert.is(await node.take('customer', 'ann'), false, 'a window is not enough')
    node.clock.pass(51)
    assert.is(await node.take('customer', 'ann'), true)
  }
})

test('nobody owes more than a few windows', async (world) => {
  const { one, other } = whole(world)
  for (let i = 0; i < 10; i++) {
    await one.count(30, 'customer', 'ann')
    one.clock.pass(1_000)
  }
  await until(async () => {
    const taken = await other.limits.take('customer', 'ann')
    return taken.type === 'refused' && taken.retryInMs > 2_000
  })
  other.clock.pass(debtWindowsMax * 1_000 + 51)
  assert.is(await other.take('customer', 'ann'), true)
})

test('logins are exact, wherever they fail, and what was right is given back to all', async (world) => {
  const { one, other } = whole(world)
  const asked = Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? one : other).take('login', 'a ann'))
  assert.is((await Promise.all(asked)).filter((isTaken) => isTaken).length, 3)
  await one.limits.giveBack('login', 'a ann')
  other.clock.pass(refusedKnownMs)
  assert.is(await other.take('login', 'a ann'), true)
  assert.is(await one.take('login', 'a ann'), false)
})

test('who hammers at a login that is refused costs Redis a question in a while', async (world) => {
  const { server, one } = whole(world)
  const client = server.client()
  const evaluated = async () =>
    Number(/cmdstat_eval:calls=(\d+)/.exec(await client.info('commandstats'))?.[1])
  assert.is(await one.count(100, 'login', 'a ann'), 3)
  assert.is(await evaluated(), 4)
  one.clock.pass(refusedKnownMs)
  assert.is(await one.count(100, 'login', 'a ann'), 0)
  assert.is(await evaluated(), 5)
})

test('while Redis is silent a login waits for it once, and each node counts alone with what it knew', async (world) => {
  const { server, one, other } = whole(world)
  assert.is(await one.count(2, 'login', 'a ann'), 2)
  server.pause()
  const begunMs = performance.now()
  assert.is(await one.take('login', 'a ann'), true)
  assert.ok(performance.now() - begunMs < 2_000)
  const knownMs = performance.now()
  assert.is(await one.take('login', 'a ann'), false, 'two of three it had seen in Redis')
  assert.ok(performance.now() - knownMs < 50, 'it waits no more')
  assert.is(await one.count(30, 'customer', 'ann'), 20)
  assert.ok(one.limits.decidedAlone >= 2)
  await until(() => one.logged.includes('limits.alone'))

  server.resume()
  await until(() => one.isJoined && other.isJoined)
  assert.equal(
    one.logged.filter((event) => event === 'limits.alone'),
    ['limits.alone'],
  )
  assert.is(one.logged.at(-1), 'limits.common')
  assert.is(await one.count(20, 'customer', 'bob'), 20)
  await until(async () => !(await other.take('customer', 'bob')))
})

test('Redis holds no word of who it was, and nothing for longer than it counts (attacks 32, 43)', async (world) => {
  const { server, one } = whole(world)
  const identities = [
    '203.0.113.9 ann@shop.example',
    '}{x}\r\nSET a b\r\n',
    '',
    '{cluster}',
    '汉'.repeat(500),
  ]
  for (const identity of identities) await one.take('login', identity)
  const client = server.client()
  const keys = await client.keys('*')
  assert.is(keys.length, identities.length)
  for (const key of keys) {
    assert.match(key, /^holdfast:\{cluster\}:limit:login:[0-9a-f]{16}$/)
    const ttlMs = await client.pttl(key)
    assert.ok(ttlMs > 0 && ttlMs <= 300_001, String(ttlMs))
  }
  await one.limits.giveBack('login', '')
  assert.is((await client.keys('*')).length, identities.length - 1)
})

test('a value that is none, or of a clock far ahead, holds nobody up for longer than a window', async (world) => {
  const { server, one } = whole(world)
  await one.take('login', 'a ann')
  const client = server.client()
  const [key = ''] = await client.keys('*')
  await client.set(key, 'rubbish')
  assert.is(await one.count(4, 'login', 'a ann'), 3)
  await client.set(key, '9000000000000000')
  const refused = await one.limits.take('login', 'a ann')
  assert.ok(refused.type === 'refused' && refused.retryInMs <= 900_000)
})

test.run()

function whole(world: Partial<World>): World {
  const { server, one, other } = world
  if (server === undefined || one === undefined || other === undefined) throw new Error('not started')
  return { server, one, other }
}

/** As if so much time had passed for Redis: whatever it counts is so much nearer to its end. */
async function ageKeys(client: Redis, ms: number): Promise<void> {
  for (const key of await client.keys('holdfast:*')) {
    const emptyAt = Number(await client.get(key)) - ms * 1_000
    const leftMs = (await client.pttl(key)) - ms
    if (leftMs <= 0) await client.del(key)
    else await client.set(key, String(emptyAt), 'PX', leftMs)
  }
}
