/** Builds every reply, in one go: a plain object of header fields is what @hono/node-server writes fastest. */
import { EngineError } from '../actors/engine-error.ts'
import type { Refusal } from '../domain/decision.ts'
import { HistoryError } from '../history/history-error.ts'
import { TablesError } from '../persistence/tables/tables-error.ts'
import type { Random } from '../seams.ts'
import { SearchError } from '../search/search-error.ts'
import {
  PROBLEMS,
  Problem,
  type ProblemCode,
  problemOfEngine,
  problemOfHistory,
  problemOfSearch,
  problemOfTables,
  type Unanswered,
} from './problems.ts'
import { problemOfRefusal } from './refusal-problems.ts'
import type { Call } from './route.ts'

const JSON_TYPE = 'application/json'
const PROBLEM_TYPE = 'application/problem+json'
const INSTANCE_LENGTH_MAX = 256

type HeaderFields = Record<string, string>

/** A reply with a JSON body. */
export function json(call: Call, status: number, value: unknown, more?: Readonly<HeaderFields>): Response {
  return jsonText(call, status, JSON.stringify(value), more)
}

/** A reply whose JSON has been written already. */
export function jsonText(call: Call, status: number, body: string, more?: Readonly<HeaderFields>): Response {
  return new Response(body, { status, headers: fieldsOf(call, JSON_TYPE, more) })
}

export function text(
  call: Call,
  body: string,
  options: { readonly type: string; readonly status?: number; readonly headers?: Readonly<HeaderFields> },
): Response {
  return new Response(body, {
    status: options.status ?? 200,
    headers: fieldsOf(call, options.type, options.headers),
  })
}

/** A reply that goes on; nobody uses its connection for anything else afterwards. */
export function stream(call: Call, body: ReadableStream<Uint8Array> | null): Response {
  const more = { connection: 'close', 'x-accel-buffering': 'no' }
  return new Response(body, { status: 200, headers: fieldsOf(call, 'text/event-stream', more) })
}

/** JSON Lines that go on while the request is still being read, after which nobody uses its connection. */
export function lines(call: Call, body: ReadableStream<Uint8Array>): Response {
  const more = { connection: 'close', 'x-accel-buffering': 'no' }
  return new Response(body, { status: 200, headers: fieldsOf(call, 'application/x-ndjson', more) })
}

/** 204: done, and nothing to show. */
export function empty(call: Call, more?: Readonly<HeaderFields>): Response {
  const { 'content-type': _, ...headers } = fieldsOf(call, '', more)
  return new Response(null, { status: 204, headers })
}

/** A file as it is. */
export function file(
  call: Call,
  body: ReadableStream<Uint8Array> | null,
  {
    type,
    size,
    headers,
  }: { readonly type: string; readonly size: number; readonly headers: Readonly<HeaderFields> },
): Response {
  const more = { ...headers, 'content-length': String(size) }
  return new Response(body, { status: 200, headers: fieldsOf(call, type, more) })
}

/** It is read elsewhere, where the reader may go straight away for so many seconds. */
export function sentOn(
  call: Call,
  { url, seconds, status }: { readonly url: string; readonly seconds: number; readonly status: number },
): Response {
  const more = { location: url, 'cache-control': `public, max-age=${seconds}` }
  const { 'content-type': _, ...headers } = fieldsOf(call, '', more)
  return new Response(null, { status, headers })
}

/** 304: the reader has what there is. */
export function notModified(call: Call, more: Readonly<HeaderFields>): Response {
  const { 'content-type': _, ...headers } = fieldsOf(call, '', more)
  return new Response(null, { status: 304, headers })
}

/**
 * Of every reply, that of the parser included, unless it says otherwise: nobody keeps it, shows it in a frame, guesses its
 * type, runs anything in it, or tells others where it was read. Strict-Transport-Security is for whoever terminates TLS to
 * say: over plain HTTP it must not be sent (RFC 6797, 7.2).
 */
export const guardFields: Readonly<HeaderFields> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

function fieldsOf(call: Call, type: string, more: Readonly<HeaderFields> | undefined): HeaderFields {
  const { requestId, drain, limitFields, originFields } = call
  const fields: HeaderFields = { 'content-type': type, ...guardFields, 'x-request-id': requestId }
  if (drain.started) fields.connection = 'close'
  if (limitFields !== undefined) Object.assign(fields, limitFields)
  if (more !== undefined) Object.assign(fields, more)
  if (originFields === undefined) return fields
  const vary = more?.vary === undefined ? 'Origin' : `${more.vary}, Origin`
  return Object.assign(fields, originFields, { vary })
}

/** What the rules refuse is a plain answer, and in a flash sale the usual one: nothing is thrown for it. */
export function refusal(call: Call, refused: Refusal): Response {
  const { code, detail, members } = problemOfRefusal(refused)
  return problem(call, code, detail, members)
}

export function problem(
  call: Call,
  code: ProblemCode,
  detail: string,
  members?: Readonly<Record<string, unknown>>,
  more?: Readonly<HeaderFields>,
): Response {
  const body = problemBody(code, detail, {
    instance: call.context.req.path.slice(0, INSTANCE_LENGTH_MAX),
    requestId: call.requestId,
    ...members,
  })
  return new Response(body, { status: PROBLEMS[code].status, headers: fieldsOf(call, PROBLEM_TYPE, more) })
}

/** The JSON text of a problem; also for replies that are written before there is a call. */
export function problemBody(
  code: ProblemCode,
  detail: string,
  members?: Readonly<Record<string, unknown>>,
): string {
  const { status, title } = PROBLEMS[code]
  return JSON.stringify({ type: `/problems/${code}`, title, status, detail, code, ...members })
}

/** The reply to what a handler threw, or undefined where nobody expected it: a mistake in this program. */
export function expectedFailure(call: Call, thrown: unknown, random: Random): Response | undefined {
  if (thrown instanceof Problem) {
    return problem(call, thrown.code, thrown.message, thrown.members, thrown.headers)
  }
  if (thrown instanceof EngineError) {
    return unanswered(call, problemOfEngine(thrown.code), retryAfter(thrown.retryAfterSeconds, random))
  }
  if (thrown instanceof TablesError) {
    const said = problemOfTables(thrown.code)
    if (said === undefined) return undefined
    return unanswered(call, said, thrown.retryable ? retryAfter(1, random) : undefined)
  }
  if (thrown instanceof SearchError) {
    return unanswered(call, problemOfSearch(thrown.code), retryAfter(1, random))
  }
  if (thrown instanceof HistoryError) {
    return unanswered(call, problemOfHistory(thrown.code), retryAfter(1, random))
  }
  return undefined
}

/** The parts' own messages name shards, workers and files: they are for the log, not for callers. */
function unanswered(call: Call, { code, detail }: Unanswered, wait: string | undefined): Response {
  return problem(call, code, detail, undefined, wait === undefined ? undefined : { 'retry-after': wait })
}

/** Whole seconds, rounded up and spread to as much again, so that those turned away do not come back as one. */
export function retryAfter(seconds: number, random: Random): string {
  const least = Math.max(1, Math.ceil(seconds))
  return String(least + Math.floor(random.fraction() * (least + 1)))
}
