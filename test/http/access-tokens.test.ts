/** Tokens that are not what they seem (FAULTS.md, attacks 1 to 10), over HTTP and with real signatures. */
import { createHmac, createPrivateKey, generateKeyPairSync, sign } from 'node:crypto'
import { exportSPKI, importJWK, SignJWT } from 'jose'
import * as assert from 'uvu/assert'
import { tokenLeewayMs } from '../../src/limits/account-limits.ts'
import { principalCacheMs } from '../../src/limits.ts'
import { suite } from '../support/suite.ts'
import { ACCESS_MS, AccountsWorld, ADMIN_KEY, ISSUER } from './accounts-world.ts'
import { NOW_MS } from './fake-parts.ts'

type Claims = Readonly<Record<string, unknown>>

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const partsOf = (token: string) => token.split('.') as [header: string, claims: string, signature: string]
const decode = (part: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(part, 'base64url').toString())

/** A world in which somebody has signed in, and a forger who may even have our own key. */
async function world() {
  const all = new AccountsWorld()
  const ann = await all.register()
  const [header, claims] = partsOf(ann.access).slice(0, 2).map(decode) as [Claims, Claims]
  const { kid } = header
  const stored = all.tables.database.prepare('SELECT private_jwk AS jwk FROM signing_keys').get() as {
    jwk: string
  }
  const own = createPrivateKey({ key: JSON.parse(stored.jwk), format: 'jwk' })
  /** Signed with our own key, whatever it says. */
  const signed = (head: string, body: string) =>
    `${head}.${body}.${sign(null, Buffer.from(`${head}.${body}`), own).toString('base64url')}`
  const withClaims = (change: Claims) => signed(encode(header), encode({ ...claims, ...change }))
  const withHeader = (change: Claims) => signed(encode({ ...header, ...change }), encode(claims))
  return { all, ann, header, claims, kid, own, signed, withClaims, withHeader }
}

/** Each is refused with the same words, and none of them said why. */
async function refused(all: AccountsWorld, tokens: Readonly<Record<string, string>>): Promise<void> {
  for (const [what, token] of Object.entries(tokens)) {
    const reply = await all.call('GET', '/v1/me', { as: token })
    assert.is(reply.status, 401, `${what}: ${reply.text}`)
    assert.is(reply.body.code, 'unauthenticated', what)
    assert.is(reply.body.detail, 'The token is not valid.', what)
    assert.match(reply.headers.get('www-authenticate') ?? '', /^Bearer/)
  }
}

const attacks = suite('an access token')

attacks('1: that is none is refused without a word why', async () => {
  const { all, ann } = await world()
  assert.is(await all.statusOf(ann.access), 200, 'a good one is not')
  assert.is((await all.call('GET', '/v1/me')).status, 401)
  await refused(all, {
    garbage: 'garbage',
    dots: '...',
    'two dots': '..',
    'one part': 'eyJ',
    'two parts': ann.access.split('.').slice(0, 2).join('.'),
    'four parts': `${ann.access}.x`,
    'no signature': `${ann.access.split('.').slice(0, 2).join('.')}.`,
    'no JSON': `eyJ4.${ann.access.split('.').slice(1).join('.')}`,
    'a name of an object': '__proto__',
  })
  for (const authorization of [
    '',
    'Bearer',
    'Bearer ',
    `Basic ${ann.access}`,
    `Bearer ${ann.access} x`,
    ann.access,
  ]) {
    assert.is((await all.call('GET', '/v1/me', { headers: { authorization } })).status, 401, authorization)
  }
  all.close()
})

attacks('2: of no algorithm is refused, however that is spelt', async () => {
  const { all, header, claims, withHeader } = await world()
  for (const alg of ['none', 'None', 'nOnE', 'NONE', '', null, undefined, ['EdDSA'], 'eddsa', 'Ed25519']) {
    const head = encode({ ...header, alg })
    await refused(all, {
      [`${alg} unsigned`]: `${head}.${encode(claims)}.`,
      [`${alg} signed`]: withHeader({ alg }),
    })
  }
  all.close()
})

attacks('3: whose public key was used as a shared secret is refused', async () => {
  const { all, header, claims } = await world()
  const { body } = await all.call('GET', '/.well-known/jwks.json')
  const [jwk] = body.keys as [{ readonly x: string }]
  const secrets = [
    JSON.stringify(jwk),
    jwk.x,
    Buffer.from(jwk.x, 'base64url'),
    await exportSPKI((await importJWK(jwk, 'EdDSA')) as CryptoKey),
  ]
  for (const [i, secret] of secrets.entries()) {
    for (const alg of ['HS256', 'HS512', 'EdDSA']) {
      const text = `${encode({ ...header, alg })}.${encode(claims)}`
      const mac = createHmac(alg === 'HS256' ? 'sha256' : 'sha512', secret)
        .update(text)
        .digest('base64url')
      await refused(all, { [`${alg} with secret ${i}`]: `${text}.${mac}` })
    }
  }
  all.close()
})

attacks('4: of another key is refused, whatever it says of keys, and nothing is fetched for it', async () => {
  const { all, header, claims, withHeader } = await world()
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const forged = (head: Claims) => {
    const text = `${encode({ ...header, ...head })}.${encode(claims)}`
    return `${text}.${sign(null, Buffer.from(text), privateKey).toString('base64url')}`
  }
  const jwk = publicKey.export({ format: 'jwk' })
  const asked = all.tables.database.prepare('SELECT count(*) AS n FROM signing_keys').get()
  const fetched: unknown[] = []
  const { fetch } = globalThis
  globalThis.fetch = (target) => {
    fetched.push(target)
    return Promise.reject(new Error('nothing is fetched'))
  }
  try {
    const kids = [
      '../../../../dev/null',
      "sig_' OR '1'='1",
      'sig_01K5ZC4N8XQ2M7V3H9R6T1B0DW',
      'https://evil.example/key',
      '__proto__',
      'constructor',
      '',
      7,
      null,
      ['x'],
    ]
    for (const kid of kids) await refused(all, { [`kid ${kid}`]: forged({ kid }) })
    await refused(all, {
      'another key': forged({}),
      'jwk in the header': forged({ jwk }),
      'jwk beside a good signature': withHeader({ jwk }),
      jku: withHeader({ jku: 'https://evil.example/jwks.json' }),
      x5u: withHeader({ x5u: 'https://evil.example/cert.pem' }),
      x5c: withHeader({ x5c: ['AAAA'] }),
      crit: withHeader({ crit: ['exp'], exp: 1 }),
      b64: withHeader({ b64: false, crit: ['b64'] }),
    })
  } finally {
    globalThis.fetch = fetch
  }
  assert.equal(fetched, [])
  assert.equal(all.tables.database.prepare('SELECT count(*) AS n FROM signing_keys').get(), asked)
  all.close()
})

attacks('5: for others, from others or of another kind is refused, a refresh token too', async () => {
  const { all, ann, withClaims, withHeader } = await world()
  await refused(all, {
    aud: withClaims({ aud: 'another-api' }),
    'aud among others': withClaims({ aud: ['holdfast', 'another-api'] }),
    'no aud': withClaims({ aud: undefined }),
    iss: withClaims({ iss: 'https://evil.example' }),
    'iss in capitals': withClaims({ iss: ISSUER.toUpperCase() }),
    'no iss': withClaims({ iss: undefined }),
    'typ JWT': withHeader({ typ: 'JWT' }),
    'typ logout+jwt': withHeader({ typ: 'logout+jwt' }),
    'no typ': withHeader({ typ: undefined }),
    'a refresh token': ann.refresh,
    'another user’s session': withClaims({ sub: 'usr_01K5ZC4N8XQ2M7V3H9R6T1B0DW' }),
    'no session': withClaims({ sid: undefined }),
    'a session that never was': withClaims({ sid: 'ses_01K5ZC4N8XQ2M7V3H9R6T1B0DW' }),
    'a role': withClaims({ role: 'admin' }),
  })
  all.close()
})

attacks('6: whose times are over, to come, missing or no times is refused', async () => {
  const { all, withClaims } = await world()
  const now = NOW_MS / 1_000
  await refused(all, {
    'exp in the past': withClaims({ iat: now - 60, nbf: now - 60, exp: now - 1 }),
    'exp now': withClaims({ iat: now - 60, nbf: now - 60, exp: now }),
    'nbf in the future': withClaims({ nbf: now + tokenLeewayMs / 1_000 + 1 }),
    'iat in the future': withClaims({ iat: now + tokenLeewayMs / 1_000 + 1 }),
    'no exp': withClaims({ exp: undefined }),
    'no nbf': withClaims({ nbf: undefined }),
    'no iat': withClaims({ iat: undefined }),
    'exp as text': withClaims({ exp: String(now + 60) }),
    'exp 1e300': withClaims({ exp: 1e300 }),
    'exp far away': withClaims({ exp: now + 86_400 }),
    'exp fraction': withClaims({ exp: now + 0.5 }),
    'exp null': withClaims({ exp: null }),
    'exp negative': withClaims({ exp: -1 }),
  })
  const good = withClaims({ nbf: now + tokenLeewayMs / 1_000 })
  assert.is(await all.statusOf(good), 200, 'another node’s clock may be a little ahead')
  all.close()
})

attacks('7: that was seen a moment ago is refused from the moment in which it is over', async () => {
  const { all, ann } = await world()
  assert.is(await all.statusOf(ann.access), 200)
  all.clock.nowMs = ACCESS_MS - 1
  assert.is(await all.statusOf(ann.access), 200)
  assert.not.instance(all.authenticator.authenticate(ann.access), Promise, 'it is remembered')
  all.clock.nowMs = ACCESS_MS
  assert.is(all.authenticator.authenticate(ann.access), undefined)
  assert.is(await all.statusOf(ann.access), 401)
  all.close()
})

attacks('8: follows what became of its user at once, and elsewhere within five seconds', async () => {
  const { all, ann } = await world()
  const bob = await all.register('bob')
  assert.is(await all.statusOf(ann.access, '/v1/api-keys'), 403)
  const setRole = (role: string, as = ADMIN_KEY) =>
    all.call('PATCH', `/v1/users/${ann.id}`, { as, body: { role } })
  assert.is((await setRole('admin', ann.access)).status, 403, 'nobody raises themselves')
  assert.is((await setRole('admin')).status, 200)
  assert.is(await all.statusOf(ann.access, '/v1/api-keys'), 200)
  assert.is((await setRole('customer')).status, 200)
  assert.is(await all.statusOf(ann.access, '/v1/api-keys'), 403)
  assert.is(await all.statusOf(bob.access), 200)
  assert.is((await all.call('POST', '/v1/auth/logout', { as: ann.access })).status, 204)
  assert.is(await all.statusOf(ann.access), 401)
  assert.is(await all.statusOf(bob.access), 200, 'others are not concerned')
  // Another node changes the tables without telling.
  all.tables.database.prepare('DELETE FROM sessions').run()
  assert.is(await all.statusOf(bob.access), 200)
  all.clock.nowMs += principalCacheMs
  assert.is(await all.statusOf(bob.access), 401)
  all.close()
})

attacks(
  '8: is asked about anew while something was revoked that nobody has told this listener of',
  async () => {
    const { all, ann } = await world()
    assert.is(await all.statusOf(ann.access), 200)
    all.tables.database.prepare('DELETE FROM sessions').run()
    assert.is(await all.statusOf(ann.access), 200, 'what is remembered is trusted')
    all.heard.isBehind = true
    assert.is(await all.statusOf(ann.access), 401)
    all.close()
  },
)

attacks('9: that says the same in other bytes is refused', async () => {
  const { all, ann, header, claims, signed } = await world()
  const [head, body, signature] = partsOf(ann.access)
  const bytes = Buffer.from(signature, 'base64url')
  // S and S + L make the same signature for a verifier that does not look (RFC 8032, 5.1.7).
  const order = 2n ** 252n + 27742317777372353535851937790883648493n
  const s = BigInt(`0x${Buffer.from(bytes.subarray(32)).reverse().toString('hex')}`) + order
  const other = Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse()
  const last = signature.at(-1) ?? ''
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const sameBits = alphabet[alphabet.indexOf(last) ^ 1] ?? ''
  await refused(all, {
    'S + L': `${head}.${body}.${Buffer.concat([bytes.subarray(0, 32), other]).toString('base64url')}`,
    'a bit that counts for nothing': `${head}.${body}.${signature.slice(0, -1)}${sameBits}`,
    padding: `${ann.access}==`,
    'padded parts': `${head}=.${body}.${signature}`,
    'another alphabet': `${head}.${body}.${signature.replaceAll('-', '+').replaceAll('_', '/')}+`,
    'a claim twice': signed(
      encode(header),
      Buffer.from(JSON.stringify(claims).replace('{', '{"sub":"usr_x",')).toString('base64url'),
    ),
    'a header twice': signed(
      Buffer.from(JSON.stringify(header).replace('{', '{"alg":"none",')).toString('base64url'),
      encode(claims),
    ),
    blanks: signed(encode(header), Buffer.from(JSON.stringify(claims, undefined, 1)).toString('base64url')),
    'one bit of the signature': `${head}.${body}.${flipped(signature, 10)}`,
    'one bit of the claims': `${head}.${flipped(body, 20)}.${signature}`,
  })
  all.close()
})

function flipped(part: string, at: number): string {
  const bytes = Buffer.from(part, 'base64url')
  bytes[at] = (bytes[at] ?? 0) ^ 1
  return bytes.toString('base64url')
}

attacks('10: that is far too long is refused before anything is made of it', async () => {
  const { all, header, claims, signed, withClaims } = await world()
  const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`claim${i}`, i]))
  const tokens = {
    'a megabyte': signed(encode(header), encode({ ...claims, x: 'x'.repeat(2 ** 20) })),
    '10,000 claims': withClaims(many),
    'a long header': signed(encode({ ...header, x: 'x'.repeat(2_000) }), encode(claims)),
    'a megabyte of dots': '.'.repeat(2 ** 20),
    'a megabyte of letters': `eyJ${'a'.repeat(2 ** 20)}`,
  }
  const { verify } = crypto.subtle
  let verified = 0
  crypto.subtle.verify = (...args) => {
    verified += 1
    return verify.apply(crypto.subtle, args)
  }
  try {
    await refused(all, tokens)
    assert.is(verified, 0)
    assert.is(await all.statusOf(withClaims({ nbf: NOW_MS / 1_000 - 1 })), 200)
    assert.is(verified, 1, 'the counter counts')
  } finally {
    crypto.subtle.verify = verify
  }
  all.close()
})

attacks('is signed by a key that others can check it with, and that is replaced in time', async () => {
  const { all, ann, kid } = await world()
  const jwks = async () =>
    (await all.call('GET', '/.well-known/jwks.json')).body.keys as Record<string, string>[]
  const [first, ...others] = await jwks()
  assert.is(others.length, 0)
  assert.is(first?.kid, kid)
  assert.equal(Object.keys(first ?? {}).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x'])
  assert.not.match(all.tables.everything().replace(/"private_jwk":"(?:\\.|[^"])*"/g, ''), /"d"/)
  all.clock.nowMs = 30 * 86_400_000 - 60_000
  const before = await all.refresh(ann.refresh)
  const old = (before.body as { accessToken: string }).accessToken
  all.clock.nowMs += 60_000
  const signedIn = await all.login()
  const fresh = (signedIn.body as { accessToken: string }).accessToken
  assert.is.not(decode(partsOf(fresh)[0]).kid, decode(partsOf(old)[0]).kid)
  assert.is((await jwks()).length, 2)
  assert.is(await all.statusOf(old), 200, 'what the old one signed is good until it is over')
  assert.is(await all.statusOf(fresh), 200)
  all.clock.nowMs += 30 * 86_400_000
  assert.is((await all.login()).status, 200)
  assert.is((await jwks()).length, 2, 'the first is forgotten')
  all.close()
})

attacks('of another node’s new key is known as soon as it comes', async () => {
  const { all, ann, claims } = await world()
  assert.is(await all.statusOf(ann.access), 200)
  const { privateKey } = generateKeyPairSync('ed25519')
  const jwk = privateKey.export({ format: 'jwk' })
  const kid = 'sig_01K5ZC4N8XQ2M7V3H9R6T1B0DW'
  all.tables.database
    .prepare('INSERT INTO signing_keys (id, private_jwk, created_at_ms) VALUES (?, ?, ?)')
    .run(kid, JSON.stringify(jwk), NOW_MS)
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid })
    .sign(privateKey)
  assert.is(await all.statusOf(token), 401, 'it was looked for a moment ago')
  all.clock.nowMs += 1_000
  assert.is(await all.statusOf(token), 200)
  all.close()
})

attacks.run()
