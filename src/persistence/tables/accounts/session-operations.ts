/** Signing in, staying signed in, and signing out, as far as the tables know of it. */
import { type Moment, read, write } from '../operation.ts'
import { change, type Query, row } from '../query.ts'
import { continueSession, endSession, type StartedSession, startSession } from './session.ts'
import { findUser, roleOf, type User, type UserRole } from './user.ts'

export type SignedIn = { readonly type: 'signedIn'; readonly user: User; readonly session: StartedSession }
export type NotSignedIn = {
  readonly type: 'refused'
  /** `reused`: the token was exchanged before, so that one of two who have it stole it; the session has ended. */
  readonly reason: 'credentialsChanged' | 'unknownToken' | 'reused'
}

/** False where there was no such session. */
export type SessionEnded = { readonly ended: boolean }

export type Login = {
  readonly userId: string
  /** The hash that the password was found to be right for. */
  readonly passwordHash: string
  /** A dearer one of the same password. */
  readonly newHash: string | undefined
  readonly refreshMs: number
}

type FoundToken = {
  readonly sessionId: string
  readonly userId: string
  readonly generation: number
  readonly createdAtMs: number
}

export const sessionOperations = {
  'sessions.start': write((login: Login, moment) => logIn(login, moment)),
  'sessions.refresh': write(
    (args: { readonly tokenHash: string; readonly refreshMs: number }, moment: Moment) =>
      refresh(args, moment),
  ),
  'sessions.end': write(
    function* (args: { readonly id: string; readonly userId: string }, moment): Query<SessionEnded> {
      return { ended: yield* endSession(args, moment) }
    },
    { isKept: ({ ended }) => ended },
  ),
  'sessions.endByToken': write(
    function* ({ tokenHash }: { readonly tokenHash: string }, moment): Query<SessionEnded> {
      const found = yield* findToken(tokenHash)
      if (found === undefined) return { ended: false }
      return { ended: yield* endSession({ id: found.sessionId, userId: found.userId }, moment) }
    },
    { isKept: ({ ended }) => ended },
  ),
  'sessions.find': read((args: { readonly id: string; readonly nowMs: number }) => findSession(args)),
}

function* logIn(login: Login, moment: Moment): Query<SignedIn | NotSignedIn> {
  const { userId, passwordHash, newHash, refreshMs } = login
  // Also where there is no dearer hash: whoever changed the password meanwhile has ended all sessions made with the old one.
  const sql = 'UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?'
  const isStillRight = (yield* change(sql, newHash ?? passwordHash, userId, passwordHash)) === 1
  const user = yield* findUser(userId)
  if (!isStillRight || user === undefined) return { type: 'refused', reason: 'credentialsChanged' }
  return { type: 'signedIn', user, session: yield* startSession({ userId, refreshMs }, moment) }
}

function* refresh(
  { tokenHash, refreshMs }: { readonly tokenHash: string; readonly refreshMs: number },
  moment: Moment,
): Query<SignedIn | NotSignedIn> {
  const found = yield* findToken(tokenHash)
  if (found === undefined) return { type: 'refused', reason: 'unknownToken' }
  const { sessionId, userId, generation, createdAtMs } = found
  const taken = yield* change(
    `UPDATE refresh_tokens SET used_at_ms = ? WHERE hash = ? AND used_at_ms IS NULL
        AND session_id IN (SELECT id FROM sessions WHERE expires_at_ms > ?)`,
    moment.nowMs,
    tokenHash,
    moment.nowMs,
  )
  if (taken === 0) {
    // Used before, or expired: there is nothing left that this session is good for.
    yield* endSession({ id: sessionId, userId }, moment)
    return { type: 'refused', reason: 'reused' }
  }
  const user = yield* findUser(userId)
  if (user === undefined) return { type: 'refused', reason: 'unknownToken' }
  const session = yield* continueSession({ id: sessionId, createdAtMs, generation }, refreshMs, moment)
  return { type: 'signedIn', user, session }
}

function findToken(tokenHash: string): Query<FoundToken | undefined> {
  return row<FoundToken>(
    `SELECT sessions.id AS "sessionId", sessions.user_id AS "userId", sessions.created_at_ms AS "createdAtMs",
            refresh_tokens.generation AS generation
       FROM refresh_tokens JOIN sessions ON sessions.id = refresh_tokens.session_id
      WHERE refresh_tokens.hash = ?`,
    tokenHash,
  )
}

/** Who has signed in so, if that has not ended. */
function* findSession({
  id,
  nowMs,
}: {
  readonly id: string
  readonly nowMs: number
}): Query<{ readonly userId: string; readonly role: UserRole } | undefined> {
  const found = yield* row<{ readonly userId: string; readonly role: string }>(
    `SELECT users.id AS "userId", users.role AS role
       FROM sessions JOIN users ON users.id = sessions.user_id
      WHERE sessions.id = ? AND sessions.expires_at_ms > ?`,
    id,
    nowMs,
  )
  return found === undefined ? undefined : { userId: found.userId, role: roleOf(found.role) }
}
