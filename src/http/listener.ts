/**
 * One listener: an engine's end, the tables' end, the app, and its sockets. Runs in main where there is one, else in a
 * thread of its own.
 */
import type { MessagePort } from 'node:worker_threads'
import { Registry } from 'prom-client'
import { Engine } from '../actors/engine.ts'
import { SplitCoordinator } from '../actors/split-coordinator.ts'
import type { PaymentConfig } from '../config/payment-settings.ts'
import { EventsBoard } from '../events/events-board.ts'
import { HistoryClient } from '../history/history-client.ts'
import type { Network } from '../ip-address.ts'
import type { Logger } from '../log.ts'
import { type ImagesPlace, openImages } from '../persistence/images/open-images.ts'
import { apiKeysOf } from '../persistence/tables/api-keys-client.ts'
import { RevocationCount } from '../persistence/tables/revocation-count.ts'
import { DamageBoard } from '../persistence/tables/seals/damage-board.ts'
import { TablesClient } from '../persistence/tables/tables-client.ts'
import { TablesReader } from '../persistence/tables/tables-reader.ts'
import { TablesSharing } from '../persistence/tables/tables-sharing.ts'
import { type Port, portOf, realClock, realRandom, realTimers } from '../seams.ts'
import { SearchClient } from '../search/search-client.ts'
import { AccessTokens } from '../shop/accounts/access-tokens.ts'
import { Accounts } from '../shop/accounts/accounts.ts'
import { PasswordClient } from '../shop/accounts/password-client.ts'
import { SigningKeys } from '../shop/accounts/signing-keys.ts'
import { chargeTimeoutOf, openGateway } from '../shop/payments/open-gateway.ts'
import { RestorationBoard } from '../shop/restoration/restoration-board.ts'
import type { DestinationPolicy } from '../shop/webhooks/destination.ts'
import { createApp } from './app.ts'
import { KeyAuthenticator } from './auth.ts'
import type { CommonLimitsSettings } from './common-limits.ts'
import { type CooldownMemory, SharedCooldowns } from './cooldowns.ts'
import type { FromListener, RegistryValues, ToListener } from './listener-protocol.ts'
import { OrderStreams } from './order-streams.ts'
import type { Drain } from './parts.ts'
import { PersonAuthenticator } from './person-authenticator.ts'
import { type RateMemory, SharedRateLimits } from './rate-limits.ts'
import { readinessOf } from './readiness.ts'
import { type RunningServer, startServer } from './server.ts'
import { StockStreams } from './stock-streams.ts'
import { registerStreamMetrics } from './stream-metrics.ts'
import { TokenAuthenticator } from './token-authenticator.ts'

export type ListenerSettings = {
  readonly host: string
  readonly port: number
  /** Whether other listeners share the port. */
  readonly reusePort: boolean
  readonly shards: number
  readonly workers: number
  /** Whether other nodes serve what this one does not. */
  readonly isShared: boolean
  readonly adminKey: string
  readonly payments: PaymentConfig
  /** The tables' file, for reads; where there is none they are asked like writes. */
  readonly tablesPath: string | undefined
  /** Memory of `TablesSharing`. */
  readonly tablesSharing: SharedArrayBuffer
  /** Memory of the tables' `RevocationCount`. */
  readonly revocations: SharedArrayBuffer
  /** Memory of the `DamageBoard`. */
  readonly damage: SharedArrayBuffer
  /** Memory of the `RestorationBoard`. */
  readonly restoration: SharedArrayBuffer
  readonly images: ImagesPlace
  /** Memory of the `EventsBoard`, where somebody is told of events. */
  readonly events: SharedArrayBuffer | undefined
  readonly metricsPublic: boolean
  readonly trustedProxies: readonly Network[]
  readonly corsOrigins: readonly string[]
  readonly webhookPolicy: DestinationPolicy
  readonly accessTokenMs: number
  readonly refreshTokenMs: number
  readonly tokenIssuer: string
  /** The same for all listeners of the process, who count together. */
  readonly rateMemory: RateMemory
  readonly cooldownMemory: CooldownMemory
  /** Where other nodes count too. */
  readonly commonLimits: CommonLimitsSettings | undefined
  readonly version: string
}

export type ListenerEnds = {
  readonly engine: MessagePort
  readonly tables: MessagePort
  readonly passwords: MessagePort
  readonly history: MessagePort
  readonly search: MessagePort
}

/** Opens the port and tells main so, or why not. */
export async function runListener(
  settings: ListenerSettings,
  ends: ListenerEnds,
  around: { readonly main: Port<ToListener, FromListener>; readonly log: Logger },
): Promise<void> {
  const { main, log } = around
  const { shards, workers } = settings
  // On one machine nothing of Redis is loaded.
  const end = settings.commonLimits && (await import('./common-limits-end.ts'))
  const engine = new Engine({
    clock: realClock,
    timers: realTimers,
    random: realRandom(),
    control: portOf(ends.engine),
    portOf,
    shards,
    workers,
  })
  const tables = new TablesClient({
    timers: realTimers,
    onNotice: (notice) => {
      authenticator.heed(notice)
      if (notice.type === 'signingKeysChanged' || notice.type === 'missed') signingKeys.forget()
      if (notice.type === 'orderChanged') orderStreams.noteChanged(notice.orderId)
      else if (notice.type === 'missed') orderStreams.noteAllChanged()
    },
    ...(settings.tablesPath === undefined ? {} : { reader: new TablesReader(settings.tablesPath) }),
    revocations: new RevocationCount(settings.revocations),
    sharing: new TablesSharing(settings.tablesSharing),
  })
  tables.connect(portOf(ends.tables))
  const orderStreams = new OrderStreams({ tables, timers: realTimers })
  const gateway = await openGateway(settings.payments, { tables, clock: realClock, log })
  const apiKeys = apiKeysOf(tables)
  const random = realRandom()
  const passwords = new PasswordClient(portOf(ends.passwords), random)
  const signingKeys = new SigningKeys({ tables, clock: realClock, random })
  const { accessTokenMs: lifeMs, refreshTokenMs: refreshMs, tokenIssuer: issuer } = settings
  const tokens = new AccessTokens({ keys: signingKeys, clock: realClock, issuer, lifeMs })
  const authenticator = new TokenAuthenticator({
    keys: new KeyAuthenticator({ adminKey: settings.adminKey, apiKeys, clock: realClock, heard: tables }),
    people: new PersonAuthenticator({ tokens, tables, clock: realClock, heard: tables }),
  })
  const history = new HistoryClient({
    clock: realClock,
    timers: realTimers,
    control: portOf(ends.history),
    portOf,
  })
  const search = new SearchClient({
    clock: realClock,
    timers: realTimers,
    control: portOf(ends.search),
    portOf,
  })
  const streams = new StockStreams({ engine, history, clock: realClock, timers: realTimers, random })
  const registry = new Registry()
  registerStreamMetrics(registry, streams)
  const ownLimits = new SharedRateLimits(settings.rateMemory, realClock)
  const seams = { clock: realClock, timers: realTimers, random }
  const common =
    end && settings.commonLimits && new end.CommonRateLimitsEnd(ownLimits, settings.commonLimits, seams)
  common?.register(registry)
  common?.start()
  const images = await openImages(settings.images, seams)
  const damage = new DamageBoard(settings.damage)
  const restoration = new RestorationBoard(settings.restoration)
  const events = settings.events === undefined ? undefined : new EventsBoard(settings.events)
  const drain: Drain = { started: false }
  const texts = new Map<number, (text: string) => void>()
  const app = createApp({
    engine,
    board: engine,
    splits: new SplitCoordinator(engine, { clock: realClock, timers: realTimers, shards }),
    shards,
    authenticator,
    rateLimits: common?.limits ?? ownLimits,
    cooldowns: new SharedCooldowns(settings.cooldownMemory, realClock),
    trustedProxies: settings.trustedProxies,
    corsOrigins: settings.corsOrigins,
    webhookPolicy: settings.webhookPolicy,
    apiKeys,
    gateway,
    chargeTimeoutMs: chargeTimeoutOf(settings.payments),
    orderStreams,
    tables,
    accounts: new Accounts({ tables, passwords, tokens, clock: realClock, refreshMs }),
    signingKeys,
    images,
    history,
    search,
    streams,
    restoration,
    status: {
      readiness: () =>
        readinessOf(engine.workers(), {
          isClosing: drain.started,
          damaged: damage.damaged,
          undecided: restoration.isOpen ? restoration.undecided : undefined,
          ...(events !== undefined && { events: { trouble: events.trouble } }),
          isShared: settings.isShared,
        }),
      metricsText: () => askForMetrics(main, texts),
    },
    metricsPublic: settings.metricsPublic,
    registry,
    log,
    clock: realClock,
    random,
    drain,
    version: settings.version,
  })

  const closeEnds = () => {
    engine.close()
    tables.close()
    passwords.close()
    history.close()
    search.close()
    images.close()
    common?.close()
  }
  let server: RunningServer
  try {
    const { host, port, reusePort } = settings
    server = await startServer({ fetch: app.fetch, host, port, reusePort, drain, log })
  } catch (error) {
    closeEnds()
    const { message } = error as Error
    return main.send({ type: 'failed', code: (error as NodeJS.ErrnoException).code, message })
  }
  main.receive((message) => {
    if (message.type === 'drain') drain.started = true
    else if (message.type === 'metrics') {
      texts.get(message.id)?.(message.text)
      texts.delete(message.id)
    } else if (message.type === 'collect') {
      void registry.getMetricsAsJSON().then((values: RegistryValues) => {
        main.send({ type: 'collected', id: message.id, values })
      })
    } else {
      // They would never end by themselves.
      streams.end()
      orderStreams.end()
      void server.close(message.deadlineMs).then(() => {
        closeEnds()
        main.send({ type: 'closed' })
        main.close()
      })
    }
  })
  main.send({ type: 'listening', port: server.port })
}

let lastMetricsId = 0

function askForMetrics(main: Port<ToListener, FromListener>, texts: Map<number, (text: string) => void>) {
  return new Promise<string>((resolve) => {
    const id = ++lastMetricsId
    texts.set(id, resolve)
    main.send({ type: 'metricsWanted', id })
  })
}
