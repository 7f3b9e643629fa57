/**
 * Everything that can go wrong, as RFC 9457 tells it: one table from code to status, title and what to do, which is also
 * what `/problems/<code>` shows.
 */
import type { EngineErrorCode } from '../actors/engine-error.ts'
import { unreachable } from '../domain/assert.ts'
import type { HistoryErrorCode } from '../history/history-error.ts'
import type { TablesErrorCode } from '../persistence/tables/tables-error.ts'
import type { SearchErrorCode } from '../search/search-error.ts'
import { ACCOUNT_PROBLEMS } from './account-problems.ts'
import { CATALOG_PROBLEMS } from './catalog-problems.ts'
import { SHOP_PROBLEMS } from './shop-problems.ts'
import { WEBHOOK_PROBLEMS } from './webhook-problems.ts'

export type ProblemEntry = {
  readonly status: number
  readonly title: string
  /** What it means, and what the caller can do about it. */
  readonly help: string
}

const CONFLICT = 409

export const PROBLEMS = {
  ...SHOP_PROBLEMS,
  'malformed-request': {
    status: 400,
    title: 'The request is not well-formed',
    help: 'The request line, the URL or a header field breaks HTTP’s own rules or this API’s. `detail` says which. Correct it and send the request again.',
  },
  'malformed-json': {
    status: 400,
    title: 'The body is not JSON',
    help: 'The body must be one JSON value in UTF-8 without a byte order mark, and may name each field once. `detail` says what was found.',
  },
  'validation-failed': {
    status: 400,
    title: 'The request does not fit its schema',
    help: '`errors` lists what to correct: each has the `path` of a field or parameter and a message. Fields this API does not know are refused, so that nothing is set by accident. The schemas are in /openapi.json.',
  },
  unauthenticated: {
    status: 401,
    title: 'No valid identity',
    help: 'Send `Authorization: Bearer <token>` with an API key (`hf_…`) or an access token that has neither expired nor been revoked.',
  },
  forbidden: {
    status: 403,
    title: 'This role may not do that',
    help: 'The token is valid, but its role does not reach this call. /docs names the role each call needs; an admin can make a key with it.',
  },
  'not-found': {
    status: 404,
    title: 'There is nothing here',
    help: 'No call of this API has this path. Paths are case-sensitive and have no trailing slash. /docs lists them.',
  },
  'unknown-product': {
    status: 404,
    title: 'No such product',
    help: 'Where units are concerned, the product never had stock: the first positive adjustment (POST /v1/products/{id}/stock/adjustments) creates it. Elsewhere it is not in the catalog: POST /v1/products puts it there.',
  },
  'unknown-reservation': {
    status: 404,
    title: 'No such reservation',
    help: 'The reservation does not exist, ended more than a day ago (an hour where the server is short of memory), or belongs to somebody else.',
  },
  'not-waiting': {
    status: 404,
    title: 'Not in line',
    help: 'The customer does not stand in line for this product: they never did, left it, or what came of it has ended. A sale that has closed has no line.',
  },
  'unknown-api-key': {
    status: 404,
    title: 'No such API key',
    help: 'There is no key with this id; it may have been revoked already. GET /v1/api-keys lists those there are.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'This path has no such method',
    help: 'The `Allow` header field of the reply lists the methods this path has.',
  },
  'request-timeout': {
    status: 408,
    title: 'The request took too long to arrive',
    help: 'Header fields and body must arrive within the server’s time limits. The connection was closed; open a new one and send the request again.',
  },
  'body-too-large': {
    status: 413,
    title: 'The body is too large',
    help: 'Bodies are limited to the number of bytes that `detail` names. Split the request.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The body’s type is not taken here',
    help: 'Send `Content-Type: application/json`, in UTF-8 and without a content encoding such as gzip. Where files are taken `detail` names their types.',
  },
  'idempotency-mismatch': {
    status: 422,
    title: 'The key came with another body before',
    help: 'This `Idempotency-Key` was used for this call within the last 24 hours, with another body. Nothing happened. Send the body it came with, or take a new key for what is a new request.',
  },
  'rate-limited': {
    status: 429,
    title: 'Too many requests',
    help: 'The request was refused before anything happened; it counts against no limit. `policy` names the limit, which the `RateLimit-Policy` header field describes. Try again after the seconds that `Retry-After` names, under the same Idempotency-Key.',
  },
  'expiry-cooldown': {
    status: 429,
    title: 'Too many reservations of this customer have expired',
    help: 'Nothing happened. Three reservations of this customer expired within an hour, and units that nobody buys are kept from those who would. What is held can still be read, extended and released. Reserve again after the seconds that `Retry-After` names.',
  },
  'headers-too-large': {
    status: 431,
    title: 'The header fields are too large',
    help: 'All header fields together are limited to 16 KiB. Send fewer or shorter ones.',
  },
  'out-of-stock': {
    status: CONFLICT,
    title: 'Not enough units are available',
    help: '`items` says what each product had left when this was decided. Ask for less, use `allowPartial`, or try again: units come back when reservations are released or expire.',
  },
  'per-customer-limit': {
    status: CONFLICT,
    title: 'The customer’s limit is reached',
    help: 'A sale allows each customer `limit` units in all their live and confirmed reservations; `remaining` are left to this one.',
  },
  'max-per-reservation': {
    status: CONFLICT,
    title: 'Too many units for one reservation',
    help: 'A sale allows `limit` units of this product in one reservation. Ask for less, or use `allowPartial`.',
  },
  'sale-not-open': {
    status: CONFLICT,
    title: 'The sale has not opened',
    help: 'The sale of this product begins at `opensAt`. Try again then.',
  },
  'sale-closed': {
    status: CONFLICT,
    title: 'The sale has closed',
    help: 'The sale of this product ended at `closesAt`. Reservations made before can still be confirmed.',
  },
  'product-retired': {
    status: CONFLICT,
    title: 'The product is not sold any more',
    help: 'The product was retired, which is for good: live reservations finish, new ones are refused, and it can be read but not changed.',
  },
  'reservation-exists': {
    status: CONFLICT,
    title: 'A reservation with this id was made before',
    help: 'The id that was drawn for this request is that of another reservation, or the request was heard twice. It changed nothing. Sent again, it gets a new id.',
  },
  'reservation-resolved': {
    status: CONFLICT,
    title: 'The reservation has ended already',
    help: 'A reservation ends once; `reservationStatus` says how: confirmed, released or expired. Make a new one if it is still wanted.',
  },
  'not-confirmed': {
    status: CONFLICT,
    title: 'The reservation has not been confirmed',
    help: 'Only confirmed units can be returned. To give back what is still held, release it.',
  },
  'return-window-over': {
    status: CONFLICT,
    title: 'Nothing can come back any more',
    help: 'The reservation was confirmed so long ago that its return window is over. Put the units back with a stock adjustment.',
  },
  'payment-started': {
    status: CONFLICT,
    title: 'Payment has started',
    help: 'Once payment has started the deadline is fixed at `deadline` and cannot be moved.',
  },
  'lifetime-exceeded': {
    status: CONFLICT,
    title: 'The reservation cannot live that long',
    help: 'A reservation can be kept alive until `latestExpiresAt`, two hours after it was made. Ask for a shorter time.',
  },
  'exceeds-held': {
    status: CONFLICT,
    title: 'More units than the reservation holds',
    help: 'The request names `requested` units of a product of which the reservation holds `held`.',
  },
  'exceeds-confirmed': {
    status: CONFLICT,
    title: 'More units than were confirmed',
    help: 'The request returns `requested` units of a product of which `confirmed` are left to return.',
  },
  'stock-below-held': {
    status: CONFLICT,
    title: 'Stock cannot go below what is held',
    help: 'Of `onHand` units, `held` are promised to live reservations. Wait until they end, or release them first.',
  },
  'stock-version-mismatch': {
    status: CONFLICT,
    title: 'The stock has changed since it was read',
    help: 'The product is at `version`, not at `expectedVersion`. Read it again and decide anew.',
  },
  'stock-above-max': {
    status: CONFLICT,
    title: 'More stock than a product can have',
    help: 'A product can have at most `onHandMax` units on hand.',
  },
  'stock-available': {
    status: CONFLICT,
    title: 'There is no need to wait',
    help: 'As many units as were asked for are `available` now. Reserve them.',
  },
  'already-waiting': {
    status: CONFLICT,
    title: 'In line already, for another quantity',
    help: 'The customer stands in line for `quantity` units. A place is for one quantity: leave the line and join it anew for another, or keep the place.',
  },
  'waitlist-full': {
    status: CONFLICT,
    title: 'The line is full',
    help: 'As many customers as can stand in line for this product do. Try again later.',
  },
  'idempotency-in-flight': {
    status: CONFLICT,
    title: 'The first request with this key is still running',
    help: 'This request changed nothing. Send it again after the seconds that `Retry-After` names: it is then answered as the first one was.',
  },
  'history-not-kept': {
    status: 410,
    title: 'What is kept begins later',
    help: 'The events of that time are not in the server’s journal any more: they were archived. `npm run journal -- stock <product> --at … --archive DIR` reads the archive.',
  },
  'api-keys-full': {
    status: CONFLICT,
    title: 'There are as many API keys as there may be',
    help: 'Revoke one that is not used any more, then make the new one.',
  },
  'internal-error': {
    status: 500,
    title: 'Something is wrong with this server',
    help: 'It is not the request’s fault. The server’s log tells more under the `requestId` of this reply.',
  },
  overloaded: {
    status: 503,
    title: 'Too busy',
    help: 'The request was refused before anything happened. Try again after the seconds that `Retry-After` names.',
  },
  'shard-unavailable': {
    status: 503,
    title: 'This part of the stock is recovering',
    help: 'Nothing happened. Other products are not affected. Try again after the seconds that `Retry-After` names.',
  },
  'history-behind': {
    status: 503,
    title: 'The history has not come that far',
    help: 'Lists and past stock follow the journal, and have not reached what was asked for within two seconds. Try again after the seconds that `Retry-After` names.',
  },
  'history-unavailable': {
    status: 503,
    title: 'The history is starting',
    help: 'Lists and past stock cannot be read at the moment; reservations and stock are not affected. Try again after the seconds that `Retry-After` names.',
  },
  'too-many-streams': {
    status: 503,
    title: 'There are as many streams as there may be',
    help: 'This server, or the address you call from, has as many open streams as it may have. Close one, or try again after the seconds that `Retry-After` names; until then read the stock now and then.',
  },
  'tables-unavailable': {
    status: 503,
    title: 'Keys cannot be looked up at the moment',
    help: 'Nothing happened. Keys that were used in the last seconds still work. Try again after the seconds that `Retry-After` names.',
  },
  'tables-not-shared': {
    status: 503,
    title: 'These nodes do not share their tables',
    help: 'Nothing happened. Several nodes run, and without `DATABASE_URL` each has accounts, products and orders of its own, so none answers for them; stock and reservations are not affected, and the only key is `ADMIN_KEY`. Whoever runs these servers has to set `DATABASE_URL` on all of them.',
  },
  'tables-damaged': {
    status: 500,
    title: 'What this rests on is damaged on the disk',
    help: 'Nothing happened. A row that this request needs is not what was written to it, so nothing is done by it. Trying again does not help before whoever runs this server has put it right; please report it with its `requestId`.',
  },
  'storage-full': {
    status: 503,
    title: 'There is no room to record this',
    help: 'Nothing happened. `detail` says what still works: some room is kept to confirm, release and return, for as long as it lasts. Whoever runs this server must make room on its disk.',
  },
  'memory-full': {
    status: 503,
    title: 'There is no memory for more reservations or products',
    help: 'Nothing happened. What is held or sold can still be confirmed, released and returned. There is room again when reservations have ended for an hour, or when whoever runs this server sets a greater `WORKER_HEAP_MB`.',
  },
  'shutting-down': {
    status: 503,
    title: 'The server is shutting down',
    help: 'Nothing happened. Try again after the seconds that `Retry-After` names.',
  },
  'command-quarantined': {
    status: 503,
    title: 'This request is refused for good',
    help: 'It broke off processing several times and will not be tried again. Nothing happened. Please report it with its `requestId`.',
  },
  'outcome-unknown': {
    status: 504,
    title: 'The outcome is not known',
    help: 'The request may or may not have taken effect. If it had an `Idempotency-Key`, send it again with the same key: it takes effect once at the most. If not, read what it would have changed first.',
  },
  ...CATALOG_PROBLEMS,
  ...WEBHOOK_PROBLEMS,
  ...ACCOUNT_PROBLEMS,
} as const satisfies Readonly<Record<string, ProblemEntry>>

export type ProblemCode = keyof typeof PROBLEMS

export function isProblemCode(text: string): text is ProblemCode {
  return Object.hasOwn(PROBLEMS, text)
}

export type FieldError = { readonly path: string; readonly message: string }

/** A request that cannot be answered as asked; thrown from wherever that is noticed, answered in one place. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  readonly members: Readonly<Record<string, unknown>> | undefined
  readonly headers: Readonly<Record<string, string>> | undefined

  constructor(
    code: ProblemCode,
    detail: string,
    options: {
      readonly members?: Readonly<Record<string, unknown>>
      readonly headers?: Readonly<Record<string, string>>
    } = {},
  ) {
    super(detail)
    this.code = code
    this.members = options.members
    this.headers = options.headers
  }
}

/** 400 with the mistakes to correct. */
export function invalid(...errors: readonly FieldError[]): Problem {
  const [first] = errors
  const detail = first === undefined ? 'The request does not fit its schema.' : sentence(first)
  return new Problem('validation-failed', detail, { members: { errors } })
}

function sentence({ path, message }: FieldError): string {
  return path === '' ? `The body: ${message}` : `${path}: ${message}`
}

/** What a caller is told where a part did not answer; the part's own message is for the log. */
export type Unanswered = { readonly code: ProblemCode; readonly detail: string }

/** Engine errors have the codes of their problems, but one: how full the disk is, is for the detail to say. */
export function problemOfEngine(code: EngineErrorCode): Unanswered {
  if (code === 'read-only') {
    return {
      code: 'storage-full',
      detail: `${NO_ROOM} There is room for no change at all. Reads still work.`,
    }
  }
  if (code !== 'storage-full') return { code, detail: PROBLEMS[code].help }
  const detail = `${NO_ROOM} What is held or sold can still be confirmed, released and returned.`
  return { code, detail }
}

/** Undefined where the fault is this program's: what its own checks let through, the table's refused. */
export function problemOfTables(code: TablesErrorCode): Unanswered | undefined {
  switch (code) {
    case 'storage-full':
      return { code, detail: NO_ROOM }
    case 'overloaded':
    case 'shutting-down':
    case 'outcome-unknown':
    case 'api-keys-full':
    case 'idempotency-mismatch':
    case 'idempotency-in-flight':
      return { code, detail: PROBLEMS[code].help }
    case 'unavailable':
      return { code: 'tables-unavailable', detail: PROBLEMS['tables-unavailable'].help }
    case 'not-shared':
      return { code: 'tables-not-shared', detail: PROBLEMS['tables-not-shared'].help }
    case 'damaged':
      return { code: 'tables-damaged', detail: PROBLEMS['tables-damaged'].help }
    case 'invalid':
      return undefined
    default:
      return unreachable(code)
  }
}

/** What is only read was not read; nothing else can have happened. */
export function problemOfSearch(code: SearchErrorCode): Unanswered {
  const of = code === 'behind' || code === 'unavailable' ? (`search-${code}` as const) : code
  return { code: of, detail: PROBLEMS[of].help }
}

/** As above. */
export function problemOfHistory(code: HistoryErrorCode): Unanswered {
  const of = code === 'behind' || code === 'unavailable' ? (`history-${code}` as const) : code
  return { code: of, detail: PROBLEMS[of].help }
}

const NO_ROOM = 'Nothing happened: the disk has no room to record this.'
