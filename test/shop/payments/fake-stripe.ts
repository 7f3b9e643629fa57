/**
 * A server that answers like Stripe's API, as far as the shop calls it: idempotency keys with their parameters, errors with
 * Stripe's types and codes, a search that is behind, refunds up to what is left. Form bodies in, JSON out.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type FakeIntent = {
  readonly id: string
  readonly object: 'payment_intent'
  /** Seconds. */
  readonly created: number
  status: 'succeeded' | 'processing' | 'requires_payment_method' | 'canceled' | 'requires_action'
  amount: number
  amount_received: number
  readonly currency: string
  readonly metadata: Readonly<Record<string, string>>
  last_payment_error: { readonly code: string; readonly decline_code?: string } | null
  latest_charge: { readonly object: 'charge'; amount_refunded: number } | null
  /** None of Stripe's: from when the search knows it. */
  readonly searchableFromMs: number
}
type FakeRefund = {
  readonly id: string
  readonly object: 'refund'
  readonly created: number
  status: string
  readonly amount: number
  readonly currency: string
  readonly payment_intent: string
  readonly metadata: Readonly<Record<string, string>>
}
type Answer = { readonly status: number; readonly body: object }
type Remembered = { readonly parameters: string; readonly answer: Answer }
/** How the next call fares: as it should, not at all, or done and never answered. */
export type Weather = 'fair' | 'lost' | 'unanswered' | 'broken' | 'crowded' | 'unauthorised' | 'busy'

const SEARCH_LAG_MS = 60_000
const DECLINES: Readonly<Record<string, { readonly code: string; readonly decline_code?: string }>> = {
  pm_declined: { code: 'card_declined', decline_code: 'generic_decline' },
  pm_insufficient: { code: 'card_declined', decline_code: 'insufficient_funds' },
  pm_expired: { code: 'expired_card' },
  pm_cvc: { code: 'incorrect_cvc' },
  pm_3ds: { code: 'authentication_required', decline_code: 'authentication_required' },
}

export class FakeStripe {
  readonly #server: Server
  readonly #nowMs: () => number
  readonly #keys = new Map<string, Remembered>()
  readonly intents: FakeIntent[] = []
  readonly refunds: FakeRefund[] = []
  /** Bodies of events, as they would be posted. */
  readonly events: string[] = []
  /** Every request's path, headers and body, for whoever looks for what should not be there. */
  readonly heard: {
    readonly path: string
    readonly headers: IncomingMessage['headers']
    readonly body: string
  }[] = []
  weather: Weather = 'fair'
  #count = 0

  private constructor(nowMs: () => number) {
    this.#nowMs = nowMs
    this.#server = createServer((request, response) => void this.#serve(request, response))
  }

  static async start(nowMs: () => number): Promise<FakeStripe> {
    const fake = new FakeStripe(nowMs)
    await new Promise<void>((resolve) => void fake.#server.listen(0, '127.0.0.1', resolve))
    return fake
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Stripe keeps keys for a day. */
  forgetKeys(): void {
    this.#keys.clear()
  }

  settle(): void {
    for (const intent of this.intents) {
      if (intent.status !== 'processing') continue
      if (intent.metadata.ends === 'failed') this.#fail(intent, { code: 'card_declined' })
      else this.#capture(intent)
    }
  }

  /** A payment that somebody else made on the same account. */
  takeFor({ amount, metadata }: Pick<FakeIntent, 'amount' | 'metadata'>): void {
    const intent = this.#newIntent({ amount, currency: 'usd', metadata })
    this.#capture(intent)
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    const url = new URL(request.url ?? '/', 'http://stripe')
    this.heard.push({ path: url.pathname, headers: request.headers, body })
    const weather = this.weather
    if (weather === 'lost') return void request.socket.destroy()
    if (weather === 'broken') return send(response, failure(500, { type: 'api_error' }))
    if (weather === 'crowded') {
      return send(response, failure(429, { type: 'invalid_request_error', code: 'rate_limit' }))
    }
    if (weather === 'busy') {
      return send(response, failure(409, { type: 'idempotency_error', code: 'idempotency_key_in_use' }))
    }
    if (weather === 'unauthorised') {
      return send(response, failure(401, { type: 'invalid_request_error', message: 'Invalid API Key' }))
    }
    const answer = this.#once(request, url, new URLSearchParams(body))
    if (weather !== 'unanswered') send(response, answer)
  }

  #once(request: IncomingMessage, url: URL, form: URLSearchParams): Answer {
    const run = () => this.#route(request.method ?? 'GET', url, form)
    const key = request.headers['idempotency-key']
    if (request.method !== 'POST' || typeof key !== 'string') return run()
    const parameters = `${url.pathname}?${form}`
    const before = this.#keys.get(key)
    if (before === undefined) {
      const answer = run()
      this.#keys.set(key, { parameters, answer })
      return answer
    }
    return before.parameters === parameters ? before.answer : failure(400, { type: 'idempotency_error' })
  }

  #route(method: string, url: URL, form: URLSearchParams): Answer {
    if (method === 'POST' && url.pathname === '/v1/payment_intents') return this.#createIntent(form)
    if (url.pathname === '/v1/payment_intents/search')
      return this.#search(url.searchParams.get('query') ?? '')
    if (method === 'POST' && url.pathname === '/v1/refunds') return this.#createRefund(form)
    if (url.pathname === '/v1/payment_intents') return this.#listIntents(url)
    if (url.pathname === '/v1/refunds') {
      const of = url.searchParams.get('payment_intent')
      if (of === null) return pageOf(this.refunds, url)
      if (!this.intents.some(({ id }) => id === of)) return missing('payment_intent')
      const own = this.refunds.filter((refund) => refund.payment_intent === of)
      return pageOf(own, url)
    }
    const id = /^\/v1\/payment_intents\/(\w+)$/.exec(url.pathname)?.[1]
    const intent = this.intents.find((each) => each.id === id)
    return intent === undefined ? missing('intent') : { status: 200, body: intent }
  }

  #createIntent(form: URLSearchParams): Answer {
    const token = form.get('payment_method') ?? form.get('payment_method_data[card][token]') ?? ''
    if (token === 'pm_nonsense') return missing('payment_method')
    const amount = Number(form.get('amount'))
    if (amount > 99_999_999) {
      return failure(400, { type: 'invalid_request_error', code: 'amount_too_large', param: 'amount' })
    }
    const intent = this.#newIntent({
      amount,
      currency: form.get('currency') ?? '',
      metadata: { ...metadataIn(form), ...(token === 'pm_pendingFails' ? { ends: 'failed' } : {}) },
    })
    const decline = DECLINES[token]
    if (decline !== undefined) {
      this.#fail(intent, decline)
      return failure(402, {
        type: 'card_error',
        message: 'Your card was declined.',
        ...decline,
        payment_intent: intent,
      })
    }
    if (!token.startsWith('pm_pending')) this.#capture(intent)
    return { status: 200, body: structuredClone(intent) }
  }

  #newIntent(asked: Pick<FakeIntent, 'amount' | 'currency' | 'metadata'>): FakeIntent {
    const intent: FakeIntent = {
      id: `pi_${++this.#count}`,
      object: 'payment_intent',
      created: this.#second(),
      status: 'processing',
      amount_received: 0,
      last_payment_error: null,
      latest_charge: null,
      searchableFromMs: this.#nowMs() + SEARCH_LAG_MS,
      ...asked,
    }
    this.intents.push(intent)
    return intent
  }

  #createRefund(form: URLSearchParams): Answer {
    const intent = this.intents.find(({ id }) => id === form.get('payment_intent'))
    if (intent === undefined) return missing('payment_intent')
    const charge = intent.latest_charge
    const amount = Number(form.get('amount'))
    if (charge === null)
      return failure(400, { type: 'invalid_request_error', message: 'no successful charge' })
    if (charge.amount_refunded === intent.amount) {
      return failure(400, { type: 'invalid_request_error', code: 'charge_already_refunded' })
    }
    if (charge.amount_refunded + amount > intent.amount) {
      return failure(400, {
        type: 'invalid_request_error',
        param: 'amount',
        message: 'greater than unrefunded',
      })
    }
    charge.amount_refunded += amount
    const refund: FakeRefund = {
      id: `re_${++this.#count}`,
      object: 'refund',
      created: this.#second(),
      status: 'succeeded',
      amount,
      currency: intent.currency,
      payment_intent: intent.id,
      metadata: metadataIn(form),
    }
    this.refunds.push(refund)
    this.tell('refund.updated', refund)
    return { status: 200, body: refund }
  }

  /** A charge is told by its id alone, unless it is asked for. */
  #listIntents(url: URL): Answer {
    const expands = [...url.searchParams].some(
      ([name, value]) => name.startsWith('expand[') && value === 'data.latest_charge',
    )
    const shown = this.intents.map((intent) => {
      const isPaid = intent.latest_charge !== null
      return expands || !isPaid ? intent : { ...intent, latest_charge: `ch_${intent.id}` }
    })
    return pageOf(shown, url)
  }

  #second(): number {
    return Math.floor(this.#nowMs() / 1_000)
  }

  #search(query: string): Answer {
    const key = /^metadata\['key'\]:'([^']*)'$/.exec(query)?.[1]
    const found = this.intents.filter(
      (intent) => intent.metadata.key === key && intent.searchableFromMs <= this.#nowMs(),
    )
    return { status: 200, body: { object: 'search_result', data: found, has_more: false, next_page: null } }
  }

  #capture(intent: FakeIntent): void {
    intent.status = 'succeeded'
    intent.amount_received = intent.amount
    intent.latest_charge = { object: 'charge', amount_refunded: 0 }
    this.tell('payment_intent.succeeded', intent)
  }

  #fail(intent: FakeIntent, error: { readonly code: string; readonly decline_code?: string }): void {
    intent.status = 'requires_payment_method'
    intent.last_payment_error = error
    this.tell('payment_intent.payment_failed', intent)
  }

  tell(type: string, object: object, more: object = {}): void {
    const id = `evt_${++this.#count}`
    this.events.push(
      JSON.stringify({ id, object: 'event', livemode: false, type, data: { object }, ...more }),
    )
  }
}

function metadataIn(form: URLSearchParams): Record<string, string> {
  const entries = [...form].flatMap(([name, value]) => {
    const member = /^metadata\[(\w+)\]$/.exec(name)?.[1]
    return member === undefined ? [] : [[member, value] as const]
  })
  return Object.fromEntries(entries)
}

const PAGE_USUAL = 10
const PAGE_MAX = 100

/** The newest first, behind `starting_after`, of those that are as new as `created[gte]` says. */
function pageOf(made: readonly { readonly id: string; readonly created: number }[], url: URL): Answer {
  const { pathname, searchParams } = url
  const limit = Number(searchParams.get('limit') ?? PAGE_USUAL)
  if (!(limit >= 1 && limit <= PAGE_MAX))
    return failure(400, { type: 'invalid_request_error', param: 'limit' })
  const since = Number(searchParams.get('created[gte]') ?? 0)
  const all = made.filter(({ created }) => created >= since).toReversed()
  const after = searchParams.get('starting_after')
  const begin = after === null ? 0 : all.findIndex(({ id }) => id === after) + 1
  if (after !== null && begin === 0) return missing('starting_after')
  const data = all.slice(begin, begin + limit)
  const body = { object: 'list', url: pathname, data, has_more: begin + limit < all.length }
  return { status: 200, body: structuredClone(body) }
}

function missing(param: string): Answer {
  return failure(404, {
    type: 'invalid_request_error',
    code: 'resource_missing',
    param,
    message: 'No such thing',
  })
}

function failure(status: number, error: object): Answer {
  return { status, body: { error } }
}

function send(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json', 'request-id': 'req_1' })
  response.end(JSON.stringify(body))
}
