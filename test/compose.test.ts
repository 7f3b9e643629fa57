/** No engine is needed for these: they read compose.yaml and the files it mounts, and check what must hold between them. */
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { explain } from '../src/config/explain.ts'
import { readConfig, settingsTable } from '../src/config.ts'
import { shutdownDeadlineMs } from '../src/limits.ts'
import { judge } from '../src/persistence/redis/redis-judgement.ts'
import { parseYaml, type YamlMap } from './support/plain-yaml.ts'
import { suite } from './support/suite.ts'

const ROOT = join(import.meta.dirname, '..')
const text = readFileSync(join(ROOT, 'compose.yaml'), 'utf8')
const compose = parseYaml(text) as {
  readonly services: { readonly [name: string]: Service }
  readonly networks: { readonly holdfast: { readonly ipam: { readonly config: readonly YamlMap[] } } }
  readonly volumes: YamlMap
}
type Service = {
  readonly image: string
  readonly build?: string
  readonly hostname?: string
  readonly command?: readonly string[]
  readonly environment?: { readonly [name: string]: string }
  readonly volumes?: readonly string[]
  readonly networks?: { readonly holdfast?: { readonly ipv4_address: string } }
  readonly depends_on?: readonly string[] | YamlMap
  readonly stop_grace_period?: string
}

const services = Object.entries(compose.services)
const named = (pattern: RegExp) => services.filter(([name]) => pattern.test(name))
const nodes = named(/^node-\d$/)
const redis = named(/^redis-\d$/)
const typesense = named(/^typesense-\d$/)
const addressOf = ({ networks }: Service): string => networks?.holdfast?.ipv4_address ?? ''
const serviceOf = (name: string): Service => compose.services[name] as Service
/** The file of the repository that a service has at this path. */
const mounted = ({ volumes = [] }: Service, path: string): string => {
  const from = volumes.find((volume) => volume.split(':')[1] === path)?.split(':')[0]
  if (from === undefined) throw new Error(`nothing is mounted at ${path}`)
  return readFileSync(join(ROOT, from), 'utf8')
}

/** What the nodes of a deployment get to see: secrets as an operator would draw them, and the image's own settings. */
function environmentOf(
  service: Service,
  given: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const image = readFileSync(join(ROOT, 'Dockerfile'), 'utf8')
  const ofImage = [...image.matchAll(/^(?:ENV)?\s+([A-Z_]+)=(\S+)/gm)].map(([, name, value]) => [name, value])
  const secrets = new Map<string, string>()
  const secretOf = (name: string) => {
    const known = secrets.get(name) ?? randomBytes(24).toString('hex')
    secrets.set(name, known)
    return known
  }
  const own = Object.entries(service.environment ?? {}).map(([name, value]) => [
    name,
    value.replaceAll(/\$\{(\w+)([^}]*)\}/g, (_, variable: string, rest: string) => {
      return rest === ':-' ? (given[variable] ?? '') : secretOf(variable)
    }),
  ])
  return Object.fromEntries([...ofImage, ...own])
}

const test = suite('compose.yaml')

test('has the full picture', () => {
  assert.is(redis.length, 6)
  assert.is(typesense.length, 3)
  assert.is(nodes.length, 3)
  for (const name of ['balancer', 'postgres', 'redis-cluster', 'certificates'])
    assert.ok(serviceOf(name), name)
})

test('pins every image to a version, from no registry in particular', () => {
  for (const [name, { image, build }] of services) {
    if (build === undefined) assert.match(image, /^(?:[a-z]+\/)?[a-z]+:\d+\.\d+(?:\.\d+)?$/, name)
    else assert.is(image, 'holdfast')
  }
})

test('takes every secret from whoever starts it, and gives none a default', () => {
  const demanded = [...text.matchAll(/\$\{(\w+):\?[^}]+\}/g)].map(([, name]) => name)
  const used = [...text.matchAll(/\$\{(\w+)([^}\w][^}]*)?\}/g)].map(([, name, rest = '']) => ({ name, rest }))
  for (const { name = '', rest } of used) {
    // Of a part that may be left out: nothing, and no default either.
    if (name.startsWith('S3_')) {
      assert.is(rest, ':-', name)
      continue
    }
    assert.ok(demanded.includes(name), `${name} may be missing`)
    assert.ok(rest === '' || rest.startsWith(':?'), `${name} has a default: ${rest}`)
  }
  const secrets = ['ADMIN_KEY', 'CLUSTER_SECRET', 'DATABASE_PASSWORD', 'REDIS_PASSWORD', 'TYPESENSE_API_KEY']
  assert.equal([...new Set(demanded)].sort(), secrets)
  const operations = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8')
  for (const secret of secrets) assert.match(operations, new RegExp(`^${secret}=`, 'm'))
  assert.ok(readFileSync(join(ROOT, '.gitignore'), 'utf8').split('\n').includes('.env'))
})

test('has its images in a bucket where one is named', () => {
  const given = {
    S3_URL: 'https://s3.example/shop-images',
    S3_ACCESS_KEY: 'AKIAQ3X',
    S3_SECRET_KEY: randomBytes(24).toString('hex'),
  }
  for (const [name, service] of nodes) {
    for (const [more, type] of [
      [{}, 'directory'],
      [given, 's3'],
    ] as const) {
      const machine = { cores: 4, memoryBytes: 8 * 1_024 ** 3, readFile: () => '' }
      const result = readConfig(environmentOf(service, more), machine)
      if (result.type === 'invalid') throw new Error(`${name}: ${explain(result.problems)}`)
      assert.is(result.config.images.type, type, name)
    }
  }
})

test('mounts what is in the repository, and volumes that it declares', () => {
  for (const [name, { volumes = [] }] of services) {
    for (const volume of volumes) {
      const [from = ''] = volume.split(':')
      if (from.startsWith('./')) assert.ok(existsSync(join(ROOT, from)), `${name} mounts ${from}`)
      else assert.ok(from in compose.volumes, `${name} has the volume ${from}`)
    }
  }
  const used = services.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')[0] ?? ''))
  for (const volume of Object.keys(compose.volumes)) assert.ok(used.includes(volume), `nobody uses ${volume}`)
})

test('gives whatever keeps something a volume of its own', () => {
  for (const [name, { volumes = [] }] of [...nodes, ...redis, ...typesense])
    assert.ok(volumes.includes(`${name}:/data`), name)
  assert.ok(serviceOf('postgres').volumes?.includes('postgres:/var/lib/postgresql/data'))
})

test('depends on services that there are', () => {
  for (const [name, { depends_on: others = [] }] of services) {
    const listed = Array.isArray(others) ? others : Object.keys(others)
    for (const other of listed) assert.ok(other in compose.services, `${name} depends on ${other}`)
  }
})

test('fixes an address of its network for each, no two the same', () => {
  const addresses = services.map(([, service]) => addressOf(service)).filter((address) => address !== '')
  assert.is(new Set(addresses).size, addresses.length)
  assert.is(compose.networks.holdfast.ipam.config[0]?.subnet, '172.30.7.0/24')
  for (const address of addresses) assert.match(address, /^172\.30\.7\.\d+$/)
})

for (const [name, service] of nodes) {
  test(`starts ${name} with settings that a production node accepts`, () => {
    const environment = environmentOf(service)
    const known = [...settingsTable().matchAll(/^\| `(\w+)` \|/gm)].map(([, setting]) => setting)
    // Node's own.
    known.push('NODE_EXTRA_CA_CERTS', 'UV_THREADPOOL_SIZE')
    for (const setting of Object.keys(environment))
      assert.ok(known.includes(setting), `${setting} is unknown`)
    const result = readConfig(environment, { cores: 2, memoryBytes: 2 ** 33, readFile: () => '' })
    if (result.type === 'invalid') throw new Error(explain(result.problems))
    const { cluster, database, search, trustedProxies, environment: mode } = result.config
    assert.is(mode, 'production')
    if (cluster.type !== 'shared') throw new Error('REDIS_URL is missing')
    assert.equal(cluster.ack, { type: 'replicas', count: 1 })
    assert.is(cluster.nodeHost, addressOf(service))
    assert.equal(
      cluster.redis.seeds.map(({ host }) => host),
      redis.map(([, { hostname }]) => hostname),
    )
    assert.is(database.type, 'postgresql')
    assert.is(search.index, 'typesense')
    assert.is(trustedProxies.length, 1)
    assert.is(environment.TRUSTED_PROXIES, addressOf(serviceOf('balancer')))
    assert.ok(Number.parseInt(service.stop_grace_period ?? '', 10) * 1_000 > shutdownDeadlineMs)
  })
}

test('names in its certificates what nodes call them by', () => {
  const { REDIS_NAMES = '', POSTGRES_NAMES } = serviceOf('certificates').environment ?? {}
  assert.equal(
    REDIS_NAMES.split(','),
    redis.map(([name]) => `DNS:${name}`),
  )
  assert.is(POSTGRES_NAMES, 'DNS:postgres')
})

test('sets Redis as the check at the start demands, in every respect', () => {
  for (const [, service] of redis) {
    const lines = mounted(service, '/etc/redis/redis.conf').match(/^[a-z].*$/gm) ?? []
    const settings = Object.fromEntries(lines.map((line) => line.split(' ', 2)))
    const facts = {
      address: { host: 'redis-1', port: 6_379 },
      version: service.image.split(':')[1] ?? '',
      isPrimary: true,
      isLoading: false,
      replicas: [{ host: 'redis-4', port: 6_379 }],
      settings,
    }
    const circumstances = { ack: { type: 'replicas', count: 1 }, mode: 'cluster', replicasKnown: 1 } as const
    assert.equal(judge(facts, circumstances), { problems: [], warnings: [] })
    assert.is(settings['cluster-enabled'], 'yes')
    assert.is(settings['tls-port'], '6379')
  }
})

test('makes one cluster of all six, by their addresses', () => {
  assert.equal(
    serviceOf('redis-cluster').environment?.REDIS_NODES?.split(' '),
    redis.map(([, service]) => `${addressOf(service)}:6379`),
  )
})

test('keeps PostgreSQL from losing anything', () => {
  const { command = [] } = serviceOf('postgres')
  for (const setting of ['fsync', 'synchronous_commit', 'full_page_writes'])
    assert.ok(command.includes(`-c${setting}=on`), setting)
})

test('tells each node of Typesense of all, and nodes of the same', () => {
  const expected = typesense.map(([, service]) => `${addressOf(service)}:8107:8108`)
  for (const [name, service] of typesense) {
    assert.equal(mounted(service, '/etc/typesense/nodes').trim().split(','), expected, name)
    assert.equal(service.command, [`--peering-address=${addressOf(service)}`])
  }
  const [[, node]] = nodes as [[string, Service]]
  assert.equal(
    node.environment?.TYPESENSE_URL?.split(','),
    typesense.map(([, service]) => `http://${addressOf(service)}:8108`),
  )
})

test('balances among all nodes that are ready, and repeats only what reached none', () => {
  const balancer = mounted(serviceOf('balancer'), '/usr/local/etc/haproxy/haproxy.cfg')
  const targets = [...balancer.matchAll(/^ {2}server (\S+) (\S+)$/gm)].map(([, name, at]) => [name, at])
  assert.equal(
    targets,
    nodes.map(([name, service]) => [name, `${addressOf(service)}:3000`]),
  )
  assert.match(balancer, /http-check send meth GET uri \/readyz ver HTTP\/1\.1 hdr Host \S/)
  assert.match(balancer, /^ {2}retry-on conn-failure$/m)
  assert.match(balancer, /set-header X-Forwarded-For %\[src\]/)
})

test.run()
