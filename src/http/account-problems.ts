/** What can go wrong with accounts; part of `PROBLEMS`. */
import type { ProblemEntry } from './problems.ts'

export const ACCOUNT_PROBLEMS = {
  'wrong-credentials': {
    status: 401,
    title: 'No account has this e-mail and password',
    help: 'There is no account with this e-mail, or its password is another one; which of the two is not told. Failed logins are limited: 429 says when to try again.',
  },
  'invalid-refresh-token': {
    status: 401,
    title: 'The refresh token is not valid',
    help: 'The session has ended: it was signed out, its time was over, its password was changed, or the token had been exchanged before, in which case somebody else may have it. Sign in again (POST /v1/auth/login).',
  },
  'wrong-password': {
    status: 403,
    title: 'The current password is not right',
    help: 'A new e-mail or password needs the current password in `currentPassword`. Failed tries count as failed logins.',
  },
  'unknown-user': {
    status: 404,
    title: 'No such user',
    help: 'There is no account with this id. Ids of users begin with `usr_`.',
  },
  'unknown-address': {
    status: 404,
    title: 'No such address',
    help: 'The address does not exist, or belongs to somebody else. GET /v1/me/addresses lists yours.',
  },
  'email-taken': {
    status: 409,
    title: 'There is an account with this e-mail',
    help: 'Nothing was made or changed. Sign in instead (POST /v1/auth/login), or use another e-mail. Two that differ in case alone are the same.',
  },
  'addresses-full': {
    status: 409,
    title: 'There are as many addresses as there may be',
    help: 'One person can have 50 addresses. Replace or remove one that is not used any more.',
  },
} as const satisfies Readonly<Record<string, ProblemEntry>>
