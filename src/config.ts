/**
 * The environment becomes a frozen `Config` here, and nowhere else is it read. All that is wrong is said at once, each
 * with what was received, what is expected and an example, so that a start needs one correction and not five.
 */
import { readFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { type AccountConfig, accountSettings, readAccounts } from './config/account-settings.ts'
import { type ClusterConfig, clusterSettings, readCluster, redisAccessOf } from './config/cluster-settings.ts'
import { type DatabaseConfig, databaseSettings, readDatabase } from './config/database-settings.ts'
import { type Environment, given, openSettings } from './config/environment.ts'
import { type EventsConfig, eventSettings, readEvents } from './config/event-settings.ts'
import { explain, type Problem, shown } from './config/explain.ts'
import { defaultWorkerHeapMb, defaultWorkers } from './config/machine-defaults.ts'
import { misspellings } from './config/misspellings.ts'
import { type OutgoingConfig, outgoingSettings, readOutgoing } from './config/outgoing-settings.ts'
import { type PaymentConfig, paymentSettings, readPayments } from './config/payment-settings.ts'
import { type RateName, rateSettings } from './config/rate-settings.ts'
import { type ImagesConfig, readS3, type S3Access, s3Settings } from './config/s3-settings.ts'
import { readSearch, type SearchConfig, searchSettings } from './config/search-settings.ts'
import { looksTyped } from './config/secret.ts'
import { crashPoints } from './crash-points.ts'
import { returnWindowDaysDefault } from './domain/bounds.ts'
import { shardsMax } from './domain/ids.ts'
import type { Network } from './ip-address.ts'
import {
  segmentBytesDefault,
  segmentBytesMax,
  segmentBytesMin,
  sharedSegmentBytesDefault,
  shutdownDeadlineMs,
  workerHeapMbDefaultMax,
  workerHeapMbMax,
  workerHeapMbMin,
} from './limits.ts'
import type { RedisUrlResult } from './redis-url.ts'
import { choice, flag, origins, text, whole } from './setting.ts'

export type Config = {
  readonly environment: 'development' | 'test' | 'production'
  /** 0: any port that is free. */
  readonly port: number
  readonly host: string
  readonly dataDirectory: string
  /** Absent: the one stored in the data directory, which the first start makes. */
  readonly adminKey: string | undefined
  readonly shards: number
  readonly workers: number
  readonly listeners: number
  /** MiB. */
  readonly workerHeapMb: number
  readonly returnDays: number
  readonly clockAccept: boolean
  readonly metricsPublic: boolean
  /** Requests in a window, by whose they are; 0: without limit. */
  readonly rates: Readonly<Record<RateName, number>>
  readonly trustedProxies: readonly Network[]
  /** Pages of these may read replies in a browser. */
  readonly corsOrigins: readonly string[]
  readonly payments: PaymentConfig
  readonly outgoing: OutgoingConfig
  readonly accounts: AccountConfig
  readonly search: SearchConfig
  readonly events: EventsConfig
  readonly cluster: ClusterConfig
  readonly database: DatabaseConfig
  readonly images: ImagesConfig
  readonly logLevel: (typeof logLevels)[number]
  /** From "not ready" to no longer accepting, so that load balancers notice. */
  readonly drainMs: number
  readonly segmentBytes: number
  /** What `armCrashPoint` takes, for tests. */
  readonly crashPoint: string | undefined
}

export type ConfigResult =
  | { readonly type: 'valid'; readonly config: Config; readonly warnings: readonly string[] }
  | { readonly type: 'invalid'; readonly problems: readonly Problem[]; readonly warnings: readonly string[] }

export type Machine = {
  readonly cores: number
  /** What this process may use, by the machine or its container. */
  readonly memoryBytes: number
  /** The text of a file named by a `…_FILE` variable; throws what `readFileSync` throws. */
  readonly readFile: (path: string) => string
}

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

const threadsMax = 256
const returnDaysMax = 3_650
/** What remains of an orderly shutdown must suffice for all else that it does. */
const drainSecondsMax = shutdownDeadlineMs / 1_000 - 5
const drainSecondsInProduction = 5
const adminKeyLengthMin = 16
const adminKeyLengthMinInProduction = 32
const adminKeyLengthMax = 256

const settings = {
  port: whole('PORT', [0, 65_535], 3_000, {
    meaning: 'Port of the HTTP API; 0 takes any that is free',
    example: '8080',
  }),
  host: text('HOST', /^[A-Za-z0-9.:_%-]{1,253}$/, '127.0.0.1', {
    expected: 'an address or a host name',
    meaning: 'Address to listen on; `0.0.0.0` for all',
    example: '0.0.0.0',
  }),
  dataDirectory: text('DATA_DIR', /^[^\0]{1,4000}$/, './data', {
    expected: 'a path',
    meaning: 'Directory of everything that must survive; one process at a time',
    example: './data',
  }),
  adminKey: {
    ...text('ADMIN_KEY', adminKeyPattern(adminKeyLengthMin), undefined, {
      expected: `${adminKeyLengthMin} to ${adminKeyLengthMax} visible ASCII characters`,
      meaning: `API key of the first administrator; replaces the stored one. Required in production, ${adminKeyLengthMinInProduction} characters or more`,
      example: '"$(openssl rand -hex 24)"',
      fallbackText: 'made at the first start and stored in the data directory',
    }),
    secret: true,
  },
  adminKeyFile: text('ADMIN_KEY_FILE', /^[^\0]{1,4000}$/, undefined, {
    expected: 'a path',
    meaning: 'File that holds the admin key, instead of `ADMIN_KEY`',
    example: '/run/secrets/admin_key',
    fallbackText: 'none',
  }),
  environment: choice('NODE_ENV', ['development', 'test', 'production'], 'development', {
    meaning: '`production` refuses weak secrets and drains before it stops',
    example: 'production',
  }),
  shards: whole('SHARDS', [1, shardsMax], 8, {
    meaning: 'Parts the products are divided into; fixed for the life of the data',
    example: '8',
  }),
  workers: whole('WORKERS', [1, threadsMax], undefined, {
    meaning: 'Threads that serve the shards, at most `SHARDS`; may change at any restart',
    example: '2',
    fallbackText: '1 for every 4 cores, at least 1',
  }),
  listeners: whole('LISTENERS', [1, threadsMax], undefined, {
    meaning: 'Threads that answer HTTP on the one port',
    example: '2',
    fallbackText: 'the cores that workers and main leave, at least 1',
  }),
  workerHeapMb: whole('WORKER_HEAP_MB', [workerHeapMbMin, workerHeapMbMax], undefined, {
    meaning:
      'MiB of heap of each worker; how many reservations and products it can keep follows from it, some 1,900 reservations a MiB',
    example: '1024',
    fallbackText: `a quarter of the memory divided among the workers, ${workerHeapMbMin} to ${workerHeapMbDefaultMax}`,
  }),
  returnDays: whole('RETURN_DAYS', [1, returnDaysMax], returnWindowDaysDefault, {
    meaning: 'Days in which units of a confirmed reservation can come back',
    example: '30',
  }),
  clockAccept: flag('CLOCK_ACCEPT', {
    meaning: 'Accept, for this start, a wall clock far from the last recorded time',
    example: 'true',
  }),
  metricsPublic: flag('METRICS_PUBLIC', { meaning: 'Serve `/metrics` without a key', example: 'true' }),
  ...rateSettings,
  corsOrigins: origins('CORS_ORIGINS', {
    meaning: 'Origins whose pages may call this API from a browser, separated by commas; no wildcard',
    example: 'https://shop.example,https://admin.shop.example',
    fallbackText: 'none',
  }),
  ...paymentSettings,
  ...outgoingSettings,
  ...accountSettings,
  ...searchSettings,
  ...eventSettings,
  ...clusterSettings,
  ...databaseSettings,
  ...s3Settings,
  logLevel: choice('LOG_LEVEL', logLevels, 'info', {
    meaning: 'Least level that is logged',
    example: 'debug',
  }),
  drainSeconds: whole('DRAIN_SECONDS', [0, drainSecondsMax], undefined, {
    meaning: 'From "not ready" to no longer accepting when stopped',
    example: '5',
    fallbackText: `0; in production ${drainSecondsInProduction}`,
  }),
  segmentBytes: whole('SEGMENT_BYTES', [segmentBytesMin, segmentBytesMax], undefined, {
    meaning: 'Bytes of one journal segment',
    example: String(segmentBytesDefault),
    fallbackText: `\`${segmentBytesDefault}\`; with \`REDIS_URL\` \`${sharedSegmentBytesDefault}\``,
  }),
  crashPoint: text(
    'CRASH_POINT',
    new RegExp(
      `^(?:(?:${crashPoints.map(RegExp.escape).join('|')})(?::[1-9][0-9]{0,8})?|poison:[\\x21-\\x7e]{1,128})$`,
    ),
    undefined,
    {
      expected: 'name or name:nth of a point in src/crash-points.ts, or poison:text; never in production',
      meaning: 'Place where the process kills itself, for tests; refused in production',
      example: 'journal.beforeSync:2',
      fallbackText: 'none',
    },
  ),
}

/** The whole configuration, or everything that is wrong with it. Pure: what it needs of the machine is a parameter. */
export function readConfig(environment: Environment, machine: Machine): ConfigResult {
  const { reader, problems } = openSettings(environment, machine.readFile)
  const { take, report, secret: takeSecret } = reader
  const mode = take(settings.environment)
  const shards = take(settings.shards)
  const crashPoint = take(settings.crashPoint)
  const drainSeconds = take(settings.drainSeconds) ?? (mode === 'production' ? drainSecondsInProduction : 0)
  const known = Object.values(settings).map(({ variable }) => variable)
  const warnings = misspellings(Object.keys(environment), known)
  const cluster = readCluster(reader, mode, warnings)
  const workersWanted = take(settings.workers) ?? defaultWorkers(machine.cores, shards)
  // A shard's journal is a stream of its own then, and its worker goes where it goes.
  const workers = cluster.type === 'shared' ? shards : workersWanted
  if (cluster.type === 'shared' && reader.isGiven(settings.workers))
    warnings.push('WORKERS has no meaning with REDIS_URL: each shard has a worker of its own.')
  const config: Config = {
    environment: mode,
    port: take(settings.port),
    host: take(settings.host),
    dataDirectory: take(settings.dataDirectory),
    adminKey: takeAdminKey(),
    shards,
    workers,
    listeners: take(settings.listeners) ?? Math.max(1, machine.cores - workersWanted - 1),
    workerHeapMb: take(settings.workerHeapMb) ?? defaultWorkerHeapMb(machine.memoryBytes, workers),
    returnDays: take(settings.returnDays),
    clockAccept: take(settings.clockAccept),
    metricsPublic: take(settings.metricsPublic),
    rates: {
      customer: take(settings.rateCustomer),
      address: take(settings.rateAddress),
      'address-customers': take(settings.rateAddressCustomers),
      key: take(settings.rateKey),
      login: take(settings.rateLogin),
      'login-address': take(settings.rateLoginAddress),
      registration: take(settings.rateRegistration),
    },
    trustedProxies: take(settings.trustedProxies),
    corsOrigins: take(settings.corsOrigins),
    payments: readPayments(reader, mode, warnings),
    outgoing: readOutgoing(reader),
    accounts: readAccounts(take, machine.cores),
    search: readSearch(reader, warnings),
    events: readEvents(reader, mode, warnings),
    cluster,
    database: readDatabase(reader, mode, warnings),
    images: readS3(reader, mode, warnings),
    logLevel: take(settings.logLevel),
    drainMs: drainSeconds * 1_000,
    segmentBytes:
      take(settings.segmentBytes) ??
      (cluster.type === 'shared' ? sharedSegmentBytesDefault : segmentBytesDefault),
    crashPoint,
  }
  if (workers > shards) report(settings.workers, shown(String(workers)), `at most SHARDS, which is ${shards}`)
  if (crashPoint !== undefined && mode === 'production') report(settings.crashPoint, shown(crashPoint))

  if (problems.length > 0) return { type: 'invalid', problems, warnings }
  return { type: 'valid', config: Object.freeze(config), warnings }

  function takeAdminKey(): string | undefined {
    const setting = settings.adminKey
    const secret = takeSecret({ value: setting, file: settings.adminKeyFile })
    if (secret.type === 'absent' && mode === 'production') {
      report(setting, 'nothing', `set in production: ${adminKeyLengthMinInProduction} characters or more`)
    }
    if (secret.type !== 'given') return undefined
    const { text: key, source } = secret
    if (!setting.schema.safeParse(key).success) report(source, shown(key, true), setting.expected)
    else if (mode === 'production' && !adminKeyPattern(adminKeyLengthMinInProduction).test(key)) {
      report(source, shown(key, true), `in production ${adminKeyLengthMinInProduction} characters or more`)
    } else if (mode === 'production' && looksTyped(key)) {
      report(source, shown(key, true), 'in production a key drawn by chance; this one reads like a default')
    }
    return key
  }
}

/**
 * The process's own configuration. Prints warnings and all problems to standard error, and answers `undefined` where
 * there are any: it is for main to end with exit status 1.
 */
export function loadConfig(): Config | undefined {
  const result = readConfig(process.env, {
    cores: availableParallelism(),
    // Without a limit of its control group the kernel names one beyond any machine, or none.
    memoryBytes: Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY),
    readFile: (path) => readFileSync(path, 'utf8'),
  })
  for (const warning of result.warnings) console.error(`Warning: ${warning}`)
  if (result.type === 'valid') return result.config
  console.error(explain(result.problems))
  return undefined
}

/**
 * The data directory alone, for commands that need no other setting. A wrong value is printed as above, and answered
 * with `undefined`.
 */
export function loadDataDirectory(): string | undefined {
  const setting = settings.dataDirectory
  const value = given(process.env, setting.variable) ?? setting.fallback
  if (setting.schema.safeParse(value).success) return value
  console.error(explain([{ ...setting, received: shown(value) }]))
  return undefined
}

/** Where a command finds the server that runs, and with which key; each where it is set. */
export function loadCallerSettings(): {
  readonly url: string | undefined
  readonly adminKey: string | undefined
} {
  return { url: given(process.env, 'HOLDFAST_URL'), adminKey: given(process.env, settings.adminKey.variable) }
}

/** Where a command finds the Redis that nodes share. */
export function loadRedisAccess(): RedisUrlResult | undefined {
  return redisAccessOf((variable) => given(process.env, variable))
}

/**
 * Where a command finds the S3-compatible store; undefined where none is set. What is wrong is printed as above, and
 * answered with `invalid`.
 */
export function loadS3Access(): S3Access | 'invalid' | undefined {
  const { reader, problems } = openSettings(process.env, (path) => readFileSync(path, 'utf8'))
  // Whether what goes there is safe enough for production is for the server to say; a command is run by somebody who looks.
  const images = readS3(reader, 'development', [])
  if (problems.length > 0) {
    console.error(explain(problems))
    return 'invalid'
  }
  return images.type === 's3' ? images.access : undefined
}

/** All settings as a Markdown table, as the README shows it. */
export function settingsTable(): string {
  const rows = Object.values(settings).map(({ variable, fallback, fallbackText, meaning }) => {
    const standard = fallbackText ?? `\`${fallback}\``
    return `| \`${variable}\` | ${standard} | ${meaning} |`
  })
  return ['| Variable | Default | Meaning |', '|---|---|---|', ...rows].join('\n')
}

function adminKeyPattern(lengthMin: number): RegExp {
  return new RegExp(`^[\\x21-\\x7e]{${lengthMin},${adminKeyLengthMax}}$`)
}
