/**
 * Who pays for a request, out of which limit, and what they are told of it: the header fields of
 * draft-ietf-httpapi-ratelimit-headers-11, and 429 where nothing is left.
 *
 * Whoever shows no identity pays by their address, a customer by themselves, wherever they call from, and, if that is set,
 * by their address too. Keys pay nothing unless a rate is set for them.
 */
import { Counter, type Registry } from 'prom-client'
import { unreachable } from '../domain/assert.ts'
import type { Network } from '../ip-address.ts'
import { cooldownExpiries } from '../limits.ts'
import type { Random } from '../seams.ts'
import { clientKeyOf } from './client-key.ts'
import type { Cooldowns } from './cooldowns.ts'
import type { Principal } from './parts.ts'
import type { RateLimits, RatePolicy } from './rate-limits.ts'
import type { Taken } from './rate-table.ts'
import { problem, retryAfter } from './responses.ts'
import type { Call } from './route.ts'

/** Those that count requests; the others count what comes of some of them. */
type RequestPolicy = Extract<RatePolicy, 'customer' | 'address-customers' | 'address' | 'key'>

/** What a request took from its caller's limits. */
export type Toll = {
  /** For the reply, whatever it is. */
  readonly fields: Readonly<Record<'ratelimit' | 'ratelimit-policy', string>>
  /** The limit that had nothing left: the request is not served. */
  readonly refused: { readonly policy: RequestPolicy; readonly retryInMs: number } | undefined
}

export type RateGateParts = {
  readonly rateLimits: RateLimits
  readonly cooldowns: Cooldowns
  readonly trustedProxies: readonly Network[]
  readonly random: Random
  readonly registry: Registry
}

const SECOND_MS = 1_000

export class RateGate {
  readonly #parts: RateGateParts
  /** As the header field has them. */
  readonly #policies: Readonly<Record<RequestPolicy, string>>
  readonly #refusals = new Map<RequestPolicy, number>()
  #cooledDown = 0

  constructor(parts: RateGateParts) {
    this.#parts = parts
    const { rates } = parts.rateLimits
    const policyOf = (policy: RequestPolicy) => `"${policy}";q=${rates[policy]};w=1`
    this.#policies = {
      customer: policyOf('customer'),
      'address-customers': policyOf('address-customers'),
      address: policyOf('address'),
      key: policyOf('key'),
    }
    this.#register(parts.registry)
  }

  /** Takes the request from the limits of whoever makes it. Undefined where they have none: then it has cost nothing. */
  charge(context: Call['context'], principal: Principal | undefined): Toll | undefined | Promise<Toll> {
    const { rates } = this.#parts.rateLimits
    switch (principal?.role) {
      case undefined:
        return rates.address === 0 ? undefined : this.#take('address', this.#clientOf(context))
      case 'customer':
        return this.#chargeCustomer(context, principal.customerId)
      case 'service':
      case 'staff':
      case 'admin':
        return rates.key === 0 ? undefined : this.#take('key', principal.callerId)
      default:
        return unreachable(principal)
    }
  }

  /** 429 for a request whose toll was refused. */
  refusal(call: Call, { policy, retryInMs }: NonNullable<Toll['refused']>): Response {
    const { rateLimits, random } = this.#parts
    const detail = `${WHOSE[policy]} may make ${rateLimits.rates[policy]} requests a second.`
    const wait = { 'retry-after': retryAfter(retryInMs / SECOND_MS, random) }
    return problem(call, 'rate-limited', detail, { policy }, wait)
  }

  /** Serves a call that takes units, unless a customer makes it whose reservations have expired too often. */
  unlessCoolingDown(call: Call, serve: () => Response | Promise<Response>): Response | Promise<Response> {
    if (call.principal?.role !== 'customer') return serve()
    const leftMs = this.#parts.cooldowns.leftMs(call.principal.customerId)
    const answer = (ms: number) => (ms > 0 ? this.#coolDown(call, ms) : serve())
    return leftMs instanceof Promise ? leftMs.then(answer) : answer(leftMs)
  }

  #coolDown(call: Call, leftMs: number): Response {
    this.#cooledDown += 1
    const seconds = Math.ceil(leftMs / SECOND_MS)
    const detail = `${cooldownExpiries} reservations of this customer have expired within an hour. They can reserve again in ${seconds} s.`
    return problem(call, 'expiry-cooldown', detail, undefined, { 'retry-after': String(seconds) })
  }

  #chargeCustomer(context: Call['context'], customerId: string): Toll | undefined | Promise<Toll> {
    const { rates } = this.#parts.rateLimits
    if (rates['address-customers'] > 0) return this.#chargeBoth(context, customerId)
    return rates.customer === 0 ? undefined : this.#take('customer', customerId)
  }

  async #chargeBoth(context: Call['context'], customerId: string): Promise<Toll> {
    const { rates } = this.#parts.rateLimits
    const shared = await this.#take('address-customers', this.#clientOf(context))
    if (shared.refused !== undefined || rates.customer === 0) return shared
    const own = await this.#take('customer', customerId)
    const both = (name: keyof Toll['fields']) => `${own.fields[name]}, ${shared.fields[name]}`
    const fields = { ratelimit: both('ratelimit'), 'ratelimit-policy': both('ratelimit-policy') }
    return { fields, refused: own.refused }
  }

  #take(policy: RequestPolicy, identity: string): Toll | Promise<Toll> {
    const taken = this.#parts.rateLimits.take(policy, identity)
    return taken instanceof Promise
      ? taken.then((later) => this.#tollOf(policy, later))
      : this.#tollOf(policy, taken)
  }

  #tollOf(policy: RequestPolicy, taken: Taken): Toll {
    const isTaken = taken.type === 'taken'
    const seconds = Math.ceil((isTaken ? taken.fullInMs : taken.retryInMs) / SECOND_MS)
    const fields = {
      ratelimit: `"${policy}";r=${isTaken ? taken.left : 0};t=${seconds}`,
      'ratelimit-policy': this.#policies[policy],
    }
    if (isTaken) return { fields, refused: undefined }
    this.#refusals.set(policy, (this.#refusals.get(policy) ?? 0) + 1)
    return { fields, refused: { policy, retryInMs: taken.retryInMs } }
  }

  #clientOf(context: Call['context']): string {
    return clientKeyOf(context, this.#parts.trustedProxies)
  }

  /** Numbers of this listener; they become Prometheus' when somebody scrapes. */
  #register(registry: Registry): void {
    const refusals = this.#refusals
    new Counter({
      name: 'holdfast_rate_limited_total',
      help: 'Requests refused because a limit had nothing left, by limit.',
      labelNames: ['policy'],
      registers: [registry],
      collect() {
        this.reset()
        for (const [policy, count] of refusals) this.inc({ policy }, count)
      },
    })
    const cooledDown = () => this.#cooledDown
    new Counter({
      name: 'holdfast_cooldown_refusals_total',
      help: 'Requests of customers refused because their reservations expire again and again.',
      registers: [registry],
      collect() {
        this.reset()
        this.inc(cooledDown())
      },
    })
  }
}

const WHOSE: Readonly<Record<RequestPolicy, string>> = {
  customer: 'One customer',
  'address-customers': 'All customers of one address together',
  address: 'One address without a token',
  key: 'One key',
}
