import { createHash } from 'node:crypto'
import * as assert from 'uvu/assert'
import { EngineError } from '../../src/actors/engine-error.ts'
import { bearerOf, KeyAuthenticator } from '../../src/http/auth.ts'
import type { ApiKeys, Principal } from '../../src/http/parts.ts'
import { principalCacheMs, principalLookupsMax, principalsCachedMax } from '../../src/limits.ts'
import { suite } from '../support/suite.ts'
import { FakeClock } from './fake-parts.ts'

const ADMIN_KEY = 'a very secret admin key'.replaceAll(' ', '-')
const KEY = 'hf_0123456789abcdefghij'
const SERVICE: Principal = { callerId: 'key_1', role: 'service' }

type Lookup = ApiKeys['findByHash']

function authenticatorWith(findByHash: Lookup) {
  const clock = new FakeClock()
  const asked: string[] = []
  const apiKeys = {
    findByHash: (hash: string) => {
      asked.push(hash)
      return findByHash(hash)
    },
  }
  const heard = { isBehind: false }
  return {
    authenticator: new KeyAuthenticator({ adminKey: ADMIN_KEY, apiKeys, clock, heard }),
    clock,
    asked,
    heard,
  }
}

const found: Lookup = () => Promise.resolve({ id: 'key_1', role: 'service' })
const missing: Lookup = () => Promise.resolve(undefined)

const auth = suite('KeyAuthenticator')

auth('the admin key is key_admin, at once and without a look-up', () => {
  const { authenticator, asked } = authenticatorWith(found)
  const admin = { callerId: 'key_admin', role: 'admin' }
  assert.equal(authenticator.authenticate(ADMIN_KEY), admin)
  assert.equal(authenticator.authenticate(ADMIN_KEY), admin)
  assert.is(asked.length, 0)
})

auth('an API key is looked up by its hash, then known at once', async () => {
  const { authenticator, asked } = authenticatorWith(found)
  const first = authenticator.authenticate(KEY)
  assert.instance(first, Promise)
  assert.equal(await first, SERVICE)
  assert.equal(authenticator.authenticate(KEY), SERVICE)
  assert.equal(asked, [createHash('sha256').update(KEY).digest('hex')])
})

auth('a look-up is trusted only so long', async () => {
  const { authenticator, clock, asked } = authenticatorWith(found)
  await authenticator.authenticate(KEY)
  clock.nowMs = principalCacheMs - 1
  assert.equal(authenticator.authenticate(KEY), SERVICE)
  clock.nowMs = principalCacheMs
  assert.instance(authenticator.authenticate(KEY), Promise)
  assert.is(asked.length, 2)
})

auth(
  'nothing is trusted that was looked up before a revocation of which this thread has not heard',
  async () => {
    let isRevoked = false
    const { authenticator, heard, asked } = authenticatorWith(() => (isRevoked ? missing('') : found('')))
    await authenticator.authenticate(KEY)
    isRevoked = true
    heard.isBehind = true
    assert.is(await authenticator.authenticate(KEY), undefined)
    assert.is(asked.length, 2)
    assert.equal(authenticator.authenticate(ADMIN_KEY), { callerId: 'key_admin', role: 'admin' })
  },
)

auth('what is nobody’s key is not remembered', async () => {
  const { authenticator, asked } = authenticatorWith(missing)
  assert.is(await authenticator.authenticate(KEY), undefined)
  assert.is(await authenticator.authenticate(KEY), undefined)
  assert.is(asked.length, 2)
})

auth('garbage is refused at once, without a look-up', () => {
  const { authenticator, asked } = authenticatorWith(found)
  const garbage = [
    '',
    'x',
    'a.b.c',
    '...',
    'hf_',
    'hf_short',
    `hf_${'x'.repeat(129)}`,
    "hf_' OR 1=1 --------------",
  ]
  for (const token of [...garbage, '__proto__', 'constructor', `${ADMIN_KEY}x`, ADMIN_KEY.slice(1)]) {
    assert.is(authenticator.authenticate(token), undefined, token)
  }
  assert.is(asked.length, 0)
})

auth('all who come with one unknown key share one look-up', async () => {
  const { authenticator, asked } = authenticatorWith(found)
  const all = await Promise.all(Array.from({ length: 100 }, () => authenticator.authenticate(KEY)))
  assert.ok(all.every((principal) => principal?.callerId === 'key_1'))
  assert.is(asked.length, 1)
})

auth('a revoked key is looked up anew at once, others stay known', async () => {
  let revoked = false
  const { authenticator } = authenticatorWith((hash) => {
    const id = hash === createHash('sha256').update(KEY).digest('hex') ? 'key_1' : 'key_2'
    return Promise.resolve(id === 'key_1' && revoked ? undefined : { id, role: 'service' })
  })
  const other = `${KEY}other`
  await authenticator.authenticate(KEY)
  await authenticator.authenticate(other)
  revoked = true
  authenticator.forget('key_1')
  assert.is(await authenticator.authenticate(KEY), undefined)
  assert.equal(authenticator.authenticate(other), { callerId: 'key_2', role: 'service' })
})

auth('where any key may have been revoked each is looked up again', async () => {
  let revoked = false
  const { authenticator } = authenticatorWith(() =>
    Promise.resolve(revoked ? undefined : { id: 'key_1', role: 'service' }),
  )
  await authenticator.authenticate(KEY)
  revoked = true
  assert.is((await authenticator.authenticate(KEY))?.callerId, 'key_1', 'it is remembered')
  authenticator.forgetAll()
  assert.is(await authenticator.authenticate(KEY), undefined)
})

auth('a look-up that a revocation overtakes is not remembered, nor joined', async () => {
  const answers: ((key: Awaited<ReturnType<Lookup>>) => void)[] = []
  const { authenticator } = authenticatorWith(() => new Promise((resolve) => answers.push(resolve)))
  const before = authenticator.authenticate(KEY)
  authenticator.forget('key_1')
  const after = authenticator.authenticate(KEY)
  answers[0]?.({ id: 'key_1', role: 'service' })
  answers[1]?.(undefined)
  await before
  assert.is(await after, undefined)
  assert.instance(authenticator.authenticate(KEY), Promise, 'nothing was remembered')
})

auth('what it remembers is bounded, and the oldest goes first', async () => {
  const { authenticator } = authenticatorWith((hash) => Promise.resolve({ id: hash, role: 'service' }))
  const token = (i: number) => `${KEY}${i}`
  for (let i = 0; i <= principalsCachedMax; i++) await authenticator.authenticate(token(i))
  assert.instance(authenticator.authenticate(token(0)), Promise)
  assert.not.instance(authenticator.authenticate(token(1)), Promise)
})

auth('a flood of unknown keys is turned away with 503', async () => {
  const { authenticator, asked } = authenticatorWith(() => new Promise(() => {}))
  for (let i = 0; i < principalLookupsMax; i++) void authenticator.authenticate(`${KEY}${i}`)
  try {
    await authenticator.authenticate(`${KEY}more`)
    assert.unreachable()
  } catch (error) {
    assert.ok(error instanceof EngineError && error.code === 'overloaded')
  }
  assert.is(asked.length, principalLookupsMax)
})

auth('a look-up that fails is not held against the next', async () => {
  let works = false
  const { authenticator } = authenticatorWith(() =>
    works ? found('') : Promise.reject(new Error('no table')),
  )
  await Promise.resolve(authenticator.authenticate(KEY)).then(
    () => assert.unreachable(),
    () => {},
  )
  works = true
  assert.equal(await authenticator.authenticate(KEY), SERVICE)
})

auth.run()

const bearer = suite('bearerOf')

bearer('takes the scheme in any case, and any visible characters', () => {
  assert.is(bearerOf('Bearer abc'), 'abc')
  assert.is(bearerOf('bearer   a.b-c_d~e+f/g='), 'a.b-c_d~e+f/g=')
})

bearer('refuses all else', () => {
  for (const text of [
    '',
    'Bearer',
    'Bearer ',
    'Basic YTpi',
    'Bearer a b',
    'Bearer a, Bearer b',
    'abc',
    'Bearer é',
  ]) {
    assert.is(bearerOf(text), undefined, text)
  }
})

bearer.run()
