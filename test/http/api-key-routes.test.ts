import * as assert from 'uvu/assert'
import { apiKeyCreatedReply, apiKeysReply } from '../../src/http/schemas.ts'
import { TablesError } from '../../src/persistence/tables/tables-error.ts'
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

const once = suite('API keys under an Idempotency-Key')

const BODY = { name: 'till 4', role: 'service' }

async function idempotencyKeyOf(headers: Readonly<Record<string, string>>, body: unknown = BODY) {
  const { call, apiKeys } = fakes()
  assert.is((await call('POST', '/v1/api-keys', { as: 'admin', body, headers })).status, 201)
  return apiKeys.idempotencyKeys[0]
}

once('the tables are given its hash, what seals the answer, and not the key itself', async () => {
  const key = await idempotencyKeyOf({ 'idempotency-key': 'my-own-key' })
  assert.ok(key !== undefined)
  assert.match(key.hash, /^[0-9a-f]{64}$/)
  assert.match(key.fingerprint, /^[0-9a-f]{64}$/)
  assert.match(key.secret, /^[0-9a-f]{64}$/)
  assert.not.match(JSON.stringify(key), /my-own-key/)
  assert.is(new Set(Object.values(key)).size, 3)
  assert.is(await idempotencyKeyOf({}), undefined)
})

once('the same key and body are the same, quoted or bare and in any order', async () => {
  const key = await idempotencyKeyOf({ 'idempotency-key': 'k' })
  assert.equal(await idempotencyKeyOf({ 'idempotency-key': '"k"' }, { role: 'service', name: 'till 4' }), key)
  const other = await idempotencyKeyOf({ 'idempotency-key': 'k' }, { ...BODY, name: 'till 5' })
  assert.equal({ ...other, fingerprint: key?.fingerprint }, key)
  assert.is.not(other?.fingerprint, key?.fingerprint)
})

once('another caller or path is another key', async () => {
  const { call, apiKeys } = fakes()
  const headers = { 'idempotency-key': 'k' }
  for (const id of ['key_1', 'key_2']) await call('DELETE', `/v1/api-keys/${id}`, { as: 'admin', headers })
  await call('POST', '/v1/api-keys', { as: 'admin', body: BODY, headers })
  const hashes = apiKeys.idempotencyKeys.flatMap((key) => (key === undefined ? [] : [key.hash, key.secret]))
  assert.is(new Set(hashes).size, 6)
})

once('an earlier answer is given again, and says so', async () => {
  const { call, apiKeys } = fakes()
  const options = { as: 'admin', headers: { 'idempotency-key': 'k' } }
  const first = await call('POST', '/v1/api-keys', { ...options, body: BODY })
  apiKeys.create = () => Promise.resolve({ id: 'key_1', key: 'hf_key_1_secret_0123456789', replayed: true })
  const again = await call('POST', '/v1/api-keys', { ...options, body: BODY })
  assert.is(again.status, 201)
  assert.is(again.text, first.text)
  assert.is(again.headers.get('location'), '/v1/api-keys/key_1')
  assert.is(first.headers.get('idempotency-replayed'), null)
  assert.is(again.headers.get('idempotency-replayed'), 'true')

  apiKeys.revoke = () => Promise.resolve({ revoked: true, replayed: true })
  const revoked = await call('DELETE', '/v1/api-keys/key_1', options)
  assert.is(revoked.status, 204)
  assert.is(revoked.headers.get('idempotency-replayed'), 'true')
})

once('another body is 422, and a request still running 409 with when to come back', async () => {
  const { call, apiKeys } = fakes()
  const options = { as: 'admin', body: BODY, headers: { 'idempotency-key': 'k' } }
  apiKeys.create = () => Promise.reject(new TablesError('idempotency-mismatch', 'x'))
  const mismatch = await call('POST', '/v1/api-keys', options)
  assert.is(mismatch.status, 422)
  assert.is(mismatch.body.code, 'idempotency-mismatch')
  apiKeys.create = () => Promise.reject(new TablesError('idempotency-in-flight', 'x'))
  const running = await call('POST', '/v1/api-keys', options)
  assert.is(running.status, 409)
  assert.is(running.body.code, 'idempotency-in-flight')
  assert.match(running.headers.get('retry-after') ?? '', /^[12]$/)
})

once.run()
