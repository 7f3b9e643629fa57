/**
 * How many requests a caller may make: the port behind which they are counted, and the memory in which the listeners of one
 * process count together (docs/decisions/rate-limits.md).
 */

import type { HashedIdentity } from '../cluster/limits/announcement.ts'
import { assert } from '../domain/assert.ts'
import { ratePlaces } from '../limits.ts'
import type { Clock, Random } from '../seams.ts'
import { type HashKey, KeyedHash } from './keyed-hash.ts'
import { RateTable, type RateTableMemory, rateTableMemory, type Taken } from './rate-table.ts'

/** Whose requests are counted together, and for how long; the names are those of the header fields. */
export const rateWindowsMs = {
  customer: 1_000,
  'address-customers': 1_000,
  address: 1_000,
  key: 1_000,
  /** Logins to one account from one address that fail. */
  login: 900_000,
  /** Logins from one address that fail, to whatever accounts. */
  'login-address': 60_000,
  /** Accounts made from one address. */
  registration: 60_000,
} as const satisfies Record<string, number>

export type RatePolicy = keyof typeof rateWindowsMs

/** Requests in a window, as many of them at once; 0: without limit. */
export type Rates = Readonly<Record<RatePolicy, number>>

export type RateLimits = {
  readonly rates: Rates
  /**
   * Takes one request from what the identity has left under a policy that has a limit. A refused one takes nothing. At once
   * where it can be: the hot path must not wait for a promise.
   */
  take(policy: RatePolicy, identity: string): Taken | Promise<Taken>
  /** Undoes one request that was taken: it was none of those that the policy counts. */
  giveBack(policy: RatePolicy, identity: string): void | Promise<void>
}

/** May be sent to other threads, and is then the same memory there. */
export type RateMemory = {
  readonly rates: Rates
  readonly hashKey: HashKey
  readonly tables: readonly { readonly policy: RatePolicy; readonly memory: RateTableMemory }[]
}

export function rateMemory(rates: Rates, random: Random, places: number = ratePlaces): RateMemory {
  const limited = (Object.keys(rates) as RatePolicy[]).filter((policy) => rates[policy] > 0)
  const tables = limited.map((policy) => {
    const rate = { quota: rates[policy], windowMs: rateWindowsMs[policy] }
    return { policy, memory: rateTableMemory(rate, places) }
  })
  return { rates, hashKey: hashKey(random), tables }
}

/** Drawn anew at each start: nobody can find two identities that share a place. */
export function hashKey(random: Random): HashKey {
  const word = () => Math.floor(random.fraction() * 0x1_0000_0000) | 0
  return [word(), word()]
}

/** Counts in memory that all listeners of the process share. */
export class SharedRateLimits implements RateLimits {
  readonly rates: Rates
  readonly #hash: KeyedHash
  readonly #tables: ReadonlyMap<RatePolicy, RateTable>
  readonly #clock: Clock

  constructor({ rates, hashKey, tables }: RateMemory, clock: Clock) {
    this.rates = rates
    this.#hash = new KeyedHash(hashKey)
    this.#tables = new Map(tables.map(({ policy, memory }) => [policy, new RateTable(memory)]))
    this.#clock = clock
  }

  take(policy: RatePolicy, identity: string): Taken {
    return this.#tableOf(policy, identity).take(this.#hash, this.#clock.monotonicMs())
  }

  giveBack(policy: RatePolicy, identity: string): void {
    this.#tableOf(policy, identity).giveBack(this.#hash, this.#clock.monotonicMs())
  }

  /** As the table knows the identity. */
  hashedOf(identity: string): HashedIdentity {
    this.#hash.digest(identity)
    const { high, low } = this.#hash
    return { high, low }
  }

  /** Of the identity that was taken from last, without digesting it anew; it holds until the next call. */
  get lastHashed(): HashedIdentity {
    return this.#hash
  }

  /** Another node has taken one request from what the identity has left here. */
  owe(policy: RatePolicy, identity: HashedIdentity): void {
    this.#tables.get(policy)?.owe(identity, this.#clock.monotonicMs())
  }

  /** What the identity has used, where it was counted for all nodes. */
  setUsed(policy: RatePolicy, identity: HashedIdentity, usedMs: number): void {
    this.#tables.get(policy)?.setUsed(identity, usedMs, this.#clock.monotonicMs())
  }

  /** Identities that have used something of their limit, and how many can be told apart. */
  sizes(): readonly { readonly policy: RatePolicy; readonly inUse: number; readonly max: number }[] {
    const nowMs = this.#clock.monotonicMs()
    return [...this.#tables].map(([policy, table]) => {
      return { policy, inUse: table.inUse(nowMs), max: table.places }
    })
  }

  /** With the identity digested. */
  #tableOf(policy: RatePolicy, identity: string): RateTable {
    const table = this.#tables.get(policy)
    assert(table !== undefined, 'only what has a limit is counted')
    this.#hash.digest(identity)
    return table
  }
}
