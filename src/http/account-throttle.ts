/**
 * How often somebody may guess a password, and make an account.
 *
 * G1  What counts is a login that fails, by account and address together and by address alone. So nobody can lock a victim
 *     out who signs in from elsewhere, and whoever knows their password is never held up by how often they use it.
 * G2  A login takes its place before the password is looked at, or any number at once would be free; it has it back where
 *     the password was right, and where nobody could say.
 * G3  Where all places are taken by logins of which nobody knows yet, a few more wait for one of them: somebody with ten
 *     devices may sign in on all of them at once.
 */
import { Counter, type Registry } from 'prom-client'
import type { Network } from '../ip-address.ts'
import type { Random } from '../seams.ts'
import { clientKeyOf } from './client-key.ts'
import { GuessesUnderWay } from './guesses-under-way.ts'
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
  readonly #underWay = new GuessesUnderWay()

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
  async guess<Answer>(
    call: Call,
    account: string,
    attempt: { readonly make: () => Promise<Answer>; readonly isWrong: (answer: Answer) => boolean },
  ): Promise<Answer> {
    const client = clientKeyOf(call.context, this.#parts.trustedProxies)
    const taken: Place[] = []
    let isWrong = false
    try {
      await this.#take({ policy: 'login-address', identity: client }, taken)
      await this.#take({ policy: 'login', identity: `${client} ${account}` }, taken)
      const answer = await attempt.make()
      isWrong = attempt.isWrong(answer)
      return answer
    } finally {
      for (const place of taken) {
        if (!isWrong) await this.#parts.rateLimits.giveBack(place.policy, place.identity)
        this.#underWay.end(keyOf(place))
      }
    }
  }

  /** Makes an account, or finds that it cannot be made. Throws 429. */
  async register<Answer>(call: Call, make: () => Promise<Answer>): Promise<Answer> {
    const identity = clientKeyOf(call.context, this.#parts.trustedProxies)
    const { rateLimits } = this.#parts
    const place: Place = { policy: 'registration', identity }
    if (rateLimits.rates.registration === 0) return make()
    const tried = await rateLimits.take(place.policy, identity)
    if (tried.type === 'refused') throw this.#refusal(place.policy, tried.retryInMs)
    try {
      return await make()
    } catch (error) {
      await rateLimits.giveBack(place.policy, identity)
      throw error
    }
  }

  /** Takes the place, or waits for it where it may come back. */
  async #take(place: Place, taken: Place[]): Promise<void> {
    const { policy, identity } = place
    const { rateLimits } = this.#parts
    if (rateLimits.rates[policy] === 0) return
    const key = keyOf(place)
    for (;;) {
      const trying = rateLimits.take(policy, identity)
      // Not awaited where it is known: whoever is refused next must find this one under way.
      const tried = trying instanceof Promise ? await trying : trying
      if (tried.type === 'taken') break
      if (!(await this.#underWay.nextEnd(key))) throw this.#refusal(policy, tried.retryInMs)
    }
    this.#underWay.begin(key)
    taken.push(place)
  }

  #refusal(policy: AccountPolicy, retryInMs: number): Problem {
    const { rateLimits, random } = this.#parts
    this.#refusals.set(policy, (this.#refusals.get(policy) ?? 0) + 1)
    const minutes = rateWindowsMs[policy] / MINUTE_MS
    const within = minutes === 1 ? 'a minute' : `${minutes} minutes`
    const detail = `There can be ${rateLimits.rates[policy]} ${WHAT[policy]} in ${within}.`
    const headers = { 'retry-after': retryAfter(retryInMs / SECOND_MS, random) }
    return new Problem('rate-limited', detail, { members: { policy }, headers })
  }
}

function keyOf({ policy, identity }: Place): string {
  return `${policy} ${identity}`
}
