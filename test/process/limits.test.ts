/** Limits of callers in the real server, with two listeners and two workers (FAULTS.md, attacks 29 to 31). */
import { request } from 'node:http'
import * as assert from 'uvu/assert'
import { adminKey, type ServerProcess, Site } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const perSecond = 20
const times = 200
const environment = { LISTENERS: '2', WORKERS: '2', RATE_ADDRESS: String(perSecond) }
const STOCK = '/v1/products/phone/stock'
const test = suite('limits of callers', { limitMs: 60_000 })

/** The status of one call on a connection of its own, which the kernel gives to one of the listeners. */
function statusOf({ port }: ServerProcess, headers: Readonly<Record<string, string>> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path: STOCK, headers, agent: false })
    outgoing.once('error', reject)
    outgoing.once('response', (incoming) => {
      incoming.resume().once('end', () => resolve(incoming.statusCode ?? 0))
    })
    outgoing.end()
  })
}

/** How many of the calls were served, and the seconds they took. */
async function served(server: ServerProcess, headersOf: (call: number) => Readonly<Record<string, string>>) {
  const startedAt = performance.now()
  const statuses: number[] = []
  for (let at = 0; at < times; at += 20) {
    const calls = Array.from({ length: 20 }, (_, i) => statusOf(server, headersOf(at + i)))
    statuses.push(...(await Promise.all(calls)))
  }
  const seconds = (performance.now() - startedAt) / 1_000
  assert.ok(
    statuses.every((status) => status === 200 || status === 429),
    [...new Set(statuses)].join(),
  )
  return { count: statuses.filter((status) => status === 200).length, seconds }
}

function isOneRate({ count, seconds }: Awaited<ReturnType<typeof served>>): void {
  assert.ok(count >= perSecond, `${count} were served`)
  const most = perSecond * (1 + seconds)
  assert.ok(count <= most, `${count} were served, and ${most} is what both listeners together may`)
}

async function stocked(site: Site, more: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
  const server = await site.start({ environment: { ...environment, ...more } })
  for (const product of ['phone', 'case', 'cable', 'charger']) {
    const answer = await server.request('POST', `/v1/products/${product}/stock/adjustments`, {
      set: 100,
      reason: 'x',
    })
    assert.is(answer.status, 200)
  }
  return server
}

async function metric(server: ServerProcess, name: string): Promise<string | undefined> {
  const { body } = await server.request('GET', '/metrics')
  return String(body.text)
    .split('\n')
    .find((line) => line.startsWith(`${name} `))
    ?.slice(name.length + 1)
}

test('are one for both listeners; a key has none', async () => {
  await using site = new Site()
  const server = await stocked(site)
  const anonymous = await served(server, () => ({}))
  isOneRate(anonymous)
  const refused = times - anonymous.count
  assert.is(await metric(server, 'holdfast_rate_limited_total{policy="address"}'), String(refused))
  assert.is(await metric(server, 'holdfast_rate_identities_max{policy="address"}'), '65536', 'of one table')
  const withKey = await served(server, () => ({ authorization: `Bearer ${adminKey}` }))
  assert.is(withKey.count, times)
  assert.ok(await server.isReady(), 'and how it is can be asked by anybody')
})

test('go by what the other end of the socket is, unless that is a trusted proxy', async () => {
  await using site = new Site()
  const spoofing = (call: number) => ({ 'x-forwarded-for': `198.51.100.${call}` })
  const direct = await stocked(site)
  isOneRate(await served(direct, spoofing))
  await direct.stop()
  const proxied = await site.start({ environment: { ...environment, TRUSTED_PROXIES: '127.0.0.0/8' } })
  assert.is((await served(proxied, spoofing)).count, times)
  const behind = (call: number) => ({ 'x-forwarded-for': `198.51.100.${call}, 203.0.113.9` })
  isOneRate(await served(proxied, behind))
})

test('count what expires at any worker, once for all', async () => {
  await using site = new Site()
  const server = await stocked(site)
  const hold = (customerId: string, ...products: string[]) => {
    const items = products.map((productId) => ({ productId, quantity: 1 }))
    return server.request('POST', '/v1/reservations', { items, customerId, ttlSeconds: 1 })
  }
  const held = await Promise.all([
    hold('ann', 'phone'),
    hold('ann', 'case'),
    hold('ann', 'phone', 'case', 'cable', 'charger'),
    hold('bob', 'cable'),
    hold('bob', 'charger'),
  ])
  assert.equal(
    held.map(({ status }) => status),
    [201, 201, 201, 201, 201],
  )
  await server.until(async () => (await metric(server, 'holdfast_cooldowns')) === '1', 'ann cools down')
  await server.until(async () => (await metric(server, 'holdfast_expiry_customers')) === '2', 'bob is known')
  assert.is(await metric(server, 'holdfast_expiry_customers_max'), '131072')
  assert.is((await hold('ann', 'phone')).status, 201, 'a service may go on for her')
})

test.run()
