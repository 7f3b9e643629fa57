/** People about themselves, their addresses, and what admins say they may do (FAULTS.md, attacks 8, 11, 13 to 15). */
import * as assert from 'uvu/assert'
import { addressesReply, addressReply, userReply } from '../../src/http/account-schemas.ts'
import { addressesPerUserMax } from '../../src/limits/account-limits.ts'
import { suite } from '../support/suite.ts'
import { AccountsWorld, ADMIN_KEY, PASSWORD, tokensOf } from './accounts-world.ts'
import { pathsOf } from './replies.ts'

const NEW_PASSWORD = 'nine otters by the weir'
const HOME = { name: 'Ann Lee', line1: 'Hafenstraße 7', city: 'Bremen', postalCode: '28195', country: 'DE' }
const FULL = { ...HOME, line2: '2. Stock', region: 'HB', phone: '+49 421 5550123' }

const profile = suite('/v1/me')

profile('is for people, and not for keys', async () => {
  const all = new AccountsWorld()
  const { access } = await all.register()
  assert.ok(userReply.safeParse((await all.call('GET', '/v1/me', { as: access })).body).success)
  const { body } = await all.call('POST', '/v1/api-keys', {
    as: ADMIN_KEY,
    body: { name: 'x', role: 'admin' },
  })
  for (const as of [ADMIN_KEY, (body as { key: string }).key]) {
    assert.is(await all.statusOf(as), 403)
    assert.is(await all.statusOf(as, '/v1/me/addresses'), 403)
  }
  all.close()
})

profile('takes a new name at once, and a new e-mail or password from whoever knows the old one', async () => {
  const all = new AccountsWorld()
  const { access } = await all.register()
  const change = (body: object) => all.call('PATCH', '/v1/me', { as: access, body })
  assert.is((await change({ name: 'Ann of Bremen' })).body.name, 'Ann of Bremen')
  for (const body of [{ email: 'new@example.com' }, { password: NEW_PASSWORD }]) {
    const reply = await change(body)
    assert.is(reply.status, 400)
    assert.equal(pathsOf(reply), ['currentPassword'])
    assert.is((await change({ ...body, currentPassword: 'a guess of mine' })).status, 403)
  }
  const moved = await change({ email: 'New@example.com', currentPassword: PASSWORD })
  assert.is(moved.status, 200, moved.text)
  assert.is(moved.body.email, 'New@example.com')
  assert.is((await all.login('ann')).status, 401)
  assert.is((await all.login('new')).status, 200)
  all.close()
})

profile('with a new password ends all other sessions, and every login with the old one', async () => {
  const all = new AccountsWorld()
  const here = await all.register()
  const there = tokensOf(await all.login())
  assert.is(await all.statusOf(there.access), 200)
  const body = { password: NEW_PASSWORD, currentPassword: PASSWORD }
  assert.is((await all.call('PATCH', '/v1/me', { as: here.access, body })).status, 200)
  assert.is(await all.statusOf(there.access), 401)
  assert.is((await all.refresh(there.refresh)).status, 401)
  assert.is(await all.statusOf(here.access), 200)
  assert.is((await all.refresh(here.refresh)).status, 200)
  assert.is((await all.login()).status, 401)
  assert.is((await all.login('ann', NEW_PASSWORD)).status, 200)
  all.close()
})

profile('refuses a weak password, a taken e-mail and a change that is none', async () => {
  const all = new AccountsWorld()
  const { access } = await all.register()
  await all.register('bob')
  const change = (body: object) => all.call('PATCH', '/v1/me', { as: access, body })
  const weak = await change({ password: 'password123', currentPassword: PASSWORD })
  assert.equal(pathsOf(weak), ['password'])
  const taken = await change({ email: 'BOB@example.com', name: 'Bob', currentPassword: PASSWORD })
  assert.is(taken.status, 409)
  assert.is(taken.body.code, 'email-taken')
  assert.is((await all.call('GET', '/v1/me', { as: access })).body.name, 'ann', 'nor was the name changed')
  assert.is(
    (await change({ email: 'ANN@example.com', currentPassword: PASSWORD })).status,
    200,
    'one’s own is free',
  )
  for (const body of [{}, { currentPassword: PASSWORD }]) assert.is((await change(body)).status, 400)
  all.close()
})

profile('14: nobody gives themselves a role, an id or a date', async () => {
  const all = new AccountsWorld()
  const { access } = await all.register()
  for (const body of [
    { role: 'admin' },
    { id: 'usr_x' },
    { createdAt: '2020-01-01T00:00:00Z' },
    { emailKey: 'x' },
  ]) {
    const reply = await all.call('PATCH', '/v1/me', { as: access, body: { name: 'Ann', ...body } })
    assert.is(reply.status, 400)
  }
  const me = await all.call('GET', '/v1/me', { as: access })
  assert.is(me.body.role, 'customer')
  assert.equal(Object.keys(me.body).sort(), ['createdAt', 'email', 'id', 'name', 'role'])
  all.close()
})

profile(
  'a new password that was set is set once under its key, though the old one is no longer right',
  async () => {
    const all = new AccountsWorld()
    const { access } = await all.register()
    const body = { password: NEW_PASSWORD, currentPassword: PASSWORD }
    const options = { as: access, body, headers: { 'idempotency-key': 'k1' } }
    const first = await all.call('PATCH', '/v1/me', options)
    assert.is(first.status, 200)
    const again = await all.call('PATCH', '/v1/me', options)
    assert.is(again.status, 200)
    assert.is(again.text, first.text)
    assert.is(again.headers.get('idempotency-replayed'), 'true')
    const other = { ...options, body: { ...body, password: `${NEW_PASSWORD}!` } }
    assert.is((await all.call('PATCH', '/v1/me', other)).status, 422)
    all.close()
  },
)

profile('33: is no place to guess the password at', async () => {
  const all = new AccountsWorld({ login: 3 })
  const { access } = await all.register()
  const guess = (currentPassword: string) =>
    all.call('PATCH', '/v1/me', { as: access, body: { email: 'x@example.com', currentPassword } })
  for (let i = 0; i < 3; i++) assert.is((await guess(`guess ${i}`)).status, 403)
  assert.is((await guess(PASSWORD)).status, 429)
  all.close()
})

profile.run()

const addresses = suite('/v1/me/addresses')

addresses('are added, listed, replaced as a whole and removed', async () => {
  const all = new AccountsWorld()
  const { access: as } = await all.register()
  const added = await all.call('POST', '/v1/me/addresses', { as, body: FULL })
  assert.is(added.status, 201, added.text)
  assert.ok(addressReply.safeParse(added.body).success)
  const { id, ...fields } = added.body as typeof FULL & { id: string }
  assert.equal(fields, FULL)
  assert.match(id, /^adr_[0-9A-Z]{26}$/)
  assert.is(added.headers.get('location'), `/v1/me/addresses/${id}`)
  const replaced = await all.call('PUT', `/v1/me/addresses/${id}`, { as, body: HOME })
  assert.equal(replaced.body, { id, ...HOME }, 'what is left out is gone')
  all.clock.nowMs += 1
  await all.call('POST', '/v1/me/addresses', { as, body: FULL })
  const list = await all.call('GET', '/v1/me/addresses', { as })
  assert.ok(addressesReply.safeParse(list.body).success)
  assert.equal((list.body.addresses as { id: string }[])[0], { id, ...HOME })
  assert.is((await all.call('DELETE', `/v1/me/addresses/${id}`, { as })).status, 204)
  assert.is((await all.call('DELETE', `/v1/me/addresses/${id}`, { as })).status, 404)
  assert.is(((await all.call('GET', '/v1/me/addresses', { as })).body.addresses as unknown[]).length, 1)
  all.close()
})

addresses('11: of somebody else are answered as if there were none', async () => {
  const all = new AccountsWorld()
  const [ann, bob] = [await all.register(), await all.register('bob')]
  const { body } = await all.call('POST', '/v1/me/addresses', { as: ann.access, body: FULL })
  const { id } = body as { id: string }
  const missing = 'adr_01K5ZC4N8XQ2M7V3H9R6T1B0DW'
  for (const [method, fields] of [
    ['PUT', HOME],
    ['DELETE', undefined],
  ] as const) {
    const ask = (which: string) =>
      all.call(method, `/v1/me/addresses/${which}`, { as: bob.access, body: fields })
    const [theirs, none] = [await ask(id), await ask(missing)]
    assert.is(theirs.status, 404)
    const words = (reply: typeof theirs) => ({ ...reply.body, instance: undefined, requestId: undefined })
    assert.equal(words(theirs), words(none))
  }
  assert.equal((await all.call('GET', '/v1/me/addresses', { as: bob.access })).body, { addresses: [] })
  const kept = await all.call('GET', '/v1/me/addresses', { as: ann.access })
  assert.equal(kept.body, { addresses: [{ id, ...FULL }] })
  all.close()
})

addresses('are of real countries, and of text that can be printed', async () => {
  const all = new AccountsWorld()
  const { access: as } = await all.register()
  for (const [change, path] of [
    [{ country: 'ZZ' }, 'country'],
    [{ country: 'de' }, 'country'],
    [{ country: 'DEU' }, 'country'],
    [{ line1: '' }, 'line1'],
    [{ line1: '  ' }, 'line1'],
    [{ line1: 'a\u0000b' }, 'line1'],
    [{ city: 'x'.repeat(129) }, 'city'],
    [{ postalCode: 28195 }, 'postalCode'],
    [{ phone: 'call me' }, 'phone'],
    [{ line2: null }, 'line2'],
    [{ userId: 'usr_x' }, 'userId'],
  ] as const) {
    const reply = await all.call('POST', '/v1/me/addresses', { as, body: { ...HOME, ...change } })
    assert.is(reply.status, 400, JSON.stringify(change))
    assert.equal(pathsOf(reply), [path])
  }
  for (const country of ['IN', 'US', 'XK', 'AX']) {
    assert.is((await all.call('POST', '/v1/me/addresses', { as, body: { ...HOME, country } })).status, 201)
  }
  all.close()
})

addresses('are so many and no more', async () => {
  const all = new AccountsWorld()
  const { access: as } = await all.register()
  for (let i = 0; i < addressesPerUserMax; i++)
    assert.is((await all.call('POST', '/v1/me/addresses', { as, body: HOME })).status, 201)
  const full = await all.call('POST', '/v1/me/addresses', { as, body: HOME })
  assert.is(full.status, 409)
  assert.is(full.body.code, 'addresses-full')
  all.close()
})

addresses.run()

const roles = suite('PATCH /v1/users/{id}')

roles('is for admins, and makes of people what they say', async () => {
  const all = new AccountsWorld()
  const [ann, bob] = [await all.register(), await all.register('bob')]
  const set = (as: string, id: string, body: object) => all.call('PATCH', `/v1/users/${id}`, { as, body })
  assert.is((await set(bob.access, ann.id, { role: 'staff' })).status, 403)
  const staff = await set(ADMIN_KEY, ann.id, { role: 'staff' })
  assert.is(staff.status, 200)
  assert.is(staff.body.role, 'staff')
  assert.ok(userReply.safeParse(staff.body).success)
  assert.is((await set(ann.access, bob.id, { role: 'staff' })).status, 403, 'staff are no admins')
  const stock = { set: 5, reason: 'delivery' }
  const adjusted = await all.call('POST', '/v1/products/a/stock/adjustments', { as: ann.access, body: stock })
  assert.is(adjusted.status, 200)
  assert.is((await set(ADMIN_KEY, ann.id, { role: 'admin' })).status, 200)
  assert.is((await set(ann.access, bob.id, { role: 'staff' })).status, 200, 'a person can be an admin')
  assert.is(await all.statusOf(ann.access), 200, 'and is a person still')
  all.close()
})

roles('are those there are, of those there are', async () => {
  const all = new AccountsWorld()
  const { id } = await all.register()
  for (const role of ['service', 'root', '', null, ['admin']]) {
    const reply = await all.call('PATCH', `/v1/users/${id}`, { as: ADMIN_KEY, body: { role } })
    assert.equal(pathsOf(reply), ['role'])
  }
  for (const other of ['usr_01K5ZC4N8XQ2M7V3H9R6T1B0DW', '__proto__', 'key_admin', '%27', id.toLowerCase()]) {
    const reply = await all.call('PATCH', `/v1/users/${other}`, { as: ADMIN_KEY, body: { role: 'staff' } })
    assert.is(reply.status, 404, other)
    assert.is(reply.body.code, 'unknown-user')
  }
  all.close()
})

roles.run()
