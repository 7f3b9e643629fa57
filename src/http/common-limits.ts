/** Main's part in what a node's limits have in common with those of the others: it hears them, and tells them of expiries. */
import { KeptConnection } from '../cluster/kept-connection.ts'
import { limitsChannel } from '../cluster/key-names.ts'
import type { Count, NodeTag } from '../cluster/limits/announcement.ts'
import { Announcer } from '../cluster/limits/announcer.ts'
import { Hearing } from '../cluster/limits/hearing.ts'
import type { ClusterConfig } from '../config/cluster-settings.ts'
import type { CustomerId } from '../domain/ids.ts'
import type { ThreadLog } from '../kept-thread.ts'
import { countWithinMs } from '../limits/common-limits.ts'
import { RedisNodes } from '../persistence/redis/redis-nodes.ts'
import type { RedisAccess } from '../redis-url.ts'
import type { Clock, Random, Timers } from '../seams.ts'
import { expiryKind, policyOfKind } from './common-rate-limits.ts'
import { SharedCooldowns } from './cooldowns.ts'
import { KeyedHash } from './keyed-hash.ts'
import type { LimitMemories } from './limit-memories.ts'
import { SharedRateLimits } from './rate-limits.ts'

/** May be sent to other threads. */
export type CommonLimitsSettings = {
  readonly redis: RedisAccess
  /** Says which messages are this node's own. */
  readonly tag: NodeTag
}

export type Seams = { readonly clock: Clock; readonly timers: Timers; readonly random: Random }

function drawNodeTag(random: Random): NodeTag {
  return Uint8Array.from({ length: 8 }, () => Math.floor(random.fraction() * 256))
}

export type CommonLimitsOptions = Seams & {
  readonly settings: CommonLimitsSettings
  readonly memories: LimitMemories
  readonly log: ThreadLog
}

/** Main's part, where there can be other nodes to count with. */
export function openCommonLimits(
  cluster: ClusterConfig,
  options: Omit<CommonLimitsOptions, 'settings'>,
): CommonLimits | undefined {
  if (cluster.type === 'single') return undefined
  return new CommonLimits({
    ...options,
    settings: { redis: cluster.redis, tag: drawNodeTag(options.random) },
  })
}

export class CommonLimits {
  /** For this node's listeners. */
  readonly settings: CommonLimitsSettings
  readonly #rateLimits: SharedRateLimits
  readonly #cooldowns: SharedCooldowns
  readonly #hash: KeyedHash
  readonly #connection: KeptConnection
  readonly #announcer: Announcer
  readonly #hearing: Hearing

  constructor({ settings, memories, log, ...seams }: CommonLimitsOptions) {
    const { clock, timers, random } = seams
    const { tag } = settings
    this.settings = settings
    this.#rateLimits = new SharedRateLimits(memories.rates, clock)
    this.#cooldowns = new SharedCooldowns(memories.cooldowns, clock)
    this.#hash = new KeyedHash(memories.cooldowns.hashKey)
    this.#connection = keptConnection(settings, seams)
    this.#announcer = new Announcer({ connection: this.#connection, tag, timers, keepsWhileAway: true })
    this.#hearing = new Hearing({
      nodes: nodesOf(settings, seams),
      tag,
      timers,
      random,
      onCount: (count) => this.#hear(count),
      onOpen: () => log('info', 'limits.common', {}),
      onAway: (reason) => log('warn', 'limits.alone', { reason }),
      onUnreadable: () => log('warn', 'limits.unreadable', {}),
    })
  }

  start(): void {
    this.#connection.start()
    this.#hearing.start()
  }

  /** Reservations of these have expired in a shard of this node. */
  note(customerIds: readonly CustomerId[]): void {
    this.#cooldowns.note(customerIds)
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
    if (kind === expiryKind) return this.#cooldowns.noteHashed(identity)
    const policy = policyOfKind(kind)
    if (policy !== undefined) this.#rateLimits.owe(policy, identity)
  }
}

export function keptConnection(settings: CommonLimitsSettings, seams: Seams): KeptConnection {
  const { timers, random } = seams
  const nodes = nodesOf(settings, seams)
  return new KeptConnection({ nodes, key: limitsChannel, timers, random, commandTimeoutMs: countWithinMs })
}

function nodesOf({ redis }: CommonLimitsSettings, { clock, timers }: Seams): RedisNodes {
  return new RedisNodes(redis, { clock, timers })
}
