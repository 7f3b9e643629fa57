/**
 * What a node's limits have in common with those of the others: the key under which identities are hashed alike, the
 * connections, and main's part, which hears the others and tells them of expiries.
 */
import { createHash } from 'node:crypto'
import { Gauge, Counter as PrometheusCounter, type Registry } from 'prom-client'
import { KeptConnection } from '../cluster/kept-connection.ts'
import { limitsChannel } from '../cluster/key-names.ts'
import type { Count, NodeTag } from '../cluster/limits/announcement.ts'
import { Announcer } from '../cluster/limits/announcer.ts'
import { CommonCounter } from '../cluster/limits/common-counter.ts'
import { Hearing } from '../cluster/limits/hearing.ts'
import type { CustomerId } from '../domain/ids.ts'
import type { ThreadLog } from '../kept-thread.ts'
import { countWithinMs } from '../limits/common-limits.ts'
import { RedisNodes } from '../persistence/redis/redis-nodes.ts'
import type { RedisAccess } from '../redis-url.ts'
import type { Clock, Random, Timers } from '../seams.ts'
import { CommonRateLimits, expiryKind, policyOfKind } from './common-rate-limits.ts'
import type { SharedCooldowns } from './cooldowns.ts'
import { type HashKey, KeyedHash } from './keyed-hash.ts'
import type { SharedRateLimits } from './rate-limits.ts'

/** May be sent to other threads. */
export type CommonLimitsSettings = {
  readonly redis: RedisAccess
  /** Says which messages are this node's own. */
  readonly tag: NodeTag
}

type Seams = { readonly clock: Clock; readonly timers: Timers; readonly random: Random }

/** The same on all nodes of a cluster, and nobody's to guess. */
export function commonHashKey(clusterSecret: string): HashKey {
  const digest = createHash('sha256').update(`holdfast limits\0${clusterSecret}`).digest()
  return [digest.readInt32BE(0), digest.readInt32BE(4)]
}

export function drawNodeTag(random: Random): NodeTag {
  return Uint8Array.from({ length: 8 }, () => Math.floor(random.fraction() * 256))
}

/** A listener's end: a connection of its own, so that what it tells and asks passes through no other thread. */
export class CommonRateLimitsEnd {
  readonly limits: CommonRateLimits
  readonly #connection: KeptConnection
  readonly #announcer: Announcer

  constructor(own: SharedRateLimits, settings: CommonLimitsSettings, seams: Seams) {
    this.#connection = keptConnection(settings, seams)
    const announcing = { connection: this.#connection, tag: settings.tag, timers: seams.timers }
    this.#announcer = new Announcer({ ...announcing, keepsWhileAway: false })
    const counter = new CommonCounter(this.#connection)
    this.limits = new CommonRateLimits(own, { announcer: this.#announcer, counter })
  }

  start(): void {
    this.#connection.start()
  }

  /** Whether Redis is there. */
  get isOpen(): boolean {
    return this.#connection.current !== undefined
  }

  register(registry: Registry): void {
    const announcer = this.#announcer
    const { limits } = this
    const isOpen = () => this.isOpen
    new Gauge({
      name: 'holdfast_limits_common',
      help: '1 where listeners count callers’ requests together with other nodes, 0 where one of them counts alone.',
      aggregator: 'min',
      registers: [registry],
      collect() {
        this.set(isOpen() ? 1 : 0)
      },
    })
    new PrometheusCounter({
      name: 'holdfast_limit_counts_total',
      help: 'Requests that other nodes were told of, or could not be told of.',
      labelNames: ['told'],
      registers: [registry],
      collect() {
        this.reset()
        this.inc({ told: 'yes' }, announcer.told)
        this.inc({ told: 'no' }, announcer.untold)
      },
    })
    new PrometheusCounter({
      name: 'holdfast_limits_decided_alone_total',
      help: 'Logins and registrations counted on this node alone, as Redis did not answer.',
      registers: [registry],
      collect() {
        this.reset()
        this.inc(limits.decidedAlone)
      },
    })
  }

  close(): void {
    this.#connection.close()
  }
}

export type CommonLimitsOptions = Seams & {
  readonly settings: CommonLimitsSettings
  readonly hashKey: HashKey
  readonly rateLimits: SharedRateLimits
  readonly cooldowns: SharedCooldowns
  readonly log: ThreadLog
}

/** Main's part. */
export class CommonLimits {
  readonly #options: CommonLimitsOptions
  readonly #hash: KeyedHash
  readonly #connection: KeptConnection
  readonly #announcer: Announcer
  readonly #hearing: Hearing

  constructor(options: CommonLimitsOptions) {
    this.#options = options
    const { settings, timers, random, log } = options
    this.#hash = new KeyedHash(options.hashKey)
    this.#connection = keptConnection(settings, options)
    const announcing = { connection: this.#connection, tag: settings.tag, timers }
    this.#announcer = new Announcer({ ...announcing, keepsWhileAway: true })
    this.#hearing = new Hearing({
      nodes: nodesOf(settings, options),
      tag: settings.tag,
      timers,
      random,
      onCount: (count) => this.#hear(count),
      onOpen: () => log('info', 'limits.common', {}),
      onAway: (reason) => log('warn', 'limits.alone', { reason }),
    })
  }

  start(): void {
    this.#connection.start()
    this.#hearing.start()
  }

  /** Reservations of these have expired in a shard of this node. */
  noteExpired(customerIds: readonly CustomerId[]): void {
    this.#options.cooldowns.note(customerIds)
    for (const customerId of customerIds) {
      this.#hash.digest(customerId)
      this.#announcer.note(expiryKind, this.#hash, false)
    }
  }

  /** Whether it hears the other nodes. */
  get isOpen(): boolean {
    return this.#hearing.isOpen && this.#connection.current !== undefined
  }

  close(): void {
    this.#connection.close()
    this.#hearing.close()
  }

  #hear({ kind, identity }: Count): void {
    const { rateLimits, cooldowns } = this.#options
    if (kind === expiryKind) return cooldowns.noteHashed(identity)
    const policy = policyOfKind(kind)
    if (policy !== undefined) rateLimits.owe(policy, identity)
  }
}

function keptConnection(settings: CommonLimitsSettings, seams: Seams): KeptConnection {
  const { timers, random } = seams
  const nodes = nodesOf(settings, seams)
  return new KeptConnection({ nodes, key: limitsChannel, timers, random, commandTimeoutMs: countWithinMs })
}

function nodesOf({ redis }: CommonLimitsSettings, { clock, timers }: Seams): RedisNodes {
  return new RedisNodes(redis, { clock, timers })
}
