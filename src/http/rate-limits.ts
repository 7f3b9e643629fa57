/**
 * How many requests a caller may make: the port behind which they are counted, and the memory in which the listeners of one
 * process count together (docs/decisions/rate-limits.md).
 */
import { assert } from '../domain/assert.ts'
import { ratePlaces } from '../limits.ts'
import type { Clock, Random } from '../seams.ts'
import { type HashKey, KeyedHash } from './keyed-hash.ts'
import { RateTable, type RateTableMemory, rateTableMemory, type Taken } from './rate-table.ts'

/** Whose requests are counted together; the names are those of the header fields. */
export type RatePolicy = 'customer' | 'address-customers' | 'address' | 'key'

/** Requests a second, as many of them at once; 0: without limit. */
export type Rates = Readonly<Record<RatePolicy, number>>

export type RateLimits = {
  readonly rates: Rates
  /**
   * Takes one request from what the identity has left under a policy that has a limit. A refused one takes nothing. At once
   * where it can be: the hot path must not wait for a promise.
   */
  take(policy: RatePolicy, identity: string): Taken | Promise<Taken>
}

/** May be sent to other threads, and is then the same memory there. */
export type RateMemory = {
  readonly rates: Rates
  readonly hashKey: HashKey
  readonly tables: readonly { readonly policy: RatePolicy; readonly memory: RateTableMemory }[]
}

export function rateMemory(rates: Rates, random: Random, places: number = ratePlaces): RateMemory {
  const limited = (Object.keys(rates) as RatePolicy[]).filter((policy) => rates[policy] > 0)
  const tables = limited.map((policy) => ({ policy, memory: rateTableMemory(rates[policy], places) }))
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
    const table = this.#tables.get(policy)
    assert(table !== undefined, 'only what has a limit is counted')
    this.#hash.digest(identity)
    return table.take(this.#hash, this.#clock.monotonicMs())
  }

  /** Identities that have used something of their limit, and how many can be told apart. */
  sizes(): readonly { readonly policy: RatePolicy; readonly inUse: number; readonly max: number }[] {
    const nowMs = this.#clock.monotonicMs()
    return [...this.#tables].map(([policy, table]) => {
      return { policy, inUse: table.inUse(nowMs), max: table.places }
    })
  }
}
