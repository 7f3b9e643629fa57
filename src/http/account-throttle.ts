/**
 * How often somebody may guess a password, and make an account.
 *
 * G1  What counts is a login that fails, by account and address together and by address alone. So nobody can lock a victim
 *     out who signs in from elsewhere, and whoever knows their password is never held up by how often they use it.
 * G2  A login takes its place before the password is looked at, or any number at once would be free; it has it back where
 *     the password was right, and where nobody could say.
 */
import { Counter, type Registry } from 'prom-client'
import type { Network } from '../ip-address.ts'
import type { Random } from '../seams.ts'
import { clientKeyOf } from './client-key.ts'
import { Problem } from './problems.ts'
import { type RateLimits, type RatePolicy, rateWindowsMs } from './rate-limits.ts'
import { retryAfter } from './responses.ts'
import type { Call } from './route.ts'

export type AccountThrottleParts = {
  readonly rateLimits: RateLimits
  readonly trustedProxies: readonly Network[]
  readonly random: Random
  readonly registry: Registry
}

type AccountPolicy = Extract<RatePolicy, 'login' | 'login-address' | 'registration'>
type Place = { readonly policy: AccountPolicy; readonly identity: string }

const SECOND_MS = 1_000
const MINUTE_MS = 60_000
const WHAT: Readonly<Record<AccountPolicy, string>> = {
  login: 'failed logins to one account from one address',
  'login-address': 'failed logins from one address',
  registration: 'registrations from one address',
}

export class AccountThrottle {
  readonly #parts: AccountThrottleParts
  readonly #refusals = new Map<AccountPolicy, number>()

  constructor(parts: AccountThrottleParts) {
    this.#parts = parts
    const refusals = this.#refusals
    new Counter({
      name: 'holdfast_account_throttled_total',
      help: 'Logins and registrations refused because there were too many, by limit.',
      labelNames: ['policy'],
      registers: [parts.registry],
      collect() {
        this.reset()
        for (const [policy, count] of refusals) this.inc({ policy }, count)
      },
    })
  }

  /** Makes one guess at an account's password; `isWrong` says whether it was one. Throws 429. */
  guess<Answer>(
    call: Call,
    account: string,
    attempt: { readonly make: () => Promise<Answer>; readonly isWrong: (answer: Answer) => boolean },
  ): Promise<Answer> {
    const client = clientKeyOf(call.context, this.#parts.trustedProxies)
    const places: readonly Place[] = [
      { policy: 'login-address', identity: client },
      { policy: 'login', identity: `${client} ${account}` },
    ]
    return this.#within(places, attempt.make, attempt.isWrong)
  }

  /** Makes an account, or finds that it cannot be made. Throws 429. */
  register<Answer>(call: Call, make: () => Promise<Answer>): Promise<Answer> {
    const identity = clientKeyOf(call.context, this.#parts.trustedProxies)
    return this.#within([{ policy: 'registration', identity }], make, () => true)
  }

  async #within<Answer>(
    wanted: readonly Place[],
    make: () => Promise<Answer>,
    counts: (answer: Answer) => boolean,
  ): Promise<Answer> {
    const places = wanted.filter(({ policy }) => this.#parts.rateLimits.rates[policy] > 0)
    await this.#take(places)
    let isCounted = false
    try {
      const answer = await make()
      isCounted = counts(answer)
      return answer
    } finally {
      if (!isCounted) await this.#giveBack(places)
    }
  }

  async #take(places: readonly Place[]): Promise<void> {
    const { rateLimits, random } = this.#parts
    for (const [index, { policy, identity }] of places.entries()) {
      const taken = await rateLimits.take(policy, identity)
      if (taken.type === 'taken') continue
      await this.#giveBack(places.slice(0, index))
      this.#refusals.set(policy, (this.#refusals.get(policy) ?? 0) + 1)
      const minutes = rateWindowsMs[policy] / MINUTE_MS
      const detail = `There can be ${rateLimits.rates[policy]} ${WHAT[policy]} in ${minutes === 1 ? 'a minute' : `${minutes} minutes`}.`
      const headers = { 'retry-after': retryAfter(taken.retryInMs / SECOND_MS, random) }
      throw new Problem('rate-limited', detail, { members: { policy }, headers })
    }
  }

  async #giveBack(places: readonly Place[]): Promise<void> {
    for (const { policy, identity } of places) await this.#parts.rateLimits.giveBack(policy, identity)
  }
}
