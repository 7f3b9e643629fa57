/** Other origins, cookies and forms (FAULTS.md, attacks 45 and 46). */
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { fakes, type Reply } from './fake-parts.ts'

const SHOP = 'https://shop.example'
const STOCK = '/v1/products/pixel-11/stock'
const ITEMS = [{ productId: 'pixel-11', quantity: 1 }]
const PREFLIGHT = {
  'access-control-request-method': 'POST',
  'access-control-request-headers': 'authorization,content-type',
}

function allowsNothing({ headers }: Reply): void {
  for (const [name] of headers) assert.not.match(name, /^access-control-/)
}

const cors = suite('pages of other origins (45)')

cors('may read nothing unless they are named, and no cache mixes replies up', async () => {
  const { call } = fakes()
  for (const origin of ['null', 'https://evil.example', SHOP, 'http://localhost', '*', '__proto__']) {
    const replies = [
      await call('GET', STOCK, { headers: { origin } }),
      await call('GET', '/nowhere', { headers: { origin } }),
      await call('OPTIONS', STOCK, { headers: { origin, ...PREFLIGHT } }),
    ]
    for (const reply of replies) {
      allowsNothing(reply)
      assert.is(reply.headers.get('vary'), 'Origin')
    }
  }
  assert.is((await call('GET', STOCK)).headers.get('vary'), null, 'where nobody asks, nothing varies')
})

cors('are told what they may, each by its own name and never with credentials', async () => {
  const { call } = fakes({ corsOrigins: [SHOP, 'https://admin.example'] })
  const allowed = await call('GET', STOCK, { headers: { origin: SHOP } })
  assert.is(allowed.headers.get('access-control-allow-origin'), SHOP)
  assert.match(allowed.headers.get('access-control-expose-headers') ?? '', /Retry-After/)
  assert.is(allowed.headers.get('access-control-allow-credentials'), null)
  assert.is(allowed.headers.get('vary'), 'Origin')
  const refused = await call('GET', '/v1/reservations', { headers: { origin: SHOP } })
  assert.is(refused.status, 401)
  assert.is(refused.headers.get('access-control-allow-origin'), SHOP, 'refusals can be read too')
  for (const origin of [
    'null',
    'https://evil.example',
    `${SHOP}.evil.example`,
    `${SHOP}:8443`,
    'http://shop.example',
    'https://SHOP.example',
    `${SHOP}, https://evil.example`,
  ]) {
    const reply = await call('GET', STOCK, { headers: { origin } })
    allowsNothing(reply)
    assert.is(reply.headers.get('vary'), 'Origin', origin)
  }
  const none = await call('GET', STOCK)
  allowsNothing(none)
  assert.is(none.headers.get('vary'), 'Origin', 'a cache may keep it for who asks next')
  const page = await call('GET', '/problems/out-of-stock', { headers: { origin: SHOP } })
  assert.is(page.headers.get('vary'), 'Accept, Origin')
})

cors('hear before they send what no form can', async () => {
  const { call, engine } = fakes({ corsOrigins: [SHOP] })
  const reply = await call('OPTIONS', '/v1/reservations', { headers: { origin: SHOP, ...PREFLIGHT } })
  assert.is(reply.status, 204)
  assert.is(reply.headers.get('access-control-allow-origin'), SHOP)
  assert.is(reply.headers.get('access-control-allow-methods'), 'GET, POST')
  assert.match(reply.headers.get('access-control-allow-headers') ?? '', /Authorization.*Idempotency-Key/)
  assert.is(reply.headers.get('access-control-max-age'), '600')
  assert.is(reply.headers.get('access-control-allow-credentials'), null)
  allowsNothing(await call('OPTIONS', '/v1/reservations', { headers: { origin: 'null', ...PREFLIGHT } }))
  assert.is(engine.requests.length, 0)
})

cors.run()

const csrf = suite('forms of other pages (46)')

csrf('change nothing: no cookie says who calls, and no form can send JSON', async () => {
  const { call, engine } = fakes()
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
    const reply = await call('POST', '/v1/reservations', {
      as: 'ann',
      body: JSON.stringify({ items: ITEMS }),
      headers: { 'content-type': type, origin: 'https://evil.example' },
    })
    assert.is(reply.status, 415, type)
  }
  const cookie = 'session=ann; token=ann; authorization=Bearer%20ann; __Host-access=ann'
  const reply = await call('POST', '/v1/reservations', { body: { items: ITEMS }, headers: { cookie } })
  assert.is(reply.status, 401)
  assert.is(engine.requests.length, 0)
})

csrf('find no cookie set on any reply', async () => {
  const { call } = fakes()
  for (const path of [STOCK, '/docs', '/livez', '/nowhere', '/v1/reservations']) {
    assert.is((await call('GET', path, { as: 'admin' })).headers.get('set-cookie'), null, path)
  }
})

csrf.run()

const guards = suite('every reply')

guards('says what may be done with it: nothing', async () => {
  const { call } = fakes()
  for (const [method, path] of [
    ['GET', STOCK],
    ['GET', '/docs'],
    ['GET', '/openapi.json'],
    ['GET', '/nowhere'],
    ['POST', '/v1/reservations'],
    ['OPTIONS', STOCK],
    ['DELETE', '/livez'],
  ] as const) {
    const { headers } = await call(method, path)
    const where = `${method} ${path}`
    assert.is(headers.get('x-content-type-options'), 'nosniff', where)
    assert.is(headers.get('x-frame-options'), 'DENY', where)
    assert.is(headers.get('referrer-policy'), 'no-referrer', where)
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/)
    assert.match(headers.get('cache-control') ?? '', /^no-(?:store|cache)$/, where)
  }
})

guards.run()
