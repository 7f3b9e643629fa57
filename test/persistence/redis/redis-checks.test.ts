import { readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import type { AckPolicy } from '../../../src/config/cluster-settings.ts'
import { checkRedis } from '../../../src/persistence/redis/redis-checks.ts'
import { RedisBootError } from '../../../src/persistence/redis/redis-error.ts'
import { judge } from '../../../src/persistence/redis/redis-judgement.ts'
import { RedisNodes } from '../../../src/persistence/redis/redis-nodes.ts'
import type { ServerFacts } from '../../../src/persistence/redis/server-facts.ts'
import { parseRedisUrl } from '../../../src/redis-url.ts'
import { realClock, realTimers } from '../../../src/seams.ts'
import { RedisCluster } from '../../support/redis-cluster.ts'
import { RedisServerProcess } from '../../support/redis-server.ts'
import { suite } from '../../support/suite.ts'

const AOF: AckPolicy = { type: 'aof' }
const ONE: AckPolicy = { type: 'replicas', count: 1 }
const NEEDS = { needs: ['redis-server'], limitMs: 60_000 }
const REPLICA = { host: '10.0.0.2', port: 6_379 }

const GOOD: ServerFacts = {
  address: { host: '10.0.0.1', port: 6_379 },
  version: '7.0.15',
  isPrimary: true,
  isLoading: false,
  replicas: [],
  settings: {
    'maxmemory-policy': 'noeviction',
    appendonly: 'yes',
    appendfsync: 'always',
    'no-appendfsync-on-rewrite': 'no',
    'min-replicas-to-write': '0',
    'min-replicas-max-lag': '10',
    'cluster-allow-replica-migration': 'yes',
    'cluster-require-full-coverage': 'yes',
  },
}
const WATCHFUL = { 'min-replicas-to-write': '1', 'cluster-allow-replica-migration': 'no' }

const rules = suite('what a Redis must be set to')

function problemsOf(
  changes: Partial<ServerFacts>,
  ack: AckPolicy = AOF,
  { mode = 'cluster', replicasKnown = 0 }: { mode?: 'single' | 'cluster'; replicasKnown?: number } = {},
): readonly string[] {
  return judge({ ...GOOD, ...changes }, { ack, mode, replicasKnown }).problems
}

function withSettings(settings: ServerFacts['settings']): Partial<ServerFacts> {
  return { settings: { ...GOOD.settings, ...settings } }
}

rules('is enough as Redis comes, with its file written and synced, where there are no replicas', () => {
  assert.equal(problemsOf({}), [])
})

for (const [setting, value, reason] of [
  ['maxmemory-policy', 'allkeys-lru', 'throws acknowledged data away'],
  ['appendonly', 'no', 'comes back empty'],
  ['appendfsync', 'everysec', 'would lack what it had not synced'],
  ['no-appendfsync-on-rewrite', 'yes', 'nothing would be synced'],
] as const) {
  rules(`is not ${setting} ${value} (attack 54), whatever the policy`, () => {
    const [problem, ...more] = problemsOf(withSettings({ [setting]: value }))
    assert.equal(more, [])
    assert.match(problem ?? '', `Redis at 10.0.0.1:6379 has ${setting} ${value}, and must have`)
    assert.match(problem ?? '', reason)
    assert.is(problemsOf(withSettings({ ...WATCHFUL, [setting]: value }), ONE).length, 1)
  })
}

rules('with replicas, a primary that is cut off must stop, and replicas must stay where they are', () => {
  const linked = { replicas: [REPLICA] }
  assert.equal(problemsOf({ ...withSettings(WATCHFUL), ...linked }, ONE), [])
  const found = problemsOf(linked, ONE)
  assert.is(found.length, 2)
  assert.match(found.join(), 'min-replicas-to-write 0, and must have 1 or more')
  assert.match(found.join(), 'cluster-allow-replica-migration yes, and must have no')
  assert.is(problemsOf(linked, ONE, { mode: 'single' }).length, 1, 'nothing moves outside a cluster')
  for (const lag of ['0', '11']) {
    const [problem] = problemsOf(
      { ...withSettings({ ...WATCHFUL, 'min-replicas-max-lag': lag }), ...linked },
      ONE,
    )
    assert.match(problem ?? '', `min-replicas-max-lag ${lag}, and must have 1 to 10`)
  }
})

rules('has no more replicas than are waited for, linked or, under aof, known', () => {
  assert.match(problemsOf({ replicas: [REPLICA] })[0] ?? '', 'Set REDIS_ACK=replicas:1')
  assert.match(problemsOf({}, AOF, { replicasKnown: 2 })[0] ?? '', 'has 2 replicas')
  assert.equal(problemsOf({ isPrimary: false, replicas: [REPLICA] }), [], 'of a replica its primary is asked')
  const two = { ...withSettings(WATCHFUL), replicas: [REPLICA, REPLICA] }
  assert.match(problemsOf(two, ONE)[0] ?? '', 'REDIS_ACK=replicas:1 waits for 1')
  assert.equal(problemsOf(two, { type: 'replicas', count: 2 }), [])
})

rules('is not older than 7.0, and can be read', () => {
  for (const version of ['6.2.14', '', 'unknown'])
    assert.match(problemsOf({ version })[0] ?? '', 'or later is needed')
  assert.equal(problemsOf({ version: '8.2.1' }), [])
  assert.match(problemsOf({ settings: undefined })[0] ?? '', 'allow `CONFIG GET` (ACL `+config|get`)')
})

rules('is warned of, where one primary that is replaced would stop all others', () => {
  assert.match(judge(GOOD, { ack: AOF, mode: 'cluster', replicasKnown: 0 }).warnings.join(), 'full-coverage')
  assert.equal(judge(GOOD, { ack: AOF, mode: 'single', replicasKnown: 0 }).warnings, [])
})

rules.run()

const servers = suite('the look at real servers before a start', NEEDS)

function check(url: string, ack: AckPolicy, more: { isProduction?: boolean; withinMs?: number } = {}) {
  const result = parseRedisUrl(url)
  if (result.type === 'invalid') throw new Error(result.expected)
  const seams = { clock: realClock, timers: realTimers }
  const nodes = new RedisNodes(result.access, seams)
  return checkRedis(nodes, { access: result.access, ack, isProduction: false, ...seams, ...more })
}

async function refusalOf(promise: Promise<unknown>): Promise<RedisBootError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof RedisBootError) return error
  throw new Error(`not refused: ${error}`)
}

servers(
  'one without replicas keeps what it acknowledges; wrongly set it is refused with every reason',
  async () => {
    const server = await RedisServerProcess.start()
    try {
      const { mode, primaries, warnings } = await check(server.url, AOF)
      assert.equal([mode, primaries.length, primaries[0]?.isShort, warnings], ['single', 1, false, []])
      const short = await check(server.url, ONE).catch((error: Error) => error.message)
      assert.match(String(short), 'min-replicas-to-write 0')

      await server.client().config('SET', 'appendfsync', 'everysec', 'maxmemory-policy', 'allkeys-lru')
      const refused = await refusalOf(check(server.url, AOF))
      assert.is(refused.code, 'unsafe-settings')
      assert.match(refused.message, 'appendfsync everysec')
      assert.match(refused.message, 'maxmemory-policy allkeys-lru')
    } finally {
      await server.close()
    }
  },
)

servers(
  'one with fewer replicas than are waited for may start, and says that it acknowledges nothing',
  async () => {
    const server = await RedisServerProcess.start({ 'min-replicas-to-write': 1 })
    try {
      const { primaries, warnings } = await check(server.url, ONE)
      assert.is(primaries[0]?.isShort, true)
      assert.match(warnings.join(), 'has 0 of the 1 replicas')
    } finally {
      await server.close()
    }
  },
)

servers('a password that is wrong or missing, and a user who may not look, are said plainly', async () => {
  const server = await RedisServerProcess.start({ requirepass: 'hunter2' })
  try {
    const at = (user: string) => `redis://${user}127.0.0.1:${server.port}`
    for (const user of ['', ':hunter3@']) {
      const { code, message } = await refusalOf(check(at(user), AOF))
      assert.is(code, 'forbidden', message)
      assert.not.match(message, 'hunter')
    }
    const client = server.client({ password: 'hunter2' })
    await client.call('ACL', 'SETUSER', 'shop', 'on', '>hunter2', '~*', '&*', '+@all', '-config')
    assert.match((await refusalOf(check(at('shop:hunter2@'), AOF))).message, 'allow `CONFIG GET`')
    assert.is((await check(at(':hunter2@'), AOF)).primaries.length, 1)
  } finally {
    await server.close()
  }
})

servers('a user of the least that docs/redis.md names is let in, and may do what is needed', async () => {
  const server = await RedisServerProcess.start()
  try {
    const page = readFileSync(new URL('../../../docs/redis.md', import.meta.url), 'utf8')
    const [, commands = '', keys = '', channels = ''] =
      /needs `([^`]+)` on `([^`]+)` and `([^`]+)`/.exec(page) ?? []
    const rules = [...commands.split(' '), keys, channels]
    await server.client().call('ACL', 'SETUSER', 'shop', 'on', '>hunter2', ...rules)
    const url = `redis://shop:hunter2@127.0.0.1:${server.port}`
    assert.is((await check(url, AOF)).primaries.length, 1)
    const parsed = parseRedisUrl(url)
    if (parsed.type === 'invalid') throw new Error(parsed.expected)
    const connection = await new RedisNodes(parsed.access, { clock: realClock, timers: realTimers }).connect(
      0,
    )
    await connection.eval("return redis.call('XADD', KEYS[1], '1-1', 'f', 'x')", 1, 'holdfast:{s0}:journal')
    assert.is(await connection.wait(0, 10), 0)
    await connection.spublish('holdfast:{cluster}:limits', 'x')
    await connection.publish('holdfast:{cluster}:news', 'x')
    for (const [command, ...args] of [
      ['flushall'],
      ['keys', '*'],
      ['set', 'other', '1'],
      ['config', 'set', 'save', ''],
    ]) {
      const refusal = await connection.call(command as string, ...args).catch((error: Error) => error.message)
      assert.match(String(refusal), 'NOPERM')
    }
    connection.disconnect()
  } finally {
    await server.close()
  }
})

servers('nobody there is waited for, and then said', async () => {
  const { code } = await refusalOf(check('redis://127.0.0.1:1', AOF, { withinMs: 100 }))
  assert.is(code, 'unavailable')
})

servers('two that know nothing of each other are refused at once', async () => {
  const two = [await RedisServerProcess.start(), await RedisServerProcess.start()]
  try {
    const { code, message } = await refusalOf(check(two.map(({ url }) => url).join(), AOF))
    assert.equal([code, message.includes('not one Redis')], ['unsupported', true])
  } finally {
    await Promise.all(two.map((server) => server.close()))
  }
})

servers('a cluster is looked at node by node, its replicas too', async () => {
  const cluster = await RedisCluster.start({ primaries: 3, settings: { 'min-replicas-to-write': 1 } })
  try {
    const report = await check(cluster.url, ONE)
    assert.equal([report.mode, report.primaries.length, report.warnings], ['cluster', 3, []])
    assert.match((await refusalOf(check(cluster.url, AOF))).message, 'Set REDIS_ACK=replicas:1')
    const [replica] = await cluster.replicasOf(await cluster.primaryOf(0))
    if (replica === undefined) throw new Error('no replica')
    await cluster.clientOf(replica).config('SET', 'min-replicas-to-write', '0')
    const { message } = await refusalOf(check(cluster.url, ONE))
    assert.match(message, `Redis at 127.0.0.1:${replica.port} has min-replicas-to-write 0`)
  } finally {
    await cluster.close()
  }
})

servers.run()
