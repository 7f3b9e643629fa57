/** People about themselves, and admins about what people may do. */
import { profileBody, roleBody, userReply } from './account-schemas.ts'
import type { AccountThrottle } from './account-throttle.ts'
import { exampleUser, userView } from './account-view.ts'
import { unauthenticated } from './auth.ts'
import { readBody } from './body.ts'
import { tableKey, withReplay } from './idempotency.ts'
import type { HttpParts } from './parts.ts'
import { invalid, Problem } from './problems.ts'
import { json } from './responses.ts'
import type { Call, Operation, Route } from './route.ts'
import { TABLES_POSITION } from './tables-position.ts'

type Parts = Pick<HttpParts, 'accounts' | 'tables'> & { readonly throttle: AccountThrottle }

const USER_ID = /^usr_[0-9A-HJKMNP-TV-Z]{26}$/

export function profileRoutes(parts: Parts): readonly Route[] {
  return [
    { operation: READ, handle: (call) => readProfile(parts, call) },
    { operation: CHANGE, handle: (call) => changeProfile(parts, call) },
    { operation: SET_ROLE, handle: (call) => setRole(parts, call) },
  ]
}

const READ: Operation = {
  method: 'get',
  path: '/v1/me',
  operationId: 'readProfile',
  tag: 'Accounts',
  summary: 'Read your account',
  access: 'person',
  success: { status: 200, description: 'The account.', schema: userReply, example: exampleUser },
  problems: [],
}

async function readProfile({ accounts }: Parts, call: Call): Promise<Response> {
  const user = await accounts.user(callerOf(call))
  if (user === undefined) throw unauthenticated('The account is gone.')
  return json(call, 200, userView(user))
}

const CHANGE: Operation = {
  method: 'patch',
  path: '/v1/me',
  operationId: 'changeProfile',
  tag: 'Accounts',
  summary: 'Change your account',
  description:
    'A new e-mail or password needs the current one. With a new password all other sessions end; this one goes on.',
  access: 'person',
  changes: true,
  body: {
    schema: profileBody,
    example: { password: 'nine otters by the weir', currentPassword: 'seven herons at dawn' },
  },
  success: {
    status: 200,
    description: 'The account as it is now.',
    schema: userReply,
    example: exampleUser,
    headers: ['Holdfast-Position'],
  },
  problems: ['wrong-password', 'email-taken'],
}

async function changeProfile({ accounts, throttle }: Parts, call: Call): Promise<Response> {
  const body = await readBody(call, profileBody)
  const id = callerOf(call)
  const make = () =>
    accounts.changeProfile({ id, sessionId: call.principal?.sessionId }, body, tableKey(call, body))
  // A stolen access token must not be good for guessing the password either.
  const isWrong = (answer: Awaited<ReturnType<typeof make>>) =>
    answer.type === 'refused' && answer.reason === 'wrongPassword'
  const reply = await throttle.guess(call, id, { make, isWrong })
  if (reply.type === 'changed') {
    return json(call, 200, userView(reply.user), withReplay(TABLES_POSITION, reply))
  }
  switch (reply.reason) {
    case 'weakPassword':
      throw invalid({ path: 'password', message: reply.fault })
    case 'wrongPassword':
      throw new Problem('wrong-password', 'The current password is not right.')
    case 'emailTaken':
      throw new Problem('email-taken', 'There is an account with this e-mail.')
    case 'unknownUser':
      throw unauthenticated('The account is gone.')
  }
}

const SET_ROLE: Operation = {
  method: 'patch',
  path: '/v1/users/{id}',
  operationId: 'setRole',
  tag: 'Accounts',
  summary: 'Say what a person may do',
  description:
    'It holds for their next request, whatever tokens they have; other processes hear of it within five seconds.',
  access: 'admin',
  changes: true,
  body: { schema: roleBody, example: { role: 'staff' } },
  success: {
    status: 200,
    description: 'The account as it is now.',
    schema: userReply,
    example: { ...exampleUser, role: 'staff' },
    headers: ['Holdfast-Position'],
  },
  problems: ['unknown-user'],
}

async function setRole({ tables }: Parts, call: Call): Promise<Response> {
  const id = call.context.req.param('id') ?? ''
  if (!USER_ID.test(id)) throw unknownUser()
  const body = await readBody(call, roleBody)
  const reply = await tables.write('users.setRole', { id, role: body.role }, tableKey(call, body))
  if (reply.type === 'refused') throw unknownUser()
  return json(call, 200, userView(reply.user), withReplay(TABLES_POSITION, reply))
}

function unknownUser(): Problem {
  return new Problem('unknown-user', 'There is no such user.')
}

/** Whoever a call is let through as a person has an id. */
function callerOf({ principal }: Call): string {
  return principal?.callerId ?? ''
}
