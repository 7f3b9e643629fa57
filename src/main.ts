/**
 * The composition root: configuration → parts → listen, and the order of shutdown.
 *
 * Down it goes the way it came up, backwards: listeners answer what they accepted, the desk finishes what it began, then shards make it durable and seal,
 * then the history takes the last of it, then the tables close, then the directory's lock is freed.
 */
import { respawnDelayMs } from './actors/respawn-delay.ts'
import { Supervisor } from './actors/supervisor.ts'
import type { ClusterNode, ClusterNodeOptions } from './cluster/cluster-node.ts'
import { OwnershipRefused } from './cluster/ownership-error.ts'
import { type Config, loadConfig } from './config.ts'
import { armCrashPoint } from './crash-points.ts'
import { openEvents } from './events/events-thread.ts'
import { HistoryThread } from './history/history-thread.ts'
import { SharedCooldowns } from './http/cooldowns.ts'
import { limitMemories } from './http/limit-memories.ts'
import { Listeners } from './http/listeners.ts'
import type { ThreadLog } from './kept-thread.ts'
import { listenersCloseMs, shutdownDeadlineMs } from './limits.ts'
import { type Logger, openLog } from './log.ts'
import { adminKeyOf } from './persistence/admin-key.ts'
import { type DataPaths, DirectoryError, mirrorPaths, openDataDirectory } from './persistence/directory.ts'
import { prepareImages } from './persistence/images/directory-images.ts'
import type { ImagesPlace } from './persistence/images/open-images.ts'
import { tidyJournal } from './persistence/journal/carry.ts'
import { realDisk } from './persistence/journal/disk.ts'
import { nextEpoch } from './persistence/journal/segments.ts'
import { removeUnfinished } from './persistence/journal/snapshot.ts'
import { JournalDamaged } from './persistence/journal/streams.ts'
import { claimAlone, claimAmongOthers } from './persistence/moved.ts'
import { RedisBootError } from './persistence/redis/redis-error.ts'
import { DamageBoard } from './persistence/tables/seals/damage-board.ts'
import { TablesBootError } from './persistence/tables/tables-error.ts'
import type { TablesPlace } from './persistence/tables/tables-place.ts'
import { TablesSharing } from './persistence/tables/tables-sharing.ts'
import { startTablesThread } from './persistence/tables/tables-thread.ts'
import { realClock, realRandom, realTimers } from './seams.ts'
import { SearchThread } from './search/search-thread.ts'
import { PasswordThreads } from './shop/accounts/password-threads.ts'
import { DeskThread } from './shop/desk/desk-thread.ts'
import { readRestoration } from './shop/restoration/read-restoration.ts'
import { RestorationBoard } from './shop/restoration/restoration-board.ts'
import { version } from './version.ts'

/** A second Ctrl-C sooner than this is the same one: npm forwards signals, so one can arrive twice. */
const SAME_SIGNAL_MS = 1_000

const config = loadConfig()
if (config === undefined) process.exit(1)
try {
  await run(config)
} catch (error) {
  const reason = bootRefusal(error, config)
  if (reason === undefined) throw error
  process.stderr.write(`holdfast: ${reason}\n`)
  process.exit(1)
}

async function run(config: Config): Promise<void> {
  const { shards, workers, crashPoint, segmentBytes, returnDays, workerHeapMb } = config
  armCrashPoint(crashPoint)
  const log = openLog({ level: config.logLevel })
  const { logger } = log
  const directory = openDataDirectory(config.dataDirectory, { shards })
  const isShared = config.cluster.type === 'shared'
  const paths = isShared ? mirrorPaths(directory.paths) : directory.paths
  const adminKey = adminKeyOf(config.adminKey, paths.adminKey, realRandom())
  if (!isShared) claimAlone(paths)
  prepareJournal(paths, logger, isShared)
  const imagesPlace: ImagesPlace =
    config.images.type === 'directory' ? { type: 'directory', path: paths.images } : config.images
  if (imagesPlace.type === 'directory') prepareImages(imagesPlace.path)

  const logAs: ThreadLog = (level, event, detail) => logger[level]({ event, ...detail }, event)
  const memories = limitMemories(config.rates, config.cluster, realRandom())
  const seams = { clock: realClock, timers: realTimers, random: realRandom() }
  const kept = { timers: realTimers, log: logAs, respawnDelayMs }
  // On one machine nothing of Redis is loaded: its client would take room in every heap.
  const { openCommonLimits } = isShared ? await import('./http/common-limits.ts') : {}
  const commonLimits = openCommonLimits?.(config.cluster, { memories, log: logAs, ...seams })
  const expiries = commonLimits ?? new SharedCooldowns(memories.cooldowns, realClock)
  const history = new HistoryThread({
    data: {
      journalDirectory: paths.journal,
      snapshotDirectory: paths.snapshots,
      path: paths.history,
      shards,
      isShared,
      crashPoint,
    },
    ...kept,
  })
  const hasOwnTables = config.database.type === 'sqlite'
  const sharing = new TablesSharing()
  // Until it is known whether there are others.
  sharing.note(isShared && hasOwnTables)
  const cluster = await openCluster(config, {
    version,
    journalDirectory: paths.journal,
    onData: (dataId) => claimAmongOthers(directory.paths, dataId),
    onLead: (leads) => {
      search.lead(leads)
      events?.lead(leads)
    },
    onHistoryKeepers: (keeping) => history.keep(keeping),
    onRelay: () => linkHistory(),
    onMembers: (count) => sharing.note(count > 1 && hasOwnTables),
    clock: realClock,
    random: realRandom(),
    ...kept,
  })
  const linkHistory = () => history.linkRelay((port) => cluster?.linkHistory(port))
  const supervisor = new Supervisor({
    timers: realTimers,
    log: logAs,
    workers,
    shards,
    journalDirectory: paths.journal,
    snapshotDirectory: paths.snapshots,
    segmentBytes,
    returnDays,
    workerHeapMb,
    acceptClock: config.clockAccept,
    crashPoint,
    nextEpoch: nextEpoch(realDisk, paths.journal),
    ...(cluster === undefined ? {} : { journals: cluster.journals, remotes: cluster.remotes }),
    onExpired: (customerIds) => expiries.note(customerIds),
    onDurable: (stream, ordinal) => {
      history.noteDurable(stream, ordinal)
      cluster?.noteDurable(stream, ordinal)
    },
  })
  const place: TablesPlace =
    config.database.type === 'sqlite' ? { type: 'sqlite', path: paths.tables } : config.database
  const tables = await startTablesThread(place, logAs)
  const damage = new DamageBoard()
  const restoration = new RestorationBoard()
  // Before anybody can ask for units.
  await readRestoration(tables, restoration, logger)
  const passwords = new PasswordThreads({
    count: config.accounts.passwordThreads,
    clock: realClock,
    ...kept,
  })
  await passwords.start()
  const started = cluster === undefined ? supervisor.start() : cluster.start(supervisor)
  // Whoever awaits the start itself hears of it.
  const ignored = () => {}
  // Recovery comes first: until its shards serve, the history is of no use to anybody.
  void started.then(() => history.start(), ignored)
  const desk = new DeskThread({
    data: {
      shards,
      workers,
      tablesPath: place.type === 'sqlite' ? place.path : undefined,
      damage: damage.memory,
      restoration: restoration.memory,
      payments: config.payments,
      outgoing: config.outgoing,
      mailDirectory: paths.mail,
      logLevel: config.logLevel,
      crashPoint,
    },
    supervisor,
    tables,
    ...kept,
  })
  const search = new SearchThread({
    data: {
      journalDirectory: paths.journal,
      tablesPath: place.type === 'sqlite' ? place.path : undefined,
      search: config.search,
      shards,
      workers,
      isShared,
      logLevel: config.logLevel,
      crashPoint,
    },
    supervisor,
    tables,
    ...kept,
  })
  void started.then(() => search.start(), ignored)
  const events = openEvents(config.events, {
    journalDirectory: paths.journal,
    tablesPath: place.type === 'sqlite' ? place.path : undefined,
    shards,
    isShared,
    logLevel: config.logLevel,
    crashPoint,
    tables,
    ...kept,
  })
  void started.then(() => events?.start(), ignored)
  const listeners = new Listeners({
    count: config.listeners,
    settings: {
      host: config.host,
      port: config.port,
      reusePort: false,
      shards,
      workers,
      isShared,
      adminKey: adminKey.key,
      payments: config.payments,
      tablesPath: place.type === 'sqlite' ? place.path : undefined,
      tablesSharing: sharing.memory,
      revocations: tables.revocations,
      damage: damage.memory,
      restoration: restoration.memory,
      images: imagesPlace,
      events: events?.board.memory,
      metricsPublic: config.metricsPublic,
      trustedProxies: config.trustedProxies,
      corsOrigins: config.corsOrigins,
      webhookPolicy: config.outgoing.webhooks,
      accessTokenMs: config.accounts.accessTokenMs,
      refreshTokenMs: config.accounts.refreshTokenMs,
      tokenIssuer: config.accounts.tokenIssuer,
      rateMemory: memories.rates,
      cooldownMemory: memories.cooldowns,
      commonLimits: commonLimits?.settings,
      version,
    },
    supervisor,
    tables,
    passwords,
    history,
    search,
    events,
    desk,
    cluster,
    timers: realTimers,
    log: logger,
    logLevel: config.logLevel,
    crashPoint,
  })

  commonLimits?.start()

  let shuttingDownSinceMs: number | undefined
  const shutDown = async (reason: string, wantedExitCode: number): Promise<void> => {
    if (shuttingDownSinceMs !== undefined) {
      if (realClock.monotonicMs() - shuttingDownSinceMs > SAME_SIGNAL_MS) process.exit(1)
      return
    }
    shuttingDownSinceMs = realClock.monotonicMs()
    let exitCode = wantedExitCode
    logger.info({ reason }, 'shutdown.begun')
    realTimers.after(shutdownDeadlineMs, () => {
      logger.error('shutdown.late')
      process.exit(1)
    })
    listeners.drain()
    await new Promise<void>((resolve) => void realTimers.after(config.drainMs, resolve))
    const steps: readonly (readonly [part: string, close: () => void | Promise<void>])[] = [
      ['listeners', () => listeners.close(listenersCloseMs)],
      ['passwords', () => passwords.close()],
      ['desk', () => desk.close()],
      ['search', () => search.close()],
      ['leases', () => cluster?.leave()],
      ['shards', () => supervisor.shutDown()],
      ['limits', () => commonLimits?.close()],
      ['history', () => history.close()],
      ['events', () => events?.close()],
      ['mirror', () => cluster?.close()],
      ['tables', () => tables.close()],
      ['directory', () => directory.close()],
    ]
    // Whatever failed before: what is left can still end in order.
    for (const [part, close] of steps) {
      try {
        await close()
      } catch (error) {
        logger.error({ part, err: error }, 'shutdown.failed')
        exitCode = 1
      }
    }
    logger.info('shutdown.done')
    log.flush()
    process.exit(exitCode)
  }
  process.on('SIGTERM', () => void shutDown('SIGTERM', 0))
  process.on('SIGINT', () => void shutDown('SIGINT', 0))
  // Keys cannot be checked without the tables: an orderly end, and whoever supervises starts anew.
  void tables.ended.then((error) => {
    if (error !== undefined) void shutDown(`the tables' thread ended: ${error.message}`, 1)
  })

  if (imagesPlace.type === 's3') void checkImages(imagesPlace, logger)
  const port = await listeners.start()
  await started
  desk.start(originOf(config, port))
  const parts = supervisor.readiness()
  logger.info(
    { host: config.host, port, shards, workers, workerHeapMb, listeners: config.listeners, parts, version },
    'started',
  )
  if (process.stdout.isTTY) greet(config, port, adminKey)
  else if (adminKey.path !== undefined) logger.info({ path: adminKey.path }, 'admin key')
}

/** Says whether the store of images lets us in. Nothing waits for it: all but images goes on without. */
async function checkImages({ access }: ImagesPlace & { readonly type: 's3' }, log: Logger): Promise<void> {
  const { S3Client } = await import('./persistence/s3/s3-client.ts')
  const { S3Error } = await import('./persistence/s3/s3-error.ts')
  const client = new S3Client(access, { clock: realClock, timers: realTimers, random: realRandom() })
  try {
    await client.check()
    log.info({ place: client.placeOf('') }, 'images.ready')
  } catch (error) {
    if (!(error instanceof S3Error)) throw error
    log.warn({ place: client.placeOf(''), code: error.code, reason: error.message }, 'images.unavailable')
  } finally {
    client.close()
  }
}

/** This node among others, where there are to be any. On one machine nothing of it is loaded. */
async function openCluster(
  { cluster, environment, shards }: Config,
  parts: Omit<
    ClusterNodeOptions,
    'access' | 'ack' | 'host' | 'port' | 'secret' | 'leaseMs' | 'isProduction' | 'shards'
  >,
): Promise<ClusterNode | undefined> {
  if (cluster.type === 'single') return undefined
  const { redis: access, ack, nodeHost: host, nodePort: port, secret, leaseMs } = cluster
  const isProduction = environment === 'production'
  const { ClusterNode } = await import('./cluster/cluster-node.ts')
  return new ClusterNode({ ...parts, access, ack, host, port, secret, leaseMs, isProduction, shards })
}

/** Makes the journal's directories, and clears away starts that never came to anything; a mirror's are the mirror's affair. */
function prepareJournal(paths: DataPaths, log: Logger, isShared: boolean): void {
  realDisk.makeDirectory(paths.journal)
  realDisk.makeDirectory(paths.snapshots)
  realDisk.syncDirectory(paths.root)
  removeUnfinished(realDisk, paths.snapshots)
  if (isShared) return
  try {
    for (const keptAs of tidyJournal(realDisk, paths.journal)) {
      log.warn({ event: 'recovery.tornTail', keptAs }, 'recovery.tornTail')
    }
  } catch (error) {
    // The workers find it too, and keep their shards stopped with the reason on /readyz; reads of the rest go on.
    if (!(error instanceof JournalDamaged)) throw error
  }
}

/** Where this server can be reached from its own machine. */
function originOf({ host }: Config, port: number): string {
  const anywhere = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${anywhere.includes(':') ? `[${anywhere}]` : anywhere}:${port}`
}

/** What a person at the terminal needs next. */
function greet(config: Config, port: number, adminKey: ReturnType<typeof adminKeyOf>): void {
  const url = originOf(config, port)
  const key = adminKey.path === undefined ? '$ADMIN_KEY' : adminKey.key
  process.stdout.write(`
  Holdfast ${version} on ${url}   data in ${config.dataDirectory}, every reply after its fdatasync
  API ${url}/docs   health ${url}/readyz   stop with Ctrl-C

  curl -s ${url}/v1/products/phone/stock/adjustments -H 'authorization: Bearer ${key}' \\
    -H 'content-type: application/json' -d '{"set": 5, "reason": "first delivery"}'

`)
}

/** Why this machine or its settings do not allow a start, in a sentence; undefined where it is a bug. */
function bootRefusal(error: unknown, config: Config): string | undefined {
  if (error instanceof DirectoryError || error instanceof TablesBootError) return error.message
  if (error instanceof RedisBootError || error instanceof OwnershipRefused) return error.message
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  // A file's error, not the port's, whose codes it shares.
  if (error instanceof Error && 'path' in error) return `the data directory cannot be used: ${error.message}`
  if (code === 'EADDRINUSE') return `port ${config.port} on ${config.host} is taken; set PORT to another one`
  if (code === 'EADDRNOTAVAIL' || code === 'EACCES' || code === 'ENOTFOUND') {
    return `cannot listen on ${config.host}:${config.port}: ${(error as Error).message}; check HOST and PORT`
  }
  return undefined
}
