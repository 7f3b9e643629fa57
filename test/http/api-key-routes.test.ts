import * as assert from 'uvu/assert'
import { apiKeyCreatedReply, apiKeysReply } from '../../src/http/schemas.ts'
import { suite } from '../support/suite.ts'
import { fakes } from './fake-parts.ts'
import { pathsOf } from './replies.ts'

const keys = suite('API keys')

keys('a new key is shown once, with where to find its entry', async () => {
  const { call, apiKeys } = fakes()
  const reply = await call('POST', '/v1/api-keys', { as: 'admin', body: { name: 'till 4', role: 'service' } })
  assert.is(reply.status, 201)
  assert.equal(reply.body, { id: 'key_1', key: 'hf_key_1_secret_0123456789' })
  assert.ok(apiKeyCreatedReply.safeParse(reply.body).success)
  assert.is(reply.headers.get('location'), '/v1/api-keys/key_1')
  assert.is(reply.headers.get('cache-control'), 'no-store')
  assert.is(reply.headers.get('holdfast-position'), 't0')
  assert.is(apiKeys.entries.get('key_1')?.createdBy, 'key_admin')
})

keys('the list shows who made them when, and no key', async () => {
  const { call } = fakes()
  await call('POST', '/v1/api-keys', { as: 'admin', body: { name: 'till 4', role: 'staff' } })
  const reply = await call('GET', '/v1/api-keys', { as: 'admin' })
  assert.is(reply.status, 200)
  const createdAt = '2026-11-27T08:00:00.000Z'
  assert.equal(reply.body, {
    apiKeys: [{ id: 'key_1', name: 'till 4', role: 'staff', createdBy: 'key_admin', createdAt }],
  })
  assert.ok(apiKeysReply.safeParse(reply.body).success)
  assert.not.match(reply.text, /hf_/)
})

keys('a revoked key is forgotten at once, and is gone the second time', async () => {
  const { call, forgotten } = fakes()
  await call('POST', '/v1/api-keys', { as: 'admin', body: { name: 'till 4', role: 'service' } })
  const first = await call('DELETE', '/v1/api-keys/key_1', { as: 'admin' })
  assert.is(first.status, 204)
  assert.is(first.text, '')
  assert.is(first.headers.get('content-type'), null)
  assert.is(first.headers.get('holdfast-position'), 't0')
  assert.equal(forgotten, ['key_1'])
  const second = await call('DELETE', '/v1/api-keys/key_1', { as: 'admin' })
  assert.is(second.status, 404)
  assert.is(second.body.code, 'unknown-api-key')
})

keys('what cannot be a key’s id is not found', async () => {
  const { call } = fakes()
  for (const id of ['__proto__', '%27%3B--', 'a%0d%0ab', '%7B%7D', 'x'.repeat(10_000), 'key_admin']) {
    assert.is((await call('DELETE', `/v1/api-keys/${id}`, { as: 'admin' })).status, 404, id.slice(0, 20))
  }
})

keys('what is malformed is refused with its path', async () => {
  const bodies: readonly (readonly [body: unknown, path: string])[] = [
    [{ role: 'service' }, 'name'],
    [{ name: '', role: 'service' }, 'name'],
    [{ name: 'x'.repeat(101), role: 'service' }, 'name'],
    [{ name: 'a\u001b[2Jb', role: 'service' }, 'name'],
    [{ name: 'x' }, 'role'],
    [{ name: 'x', role: 'customer' }, 'role'],
    [{ name: 'x', role: 'root' }, 'role'],
    [{ name: 'x', role: 'service', key: 'hf_mine' }, 'key'],
  ]
  for (const [body, path] of bodies) {
    const { call, apiKeys } = fakes()
    const reply = await call('POST', '/v1/api-keys', { as: 'admin', body })
    assert.is(reply.status, 400, JSON.stringify(body))
    assert.equal(pathsOf(reply), [path], JSON.stringify(body))
    assert.is(apiKeys.entries.size, 0)
  }
})

keys.run()
