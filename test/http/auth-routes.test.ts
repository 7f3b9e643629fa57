/** Signing up, in, on and out, and who must not (FAULTS.md, attacks 8, 30, 33 to 38). */
import * as assert from 'uvu/assert'
import { EngineError } from '../../src/actors/engine-error.ts'
import { signInReply } from '../../src/http/account-schemas.ts'
import { refreshTokensKept, sessionsPerUserMax } from '../../src/limits/account-limits.ts'
import { isBelowCurrent, nobodysHash } from '../../src/shop/accounts/password-hash.ts'
import { suite } from '../support/suite.ts'
import { ACCESS_MS, AccountsWorld, ADMIN_KEY, PASSWORD, REFRESH_MS, tokensOf } from './accounts-world.ts'
import { pathsOf } from './replies.ts'

const ANN = { name: 'Ann Lee', email: 'Ann.Lee@example.com', password: PASSWORD }

const register = suite('POST /v1/auth/register')

register('makes an account and signs its owner in; nothing secret is kept or shown', async () => {
  const all = new AccountsWorld()
  const reply = await all.call('POST', '/v1/auth/register', { body: ANN })
  assert.is(reply.status, 201, reply.text)
  assert.ok(signInReply.safeParse(reply.body).success, reply.text)
  assert.is(reply.body.expiresIn, ACCESS_MS / 1_000)
  assert.equal(Object.keys(reply.body).sort(), ['accessToken', 'expiresIn', 'refreshToken', 'user'])
  assert.is(reply.headers.get('cache-control'), 'no-store')
  const { id, access, refresh } = tokensOf(reply)
  assert.match(id, /^usr_[0-9A-Z]{26}$/)
  const me = await all.call('GET', '/v1/me', { as: access })
  const { name, email } = ANN
  assert.equal(me.body, { id, name, email, role: 'customer', createdAt: '2026-11-27T08:00:00.000Z' })
  const kept = all.tables.everything()
  for (const secret of [PASSWORD, access, refresh]) assert.not.ok(kept.includes(secret))
  assert.ok(kept.includes('$argon2id$'))
  for (const text of [reply.text, me.text]) assert.not.match(text, /argon2|hash/)
  const events = await all.tables.read('outbox.after', { id: 0, limit: 9 })
  assert.equal(
    events.map(({ type, subjectId }) => [type, subjectId]),
    [['user.registered', id]],
  )
  all.close()
})

register('takes an e-mail once, however it is spelt, and many people with others', async () => {
  const all = new AccountsWorld()
  await all.call('POST', '/v1/auth/register', { body: ANN })
  for (const email of [ANN.email, 'ann.lee@example.com', 'ANN.LEE@EXAMPLE.COM']) {
    const reply = await all.call('POST', '/v1/auth/register', { body: { ...ANN, email } })
    assert.is(reply.status, 409, email)
    assert.is(reply.body.code, 'email-taken')
    assert.not.match(reply.text, /lee/i)
  }
  assert.is(all.passwords.asked.length, 4, 'it takes as long as if it were free')
  for (let i = 0; i < 50; i++) await all.register(`buyer-${i}`)
  all.close()
})

register(
  '37: refuses passwords that are too short, too long or known to all, each before it is hashed',
  async () => {
    const all = new AccountsWorld()
    for (const password of [
      'x',
      'password123',
      'Ann Lee 1',
      'a'.repeat(129),
      'b'.repeat(50_000),
      '',
      7,
      null,
      [PASSWORD],
    ]) {
      const reply = await all.call('POST', '/v1/auth/register', { body: { ...ANN, password } })
      assert.is(reply.status, 400, JSON.stringify(password)?.slice(0, 40))
      assert.equal(pathsOf(reply), ['password'])
    }
    const huge = await all.call('POST', '/v1/auth/register', {
      body: { ...ANN, password: 'c'.repeat(10_000_000) },
    })
    assert.is(huge.status, 413)
    const login = await all.call('POST', '/v1/auth/login', {
      body: { email: ANN.email, password: 'a'.repeat(129) },
    })
    assert.is(login.status, 400)
    assert.equal(all.passwords.asked, [])
    all.close()
  },
)

register('14: sets nothing that nobody may set, and takes nothing that is no e-mail', async () => {
  const all = new AccountsWorld()
  for (const more of [
    { role: 'admin' },
    { id: 'usr_x' },
    { passwordHash: 'x' },
    { createdAt: '2020-01-01' },
  ]) {
    const reply = await all.call('POST', '/v1/auth/register', { body: { ...ANN, ...more } })
    assert.is(reply.status, 400)
    assert.equal(pathsOf(reply), Object.keys(more))
  }
  for (const email of [
    'ann',
    'ann@',
    '@example.com',
    'a b@example.com',
    `${'a'.repeat(250)}@x.com`,
    'ann@ex\u0000.com',
    7,
  ]) {
    const reply = await all.call('POST', '/v1/auth/register', { body: { ...ANN, email } })
    assert.equal(pathsOf(reply), ['email'], String(email))
  }
  for (const name of ['', '   ', 'a\u001b[2J', 'x'.repeat(129)]) {
    const reply = await all.call('POST', '/v1/auth/register', { body: { ...ANN, name } })
    assert.equal(pathsOf(reply), ['name'], name)
  }
  all.close()
})

register('is answered as before under the same key, to whoever sends the same', async () => {
  const all = new AccountsWorld()
  const headers = { 'idempotency-key': 'a-key' }
  const first = await all.call('POST', '/v1/auth/register', { body: ANN, headers })
  all.clock.nowMs += 5_000
  const again = await all.call('POST', '/v1/auth/register', { body: ANN, headers })
  assert.is(again.status, 201)
  assert.is(again.text, first.text)
  assert.is(again.headers.get('idempotency-replayed'), 'true')
  const other = await all.call('POST', '/v1/auth/register', {
    body: { ...ANN, password: `${PASSWORD}!` },
    headers,
  })
  assert.is(other.status, 422, 'not to whoever knows all but the password')
  const kept = JSON.stringify(all.tables.database.prepare('SELECT * FROM idempotency_records').all())
  assert.not.ok(kept.includes('a-key'))
  all.close()
})

register('30: so many from one address in a minute and no more; elsewhere people sign up', async () => {
  const all = new AccountsWorld({ registration: 5 })
  for (let i = 0; i < 5; i++) await all.register(`p${i}`, { from: '203.0.113.9' })
  const body = { ...ANN, email: 'one.more@example.com' }
  const reply = await all.call('POST', '/v1/auth/register', { body, from: '203.0.113.9' })
  assert.is(reply.status, 429)
  assert.is(reply.body.policy, 'registration')
  assert.match(reply.headers.get('retry-after') ?? '', /^(?:1[2-9]|2\d)$/)
  assert.is(all.passwords.asked.length, 5, 'and nothing was hashed for it')
  await all.register('elsewhere', { from: '203.0.113.10' })
  all.clock.nowMs += 12_001
  await all.register('later', { from: '203.0.113.9' })
  all.close()
})

register.run()

const login = suite('POST /v1/auth/login')

login('signs in again and again, each time with a session of its own', async () => {
  const all = new AccountsWorld()
  await all.register()
  const [one, two] = [await all.login(), await all.login('ANN')].map(tokensOf)
  assert.is.not(one?.refresh, two?.refresh)
  await all.call('POST', '/v1/auth/logout', { as: one?.access ?? '' })
  assert.is(await all.statusOf(one?.access ?? ''), 401)
  assert.is(await all.statusOf(two?.access ?? ''), 200)
  all.close()
})

login('34: says the same of an unknown e-mail as of a wrong password, and hashes as much', async () => {
  const all = new AccountsWorld()
  await all.register()
  const { hash } = all.tables.database.prepare('SELECT password_hash AS hash FROM users').get() as {
    hash: string
  }
  all.passwords.asked.length = 0
  const wrong = await all.login('ann', 'eight herons at dawn')
  assert.equal(all.passwords.asked, [hash])
  const unknown = await all.login('nobody', 'eight herons at dawn')
  assert.equal(all.passwords.asked, [hash, nobodysHash], 'with the costs of a real one')
  assert.not.ok(isBelowCurrent(nobodysHash))
  assert.is(wrong.status, 401)
  assert.is(wrong.body.code, 'wrong-credentials')
  const same = ({ status, body, headers }: typeof wrong) => {
    const names = [...headers].map(([name]) => name).sort()
    return { status, names, body: { ...body, requestId: undefined } }
  }
  assert.equal(same(unknown), same(wrong))
  all.close()
})

login(
  '33: is held up after so many failures of one account and address; its owner signs in from elsewhere',
  async () => {
    const all = new AccountsWorld({ login: 10, 'login-address': 100 })
    await all.register()
    const attacker = { from: '203.0.113.66' }
    for (let i = 0; i < 10; i++)
      assert.is((await all.login('ann', `guess number ${i}`, attacker)).status, 401)
    const asked = all.passwords.asked.length
    const held = await all.login('ann', PASSWORD, attacker)
    assert.is(held.status, 429, 'the right password too, or the limit would tell it')
    assert.is(held.body.policy, 'login')
    assert.ok(Number(held.headers.get('retry-after')) >= 90)
    assert.is((await all.login('ANN', 'guess', attacker)).status, 429, 'in capitals too')
    assert.is(all.passwords.asked.length, asked, 'nothing is hashed for it')
    const unknown = await all.login('nobody', 'guess', attacker)
    assert.is(unknown.status, 401, 'another account is another matter')
    assert.is((await all.login('ann', PASSWORD, { from: '198.51.100.7' })).status, 200)
    all.clock.nowMs += 90_001
    assert.is((await all.login('ann', PASSWORD, attacker)).status, 200)
    all.close()
  },
)

login(
  '33: of one address is held up after so many failures, whatever the accounts, and they need not exist',
  async () => {
    const all = new AccountsWorld({ login: 10, 'login-address': 20 })
    const from = { from: '2001:db8::1' }
    for (let i = 0; i < 20; i++) assert.is((await all.login(`leaked-${i}`, 'a password', from)).status, 401)
    const held = await all.login('leaked-20', 'a password', { from: '2001:db8::2' })
    assert.is(held.status, 429, 'a /64 is one address')
    assert.is(held.body.policy, 'login-address')
    assert.is((await all.login('leaked-20', 'a password', { from: '2001:db8:0:1::1' })).status, 401)
    all.close()
  },
)

login(
  '33: that goes well counts against nothing, however often, nor does one that was not looked at',
  async () => {
    const all = new AccountsWorld({ login: 2, 'login-address': 2 })
    await all.register()
    const from = { from: '203.0.113.9' }
    for (let i = 0; i < 20; i++) assert.is((await all.login('ann', PASSWORD, from)).status, 200)
    all.passwords.before = () => Promise.reject(new EngineError('overloaded', 'too many wait'))
    for (let i = 0; i < 20; i++) assert.is((await all.login('ann', 'a guess', from)).status, 503)
    all.passwords.before = () => Promise.resolve()
    const many = await Promise.all(Array.from({ length: 20 }, () => all.login('ann', 'a guess', from)))
    assert.is(many.filter(({ status }) => status === 401).length, 2, 'many at once are no way around it')
    assert.is(many.filter(({ status }) => status === 429).length, 18)
    all.close()
  },
)

login('of many at once with the right password all go well, in turn; beyond some nobody waits', async () => {
  const all = new AccountsWorld({ login: 2, 'login-address': 3 })
  await all.register()
  let [hashing, mostHashing] = [0, 0]
  all.passwords.before = async () => {
    mostHashing = Math.max(mostHashing, ++hashing)
    await new Promise((resolve) => setImmediate(resolve))
    hashing -= 1
  }
  const from = { from: '203.0.113.9' }
  const many = (count: number) =>
    Promise.all(Array.from({ length: count }, () => all.login('ann', PASSWORD, from)))
  assert.ok((await many(30)).every(({ status }) => status === 200))
  assert.is(mostHashing, 2, 'no account has more of the line than its places')
  const counts = Map.groupBy(await many(200), ({ status }) => status)
  assert.ok((counts.get(429)?.length ?? 0) > 0)
  assert.ok((counts.get(200)?.length ?? 0) >= 32)
  const mixed = await Promise.all(
    [...Array(20).keys()].map((i) => all.login('ann', i < 2 ? 'a guess' : PASSWORD, from)),
  )
  assert.equal(
    mixed.slice(0, 2).map(({ status }) => status),
    [401, 401],
  )
  assert.ok(
    mixed.slice(2).every(({ status }) => status === 429),
    'the places are gone',
  )
  all.close()
})

login('35: beyond what can be hashed is told to come back, and has cost nothing', async () => {
  const all = new AccountsWorld()
  await all.register()
  all.passwords.before = () => Promise.reject(new EngineError('overloaded', 'too many wait'))
  const reply = await all.login()
  assert.is(reply.status, 503)
  assert.is(reply.body.code, 'overloaded')
  assert.match(reply.headers.get('retry-after') ?? '', /^[1-9]/)
  all.close()
})

login('35: where too many wait already is not even read', async () => {
  const all = new AccountsWorld({ login: 1, 'login-address': 1, registration: 1 })
  all.passwords.isCrowded = true
  for (const path of ['/v1/auth/login', '/v1/auth/register']) {
    for (let i = 0; i < 3; i++) {
      const reply = await all.call('POST', path, { body: '{', from: '203.0.113.9' })
      assert.is(reply.status, 503, path)
      assert.match(reply.headers.get('retry-after') ?? '', /^[1-9]/)
    }
  }
  assert.is((await all.call('GET', '/.well-known/jwks.json')).status, 200)
  all.close()
})

login('36: makes a dearer hash of a password that was hashed for less', async () => {
  const all = new AccountsWorld()
  all.passwords.costs = 'low'
  await all.register()
  all.passwords.costs = 'current'
  const hash = () =>
    (all.tables.database.prepare('SELECT password_hash AS hash FROM users').get() as { hash: string }).hash
  const before = hash()
  assert.ok(isBelowCurrent(before))
  assert.is((await all.login('ann', 'a wrong one')).status, 401)
  assert.is(hash(), before)
  assert.is((await all.login()).status, 200)
  assert.not.ok(isBelowCurrent(hash()))
  assert.is((await all.login()).status, 200, 'the password is the same')
  all.close()
})

login('36: goes well for all who sign in while the first of them makes a dearer hash', async () => {
  const all = new AccountsWorld()
  all.passwords.costs = 'low'
  await all.register()
  all.passwords.costs = 'current'
  const replies = await Promise.all(Array.from({ length: 10 }, () => all.login()))
  assert.equal(new Set(replies.map(({ status }) => status)), new Set([200]))
  all.close()
})

login('with the old password comes to nothing where a new one was set meanwhile', async () => {
  const all = new AccountsWorld()
  const { id } = await all.register()
  const gate = Promise.withResolvers<void>()
  all.passwords.before = () => gate.promise
  const { length: asked } = all.passwords.asked
  const slow = all.login()
  while (all.passwords.asked.length === asked) await new Promise((resolve) => setImmediate(resolve))
  all.tables.database.prepare('UPDATE users SET password_hash = ? WHERE id = ?').run(nobodysHash, id)
  gate.resolve()
  assert.is((await slow).status, 401)
  all.close()
})

login('leaves so many sessions and no more; the oldest gives way, at once', async () => {
  const all = new AccountsWorld()
  const first = await all.register()
  all.clock.nowMs += 1
  const second = tokensOf(await all.login())
  for (let i = 2; i < sessionsPerUserMax; i++) {
    all.clock.nowMs += 1
    await all.login()
  }
  assert.is(await all.statusOf(first.access), 200)
  all.clock.nowMs += 1
  await all.login()
  assert.is(await all.statusOf(first.access), 401)
  assert.is(await all.statusOf(second.access), 200)
  all.close()
})

login('does not look at a token that comes along: it may well be over', async () => {
  const all = new AccountsWorld()
  const { refresh } = await all.register()
  assert.is((await all.login('ann', PASSWORD, { as: 'over' })).status, 200)
  assert.is((await all.refresh(refresh, { as: 'over' })).status, 200)
  assert.is((await all.call('POST', '/v1/auth/logout', { as: 'over' })).status, 401)
  all.close()
})

login.run()

const refresh = suite('POST /v1/auth/refresh')

refresh('exchanges a token for the next, of the same session', async () => {
  const all = new AccountsWorld()
  const first = await all.register()
  all.clock.nowMs += ACCESS_MS
  assert.is(await all.statusOf(first.access), 401)
  const reply = await all.refresh(first.refresh)
  assert.is(reply.status, 200, reply.text)
  assert.ok(signInReply.safeParse(reply.body).success)
  const second = tokensOf(reply)
  assert.is(await all.statusOf(second.access), 200)
  assert.is.not(second.refresh, first.refresh)
  assert.is((await all.call('POST', '/v1/auth/logout', { as: second.access })).status, 204)
  assert.is((await all.refresh(second.refresh)).status, 401, 'nothing of a session that ended is good')
  all.close()
})

refresh(
  '38: of a token that was exchanged before ends the whole session, for whoever stole it too',
  async () => {
    const all = new AccountsWorld()
    const first = await all.register()
    const other = tokensOf(await all.login())
    const second = tokensOf(await all.refresh(first.refresh))
    assert.is(await all.statusOf(second.access), 200)
    const replay = await all.refresh(first.refresh)
    assert.is(replay.status, 401)
    assert.is(replay.body.code, 'invalid-refresh-token')
    assert.is(await all.statusOf(second.access), 401)
    assert.is((await all.refresh(second.refresh)).status, 401)
    assert.is(await all.statusOf(other.access), 200, 'other sessions go on')
    all.close()
  },
)

refresh(
  'of one token by many at once makes one of them happy at the most, and ends the session',
  async () => {
    const all = new AccountsWorld()
    const { refresh: token, access } = await all.register()
    const replies = await Promise.all(Array.from({ length: 20 }, () => all.refresh(token)))
    assert.is(replies.filter(({ status }) => status === 200).length, 1)
    assert.is(await all.statusOf(access), 401)
    all.close()
  },
)

refresh('whose reply was lost is answered again under its key', async () => {
  const all = new AccountsWorld()
  const { refresh: token } = await all.register()
  const headers = { 'idempotency-key': 'k1' }
  const first = await all.refresh(token, { headers })
  const again = await all.refresh(token, { headers })
  assert.is(again.status, 200)
  assert.is(again.text, first.text)
  assert.is(again.headers.get('idempotency-replayed'), 'true')
  assert.is(await all.statusOf(tokensOf(again).access), 200)
  all.close()
})

refresh('is for whoever comes back in time', async () => {
  const all = new AccountsWorld()
  let tokens = await all.register()
  for (let i = 0; i < 3; i++) {
    all.clock.nowMs += REFRESH_MS - 1
    tokens = tokensOf(await all.refresh(tokens.refresh))
  }
  all.clock.nowMs += REFRESH_MS
  assert.is((await all.refresh(tokens.refresh)).status, 401)
  all.close()
})

refresh('ends for good after a year, however often it is done', async () => {
  const all = new AccountsWorld()
  let tokens = await all.register()
  for (let days = 0; days < 350; days += 25) {
    all.clock.nowMs += 25 * 86_400_000
    tokens = tokensOf(await all.refresh(tokens.refresh))
  }
  all.clock.nowMs += 16 * 86_400_000
  assert.is((await all.refresh(tokens.refresh)).status, 401)
  all.close()
})

refresh('knows used tokens, and no more than so many of a session', async () => {
  const all = new AccountsWorld()
  const first = await all.register()
  let tokens = first
  for (let i = 0; i < refreshTokensKept + 5; i++) tokens = tokensOf(await all.refresh(tokens.refresh))
  const { n } = all.tables.database.prepare('SELECT count(*) AS n FROM refresh_tokens').get() as { n: number }
  assert.is(n, refreshTokensKept + 1)
  assert.is((await all.refresh(first.refresh)).status, 401)
  assert.is(await all.statusOf(tokens.access), 200, 'what is forgotten is as if it never was')
  all.close()
})

refresh('takes nothing else for a token', async () => {
  const all = new AccountsWorld()
  const { access } = await all.register()
  for (const token of [access, ADMIN_KEY, 'hfr_', `hfr_${'x'.repeat(43)}`, "' OR 1=1 --", 'x'.repeat(512)]) {
    assert.is((await all.refresh(token)).status, 401, token)
  }
  assert.is((await all.refresh('x'.repeat(513))).status, 400)
  all.close()
})

refresh.run()

const logout = suite('POST /v1/auth/logout')

logout('ends the session of either token, once and for all', async () => {
  const all = new AccountsWorld()
  const one = await all.register()
  const two = tokensOf(await all.login())
  const body = { refreshToken: two.refresh }
  assert.is((await all.call('POST', '/v1/auth/logout', { body })).status, 204)
  assert.is(await all.statusOf(two.access), 401)
  assert.is((await all.call('POST', '/v1/auth/logout', { body })).status, 204, 'the same the second time')
  assert.is((await all.call('POST', '/v1/auth/logout', { body: { refreshToken: 'of nobody' } })).status, 204)
  assert.is(await all.statusOf(one.access), 200)
  assert.is((await all.call('POST', '/v1/auth/logout', { as: one.access })).status, 204)
  assert.is((await all.refresh(one.refresh)).status, 401)
  assert.is((await all.call('POST', '/v1/auth/logout')).status, 401)
  assert.is(
    (await all.call('POST', '/v1/auth/logout', { as: ADMIN_KEY })).status,
    401,
    'a key has no session',
  )
  all.close()
})

logout('is one under its key, and tells no position where there was nothing to end', async () => {
  const all = new AccountsWorld()
  const { refresh: refreshToken } = await all.register()
  const ask = (token: string, key: string) =>
    all.call('POST', '/v1/auth/logout', {
      body: { refreshToken: token },
      headers: { 'idempotency-key': key },
    })
  const first = await ask(refreshToken, 'k1')
  assert.is(first.headers.get('holdfast-position'), 't0')
  const again = await ask(refreshToken, 'k1')
  assert.is(again.headers.get('idempotency-replayed'), 'true')
  for (const token of [refreshToken, 'nobody’s']) {
    const nothing = await ask(token, 'k2')
    assert.is(nothing.status, 204)
    assert.is(nothing.headers.get('holdfast-position'), null)
  }
  all.close()
})

logout.run()
