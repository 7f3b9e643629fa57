/** Signing up, in, on and out (API.md, "Accounts"). */

import { EngineError } from '../actors/engine-error.ts'
import type { Replayable } from '../persistence/tables/idempotency-records.ts'
import { emailKeyOf } from '../shop/accounts/email-key.ts'
import {
  jwksReply,
  loginBody,
  logoutBody,
  refreshBody,
  registerBody,
  signInReply,
} from './account-schemas.ts'
import type { AccountThrottle } from './account-throttle.ts'
import { exampleSignIn, signInView } from './account-view.ts'
import { unauthenticated } from './auth.ts'
import { readBody, readOptionalBody } from './body.ts'
import { tableKey, withReplay } from './idempotency.ts'
import type { HttpParts } from './parts.ts'
import { invalid, Problem } from './problems.ts'
import { empty, json } from './responses.ts'
import type { Call, Operation, Route } from './route.ts'
import { TABLES_POSITION } from './tables-position.ts'

type Parts = Pick<HttpParts, 'accounts' | 'signingKeys'> & { readonly throttle: AccountThrottle }

/** Thrown as it is, again and again, before the body is read: to refuse must cost less than to serve. */
const CROWDED = new EngineError('overloaded', 'too many passwords wait to be hashed')
const CHALLENGE = { 'www-authenticate': 'Bearer realm="holdfast"' }
/** Others may keep the keys for a while; a token with a key they do not know makes them look again. */
const JWKS_KNOWN = { 'cache-control': 'public, max-age=300' }

export function authRoutes(parts: Parts): readonly Route[] {
  return [
    { operation: REGISTER, handle: (call) => register(parts, call) },
    { operation: LOGIN, handle: (call) => login(parts, call) },
    { operation: REFRESH, handle: (call) => refresh(parts, call) },
    { operation: LOGOUT, handle: (call) => logout(parts, call) },
    { operation: JWKS, handle: (call) => jwks(parts, call) },
  ]
}

const REGISTER: Operation = {
  method: 'post',
  path: '/v1/auth/register',
  operationId: 'register',
  tag: 'Accounts',
  summary: 'Make an account',
  description:
    'Whoever makes it is signed in. An account is a customer’s; an admin can give it another role.',
  access: 'anyone',
  isSigningIn: true,
  changes: true,
  body: {
    schema: registerBody,
    example: { name: 'Ann Lee', email: 'ann@example.com', password: 'seven herons at dawn' },
  },
  success: {
    status: 201,
    description: 'The account, and the tokens of its first session.',
    schema: signInReply,
    example: exampleSignIn,
    headers: ['Holdfast-Position'],
  },
  problems: ['email-taken'],
}

async function register({ accounts, throttle }: Parts, call: Call): Promise<Response> {
  if (accounts.isCrowded) throw CROWDED
  const body = await readBody(call, registerBody)
  const reply = await throttle.register(call, () => accounts.register(body, tableKey(call, body)))
  if (reply.type === 'signedIn') return signedIn(call, 201, reply)
  if (reply.reason === 'weakPassword') throw invalid({ path: 'password', message: reply.fault })
  throw new Problem('email-taken', 'There is an account with this e-mail.')
}

function signedIn(
  call: Call,
  status: 200 | 201,
  reply: Parameters<typeof signInView>[0] & Replayable,
): Response {
  return json(call, status, signInView(reply), withReplay(TABLES_POSITION, reply))
}

const LOGIN: Operation = {
  method: 'post',
  path: '/v1/auth/login',
  operationId: 'login',
  tag: 'Accounts',
  summary: 'Sign in',
  description:
    'A wrong password and an e-mail without an account are answered alike. Failed logins to one account from one address are limited; from elsewhere its owner can still sign in.',
  access: 'anyone',
  isSigningIn: true,
  changes: true,
  body: {
    schema: loginBody,
    example: { email: 'ann@example.com', password: 'seven herons at dawn' },
  },
  success: {
    status: 200,
    description: 'Whose account it is, and the tokens of a new session.',
    schema: signInReply,
    example: exampleSignIn,
    headers: ['Holdfast-Position'],
  },
  problems: ['wrong-credentials'],
}

async function login({ accounts, throttle }: Parts, call: Call): Promise<Response> {
  if (accounts.isCrowded) throw CROWDED
  const body = await readBody(call, loginBody)
  const reply = await throttle.guess(call, emailKeyOf(body.email), {
    make: () => accounts.login(body, tableKey(call, body)),
    isWrong: ({ type }) => type === 'refused',
  })
  if (reply.type === 'signedIn') return signedIn(call, 200, reply)
  throw new Problem('wrong-credentials', 'There is no account with this e-mail and password.', {
    headers: CHALLENGE,
  })
}

const REFRESH: Operation = {
  method: 'post',
  path: '/v1/auth/refresh',
  operationId: 'refresh',
  tag: 'Accounts',
  summary: 'Stay signed in',
  description:
    'Exchanges a refresh token for the next pair of tokens. Each is good once: where one comes a second time, somebody else may have it, and the whole session ends. Whoever repeats a request whose reply they lost sends the same `Idempotency-Key`.',
  access: 'anyone',
  isSigningIn: true,
  changes: true,
  body: { schema: refreshBody, example: { refreshToken: 'hfr_…' } },
  success: {
    status: 200,
    description: 'The next tokens of the same session.',
    schema: signInReply,
    example: exampleSignIn,
    headers: ['Holdfast-Position'],
  },
  problems: ['invalid-refresh-token'],
}

async function refresh({ accounts }: Parts, call: Call): Promise<Response> {
  const body = await readBody(call, refreshBody)
  const reply = await accounts.refresh(body.refreshToken, tableKey(call, body))
  if (reply.type === 'signedIn') return signedIn(call, 200, reply)
  throw new Problem('invalid-refresh-token', 'The refresh token is not valid. Sign in again.', {
    headers: CHALLENGE,
  })
}

const LOGOUT: Operation = {
  method: 'post',
  path: '/v1/auth/logout',
  operationId: 'logout',
  tag: 'Accounts',
  summary: 'Sign out',
  description:
    'Ends the session of the access token, or of the refresh token in the body: neither is good for anything from then on. The same where the session has ended before.',
  access: 'anyone',
  changes: true,
  body: { schema: logoutBody, example: { refreshToken: 'hfr_…' }, optional: true },
  success: { status: 204, description: 'There is no such session any more.', headers: ['Holdfast-Position'] },
  problems: [],
}

async function logout({ accounts }: Parts, call: Call): Promise<Response> {
  const body = await readOptionalBody(call, logoutBody)
  const { refreshToken } = body
  const { callerId, sessionId } = call.principal ?? {}
  const key = tableKey(call, body)
  if (refreshToken !== undefined) return loggedOut(call, await accounts.logoutBy(refreshToken, key))
  if (callerId === undefined || sessionId === undefined) {
    throw unauthenticated('This call needs an access token, or a refresh token in its body.')
  }
  return loggedOut(call, await accounts.logout({ id: sessionId, userId: callerId }, key))
}

/** Where there was no session, nothing was changed, so that there is no position of it either. */
function loggedOut(call: Call, reply: Awaited<ReturnType<Parts['accounts']['logout']>>): Response {
  return empty(call, reply.ended ? withReplay(TABLES_POSITION, reply) : {})
}

const JWKS: Operation = {
  method: 'get',
  path: '/.well-known/jwks.json',
  operationId: 'readSigningKeys',
  tag: 'Accounts',
  summary: 'The keys that access tokens are signed with',
  description:
    'For services that check tokens themselves (RFC 7517). They learn nothing so of sessions that have ended: tokens are good for minutes for that reason.',
  access: 'anyone',
  success: {
    status: 200,
    description: 'The public keys, the newest first.',
    schema: jwksReply,
    example: {
      keys: [
        {
          kty: 'OKP',
          crv: 'Ed25519',
          x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
          kid: 'sig_01K5ZC4N8XQ2M7V3H9R6T1B0DW',
          alg: 'EdDSA',
          use: 'sig',
        },
      ],
    },
  },
  problems: [],
}

async function jwks({ signingKeys }: Parts, call: Call): Promise<Response> {
  return json(call, 200, { keys: await signingKeys.publicJwks() }, JWKS_KNOWN)
}
