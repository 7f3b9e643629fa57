import * as assert from 'uvu/assert'
import { RedisMismatch, RedisUnavailable } from '../../../src/persistence/redis/redis-error.ts'
import { RedisNodes } from '../../../src/persistence/redis/redis-nodes.ts'
import { parseRedisUrl } from '../../../src/redis-url.ts'
import { realClock, realTimers } from '../../../src/seams.ts'
import { CutProxy } from '../../support/cut-proxy.ts'
import { RedisCluster } from '../../support/redis-cluster.ts'
import { RedisServerProcess } from '../../support/redis-server.ts'
import { suite } from '../../support/suite.ts'

const NEEDS = { needs: ['redis-server'], limitMs: 60_000 }

function nodesOf(url: string): RedisNodes {
  const result = parseRedisUrl(url)
  if (result.type === 'invalid') throw new Error(result.expected)
  return new RedisNodes(result.access, { clock: realClock, timers: realTimers })
}

async function failureOf(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => new Error('it went well'),
    (error: Error) => error,
  )
}

const single = suite('a single Redis', NEEDS)

single('serves every slot, and after a restart again', async () => {
  const server = await RedisServerProcess.start()
  const nodes = nodesOf(server.url)
  try {
    assert.is((await nodes.view()).mode, 'single')
    const connection = await nodes.connect('holdfast:{s1}:head')
    await connection.set('holdfast:{s1}:head', '1')
    await server.kill()
    assert.ok(nodes.noteFailure(await failureOf(connection.get('holdfast:{s1}:head'))))
    assert.instance(await failureOf(nodes.connect(0, { withinMs: 100 })), RedisUnavailable)

    const [again] = await Promise.all([nodes.connect(0), server.restart()])
    assert.is(await again.get('holdfast:{s1}:head'), '1')
    for (const each of [connection, again]) each.disconnect()
  } finally {
    await server.close()
  }
})

single('is found through its replica, and the replica is never given out', async () => {
  const server = await RedisServerProcess.start()
  const replica = await RedisServerProcess.start({ replicaof: `127.0.0.1 ${server.port}` })
  try {
    const connection = await nodesOf(replica.url).connect(0)
    assert.is(connection.options.port, server.port)
    connection.disconnect()
  } finally {
    await Promise.all([server.close(), replica.close()])
  }
})

single('is not two that know nothing of each other', async () => {
  const servers = [await RedisServerProcess.start(), await RedisServerProcess.start()]
  try {
    const error = await failureOf(nodesOf(servers.map(({ url }) => url).join()).view())
    assert.instance(error, RedisMismatch)
    assert.match(error.message, 'not one Redis')
  } finally {
    await Promise.all(servers.map((server) => server.close()))
  }
})

single('a server that is silent holds nobody up for longer than the bound', async () => {
  const server = await RedisServerProcess.start()
  const proxy = await CutProxy.start(server.port)
  try {
    const nodes = nodesOf(`redis://127.0.0.1:${proxy.port}`)
    const connection = await nodes.connect(0, { commandTimeoutMs: 50 })
    proxy.blackhole()
    assert.ok(nodes.noteFailure(await failureOf(connection.get('a'))))
    const begunMs = performance.now()
    assert.instance(await failureOf(nodes.connect(0, { withinMs: 200 })), RedisUnavailable)
    assert.ok(performance.now() - begunMs < 4_000)
    connection.disconnect()
  } finally {
    await proxy.close()
    await server.close()
  }
})

single.run()

const cluster = suite('a Redis Cluster', NEEDS)

cluster('gives out the primary of each slot, and the promoted one when it is lost', async () => {
  const redis = await RedisCluster.start({ primaries: 3, replicas: 1 })
  const [seed] = redis.nodes
  const nodes = nodesOf(seed?.url ?? '')
  try {
    const { mode, primaries } = await nodes.view()
    assert.is(mode, 'cluster')
    assert.is(primaries.length, 3)
    assert.equal(
      primaries.map(({ replicas }) => replicas.length),
      [1, 1, 1],
    )
    const key = 'holdfast:{s5}:journal'
    const before = await redis.primaryOf(key)
    const connection = await nodes.connect(key)
    assert.is(connection.options.port, before.port)
    await connection.set(key, 'kept')
    assert.is(await connection.wait(1, 1_000), 1)

    await redis.kill(before)
    assert.ok(nodes.noteFailure(await failureOf(connection.get(key))))
    const promoted = await nodes.connect(key)
    assert.is(promoted.options.port, (await redis.primaryOf(key)).port)
    assert.is(await promoted.get(key), 'kept')
    for (const each of [connection, promoted]) each.disconnect()
  } finally {
    await redis.close()
  }
})

cluster.run()
