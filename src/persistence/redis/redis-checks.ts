/**
 * Looks at every primary and replica before anything is kept in them, and refuses what would lose acknowledged data.
 * Waits for servers that are loading or electing; settings that are wrong do not get better by waiting.
 */
import type { AckPolicy } from '../../config/cluster-settings.ts'
import { redisBootWithinMs, redisRetryMs } from '../../limits/redis.ts'
import { isLoopback, nameOf, type RedisAccess, type RedisAddress } from '../../redis-url.ts'
import type { Clock, Timers } from '../../seams.ts'
import type { PrimaryView } from './cluster-view.ts'
import { SLOTS } from './key-slot.ts'
import { RedisBootError, RedisMismatch, RedisUnavailable } from './redis-error.ts'
import { judge } from './redis-judgement.ts'
import type { RedisMode, RedisNodes, RedisView } from './redis-nodes.ts'
import { readServerFacts, type ServerFacts } from './server-facts.ts'

export type CheckOptions = {
  readonly access: RedisAccess
  readonly ack: AckPolicy
  readonly isProduction: boolean
  readonly clock: Clock
  readonly timers: Timers
  readonly withinMs?: number
}

export type RedisReport = {
  readonly mode: RedisMode
  readonly primaries: readonly {
    readonly address: RedisAddress
    readonly version: string
    readonly replicas: number
    /** Fewer replicas than the policy waits for: it starts, and acknowledges nothing until they are there. */
    readonly isShort: boolean
  }[]
  /** For the log, a sentence each. */
  readonly warnings: readonly string[]
}

/** Resolves when all is as it must be; rejects with a `RedisBootError` that names every setting and why. */
export async function checkRedis(nodes: RedisNodes, options: CheckOptions): Promise<RedisReport> {
  const { clock, timers, withinMs = redisBootWithinMs } = options
  const givenUpMs = clock.monotonicMs() + withinMs
  for (;;) {
    try {
      return await checkOnce(nodes, options)
    } catch (error) {
      if (!(error instanceof RedisUnavailable)) throw error
      if (error instanceof RedisMismatch) throw new RedisBootError('unsupported', error.message)
      const forbidden = /\b(?:NOAUTH|WRONGPASS|NOPERM)\b.*/.exec(error.message)
      if (forbidden !== null) {
        throw new RedisBootError('forbidden', `Redis does not let REDIS_URL's user in: ${error.message}`)
      }
      if (clock.monotonicMs() + redisRetryMs >= givenUpMs) {
        throw new RedisBootError('unavailable', `Redis is not ready: ${error.message}`)
      }
      nodes.forget()
      await new Promise<void>((resolve) => void timers.after(redisRetryMs, resolve))
    }
  }
}

async function checkOnce(nodes: RedisNodes, options: CheckOptions): Promise<RedisReport> {
  const view = await nodes.view()
  const served = view.primaries
    .flatMap(({ slots }) => slots)
    .reduce((sum, [from, to]) => sum + to - from + 1, 0)
  if (served < SLOTS)
    throw new RedisUnavailable(`${SLOTS - served} of its ${SLOTS} slots are served by nobody`)
  const checked = await Promise.all(
    view.primaries.map((primary) => checkPrimary(nodes, view, primary, options)),
  )
  const problems = checked.flatMap((each) => each.problems)
  if (problems.length > 0) throw new RedisBootError('unsafe-settings', [...new Set(problems)].join('\n'))
  return {
    mode: view.mode,
    primaries: checked.map(({ facts, isShort }) => ({
      address: facts.address,
      version: facts.version,
      replicas: facts.replicas.length,
      isShort,
    })),
    warnings: [...new Set(checked.flatMap((each) => each.warnings))],
  }
}

async function checkPrimary(nodes: RedisNodes, view: RedisView, primary: PrimaryView, options: CheckOptions) {
  const { ack } = options
  const facts = await factsOf(nodes, primary.address)
  if (facts.isLoading) throw new RedisUnavailable(`${nameOf(primary.address)} is loading its data`)
  if (!facts.isPrimary) throw new RedisUnavailable(`${nameOf(primary.address)} is no primary now`)
  const circumstances = { ack, mode: view.mode, replicasKnown: primary.replicas.length }
  const judgements = [judge(facts, circumstances)]
  const warnings: string[] = []
  const addresses = new Map(
    [...facts.replicas, ...primary.replicas.map(({ address }) => address)].map((each) => [
      nameOf(each),
      each,
    ]),
  )
  for (const address of addresses.values()) {
    // It may be promoted, and then its own settings hold. One that cannot be reached is counted by its primary.
    const replica = await factsOf(nodes, address).catch((error: Error) => error.message)
    if (typeof replica === 'string') warnings.push(`a replica's settings could not be looked at: ${replica}`)
    else judgements.push(judge(replica, circumstances))
  }
  const isShort = ack.type === 'replicas' && facts.replicas.length < ack.count
  if (isShort) {
    warnings.push(
      `Redis at ${nameOf(primary.address)} has ${facts.replicas.length} of the ${ack.count} replicas that REDIS_ACK waits for: nothing is acknowledged until they are there`,
    )
  }
  const unprotected = [primary.address, ...addresses.values()].flatMap((each) =>
    protectionProblem(each, options),
  )
  return {
    facts,
    isShort,
    problems: [...judgements.flatMap(({ problems }) => problems), ...unprotected],
    warnings: [...judgements.flatMap((each) => each.warnings), ...warnings],
  }
}

/** The seeds are looked at when settings are read; a cluster may name others. */
function protectionProblem(address: RedisAddress, { access, isProduction }: CheckOptions): string[] {
  if (!isProduction || isLoopback(address.host) || (access.tls && access.password !== undefined)) return []
  return [
    `Redis at ${nameOf(address)} is another machine: in production REDIS_URL must be rediss:// with a password`,
  ]
}

async function factsOf(nodes: RedisNodes, address: RedisAddress): Promise<ServerFacts> {
  const connection = await nodes.connectTo(address)
  try {
    return await readServerFacts(connection, address)
  } catch (error) {
    throw new RedisUnavailable(
      `${nameOf(address)}: ${error instanceof Error ? error.message : String(error)}`,
    )
  } finally {
    connection.disconnect()
  }
}
