/**
 * Rate limits that all nodes count together (docs/decisions/shared-limits.md).
 *
 * C1  Requests are decided here and at once, from the memory of this node's listeners, and told to the other nodes, which
 *     owe them. So no request waits for Redis; a caller of several nodes at once may have each node's share of one moment, and
 *     pays for it by waiting longer.
 * C2  What is rare and a matter of safety, failed logins and registrations, is taken in Redis, exactly.
 * C3  Where Redis is away each node counts alone, with what it knew last.
 */

import type { HashedIdentity } from '../cluster/limits/announcement.ts'
import type { Announcer } from '../cluster/limits/announcer.ts'
import type { CommonCounter, CountedRate } from '../cluster/limits/common-counter.ts'
import { assert } from '../domain/assert.ts'
import { announceAtOnceShare } from '../limits/common-limits.ts'
import type { Clock } from '../seams.ts'
import {
  type RateLimits,
  type RatePolicy,
  type Rates,
  rateWindowsMs,
  type SharedRateLimits,
} from './rate-limits.ts'
import type { Taken } from './rate-table.ts'
import { RefusedLately } from './refused-lately.ts'

/** Of those that are told, as messages between nodes have them: a number keeps its meaning forever. */
const kinds: Readonly<Partial<Record<RatePolicy, number>>> = {
  customer: 1,
  'address-customers': 2,
  address: 3,
  key: 4,
}
/** Of an expired reservation, in the same messages. */
export const expiryKind = 16

const policies = new Map(Object.entries(kinds).map(([policy, kind]) => [kind, policy as RatePolicy]))

/** Which limit a message of another node is about; undefined for one that this version does not know. */
export function policyOfKind(kind: number): RatePolicy | undefined {
  return policies.get(kind)
}

export type CommonRateLimitsParts = {
  readonly announcer: Announcer
  readonly counter: CommonCounter
  readonly clock: Clock
}

export class CommonRateLimits implements RateLimits {
  readonly rates: Rates
  readonly #own: SharedRateLimits
  readonly #announcer: Announcer
  readonly #counter: CommonCounter
  readonly #refused: RefusedLately
  /** Decisions that were to be exact and were made from this node's memory alone. */
  decidedAlone = 0

  constructor(own: SharedRateLimits, { announcer, counter, clock }: CommonRateLimitsParts) {
    this.rates = own.rates
    this.#own = own
    this.#announcer = announcer
    this.#counter = counter
    this.#refused = new RefusedLately(clock)
  }

  take(policy: RatePolicy, identity: string): Taken | Promise<Taken> {
    const kind = kinds[policy]
    if (kind === undefined) return this.#takeExactly(policy, identity)
    const taken = this.#own.take(policy, identity)
    if (taken.type === 'taken') {
      const isUrgent = taken.left < this.rates[policy] * (1 - announceAtOnceShare)
      this.#announcer.note(kind, this.#own.lastHashed, isUrgent)
    }
    return taken
  }

  giveBack(policy: RatePolicy, identity: string): Promise<void> {
    assert(kinds[policy] === undefined, 'what other nodes were told is not taken back')
    return this.#giveBackExactly(policy, identity)
  }

  async #takeExactly(policy: RatePolicy, identity: string): Promise<Taken> {
    const hashed = this.#own.hashedOf(identity)
    const key = keyOf(policy, hashed)
    const retryInMs = this.#refused.retryInMs(key)
    if (retryInMs !== undefined) return { type: 'refused', retryInMs }
    const counted = await this.#counter.take(this.#rateOf(policy), hashed)
    if (counted === undefined) {
      this.decidedAlone += 1
      return this.#own.take(policy, identity)
    }
    this.#own.setUsed(policy, hashed, counted.usedMs)
    if (counted.type === 'taken') return { type: 'taken', left: counted.left, fullInMs: counted.usedMs }
    this.#refused.note(key, counted.retryInMs)
    return { type: 'refused', retryInMs: counted.retryInMs }
  }

  async #giveBackExactly(policy: RatePolicy, identity: string): Promise<void> {
    const hashed = this.#own.hashedOf(identity)
    const usedMs = await this.#counter.giveBack(this.#rateOf(policy), hashed)
    if (usedMs === undefined) this.#own.giveBack(policy, identity)
    else this.#own.setUsed(policy, hashed, usedMs)
    this.#refused.forget(keyOf(policy, hashed))
  }

  #rateOf(policy: RatePolicy): CountedRate {
    return { name: policy, quota: this.rates[policy], windowMs: rateWindowsMs[policy] }
  }
}

function keyOf(policy: RatePolicy, { high, low }: HashedIdentity): string {
  return `${policy} ${high} ${low}`
}
