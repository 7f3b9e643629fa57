/**
 * The whole API as one Hono app.
 *
 * Every route is one handler, wrapped once in what all requests need: an id, an identity, a role, one place where what
 * was thrown becomes a problem, a metric, a log line. No chain of middleware: Hono runs a single handler without
 * composing one, which is a good part of what a reservation costs here.
 *
 * H1  Order of checks: 429, 401, 403, 404, validation, rules (API.md). The wrapper does the first three, handlers the
 *     rest. Nothing of a request is read before it has paid, but what says who makes it. Before all of it comes the
 *     crowd: who wants units while too many wait for theirs is told to come back, at the least cost there is.
 * H2  What is not a problem this API knows becomes 500 with an id, and the log alone says more.
 */
import { Hono } from 'hono'
import { EngineError } from '../actors/engine-error.ts'
import { throwUncaughtIfPoison } from '../crash-points.ts'
import { requestIdLengthMax } from '../limits.ts'
import { TablesError } from '../persistence/tables/tables-error.ts'
import { AccountThrottle } from './account-throttle.ts'
import { addressRoutes } from './address-routes.ts'
import { apiKeyRoutes } from './api-key-routes.ts'
import { badToken, bearerOf, reaches, unauthenticated } from './auth.ts'
import { authRoutes } from './auth-routes.ts'
import { cartRoutes } from './cart-routes.ts'
import { checkoutRoutes } from './checkout-routes.ts'
import { CrossOrigin } from './cross-origin.ts'
import { discountRoutes } from './discount-routes.ts'
import { historyRoutes } from './history-routes.ts'
import { HttpMetrics } from './http-metrics.ts'
import { idempotencyKeyIn } from './idempotency.ts'
import { imageRoutes } from './image-routes.ts'
import { importRoutes } from './import-route.ts'
import { operationsRoutes } from './operations-routes.ts'
import { orderRoutes } from './order-routes.ts'
import { orderStreamRoutes } from './order-stream-routes.ts'
import type { HttpParts, Principal } from './parts.ts'
import { paymentRoutes } from './payment-routes.ts'
import { invalid, PROBLEMS, Problem } from './problems.ts'
import { productChangeRoutes } from './product-change-routes.ts'
import { productRoutes } from './product-routes.ts'
import { profileRoutes } from './profile-routes.ts'
import { RateGate } from './rate-gate.ts'
import { reconciliationRoutes } from './reconciliation-routes.ts'
import { RequestLog } from './request-log.ts'
import { reservationRoutes } from './reservation-routes.ts'
import { empty, expectedFailure, problem, retryAfter } from './responses.ts'
import { reviewRoutes } from './review-routes.ts'
import { type Call, type Env, headerOf, type Route, targetOf } from './route.ts'
import { saleRoutes } from './sale-routes.ts'
import { searchKeepingRoutes } from './search-keeping-routes.ts'
import { searchRoutes } from './search-routes.ts'
import { stockRoutes } from './stock-routes.ts'
import { stockStreamRoutes } from './stock-stream-routes.ts'
import { waitlistRoutes } from './waitlist-routes.ts'
import { webhookDeliveryRoutes } from './webhook-delivery-routes.ts'
import { webhookRoutes } from './webhook-routes.ts'

const REQUEST_ID = new RegExp(`^[A-Za-z0-9._:-]{1,${requestIdLengthMax}}$`)
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
const PREFIX_SPAN = 36 ** 8
const NAME_LENGTH_MAX = 64
/** Whoever gets one of these can ask very often. */
const TOO_MANY = 429
const COME_BACK = 503
/** With a provider that answers it takes less; with one unknown payment, as long as somebody takes to decide. */
const RECONCILED_IN_SECONDS = 30

/** Thrown as it is, again and again: to make an error is most of what a refusal costs. */
const CROWDED = new EngineError('overloaded', 'too many wait for an answer')

type Handler = (context: Call['context']) => Promise<Response>

export function createApp(parts: HttpParts): Hono<Env> {
  const routes = routesOf(parts)
  const crossOrigin = new CrossOrigin(parts.corsOrigins)
  const wrap = wrapperOf(parts, crossOrigin)
  const app = new Hono<Env>()
  for (const route of routes) {
    const { method, path } = route.operation
    app.on(method, path.replaceAll(/\{(\w+)\}/g, ':$1'), wrap(route))
  }
  const methodsOf = (path: string) => METHODS.filter((method) => app.router.match(method, path)[0].length > 0)
  const handle = (call: Call) => answerUnmatched(call, methodsOf, crossOrigin)
  app.notFound(wrap({ operation: UNMATCHED, handle }))
  return app
}

function routesOf(parts: HttpParts): readonly Route[] {
  const throttle = new AccountThrottle(parts)
  const routes = [
    ...reservationRoutes(parts),
    ...stockRoutes(parts),
    ...stockStreamRoutes(parts),
    ...historyRoutes(parts),
    ...saleRoutes(parts),
    ...waitlistRoutes(parts),
    ...importRoutes(parts),
    ...imageRoutes(parts),
    ...searchRoutes(parts),
    ...searchKeepingRoutes(parts),
    ...productRoutes(parts),
    ...productChangeRoutes(parts),
    ...reviewRoutes(parts),
    ...webhookRoutes(parts),
    ...webhookDeliveryRoutes(parts),
    ...authRoutes({ ...parts, throttle }),
    ...profileRoutes({ ...parts, throttle }),
    ...addressRoutes(parts),
    ...apiKeyRoutes(parts),
    ...cartRoutes(parts),
    ...checkoutRoutes(parts),
    ...paymentRoutes(parts),
    ...orderRoutes(parts),
    ...orderStreamRoutes(parts),
    ...discountRoutes(parts),
    ...reconciliationRoutes(parts),
  ]
  const operations = routes.map(({ operation }) => operation)
  return [...routes, ...operationsRoutes(parts, operations)]
}

/** Stands in for all that no route has, so that probing is counted and logged like everything else. */
const UNMATCHED: Route['operation'] = {
  method: 'get',
  path: '(none)',
  operationId: 'unmatched',
  tag: 'Operations',
  summary: 'What no route has',
  access: 'anyone',
  hot: true,
  success: { status: 204, description: 'OPTIONS of a path there is.' },
  problems: ['not-found', 'method-not-allowed'],
}

function answerUnmatched(
  call: Call,
  methodsOf: (path: string) => readonly string[],
  crossOrigin: CrossOrigin,
): Response {
  const { method, path } = call.context.req
  const methods = methodsOf(path)
  if (methods.length === 0) throw new Problem('not-found', 'There is nothing at this path.')
  const allow = [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ')
  if (method === 'OPTIONS') return empty(call, { allow, ...crossOrigin.preflightFieldsFor(call, methods) })
  throw new Problem('method-not-allowed', `This path allows ${allow}.`, { headers: { allow } })
}

/** Gives each route's handler what all requests need. */
function wrapperOf(parts: HttpParts, crossOrigin: CrossOrigin): (route: Route) => Handler {
  const { engine, authenticator, clock, random, drain, restoration } = parts
  const metrics = new HttpMetrics(parts.registry)
  const gate = new RateGate(parts)
  const log = new RequestLog(parts.log, clock)
  const newRequestId = requestIds(random.fraction())

  return ({ operation, handle }) => {
    const { access, path: route, hot = false, changes = false, query } = operation
    const { takesUnits = false, unlimited = false, isSigningIn = false, sells = false } = operation
    const method = operation === UNMATCHED ? '(any)' : operation.method.toUpperCase()
    const meter = metrics.meter(route, method)
    const takesAnyQuery = query !== undefined || operation.tag === 'Operations'

    /** For a caller who is known by now, as far as they want to be, and has paid. */
    const serve = (known: Call, target: string): Response | Promise<Response> => {
      if (target.includes('%')) checkEncoding(target)
      if (access !== 'anyone') checkRole(known.principal, access)
      if (sells && restoration.isOpen) throw notReconciled(random)
      const key = changes ? headerOf(known.context, 'idempotency-key') : undefined
      const call = key === undefined ? known : { ...known, idempotencyKey: idempotencyKeyIn(key) }
      if (!takesAnyQuery && target.includes('?')) refuseQuery(target)
      return takesUnits ? gate.unlessCoolingDown(call, () => handle(call)) : handle(call)
    }

    return async (context) => {
      const startedMs = clock.monotonicMs()
      const requestId = acceptedId(headerOf(context, 'x-request-id')) ?? newRequestId()
      throwUncaughtIfPoison(requestId)
      const originFields = crossOrigin.fieldsFor(context)
      let call: Call = {
        context,
        requestId,
        principal: undefined,
        idempotencyKey: undefined,
        limitFields: undefined,
        originFields,
        drain,
      }
      let response: Response
      try {
        if (takesUnits && engine.isCrowded) throw CROWDED
        const authorization = isSigningIn ? undefined : headerOf(context, 'authorization')
        let principal: Principal | undefined
        if (authorization !== undefined) {
          const token = bearerOf(authorization)
          const found = token === undefined ? undefined : authenticator.authenticate(token)
          principal = found instanceof Promise ? await found : found
        }
        const isFree = unlimited && authorization === undefined
        const charged = isFree ? undefined : gate.charge(context, principal)
        const toll = charged instanceof Promise ? await charged : charged
        const limitFields = toll?.fields
        call = { ...call, principal, limitFields }
        let replied: Response | Promise<Response>
        if (toll?.refused !== undefined) replied = gate.refusal(call, toll.refused)
        else if (authorization !== undefined && principal === undefined) throw badToken(authorization)
        else replied = serve(call, targetOf(context))
        response = replied instanceof Promise ? await replied : replied
      } catch (thrown) {
        const failure = expectedFailure(call, thrown, random)
        if (failure === undefined || isDamage(thrown)) log.unexpected({ requestId, route, method }, thrown)
        response =
          failure ?? problem(call, 'internal-error', 'Something went wrong; the log knows it by requestId.')
      }
      const { status } = response
      const durationMs = clock.monotonicMs() - startedMs
      meter.record(status, durationMs)
      const entry = { requestId, route, method, status, durationMs, callerId: call.principal?.callerId }
      log.write(entry, hot || status === TOO_MANY || status === COME_BACK)
      return response
    }
  }
}

/** Of the tables: whoever asked is told, and whoever runs this server must hear of it too. */
function isDamage(thrown: unknown): boolean {
  return thrown instanceof TablesError && thrown.code === 'damaged'
}

/** Unique among all processes by a random beginning; nobody's secret. */
function requestIds(fraction: number): () => string {
  const prefix = Math.floor(fraction * PREFIX_SPAN)
    .toString(36)
    .padStart(8, '0')
  let count = 0
  return () => `${prefix}-${(++count).toString(36)}`
}

/** A client's own id, if it can stand in a log and a header field. */
function acceptedId(given: string | undefined): string | undefined {
  return given !== undefined && REQUEST_ID.test(given) ? given : undefined
}

function checkEncoding(target: string): void {
  try {
    decodeURIComponent(target)
  } catch (error) {
    if (error instanceof URIError)
      throw new Problem('malformed-request', 'The URL’s percent-encoding is malformed.')
    throw error
  }
}

function checkRole(principal: Principal | undefined, least: Principal['role'] | 'person'): void {
  if (principal === undefined) throw unauthenticated('This call needs a token.')
  if (least === 'person') {
    if (principal.customerId !== undefined) return
    throw new Problem('forbidden', 'This call is for people who have signed in, not for keys.')
  }
  if (!reaches(principal, least)) throw new Problem('forbidden', `This call needs the role ${least}.`)
}

/** What was sold since the backup nobody here knows. */
function notReconciled(random: HttpParts['random']): Problem {
  const { help } = PROBLEMS['not-reconciled']
  return new Problem('not-reconciled', help, {
    headers: { 'retry-after': retryAfter(RECONCILED_IN_SECONDS, random) },
  })
}

function refuseQuery(target: string): void {
  const [first] = new URLSearchParams(target.slice(target.indexOf('?'))).keys()
  if (first === undefined) return
  throw invalid({ path: first.slice(0, NAME_LENGTH_MAX), message: 'is not known here' })
}
