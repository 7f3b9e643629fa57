/**
 * Which pages of other origins may read what this API answers (https://fetch.spec.whatwg.org/#http-cors-protocol).
 *
 * None do unless `CORS_ORIGINS` names them. A reply never allows any origin, nor credentials: who calls is told by a header
 * field that no browser sends by itself, and by no cookie, so that a page that is not allowed can do nothing in a user's name.
 */
import { type Call, headerOf } from './route.ts'

type Fields = Readonly<Record<string, string>>

/** What a page may send beyond what any form can. */
const REQUEST_FIELDS =
  'Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, X-Request-Id'
/** What a page may read of a reply beyond what is always readable. */
const REPLY_FIELDS =
  'ETag, Holdfast-Position, Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id'
/** Browsers keep an answer to OPTIONS for so long, and no more than two hours whatever they are told. */
const PREFLIGHT_KNOWN_SECONDS = 600

const DISALLOWED: Fields = { vary: 'Origin' }

export class CrossOrigin {
  readonly #allowed: ReadonlyMap<string, Fields>

  /** `origins` as browsers send them. */
  constructor(origins: readonly string[]) {
    this.#allowed = new Map(
      origins.map((origin) => [
        origin,
        {
          'access-control-allow-origin': origin,
          'access-control-expose-headers': REPLY_FIELDS,
          ...DISALLOWED,
        },
      ]),
    )
  }

  /** For every reply to this request. Undefined where no origin is allowed and none asked: then no cache can mix any up. */
  fieldsFor(context: Call['context']): Fields | undefined {
    const origin = headerOf(context, 'origin')
    if (origin === undefined) return this.#allowed.size === 0 ? undefined : DISALLOWED
    return this.#allowed.get(origin) ?? DISALLOWED
  }

  /** Beyond those, for the reply to OPTIONS, with which a browser asks before it sends what no form could. */
  preflightFieldsFor({ context }: Call, methods: readonly string[]): Fields {
    const origin = headerOf(context, 'origin')
    if (origin === undefined || !this.#allowed.has(origin)) return {}
    if (headerOf(context, 'access-control-request-method') === undefined) return {}
    return {
      'access-control-allow-methods': methods.join(', '),
      'access-control-allow-headers': REQUEST_FIELDS,
      'access-control-max-age': String(PREFLIGHT_KNOWN_SECONDS),
    }
  }
}
