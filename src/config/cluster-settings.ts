/** The settings of running on many machines: the Redis that holds the journal, and how nodes find and trust each other. */
import { readFileSync } from 'node:fs'
import { isLoopback, parseRedisUrl, type RedisAccess, type RedisUrlResult } from '../redis-url.ts'
import { text, whole } from '../setting.ts'
import { looksTyped, type SettingsReader } from './secret.ts'

/** What an append waits for before anybody is told. */
export type AckPolicy =
  /** The primary's own disk; for a Redis without replicas. */
  | { readonly type: 'aof' }
  /** All replicas of a primary, which are so many. */
  | { readonly type: 'replicas'; readonly count: number }

export type ClusterConfig =
  /** The journal is in the data directory. */
  | { readonly type: 'single' }
  | {
      readonly type: 'shared'
      readonly redis: RedisAccess
      readonly ack: AckPolicy
      /** Where the other nodes reach this one; 0: any port that is free. */
      readonly nodeHost: string
      readonly nodePort: number
      readonly secret: string
      readonly leaseMs: number
    }

const secretLengthMin = 32
const secretLengthMax = 256
const replicasMax = 5
const leaseMsRange: readonly [number, number] = [600, 60_000]
const EVERYWHERE = ['0.0.0.0', '::']

export const clusterSettings = {
  redisUrl: {
    ...text('REDIS_URL', /^[^\0]{1,8000}$/, undefined, {
      expected: 'redis://[user:password@]host:port or rediss://…, several separated by commas',
      meaning:
        'Redis that holds the journal, or several nodes of one Redis Cluster, separated by commas; then many nodes can share the work',
      example: 'rediss://holdfast:…@10.0.0.6:6379,rediss://holdfast:…@10.0.0.7:6379',
      fallbackText: 'none: the journal is in the data directory',
    }),
    secret: true,
  },
  redisUrlFile: text('REDIS_URL_FILE', /^[^\0]{1,4000}$/, undefined, {
    expected: 'a path',
    meaning: 'File that holds it, instead',
    example: '/run/secrets/redis_url',
    fallbackText: 'none',
  }),
  redisAck: text('REDIS_ACK', new RegExp(`^(?:aof|replicas:[1-${replicasMax}])$`), 'aof', {
    expected: `aof, or replicas:1 to replicas:${replicasMax}`,
    meaning:
      'What is waited for before a reply: `aof`, the disk of a Redis without replicas, or `replicas:N`, all N replicas of each primary',
    example: 'replicas:1',
  }),
  nodeHost: text('NODE_HOST', /^[A-Za-z0-9.:_%-]{1,253}$/, '127.0.0.1', {
    expected: 'the address or host name at which the other nodes reach this one',
    meaning: 'Address at which the other nodes reach this one, and on which it listens for them',
    example: '10.0.0.11',
  }),
  nodePort: whole('NODE_PORT', [0, 65_535], 0, {
    meaning: 'Port for the other nodes; 0 takes any that is free',
    example: '7400',
  }),
  clusterSecret: {
    ...text('CLUSTER_SECRET', secretPattern(), undefined, {
      expected: `${secretLengthMin} to ${secretLengthMax} visible ASCII characters`,
      meaning: 'Secret by which nodes know each other, the same on all',
      example: '"$(openssl rand -hex 24)"',
      fallbackText: 'none; required where `REDIS_URL` is set',
    }),
    secret: true,
  },
  clusterSecretFile: text('CLUSTER_SECRET_FILE', /^[^\0]{1,4000}$/, undefined, {
    expected: 'a path',
    meaning: 'File that holds it, instead',
    example: '/run/secrets/cluster_secret',
    fallbackText: 'none',
  }),
  leaseMs: whole('LEASE_MS', [leaseMsRange[0], leaseMsRange[1]], 1_500, {
    meaning:
      'Milliseconds for which a node holds a shard without renewing; so long a lost node’s shards wait, at most',
    example: '3000',
  }),
}

export function readCluster(
  reader: SettingsReader,
  mode: 'development' | 'test' | 'production',
  warnings: string[],
): ClusterConfig {
  const { take, report, isGiven, secret } = reader
  const { redisUrl, redisUrlFile, redisAck, nodeHost, nodePort, leaseMs } = clusterSettings
  const url = secret({ value: redisUrl, file: redisUrlFile })
  const clusterSecret = readSecret(reader, mode)
  const host = take(nodeHost)
  if (EVERYWHERE.includes(host))
    report(nodeHost, host, 'the one address at which the other nodes reach this one, not all of them')
  const shared = {
    ack: ackPolicy(take(redisAck)),
    nodeHost: host,
    nodePort: take(nodePort),
    leaseMs: take(leaseMs),
  }

  if (url.type !== 'given') {
    const alone = [redisAck, nodeHost, nodePort, leaseMs].filter(isGiven).map(({ variable }) => variable)
    if (clusterSecret.type === 'given') alone.push(clusterSettings.clusterSecret.variable)
    if (url.type === 'absent' && alone.length > 0)
      warnings.push(`${alone.join(', ')} without REDIS_URL: this is a single node, which has no use for it.`)
    return { type: 'single' }
  }
  if (clusterSecret.type === 'absent')
    report(clusterSettings.clusterSecret, 'nothing', 'set where REDIS_URL is set, or its file named')
  const parsed = parseRedisUrl(url.text)
  const shown = `${url.text.length} characters, not shown`
  if (parsed.type === 'invalid') {
    report(url.source, shown, parsed.expected)
    return { type: 'single' }
  }
  const { access } = parsed
  const isProtected = access.tls && access.password !== undefined
  if (mode === 'production' && !isProtected && !access.seeds.every(({ host: each }) => isLoopback(each)))
    report(url.source, shown, 'in production rediss:// with a password, unless it is on this machine')
  const text = clusterSecret.type === 'given' ? clusterSecret.text : ''
  return { type: 'shared', redis: access, secret: text, ...shared }
}

/** What a command needs of these settings; undefined where none is set. Throws where the file that is named cannot be read. */
export function redisAccessOf(given: (variable: string) => string | undefined): RedisUrlResult | undefined {
  const file = given(clusterSettings.redisUrlFile.variable)
  const text =
    file === undefined ? given(clusterSettings.redisUrl.variable) : readFileSync(file, 'utf8').trim()
  return text === undefined ? undefined : parseRedisUrl(text)
}

function readSecret({ secret, report }: SettingsReader, mode: string) {
  const { clusterSecret: value, clusterSecretFile: file } = clusterSettings
  const given = secret({ value, file })
  if (given.type !== 'given') return given
  const shown = `${given.text.length} characters, not shown`
  if (!value.schema.safeParse(given.text).success) report(given.source, shown, value.expected)
  else if (mode === 'production' && looksTyped(given.text))
    report(given.source, shown, 'in production a secret drawn by chance; this one reads like a default')
  return given
}

function ackPolicy(text: string): AckPolicy {
  const count = /^replicas:([0-9]+)$/.exec(text)?.[1]
  return count === undefined ? { type: 'aof' } : { type: 'replicas', count: Number(count) }
}

function secretPattern(): RegExp {
  return new RegExp(`^[\\x21-\\x7e]{${secretLengthMin},${secretLengthMax}}$`)
}
