/** Limits of callers as they meet them over HTTP (FAULTS.md, attacks 29 to 32). */
import * as assert from 'uvu/assert'
import type { CustomerId } from '../../src/domain/ids.ts'
import type { HttpParts } from '../../src/http/parts.ts'
import type { RateLimits, Rates } from '../../src/http/rate-limits.ts'
import { requestLogOneIn } from '../../src/limits.ts'
import { suite } from '../support/suite.ts'
import { limits, noRates } from './fake-limits.ts'
import { type CallOptions, FakeClock, type Fakes, fakes, RESERVATION_ID, type Reply } from './fake-parts.ts'

const STOCK = '/v1/products/pixel-11/stock'
const RESERVATION = `/v1/reservations/${RESERVATION_ID}`
const ITEMS = [{ productId: 'pixel-11', quantity: 1 }]
const ann = 'usr_ann' as CustomerId

type World = Fakes & { readonly cooldowns: ReturnType<typeof limits>['cooldowns'] }

function world(
  rates: Partial<Rates> = { customer: 20, address: 100 },
  proxies: readonly string[] = [],
  overrides: Partial<HttpParts> = {},
): World {
  const clock = new FakeClock()
  const all = limits(clock, { rates, proxies })
  const made = fakes({ ...all, clock, ...overrides })
  return { ...made, clock, cooldowns: all.cooldowns }
}

/** How many of these are served, one after another. */
async function served(
  { call }: Fakes,
  times: number,
  [method, path]: readonly [string, string],
  options: CallOptions,
) {
  let count = 0
  for (let i = 0; i < times; i++) if ((await call(method, path, options)).status !== 429) count += 1
  return count
}

function isLimited(reply: Reply, policy: string): void {
  assert.is(reply.status, 429, reply.text)
  assert.is(reply.body.code, 'rate-limited')
  assert.is(reply.body.policy, policy)
}

const kinds = suite('who is limited')

kinds('a customer, to 20 a second, whatever they ask for and from wherever', async () => {
  const all = world()
  const { call, clock, engine } = all
  for (let i = 0; i < 20; i++) {
    const from = `203.0.113.${i}`
    const [path, method] = i % 2 === 0 ? [RESERVATION, 'GET'] : ['/v1/reservations/nowhere', 'GET']
    assert.is.not((await call(method, path, { as: 'ann', from })).status, 429)
  }
  engine.requests.length = 0
  const reply = await call('POST', '/v1/reservations', {
    as: 'ann',
    body: { items: ITEMS },
    from: '198.51.100.1',
  })
  isLimited(reply, 'customer')
  assert.is(engine.requests.length, 0, 'nothing happened')
  assert.is((await call('GET', RESERVATION, { as: 'bob' })).status, 404, 'others are not concerned')
  clock.nowMs += 50
  assert.is((await call('GET', RESERVATION, { as: 'ann' })).status, 200)
  isLimited(await call('GET', RESERVATION, { as: 'ann' }), 'customer')
})

kinds('an address without a token, to 100 a second', async () => {
  const all = world()
  assert.is(await served(all, 150, ['GET', STOCK], { from: '203.0.113.9' }), 100)
  isLimited(await all.call('GET', '/nowhere', { from: '203.0.113.9' }), 'address')
  isLimited(await all.call('POST', '/v1/reservations', { from: '203.0.113.9', body: '{' }), 'address')
  assert.is((await all.call('GET', STOCK, { from: '203.0.113.10' })).status, 200)
  assert.is((await all.call('GET', RESERVATION, { as: 'ann', from: '203.0.113.9' })).status, 200)
})

for (const role of ['service', 'staff', 'admin']) {
  kinds(
    `no ${role} key, whatever it does, for whomever, even where its address has nothing left`,
    async () => {
      const all = world({ customer: 1, address: 1, 'address-customers': 1 })
      const from = '203.0.113.9'
      await served(all, 5, ['GET', STOCK], { from })
      const body = { items: ITEMS, customerId: 'usr_ann' }
      const headers = (reply: Reply) =>
        [...reply.headers.keys()].filter((name) => /^(?:ratelimit|retry)/.test(name))
      for (let i = 0; i < 200; i++) {
        const reply = await all.call('POST', '/v1/reservations', { as: role, body, from })
        assert.is(reply.status, 201)
        assert.equal(headers(reply), [])
      }
      assert.is(
        (await all.call('GET', RESERVATION, { as: 'ann' })).status,
        200,
        'and it took nothing from hers',
      )
    },
  )
}

kinds('a key for which a rate is set, each for itself', async () => {
  const all = world({ key: 3 })
  assert.is(await served(all, 9, ['GET', RESERVATION], { as: 'service' }), 3)
  isLimited(await all.call('GET', RESERVATION, { as: 'service' }), 'key')
  assert.is(await served(all, 9, ['GET', RESERVATION], { as: 'staff' }), 3)
})

kinds('all customers of one address together, where that is set', async () => {
  const all = world({ customer: 3, 'address-customers': 5 })
  const from = '203.0.113.9'
  const first = await all.call('GET', RESERVATION, { as: 'ann', from })
  assert.is(first.headers.get('ratelimit'), '"customer";r=2;t=1, "address-customers";r=4;t=1')
  assert.is(first.headers.get('ratelimit-policy'), '"customer";q=3;w=1, "address-customers";q=5;w=1')
  assert.is(await served(all, 2, ['GET', RESERVATION], { as: 'ann', from }), 2)
  assert.is(await served(all, 5, ['GET', RESERVATION], { as: 'bob', from }), 2)
  isLimited(await all.call('GET', RESERVATION, { as: 'bob', from }), 'address-customers')
  assert.is(
    await served(all, 5, ['GET', RESERVATION], { as: 'bob', from: '203.0.113.10' }),
    1,
    'and by themselves',
  )
})

kinds('nobody, where nothing is set', async () => {
  const all = world({})
  for (const as of [undefined, 'ann', 'service']) {
    const options = { from: '203.0.113.9', ...(as === undefined ? {} : { as }) }
    assert.is(await served(all, 300, ['GET', STOCK], options), 300)
    assert.is((await all.call('GET', STOCK, options)).headers.get('ratelimit'), null)
  }
})

kinds('who shows a bad token, as somebody without one; a good one on the same address goes on', async () => {
  const all = world({ customer: 20, address: 10 })
  const from = '203.0.113.9'
  const statuses: number[] = []
  for (let i = 0; i < 12; i++) {
    // One is nobody's, the other is no token at all.
    const headers = { authorization: i % 2 === 0 ? 'Bearer guess' : 'Basic YTpi' }
    const path = i % 3 === 0 ? '/livez' : RESERVATION
    statuses.push((await all.call('GET', path, { from, headers })).status)
  }
  assert.equal(statuses, [...Array(10).fill(401), 429, 429])
  assert.is((await all.call('GET', RESERVATION, { as: 'service', from })).status, 200)
  assert.is((await all.call('GET', RESERVATION, { as: 'ann', from })).status, 200)
})

kinds('who sends what no route or rule takes, like everybody', async () => {
  const all = world({ address: 6 })
  const from = '203.0.113.9'
  const statuses: number[] = []
  for (const [method, path] of [
    ['GET', '/%zz'],
    ['GET', '/nowhere'],
    ['BREW', STOCK],
    ['GET', '/v1/reservations/x'],
    ['GET', `${STOCK}?x=1`],
    ['OPTIONS', STOCK],
    ['GET', STOCK],
  ] as const) {
    statuses.push((await all.call(method, path, { from })).status)
  }
  assert.equal(statuses, [400, 404, 405, 401, 400, 204, 429])
})

kinds('no load balancer that asks how the server is', async () => {
  const all = world({ address: 1 })
  const from = '203.0.113.9'
  await served(all, 5, ['GET', STOCK], { from })
  for (const path of ['/livez', '/readyz']) {
    const reply = await all.call('GET', path, { from })
    assert.is(reply.status, 200)
    assert.is(reply.headers.get('ratelimit'), null)
  }
  for (const path of ['/metrics', '/docs', '/openapi.json', '/problems', '/problems/rate-limited']) {
    isLimited(await all.call('GET', path, { from }), 'address')
  }
})

kinds.run()

const addresses = suite('an address')

addresses('of IPv6 is a /64, and its mapped form is IPv4', async () => {
  const all = world({ address: 10 })
  let count = 0
  for (let i = 0; i < 40; i++) {
    const from = `2001:db8:0:7:${i.toString(16)}::${i.toString(16)}`
    if ((await all.call('GET', STOCK, { from })).status === 200) count += 1
  }
  assert.is(count, 10)
  assert.is((await all.call('GET', STOCK, { from: '2001:db8:0:8::1' })).status, 200)
  assert.is(await served(all, 10, ['GET', STOCK], { from: '::ffff:203.0.113.9' }), 10)
  isLimited(await all.call('GET', STOCK, { from: '203.0.113.9' }), 'address')
})

addresses('cannot be changed by saying another one', async () => {
  const all = world({ address: 10 }, ['10.0.0.0/8'])
  let count = 0
  for (let i = 0; i < 40; i++) {
    const other = `198.51.100.${i}`
    const headers = {
      'x-forwarded-for': other,
      forwarded: `for=${other}`,
      'x-real-ip': other,
      'cf-connecting-ip': other,
      'true-client-ip': other,
      via: other,
    }
    if ((await all.call('GET', STOCK, { from: '203.0.113.9', headers })).status === 200) count += 1
  }
  assert.is(count, 10)
})

addresses('is what a trusted proxy saw, whatever stands before that', async () => {
  const all = world({ address: 10 }, ['10.0.0.0/8'])
  let count = 0
  for (let i = 0; i < 40; i++) {
    const headers = { 'x-forwarded-for': `198.51.100.${i}, 203.0.113.9` }
    if ((await all.call('GET', STOCK, { from: '10.0.0.7', headers })).status === 200) count += 1
  }
  assert.is(count, 10)
  const other = { 'x-forwarded-for': '203.0.113.9, 203.0.113.10' }
  assert.is((await all.call('GET', STOCK, { from: '10.0.0.7', headers: other })).status, 200)
})

addresses('that nobody knows any more is one for all', async () => {
  const all = world({ address: 2 })
  assert.is(await served(all, 5, ['GET', STOCK], {}), 2)
})

addresses.run()

const told = suite('what a caller is told')

told('is what they have left, with every reply', async () => {
  const { call } = world()
  const from = '203.0.113.9'
  for (const [path, left, status] of [
    [STOCK, 99, 200],
    [RESERVATION, 98, 401],
    ['/nowhere', 97, 404],
    ['/docs', 96, 200],
  ] as const) {
    const reply = await call('GET', path, { from })
    assert.is(reply.status, status)
    assert.is(reply.headers.get('ratelimit'), `"address";r=${left};t=1`)
    assert.is(reply.headers.get('ratelimit-policy'), '"address";q=100;w=1')
  }
  assert.is(
    (await call('POST', '/v1/reservations', { as: 'ann', body: { items: ITEMS } })).headers.get('ratelimit'),
    '"customer";r=19;t=1',
  )
  assert.is((await call('GET', RESERVATION, { as: 'bob' })).headers.get('ratelimit'), '"customer";r=19;t=1')
})

told('is a problem that says when to come again', async () => {
  const all = world({ customer: 2 })
  await served(all, 2, ['GET', RESERVATION], { as: 'ann' })
  const reply = await all.call('GET', RESERVATION, { as: 'ann', headers: { 'x-request-id': 'r-1' } })
  assert.is(reply.headers.get('content-type'), 'application/problem+json')
  assert.is(reply.headers.get('cache-control'), 'no-store')
  assert.is(reply.headers.get('ratelimit'), '"customer";r=0;t=1')
  assert.is(reply.headers.get('ratelimit-policy'), '"customer";q=2;w=1')
  assert.is(reply.headers.get('retry-after'), '2', 'one second, and half of what spreads them')
  assert.equal(reply.body, {
    type: '/problems/rate-limited',
    title: 'Too many requests',
    status: 429,
    detail: 'One customer may make 2 requests a second.',
    code: 'rate-limited',
    instance: RESERVATION,
    requestId: 'r-1',
    policy: 'customer',
  })
})

told('to wait is spread, so that they do not come back as one', async () => {
  const waits = new Set<string | null>()
  for (const fraction of [0, 0.3, 0.6, 0.99]) {
    const all = world({ address: 1 }, [], { random: { fraction: () => fraction } })
    await served(all, 1, ['GET', STOCK], { from: '203.0.113.9' })
    waits.add((await all.call('GET', STOCK, { from: '203.0.113.9' })).headers.get('retry-after'))
  }
  assert.equal([...waits], ['1', '2'])
})

told('nothing of it is kept under an idempotency key', async () => {
  const all = world({ customer: 1 })
  const ask = { as: 'ann', body: { items: ITEMS }, headers: { 'idempotency-key': 'k-1' } }
  await served(all, 1, ['GET', RESERVATION], { as: 'ann' })
  all.engine.requests.length = 0
  isLimited(await all.call('POST', '/v1/reservations', ask), 'customer')
  assert.is(all.engine.requests.length, 0)
  all.clock.nowMs += 1_000
  assert.is((await all.call('POST', '/v1/reservations', ask)).status, 201)
})

told('comes from wherever it is counted, later too', async () => {
  let left = 2
  const rateLimits: RateLimits = {
    rates: { ...noRates, customer: 9, address: 9, 'address-customers': 9, key: 9 },
    giveBack() {},
    take: () => {
      left -= 1
      return Promise.resolve(
        left < 0 ? { type: 'refused', retryInMs: 2_500 } : { type: 'taken', left, fullInMs: 1_200 },
      )
    },
  }
  const { call } = world({}, [], { rateLimits })
  const reply = await call('GET', STOCK, { from: '203.0.113.9' })
  assert.is(reply.headers.get('ratelimit'), '"address";r=1;t=2')
  assert.is((await call('GET', RESERVATION, { as: 'service' })).status, 200)
  const refused = await call('GET', RESERVATION, { as: 'ann' })
  isLimited(refused, 'address-customers')
  assert.is(refused.headers.get('retry-after'), '5')
  const failing = world({}, [], {
    rateLimits: { ...rateLimits, take: () => Promise.reject(new Error('secret')) },
  })
  assert.is((await failing.call('GET', STOCK)).status, 500)
})

told('in the log, of one in many: whoever is refused can ask very often', async () => {
  const all = world({ address: 1 })
  for (let i = 0; i < requestLogOneIn + 1; i++) await all.call('GET', '/docs', { from: '203.0.113.9' })
  assert.equal(
    all.logged.map(({ status, one_in }) => [status, one_in]),
    [
      [200, undefined],
      [429, requestLogOneIn],
    ],
  )
})

told('by the metrics, how many were refused, by limit', async () => {
  const all = world({ customer: 1, address: 2 })
  await served(all, 4, ['GET', RESERVATION], { as: 'ann' })
  await served(all, 4, ['GET', STOCK], { from: '203.0.113.9' })
  all.cooldowns.note([ann, ann, ann])
  all.clock.nowMs += 1_000
  await all.call('POST', '/v1/reservations', { as: 'ann', body: { items: ITEMS } })
  const text = (await all.call('GET', '/metrics', { as: 'service' })).text
  assert.match(text, 'holdfast_rate_limited_total{policy="customer"} 3')
  assert.match(text, 'holdfast_rate_limited_total{policy="address"} 2')
  assert.match(text, 'holdfast_cooldown_refusals_total 1')
})

told.run()

const cooldown = suite('a customer of whom three reservations have expired')

const UNITS: readonly (readonly [method: string, path: string, body: unknown])[] = [
  ['POST', '/v1/reservations', { items: ITEMS }],
  ['POST', '/v1/products/pixel-11/waitlist', { quantity: 1 }],
]

cooldown('takes no units, and no place in line for them, until the hour is over', async () => {
  const all = world()
  const { call, cooldowns, clock, engine } = all
  cooldowns.note([ann])
  clock.nowMs += 600_000
  cooldowns.note([ann, ann])
  for (const [method, path, body] of UNITS) {
    const reply = await call(method, path, { as: 'ann', body })
    assert.is(reply.status, 429, path)
    assert.is(reply.body.code, 'expiry-cooldown')
    assert.is(reply.body.type, '/problems/expiry-cooldown')
    assert.is(reply.headers.get('retry-after'), '3000')
    assert.match(String(reply.body.detail), /^3 reservations .* 3000 s\.$/)
  }
  assert.is(engine.requests.length, 0, 'nothing happened')
  clock.nowMs += 3_000_000
  for (const [method, path, body] of UNITS) {
    assert.is((await call(method, path, { as: 'ann', body })).status, 201, path)
  }
})

cooldown('may still look at what they have, keep it and give it back', async () => {
  const { call, cooldowns } = world()
  cooldowns.note([ann, ann, ann])
  for (const [method, path, body] of [
    ['GET', RESERVATION, undefined],
    ['POST', `${RESERVATION}/extend`, { ttlSeconds: 60 }],
    ['POST', `${RESERVATION}/release`, {}],
    ['GET', STOCK, undefined],
    ['GET', '/v1/products/pixel-11/waitlist', undefined],
  ] as const) {
    assert.is((await call(method, path, { as: 'ann', body })).status, 200, path)
  }
})

cooldown('is served where a service acts for them, and others are not concerned', async () => {
  const { call, cooldowns } = world()
  cooldowns.note([ann, ann, ann])
  const items = { items: ITEMS }
  const forAnn = { ...items, customerId: ann }
  assert.is((await call('POST', '/v1/reservations', { as: 'service', body: forAnn })).status, 201)
  assert.is((await call('POST', '/v1/reservations', { as: 'bob', body: items })).status, 201)
})

cooldown('hears of it after identity and role, and before anything of the body', async () => {
  const all = world({ customer: 3, address: 100 })
  all.cooldowns.note([ann, ann, ann])
  assert.is((await all.call('POST', '/v1/reservations', { as: 'nobody', body: '{' })).status, 401)
  assert.is(
    (await all.call('POST', '/v1/reservations', { as: 'ann', body: '{' })).body.code,
    'expiry-cooldown',
  )
  await served(all, 3, ['GET', STOCK], { as: 'ann' })
  isLimited(await all.call('POST', '/v1/reservations', { as: 'ann', body: '{' }), 'customer')
})

cooldown('is known wherever that is kept, later too', async () => {
  const later = (leftMs: number) => world({}, [], { cooldowns: { leftMs: () => Promise.resolve(leftMs) } })
  const ask = { as: 'ann', body: { items: ITEMS } }
  const refused = await later(1_500).call('POST', '/v1/reservations', ask)
  assert.is(refused.body.code, 'expiry-cooldown')
  assert.is(refused.headers.get('retry-after'), '2')
  assert.is((await later(0).call('POST', '/v1/reservations', ask)).status, 201)
})

cooldown.run()
