/** People at the real server, with two listeners, its tables on disk and a thread that hashes (FAULTS.md, attacks 8, 35). */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { callServer } from '../support/http-call.ts'
import { type ServerProcess, Site } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const environment = {
  LISTENERS: '2',
  WORKERS: '1',
  RATE_ADDRESS: '0',
  RATE_CUSTOMER: '0',
  RATE_LOGIN: '0',
  RATE_LOGIN_ADDRESS: '0',
}
const PASSWORD = 'seven herons at dawn'
const ANN = { name: 'Ann', email: 'ann@example.com', password: PASSWORD }
const ASKED = 24

type SignedIn = {
  readonly user: { readonly id: string }
  readonly accessToken: string
  readonly refreshToken: string
}

const test = suite('people at the real server', { limitMs: 60_000 })

async function register(server: ServerProcess): Promise<SignedIn> {
  const { status, body } = await server.request('POST', '/v1/auth/register', ANN, { token: undefined })
  assert.is(status, 201, JSON.stringify(body))
  return body as SignedIn
}

/** Statuses of calls on connections of their own, which the kernel spreads over the listeners. */
async function statuses({ port }: ServerProcess, token: string, path: string): Promise<ReadonlySet<number>> {
  const calls = Array.from({ length: ASKED }, () => callServer(port, ['GET', path], { token }))
  const outcomes = await Promise.all(calls)
  return new Set(outcomes.map((outcome) => (outcome.type === 'answered' ? outcome.status : 0)))
}

test('a role and a logout hold at every listener at once, whatever each remembers', async () => {
  await using site = new Site()
  const server = await site.start({ environment })
  const { user, accessToken } = await register(server)
  assert.equal([...(await statuses(server, accessToken, '/v1/api-keys'))], [403])
  const setRole = (role: string) => server.request('PATCH', `/v1/users/${user.id}`, { role })
  assert.is((await setRole('admin')).status, 200)
  assert.equal([...(await statuses(server, accessToken, '/v1/api-keys'))], [200])
  assert.is((await setRole('customer')).status, 200)
  assert.equal([...(await statuses(server, accessToken, '/v1/api-keys'))], [403])
  assert.is((await server.request('POST', '/v1/auth/logout', undefined, { token: accessToken })).status, 204)
  assert.equal([...(await statuses(server, accessToken, '/v1/me'))], [401])
  assert.is((await server.stop()).code, 0)
})

test('who has signed in is so after a kill, and nothing secret lies in the directory or the log', async () => {
  await using site = new Site()
  const first = await site.start({ environment })
  const { accessToken, refreshToken } = await register(first)
  await first.kill()
  const second = await site.start({ environment })
  assert.is((await second.request('GET', '/v1/me', undefined, { token: accessToken })).status, 200)
  const next = await second.request('POST', '/v1/auth/refresh', { refreshToken }, { token: undefined })
  assert.is(next.status, 200)
  const login = { email: ANN.email, password: PASSWORD }
  assert.is((await second.request('POST', '/v1/auth/login', login, { token: undefined })).status, 200)
  await second.stop()
  const kept = readFileSync(join(site.directory, 'tables.sqlite'), 'latin1')
  for (const secret of [PASSWORD, accessToken, refreshToken, String(next.body.accessToken)]) {
    assert.not.ok(kept.includes(secret))
    assert.not.ok(first.output.includes(secret) || second.output.includes(secret))
  }
  assert.ok(kept.includes('$argon2id$v=19$m=19456,t=2,p=1$'))
})

test('35: a thousand who sign in at once are signed in or told to come back, and others buy meanwhile', async () => {
  await using site = new Site()
  const server = await site.start({ environment })
  await register(server)
  const stock = { set: 1_000, reason: 'delivery' }
  await server.request('POST', '/v1/products/phone/stock/adjustments', stock)
  const body = { email: ANN.email, password: PASSWORD }
  const logins = Array.from({ length: 1_000 }, () =>
    callServer(server.port, ['POST', '/v1/auth/login'], { body, patienceMs: 40_000 }),
  )
  const items = [{ productId: 'phone', quantity: 1 }]
  for (let i = 0; i < 50; i++) {
    const bought = await server.request('POST', '/v1/reservations', { items, customerId: `buyer-${i}` })
    assert.is(bought.status, 201)
  }
  const counts = new Map<number, number>()
  for (const outcome of await Promise.all(logins)) {
    const status = outcome.type === 'answered' ? outcome.status : 0
    counts.set(status, (counts.get(status) ?? 0) + 1)
  }
  assert.equal([...counts.keys()].sort(), [200, 503], JSON.stringify([...counts]))
  const { body: metrics } = await server.request('GET', '/metrics')
  const hashed = /^holdfast_passwords_hashed_total (\d+)$/m.exec(String(metrics.text))?.[1]
  assert.is(Number(hashed), 1 + (counts.get(200) ?? 0))
  await server.stop()
})

test.run()
