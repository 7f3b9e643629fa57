import * as assert from 'uvu/assert'
import type { ClusterConfig } from '../../src/config/cluster-settings.ts'
import { explain } from '../../src/config/explain.ts'
import { type ConfigResult, readConfig } from '../../src/config.ts'
import { suite } from '../support/suite.ts'

type Environment = Readonly<Record<string, string>>

const SECRET = 'b7f1c09a5e2d48d6930f1ac27be84d55'
const SHARED = { REDIS_URL: 'redis://127.0.0.1:7000,redis://127.0.0.1:7001', CLUSTER_SECRET: SECRET }
const PRODUCTION = { NODE_ENV: 'production', ADMIN_KEY: 'x9Kd7pQv2LmZ4tRw8YbN3sHj6FgC1aEu' }

const test = suite('the settings of many machines')

function read(environment: Environment, files: Environment = {}): ConfigResult {
  return readConfig(environment, {
    cores: 8,
    memoryBytes: 8 * 1_024 ** 3,
    readFile: (path) => {
      const text = files[path]
      if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
      return text
    },
  })
}

function configOf(result: ConfigResult) {
  if (result.type === 'invalid') throw new Error(explain(result.problems))
  return result.config
}

function sharedOf(result: ConfigResult): ClusterConfig & { type: 'shared' } {
  const { cluster } = configOf(result)
  if (cluster.type !== 'shared') throw new Error('a single node')
  return cluster
}

function wrongOf(result: ConfigResult): readonly string[] {
  return result.type === 'valid' ? [] : result.problems.map(({ variable }) => variable)
}

test('without a Redis it is a single node, and what it has no use for is said', () => {
  assert.equal(configOf(read({})).cluster, { type: 'single' })
  assert.equal(read({}).warnings, [])
  const result = read({ CLUSTER_SECRET: SECRET, REDIS_ACK: 'replicas:1', LEASE_MS: '1000' })
  assert.equal(configOf(result).cluster, { type: 'single' })
  assert.match(result.warnings.join(), 'REDIS_ACK, LEASE_MS, CLUSTER_SECRET without REDIS_URL')
  assert.not.match(result.warnings.join(), SECRET)
})

test('with a Redis it is one of many', () => {
  assert.equal(sharedOf(read(SHARED)), {
    type: 'shared',
    redis: {
      seeds: [
        { host: '127.0.0.1', port: 7_000 },
        { host: '127.0.0.1', port: 7_001 },
      ],
      tls: false,
      username: undefined,
      password: undefined,
    },
    secret: SECRET,
    ack: { type: 'aof' },
    nodeHost: '127.0.0.1',
    nodePort: 0,
    leaseMs: 1_500,
  })
  const set = {
    ...SHARED,
    REDIS_ACK: 'replicas:2',
    NODE_HOST: '10.0.0.11',
    NODE_PORT: '7400',
    LEASE_MS: '900',
  }
  const { ack, nodeHost, nodePort, leaseMs } = sharedOf(read(set))
  assert.equal([ack, nodeHost, nodePort, leaseMs], [{ type: 'replicas', count: 2 }, '10.0.0.11', 7_400, 900])
})

test('each shard has a worker of its own there', () => {
  const result = read({ ...SHARED, SHARDS: '6', WORKERS: '2' })
  const { workers, listeners } = configOf(result)
  assert.is(workers, 6)
  assert.is(listeners, 5)
  assert.match(result.warnings.join(), 'WORKERS has no meaning')
  assert.is(configOf(read({ SHARDS: '6', WORKERS: '2' })).workers, 2)
})

test('URL and secret can stand in files', () => {
  const files = { '/url': 'redis://:hunter2@127.0.0.1\n', '/secret': `${SECRET}\n` }
  const { redis, secret } = sharedOf(read({ REDIS_URL_FILE: '/url', CLUSTER_SECRET_FILE: '/secret' }, files))
  assert.equal([redis.password, secret], ['hunter2', SECRET])
  assert.equal(wrongOf(read({ ...SHARED, REDIS_URL_FILE: '/url' }, files)), ['REDIS_URL'])
})

test('a Redis without a secret refuses to start, or with one that is short', () => {
  assert.equal(wrongOf(read({ REDIS_URL: SHARED.REDIS_URL })), ['CLUSTER_SECRET'])
  assert.equal(wrongOf(read({ ...SHARED, CLUSTER_SECRET: SECRET.slice(1) })), ['CLUSTER_SECRET'])
  assert.equal(wrongOf(read({ ...SHARED, CLUSTER_SECRET: `${SECRET} ` })), ['CLUSTER_SECRET'])
  const typed = { ...SHARED, ...PRODUCTION, CLUSTER_SECRET: 'change-me-change-me-change-me-change-me' }
  assert.equal(wrongOf(read(typed)), ['CLUSTER_SECRET'])
})

test('neither URL nor secret is shown where they are wrong', () => {
  for (const REDIS_URL of ['hunter2', 'redis://:hunter2@db/3', 'redis://:hunter2@db,redis://:hunter3@db2']) {
    const result = read({ REDIS_URL, CLUSTER_SECRET: 'hunter2' })
    assert.equal(wrongOf(result), ['CLUSTER_SECRET', 'REDIS_URL'])
    assert.not.match(result.type === 'invalid' ? explain(result.problems) : '', 'hunter')
  }
})

test('in production a Redis on another machine needs TLS and a password (attack 54)', () => {
  const at = (REDIS_URL: string) => wrongOf(read({ ...SHARED, ...PRODUCTION, REDIS_URL }))
  assert.equal(at('redis://10.0.0.6'), ['REDIS_URL'])
  assert.equal(at('redis://:hunter2@10.0.0.6'), ['REDIS_URL'])
  assert.equal(at('rediss://10.0.0.6'), ['REDIS_URL'])
  assert.equal(at('redis://127.0.0.1,redis://10.0.0.6'), ['REDIS_URL'])
  assert.equal(at('rediss://:hunter2@10.0.0.6'), [])
  assert.equal(at('redis://127.0.0.1'), [])
  assert.equal(wrongOf(read({ ...SHARED, REDIS_URL: 'redis://10.0.0.6' })), [])
})

test('what is no policy, no address or no time is refused', () => {
  for (const REDIS_ACK of ['replicas', 'replicas:0', 'replicas:9', 'AOF', 'none', 'replicas:1.5'])
    assert.equal(wrongOf(read({ ...SHARED, REDIS_ACK })), ['REDIS_ACK'], REDIS_ACK)
  for (const NODE_HOST of ['0.0.0.0', '::', 'a b'])
    assert.equal(wrongOf(read({ ...SHARED, NODE_HOST })), ['NODE_HOST'], NODE_HOST)
  assert.equal(wrongOf(read({ ...SHARED, LEASE_MS: '599', NODE_PORT: '70000' })), ['NODE_PORT', 'LEASE_MS'])
})

test.run()
