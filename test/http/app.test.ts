import * as assert from 'uvu/assert'
import { EngineError } from '../../src/actors/engine-error.ts'
import type { Authenticator } from '../../src/http/parts.ts'
import { requestLogFailuresPerSecondMax, requestLogOneIn } from '../../src/limits.ts'
import { suite } from '../support/suite.ts'
import { fakes, RESERVATION_ID } from './fake-parts.ts'

type Role = 'anyone' | 'customer' | 'service' | 'staff' | 'admin'
type Row = readonly [method: string, path: string, least: Role, body?: unknown, more?: FromServices]
/** What services have to add, and customers must not. */
type FromServices = { readonly query?: string; readonly body?: object }

const ITEMS = [{ productId: 'pixel-11', quantity: 1 }]
const RESERVATION = `/v1/reservations/${RESERVATION_ID}`
const PRODUCT = '/v1/products/pixel-11'

/** Every route, and the least role that may call it. */
const ROUTES: readonly Row[] = [
  ['POST', '/v1/reservations', 'customer', { items: ITEMS }],
  ['GET', RESERVATION, 'customer'],
  ['POST', `${RESERVATION}/extend`, 'customer', { ttlSeconds: 60 }],
  ['POST', `${RESERVATION}/paying`, 'service', {}],
  ['POST', `${RESERVATION}/release`, 'customer', {}],
  ['POST', `${RESERVATION}/confirm`, 'service', {}],
  ['POST', `${RESERVATION}/return`, 'service', { reason: 'x' }],
  ['GET', '/v1/reservations?status=held', 'service'],
  ['GET', `${PRODUCT}/stock`, 'anyone'],
  ['GET', `${PRODUCT}/stock/stream`, 'anyone'],
  ['GET', `${PRODUCT}/stock/events`, 'service'],
  ['GET', '/v1/stock?productIds=pixel-11', 'anyone'],
  ['POST', `${PRODUCT}/stock/adjustments`, 'staff', { delta: 1, reason: 'x' }],
  ['GET', `${PRODUCT}/sale`, 'anyone'],
  ['PUT', `${PRODUCT}/sale`, 'staff', {}],
  ['POST', `${PRODUCT}/waitlist`, 'customer', { quantity: 1 }, { body: { customerId: 'usr_ann' } }],
  ['GET', `${PRODUCT}/waitlist`, 'customer', undefined, { query: '?customerId=usr_ann' }],
  ['DELETE', `${PRODUCT}/waitlist`, 'customer', undefined, { query: '?customerId=usr_ann' }],
  ['POST', '/v1/api-keys', 'admin', { name: 'x', role: 'service' }],
  ['GET', '/v1/api-keys', 'admin'],
  ['DELETE', '/v1/api-keys/key_1', 'admin'],
  ['GET', '/livez', 'anyone'],
  ['GET', '/readyz', 'anyone'],
  ['GET', '/metrics', 'service'],
  ['GET', '/openapi.json', 'anyone'],
  ['GET', '/docs', 'anyone'],
  ['GET', '/problems', 'anyone'],
  ['GET', '/problems/out-of-stock', 'anyone'],
]

const RANKS: readonly Role[] = ['anyone', 'customer', 'service', 'staff', 'admin']
const TOKENS: Readonly<Record<Role, string | undefined>> = {
  anyone: undefined,
  customer: 'ann',
  service: 'service',
  staff: 'staff',
  admin: 'admin',
}

const roles = suite('roles')

for (const [method, path, least, given, more = {}] of ROUTES) {
  roles(`${method} ${path} is for ${least} and above`, async () => {
    for (const role of RANKS) {
      const { call, engine, apiKeys } = fakes()
      const as = TOKENS[role]
      const isService = RANKS.indexOf(role) > RANKS.indexOf('customer')
      const target = isService ? path + (more.query ?? '') : path
      const body = isService && more.body !== undefined ? { ...(given as object), ...more.body } : given
      apiKeys.entries.set('key_1', {
        id: 'key_1',
        name: 'x',
        role: 'service',
        createdBy: 'x',
        createdAtMs: 0,
      })
      const reply = await call(method, target, { ...(as === undefined ? {} : { as }), body })
      if (RANKS.indexOf(role) >= RANKS.indexOf(least)) {
        assert.ok(reply.status >= 200 && reply.status < 300, `${role}: ${reply.status} ${reply.text}`)
        continue
      }
      assert.is(reply.status, role === 'anyone' ? 401 : 403, role)
      assert.is(reply.body.code, role === 'anyone' ? 'unauthenticated' : 'forbidden')
      assert.is(engine.requests.length, 0, 'refused before anything is looked up')
      assert.is(apiKeys.entries.size, 1)
    }
  })
}

roles('a bad token is 401 everywhere, even where none is needed', async () => {
  const { call, engine } = fakes()
  for (const [method, path, , body] of ROUTES) {
    const reply = await call(method, path, { as: 'nobody', body })
    assert.is(reply.status, 401, path)
    assert.match(reply.headers.get('www-authenticate') ?? '', /^Bearer/)
  }
  assert.is(engine.requests.length, 0)
})

roles('an Authorization field of another form is 401, without a word about why a token failed', async () => {
  const { call } = fakes()
  for (const authorization of [
    '',
    'Bearer',
    'Basic YTpi',
    'service',
    'Bearer a b',
    'Bearer service, Bearer ann',
  ]) {
    const reply = await call('GET', '/livez', { headers: { authorization } })
    assert.is(reply.status, 401, authorization)
  }
  assert.equal((await call('GET', '/livez', { as: '...' })).body.detail, 'The token is not valid.')
})

roles('identity comes before role, role before the path’s ids and the body', async () => {
  const { call } = fakes()
  const path = '/v1/products/search/stock/adjustments'
  assert.is((await call('POST', path, { body: '{' })).status, 401)
  assert.is((await call('POST', path, { as: 'service', body: '{' })).status, 403)
  assert.is((await call('POST', path, { as: 'staff', body: '{' })).status, 404)
  assert.is((await call('POST', `${PRODUCT}/stock/adjustments`, { as: 'staff', body: '{' })).status, 400)
})

roles('a look-up that takes a while is waited for, and one that fails is 500 or what it says', async () => {
  const principal = { callerId: 'key_1', role: 'service' } as const
  const later: Authenticator = { authenticate: () => Promise.resolve(principal), forget: () => {} }
  const good = fakes({ authenticator: later })
  assert.is((await good.call('GET', RESERVATION, { as: 'x' })).status, 200)
  const failing = (error: Error) => {
    return fakes({ authenticator: { authenticate: () => Promise.reject(error), forget: () => {} } })
  }
  assert.is((await failing(new Error('x')).call('GET', RESERVATION, { as: 'x' })).status, 500)
  assert.is(
    (await failing(new EngineError('overloaded', 'x')).call('GET', RESERVATION, { as: 'x' })).status,
    503,
  )
})

roles.run()

const paths = suite('paths and methods')

paths('what differs from a path in slashes, case or encoding is not that path', async () => {
  const { call, engine } = fakes()
  for (const path of [
    '/',
    '/v1',
    '/v1/reservations/',
    '//v1/reservations',
    '/v1//reservations',
    '/V1/reservations',
    '/v1/Reservations',
    '/v1%2freservations',
    '/v1/products//stock',
    '/v1/api-keys/',
    '/v1/API-KEYS',
    '/v1/api-keys%2f',
    '/metrics/',
    '/Metrics',
    '/health/deep',
    '/debug',
    '/debug/pprof',
    '/json/version',
    '/.env',
    '/src/main.ts',
    '/src/main.ts.map',
    '/__proto__',
    '/constructor',
  ]) {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
      const reply = await call(method, path, { as: 'admin' })
      assert.is(reply.status, 404, `${method} ${path}`)
      assert.is(reply.body.code, 'not-found')
    }
  }
  assert.is(engine.requests.length, 0)
})

paths('malformed percent-encoding is 400', async () => {
  const { call } = fakes()
  for (const path of [
    '/v1/products/%/stock',
    '/v1/products/%zz/stock',
    '/%',
    '/v1/stock?productIds=%',
    '/%c3%28',
  ]) {
    const reply = await call('GET', path)
    assert.is(reply.status, 400, path)
    assert.is(reply.body.code, 'malformed-request')
  }
})

paths('other methods are 405 and say which there are; nothing changes', async () => {
  const { call, engine } = fakes()
  const rows: readonly (readonly [method: string, path: string, allow: string])[] = [
    ['PUT', '/v1/reservations', 'GET, POST, HEAD, OPTIONS'],
    ['PATCH', '/v1/reservations', 'GET, POST, HEAD, OPTIONS'],
    ['DELETE', RESERVATION, 'GET, HEAD, OPTIONS'],
    ['POST', `${PRODUCT}/sale`, 'GET, PUT, HEAD, OPTIONS'],
    ['PUT', '/v1/api-keys', 'GET, POST, HEAD, OPTIONS'],
    ['BREW', '/livez', 'GET, HEAD, OPTIONS'],
    ['PROPFIND', '/livez', 'GET, HEAD, OPTIONS'],
  ]
  for (const [method, path, allow] of rows) {
    const reply = await call(method, path, { as: 'admin' })
    assert.is(reply.status, 405, `${method} ${path}`)
    assert.is(reply.headers.get('allow'), allow)
    assert.is(reply.body.code, 'method-not-allowed')
  }
  assert.is(engine.requests.length, 0)
})

paths('header fields and parameters cannot change the method', async () => {
  const { call, engine } = fakes()
  for (const name of ['x-http-method-override', 'x-http-method', 'x-method-override']) {
    const reply = await call('GET', RESERVATION, { as: 'service', headers: { [name]: 'POST' } })
    assert.is(reply.status, 200)
  }
  assert.is(
    (await call('POST', '/v1/reservations?_method=DELETE', { as: 'service', body: { items: ITEMS } })).status,
    400,
  )
  assert.ok(engine.requests.every(({ type }) => type === 'readReservation'))
})

paths('OPTIONS answers 204 with what is allowed, and no origin is let in', async () => {
  const { call, engine } = fakes()
  const headers = { origin: 'https://evil.example', 'access-control-request-method': 'POST' }
  const reply = await call('OPTIONS', '/v1/reservations', { headers })
  assert.is(reply.status, 204)
  assert.is(reply.headers.get('allow'), 'GET, POST, HEAD, OPTIONS')
  for (const [name] of reply.headers) assert.not.match(name, /^access-control/)
  assert.is((await call('OPTIONS', '/nowhere')).status, 404)
  assert.is(engine.requests.length, 0)
})

paths('HEAD is GET without the body', async () => {
  const { call } = fakes()
  const get = await call('GET', RESERVATION, { as: 'service', headers: { 'x-request-id': 'a' } })
  const head = await call('HEAD', RESERVATION, { as: 'service', headers: { 'x-request-id': 'a' } })
  assert.is(head.status, 200)
  assert.is(head.text, '')
  assert.equal([...head.headers], [...get.headers])
  assert.is((await call('HEAD', RESERVATION)).status, 401)
  assert.is((await call('HEAD', `${RESERVATION}/release`, { as: 'service' })).status, 405)
})

paths('unknown query parameters are refused, except where a probe may add its own', async () => {
  const { call } = fakes()
  const reply = await call('GET', `${RESERVATION}?expand=all`, { as: 'service' })
  assert.is(reply.status, 400)
  assert.equal(reply.body.errors, [{ path: 'expand', message: 'is not known here' }])
  assert.is((await call('GET', `${RESERVATION}?`, { as: 'service' })).status, 200)
  assert.is((await call('GET', '/readyz?verbose')).status, 200)
})

paths('strings made to be slow to match are not', async () => {
  const { call } = fakes()
  const nasty = [
    `${'a'.repeat(5_000)}!`,
    `${'a-'.repeat(5_000)}!`,
    `res_${'0'.repeat(10_000)}`,
    `${' '.repeat(9_000)}x`,
  ]
  const startedAt = process.hrtime.bigint()
  for (const text of nasty) {
    await call('GET', `/v1/reservations/${encodeURIComponent(text)}`, { as: 'service' })
    await call('GET', `/v1/products/${encodeURIComponent(text)}/stock`)
    await call('GET', '/livez', { headers: { authorization: `Bearer ${text}`, 'x-request-id': text.trim() } })
    const headers = { 'content-type': `application/json${text}`, 'idempotency-key': text.trim() }
    await call('POST', '/v1/reservations', { as: 'service', body: '{}', headers })
    await call('PUT', `${PRODUCT}/sale`, { as: 'staff', body: { opensAt: text } })
  }
  const elapsedMs = Number(process.hrtime.bigint() - startedAt) / 1e6
  assert.ok(elapsedMs < 200, `${nasty.length * 5} requests took ${elapsedMs} ms`)
})

paths.run()

const replies = suite('every reply')

replies('carries the client’s request id if it is a sane one, else its own', async () => {
  const { call } = fakes()
  assert.is(
    (await call('GET', '/livez', { headers: { 'x-request-id': 'a.B:c-1_' } })).headers.get('x-request-id'),
    'a.B:c-1_',
  )
  const seen = new Set<unknown>()
  for (const given of ['', 'a b', 'a'.repeat(129), '<script>', 'é', '{}', undefined]) {
    const reply = await call(
      'GET',
      '/livez',
      given === undefined ? {} : { headers: { 'x-request-id': given } },
    )
    const id = reply.headers.get('x-request-id') ?? ''
    assert.match(id, /^[0-9a-z]{8}-[0-9a-z]+$/, String(given))
    seen.add(id)
  }
  assert.is(seen.size, 7, 'no two requests share an id')
})

replies('is not to be kept or sniffed, problems included', async () => {
  const { call } = fakes()
  for (const [method, path, , body] of ROUTES.filter(([, path]) => path.startsWith('/v1'))) {
    for (const as of ['admin', 'nobody']) {
      const reply = await call(method, path, { as, body })
      assert.is(reply.headers.get('cache-control'), 'no-store', path)
      assert.is(reply.headers.get('x-content-type-options'), 'nosniff', path)
    }
  }
})

replies('asks the client to leave once the server is closing', async () => {
  const drain = { started: false }
  const { call } = fakes({ drain })
  assert.is((await call('GET', '/livez')).headers.get('connection'), null)
  drain.started = true
  assert.is((await call('GET', '/livez')).headers.get('connection'), 'close')
  assert.is((await call('GET', '/nowhere')).headers.get('connection'), 'close')
})

replies('of a problem names the path without its query, and no more of it than a line', async () => {
  const { call } = fakes()
  const reply = await call('GET', `/${'x'.repeat(5_000)}?token=secret`)
  assert.is(String(reply.body.instance).length, 256)
  assert.not.match(reply.text, /secret/)
})

replies.run()

const failures = suite('when a handler throws')

failures('the caller gets 500 with the request’s id alone, and the log gets the rest', async () => {
  const thrown: readonly unknown[] = [
    new Error('secret detail'),
    new TypeError('secret'),
    'secret',
    undefined,
    null,
    { code: 'secret' },
  ]
  for (const [method, path, , given, more = {}] of ROUTES.filter(([, path]) =>
    /^\/v1.*(?:reservations|stock|sale|waitlist)/.test(path),
  )) {
    for (const error of thrown) {
      const { call, engine, history, logged } = fakes()
      engine.answer = () => {
        throw error
      }
      history.answer = engine.answer as () => never
      const body = more.body === undefined ? given : { ...(given as object), ...more.body }
      const reply = await call(method, path + (more.query ?? ''), { as: 'admin', body })
      assert.is(reply.status, 500, `${method} ${path}`)
      assert.is(reply.body.code, 'internal-error')
      assert.is(reply.body.requestId, reply.headers.get('x-request-id'))
      assert.not.match(reply.text, /secret|\bat\b.*:\d+/)
      const line = logged.find(({ msg }) => msg === 'http.failed')
      assert.is(line?.request_id, reply.body.requestId)
    }
  }
})

failures('so do tables and status', async () => {
  const { call } = fakes({
    apiKeys: {
      create: () => Promise.reject(new Error('secret')),
      list: () => Promise.reject(new Error('secret')),
      revoke: () => Promise.reject(new Error('secret')),
      findByHash: () => Promise.reject(new Error('secret')),
    },
    status: {
      readiness: () => {
        throw new Error('secret')
      },
      metricsText: () => Promise.reject(new Error('secret')),
    },
  })
  for (const [method, path, , body] of ROUTES.filter(([, path]) => /api-keys|readyz|metrics/.test(path))) {
    const reply = await call(method, path, { as: 'admin', body })
    assert.is(reply.status, 500, path)
    assert.not.match(reply.text, /secret/)
  }
})

failures.run()

const crowd = suite('a crowd')

crowd('is turned away before anybody asks who they are, and what settles reservations is not', async () => {
  const asked: string[] = []
  const authenticator: Authenticator = {
    authenticate: (token) => {
      asked.push(token)
      return { callerId: 'key_1', role: 'service' }
    },
    forget: () => {},
  }
  const { call, engine } = fakes({ authenticator })
  engine.isCrowded = true
  const unread = { as: 'x', body: '{' } as const
  for (const path of ['/v1/reservations', `${PRODUCT}/waitlist`]) {
    const response = await call('POST', path, unread)
    assert.is(response.status, 503)
    assert.is(response.body.code, 'overloaded')
    assert.match(response.headers.get('retry-after') ?? '', /^[1-9]\d*$/)
  }
  assert.equal([asked, engine.requests], [[], []])
  assert.is((await call('POST', `${RESERVATION}/confirm`, { as: 'x' })).status, 200)
  assert.is((await call('GET', `${PRODUCT}/stock`, { as: 'x' })).status, 200)
  engine.isCrowded = false
  assert.is((await call('POST', '/v1/reservations', unread)).status, 400)
})

crowd.run()

const log = suite('the request log')

log('one line a request with a template for its route, who called and how long it took', async () => {
  const { call, logged, clock } = fakes()
  clock.nowMs = 5
  await call('POST', `${PRODUCT}/stock/adjustments`, { as: 'staff', body: { delta: 1, reason: 'x' } })
  const [line] = logged
  assert.is(logged.length, 1)
  assert.is(line?.msg, 'http.request')
  assert.is(line?.route, '/v1/products/{id}/stock/adjustments')
  assert.is(line?.method, 'POST')
  assert.is(line?.status, 200)
  assert.is(line?.duration_ms, 0)
  assert.is(line?.caller, 'key_staff')
  assert.match(String(line?.request_id), /^[0-9a-z]{8}-/)
})

log('of hot routes only a sample', async () => {
  const { call, logged } = fakes()
  for (let i = 0; i < requestLogOneIn * 2; i++) await call('GET', '/livez')
  assert.is(logged.length, 2)
  assert.is(logged[0]?.one_in, requestLogOneIn)
})

log('failures are all logged, up to a rate, and then their number', async () => {
  const { call, engine, logged, clock } = fakes()
  engine.answer = () => {
    throw new EngineError('overloaded', 'x')
  }
  const many = requestLogFailuresPerSecondMax + 50
  for (let i = 0; i < many; i++) await call('GET', RESERVATION, { as: 'service' })
  assert.is(logged.length, requestLogFailuresPerSecondMax)
  clock.nowMs += 1_000
  await call('GET', RESERVATION, { as: 'service' })
  assert.is(logged.at(-1)?.failures_not_logged, 50)
})

log('never a token, a body, a path or a query as it came, nor a line break', async () => {
  const { call, logged } = fakes()
  const body = { name: 'TOP-SECRET-NAME', role: 'service' }
  await call('POST', '/v1/api-keys', {
    as: 'admin',
    body,
    headers: { 'x-request-id': 'TOP-SECRET%0d%0a[31m' },
  })
  await call('POST', '/v1/api-keys', { as: 'TOP-SECRET-TOKEN', body })
  await call('DELETE', '/v1/api-keys/TOP-SECRET-ID%0d%0a%1b%5b31m?token=TOP-SECRET', { as: 'admin' })
  for (let i = 0; i < requestLogOneIn; i++) await call('GET', '/TOP-SECRET-PATH')
  assert.ok(logged.length >= 4)
  const text = JSON.stringify(logged)
  assert.not.match(text, /TOP-SECRET|hf_|authorization/i)
  assert.not.match(text, /\\r|\\n|\\u001b/)
})

log.run()
