import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { explain, type Problem } from '../src/config/explain.ts'
import { type Config, readConfig, settingsTable } from '../src/config.ts'
import { suite } from './support/suite.ts'

type Environment = Readonly<Record<string, string | undefined>>

const STRONG = 'hf_admin_Zk3v9QpX7sTbN2mLr8WcY5dJhG4fEaU6oKiR1tSy'
const ESC = String.fromCharCode(27)

const GIB = 1_024 ** 3

function read(environment: Environment, cores = 2, files: Environment = {}, memoryBytes = 8 * GIB) {
  return readConfig(environment, {
    cores,
    memoryBytes,
    readFile: (path) => {
      const text = files[path]
      if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
      return text
    },
  })
}

function valid(environment: Environment, cores?: number, files?: Environment): Config {
  const result = read(environment, cores, files)
  if (result.type === 'invalid') throw new Error(explain(result.problems))
  return result.config
}

function problems(environment: Environment, files?: Environment): readonly Problem[] {
  const result = read(environment, 2, files)
  return result.type === 'invalid' ? result.problems : []
}

const variables = (list: readonly Problem[]) => list.map(({ variable }) => variable)

const defaults = suite('a configuration without settings')

defaults('starts on a small machine with nothing set', () => {
  assert.equal(valid({}), {
    environment: 'development',
    port: 3_000,
    host: '127.0.0.1',
    dataDirectory: './data',
    adminKey: undefined,
    shards: 8,
    workers: 1,
    listeners: 1,
    workerHeapMb: 2_048,
    returnDays: 60,
    clockAccept: false,
    metricsPublic: false,
    rates: {
      customer: 20,
      address: 100,
      'address-customers': 0,
      key: 0,
      login: 10,
      'login-address': 100,
      registration: 100,
    },
    corsOrigins: [],
    accounts: {
      accessTokenMs: 900_000,
      refreshTokenMs: 30 * 86_400_000,
      tokenIssuer: 'holdfast',
      passwordThreads: 1,
    },
    search: { index: 'embedded' },
    events: { type: 'none' },
    database: { type: 'sqlite' },
    trustedProxies: [],
    payments: { gateway: 'sandbox', delays: { shortMs: 3_000, longMs: 900_000 } },
    outgoing: {
      mail: { from: 'Holdfast <shop@localhost>', smtpUrl: undefined },
      webhooks: { allowsHttp: false, allowsPrivate: false },
    },
    logLevel: 'info',
    drainMs: 0,
    segmentBytes: 32 * 1_024 * 1_024,
    cluster: { type: 'single' },
    images: { type: 'directory' },
    crashPoint: undefined,
  })
})

defaults('cannot be changed afterwards', () => {
  assert.ok(Object.isFrozen(valid({})))
})

defaults('takes a set but empty variable for an unset one', () => {
  assert.equal(valid({ PORT: '', ADMIN_KEY: '', REDIS_URL: '', CRASH_POINT: '' }), valid({}))
})

defaults('gives a larger machine more threads, and never more workers than shards', () => {
  const threads = (cores: number, environment: Environment = {}) => {
    const { workers, listeners } = valid(environment, cores)
    return [workers, listeners]
  }
  assert.equal(threads(1), [1, 1])
  assert.equal(threads(2), [1, 1])
  assert.equal(threads(4), [1, 2])
  assert.equal(threads(16), [4, 11])
  assert.equal(threads(64, { SHARDS: '3' }), [3, 60])
  assert.equal(threads(2, { WORKERS: '4', LISTENERS: '3' }), [4, 3])
})

defaults('gives the heaps of all workers together a quarter of the memory, within bounds', () => {
  const heapMb = (memoryBytes: number, environment: Environment = {}) => {
    const result = read(environment, 2, {}, memoryBytes)
    return result.type === 'valid' ? result.config.workerHeapMb : undefined
  }
  assert.is(heapMb(GIB), 256)
  assert.is(heapMb(8 * GIB, { WORKERS: '3' }), 682)
  assert.is(heapMb(64 * GIB), 4_096)
  assert.is(heapMb(GIB / 8), 64)
  assert.is(heapMb(GIB / 8, { WORKER_HEAP_MB: '100' }), 100)
  assert.equal(variables(problems({ WORKER_HEAP_MB: '63' })), ['WORKER_HEAP_MB'])
})

defaults('drains in production only', () => {
  const production = { NODE_ENV: 'production', ADMIN_KEY: STRONG }
  assert.is(valid(production).drainMs, 5_000)
  assert.is(valid({ ...production, DRAIN_SECONDS: '0' }).drainMs, 0)
  assert.is(valid({ DRAIN_SECONDS: '7' }).drainMs, 7_000)
})

defaults.run()

const wrong = suite('a wrong setting')

wrong('is refused together with all others, each with what came, what should and an example', () => {
  const found = problems({ PORT: 'http', SHARDS: '0', LOG_LEVEL: 'loud', CLOCK_ACCEPT: 'yes', HOST: 'a b' })
  assert.equal(variables(found).sort(), ['CLOCK_ACCEPT', 'HOST', 'LOG_LEVEL', 'PORT', 'SHARDS'])
  assert.equal(
    found.find(({ variable }) => variable === 'PORT'),
    { variable: 'PORT', received: '"http"', expected: 'a whole number from 0 to 65535', example: '8080' },
  )
  const text = explain(found)
  assert.match(text, '5 settings are wrong')
  assert.match(text, 'PORT=8080')
  assert.match(text, 'one of trace, debug, info, warn, error, fatal, silent')
})

for (const text of ['-1', '+1', '1.0', '1e3', '0x10', ' 1', '1 ', '01', '65536', '1_000', 'NaN', '９']) {
  wrong(`PORT=${JSON.stringify(text)} is no port`, () => {
    assert.equal(variables(problems({ PORT: text })), ['PORT'])
  })
}

wrong('bounds are inclusive', () => {
  assert.is(valid({ PORT: '0' }).port, 0)
  assert.is(valid({ PORT: '65535' }).port, 65_535)
  assert.is(valid({ SHARDS: '1024' }).shards, 1_024)
  assert.equal(variables(problems({ SHARDS: '1025' })), ['SHARDS'])
  assert.is(valid({ SEGMENT_BYTES: '65536' }).segmentBytes, 65_536)
  assert.equal(variables(problems({ SEGMENT_BYTES: '65535' })), ['SEGMENT_BYTES'])
  assert.equal(variables(problems({ LISTENERS: '0' })), ['LISTENERS'])
  assert.equal(variables(problems({ RETURN_DAYS: '0' })), ['RETURN_DAYS'])
})

wrong('a rate is a whole number, and 0 is none', () => {
  const set = { RATE_CUSTOMER: '0', RATE_ADDRESS: '1000000', RATE_KEY: '7', RATE_REGISTRATION: '50' }
  assert.equal(valid(set).rates, {
    customer: 0,
    address: 1_000_000,
    'address-customers': 0,
    key: 7,
    login: 10,
    'login-address': 100,
    registration: 50,
  })
  assert.is(valid({ RATE_ADDRESS_CUSTOMERS: '500' }).rates['address-customers'], 500)
  const names = ['RATE_ADDRESS', 'RATE_ADDRESS_CUSTOMERS', 'RATE_CUSTOMER', 'RATE_KEY']
  for (const text of ['-1', '1.5', '1000001', 'none', '20/s']) {
    const found = problems(Object.fromEntries(names.map((name) => [name, text])))
    assert.equal(variables(found).sort(), names, text)
  }
})

wrong('origins are written as browsers send them, each by itself', () => {
  const origins = ['https://shop.example', 'http://localhost:5173', 'https://[2001:db8::1]:8443']
  assert.equal(valid({ CORS_ORIGINS: origins.join(', ') }).corsOrigins, origins)
  for (const text of [
    '*',
    'null',
    'https://*.shop.example',
    'shop.example',
    'https://shop.example/',
    'https://Shop.example',
    'https://shop.example:443',
    'https://user@shop.example',
    'https://shop.example/path',
    'ftp://shop.example',
    'https://shop.example,',
    ' ',
  ]) {
    assert.equal(variables(problems({ CORS_ORIGINS: text })), ['CORS_ORIGINS'], text)
  }
})

wrong('trusted proxies are networks and nothing else', () => {
  assert.equal(valid({ TRUSTED_PROXIES: '10.0.0.0/8, fd00::/8,192.0.2.7' }).trustedProxies, [
    { address: [0, 0, 0xffff, 0x0a000000], bits: 104 },
    { address: [0xfd000000 | 0, 0, 0, 0], bits: 8 },
    { address: [0, 0, 0xffff, 0xc0000207 | 0], bits: 128 },
  ])
  for (const text of [
    'true',
    '*',
    'loopback',
    '10.0.0.0/33',
    '10.0.0.0/8,',
    '10.0.0.0/8 fd00::/8',
    'lb.example.com',
  ]) {
    const [problem] = problems({ TRUSTED_PROXIES: text })
    assert.is(problem?.variable, 'TRUSTED_PROXIES', text)
    assert.match(problem?.expected ?? '', 'separated by commas')
  }
})

wrong('more workers than shards are refused, naming both', () => {
  const [problem] = problems({ SHARDS: '4', WORKERS: '5' })
  assert.is(problem?.variable, 'WORKERS')
  assert.match(problem?.expected ?? '', 'SHARDS, which is 4')
})

wrong('an unknown NODE_ENV is refused, since "prod" would silently be no production', () => {
  assert.equal(variables(problems({ NODE_ENV: 'prod' })), ['NODE_ENV'])
})

wrong('reaches a terminal escaped and cut', () => {
  const text = explain(problems({ LOG_LEVEL: `${ESC}[2J\r\n`, HOST: '!'.repeat(500) }))
  assert.not.match(text, ESC)
  assert.not.match(text, '\r')
  assert.not.match(text, '!'.repeat(100))
})

wrong('a crash point is for tests', () => {
  assert.is(valid({ CRASH_POINT: 'journal.beforeSync:2' }).crashPoint, 'journal.beforeSync:2')
  assert.is(valid({ CRASH_POINT: 'poison:r-1' }).crashPoint, 'poison:r-1')
  assert.equal(variables(problems({ CRASH_POINT: 'journal.beforeSync:0' })), ['CRASH_POINT'])
  assert.equal(variables(problems({ CRASH_POINT: 'somewhere' })), ['CRASH_POINT'])
  assert.equal(variables(problems({ CRASH_POINT: 'journal.beforeTea' })), ['CRASH_POINT'], 'no such place')
  assert.equal(
    variables(problems({ CRASH_POINT: 'reply.half', NODE_ENV: 'production', ADMIN_KEY: STRONG })),
    ['CRASH_POINT'],
  )
})

wrong.run()

const adminKey = suite('the admin key')

adminKey('has 16 visible ASCII characters or more, and is never shown', () => {
  assert.is(valid({ ADMIN_KEY: 'x'.repeat(16) }).adminKey, 'x'.repeat(16))
  for (const key of [
    'hunter2-hunter2',
    'hunter2 hunter2 hunter2',
    'hunter2hunter2hunter2ü',
    'hunter2'.repeat(40),
  ]) {
    const found = problems({ ADMIN_KEY: key })
    assert.equal(variables(found), ['ADMIN_KEY'], key)
    assert.not.match(explain(found), 'hunter2')
  }
})

adminKey('is required in production, long and no default', () => {
  const inProduction = (key?: string) => problems({ NODE_ENV: 'production', ADMIN_KEY: key })
  assert.equal(variables(inProduction()), ['ADMIN_KEY'])
  assert.match(inProduction('short-but-not-for-tests')[0]?.expected ?? '', '32 characters')
  for (const key of [
    'changeme-changeme-changeme-changeme',
    'my-very-long-Default-admin-key-0001',
    'secretsecretsecretsecretsecretsecret',
    'a'.repeat(40),
    'correct-horse-PASSWORD-battery-staple',
  ]) {
    assert.match(inProduction(key)[0]?.expected ?? '', 'drawn by chance', key)
  }
  assert.equal(inProduction(STRONG), [])
  assert.equal(inProduction('5f1d7a90c3e84b26a1d09c77e2b3f648'), [])
})

adminKey('can come from a file, without its line end', () => {
  const environment = { ADMIN_KEY_FILE: '/run/secrets/key' }
  assert.is(valid(environment, 2, { '/run/secrets/key': `${STRONG}\n` }).adminKey, STRONG)
  assert.match(explain(problems(environment)), 'ENOENT')
  assert.equal(variables(problems(environment, { '/run/secrets/key': '\n' })), ['ADMIN_KEY_FILE'])
  const weak = problems(
    { ...environment, NODE_ENV: 'production' },
    { '/run/secrets/key': 'changeme'.repeat(5) },
  )
  assert.equal(variables(weak), ['ADMIN_KEY_FILE'])
})

adminKey('cannot come from both', () => {
  assert.equal(variables(problems({ ADMIN_KEY: STRONG, ADMIN_KEY_FILE: '/k' }, { '/k': STRONG })), [
    'ADMIN_KEY',
  ])
})

adminKey.run()

const slips = suite('a variable that is nearly a setting')

for (const [name, meant] of [
  ['WORKER', 'WORKERS'],
  ['SHARD', 'SHARDS'],
  ['DATADIR', 'DATA_DIR'],
  ['LOGLEVEL', 'LOG_LEVEL'],
  ['LISTENER', 'LISTENERS'],
  ['ADMINKEY', 'ADMIN_KEY'],
  ['NODEENV', 'NODE_ENV'],
  ['port', 'PORT'],
  ['PROT', 'PORT'],
] as const) {
  slips(`${name} is taken for ${meant}, as a warning`, () => {
    const result = read({ [name]: 'x' })
    assert.is(result.type, 'valid')
    assert.equal(result.warnings, [`"${name}" is not a setting. Did you mean ${meant}?`])
  })
}

slips('what systems set is no slip', () => {
  const names = [
    'HOME',
    'PATH',
    'PWD',
    'USER',
    'SHELL',
    'TERM',
    'LANG',
    'HOSTNAME',
    'SHLVL',
    'TZ',
    'CI',
    'INIT_CWD',
  ]
  const environment = Object.fromEntries(names.map((name) => [name, 'x']))
  assert.equal(read(environment).warnings, [])
})

slips.run()

const table = suite('the table of settings')

table('has one row a setting, with its default', () => {
  const rows = settingsTable().split('\n')
  assert.is(rows[0], '| Variable | Default | Meaning |')
  assert.ok(rows.every((row) => row.split('|').length === 5))
  assert.match(settingsTable(), '| `PORT` | `3000` |')
  assert.match(settingsTable(), '| `CLOCK_ACCEPT` | `false` |')
  assert.not.match(settingsTable(), 'undefined')
  for (const example of problems({ PORT: 'x', SHARDS: 'x', LOG_LEVEL: 'x' })) {
    assert.equal(problems({ [example.variable]: example.example }), [])
  }
})

table.run()

const loading = suite('loading the configuration')
const LOAD = `
  const { loadConfig } = await import(${JSON.stringify(join(import.meta.dirname, '../src/config.ts'))})
  const config = loadConfig()
  if (config === undefined) process.exitCode = 1
  else console.log(JSON.stringify(config))`

loading('prints every problem and every warning to standard error', () => {
  const env = { PORT: 'x', REDIS_URL: 'redis://x', WORKER: '2' }
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', LOAD], {
    env,
    encoding: 'utf8',
  })
  assert.is(status, 1)
  assert.is(stdout, '')
  assert.match(stderr, 'Warning: "WORKER" is not a setting. Did you mean WORKERS?')
  assert.match(stderr, '2 settings are wrong')
  assert.match(stderr, 'REDIS_URL')
})

loading('answers the configuration where all is well', () => {
  const env = { PORT: '0', HOST: '::1' }
  const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', LOAD], {
    env,
    encoding: 'utf8',
  })
  assert.is(status, 0)
  assert.is(JSON.parse(stdout).host, '::1')
})

loading.run()
