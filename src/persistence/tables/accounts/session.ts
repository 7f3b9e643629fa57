/** A person who has signed in: one session for each time they did, and in it one refresh token after another. */
import { refreshTokensKept, sessionMsMax, sessionsPerUserMax } from '../../../limits/account-limits.ts'
import { base62, hashOfApiKey } from '../api-key.ts'
import { drawId } from '../draw-id.ts'
import type { Moment } from '../operation.ts'
import { change, type Query } from '../query.ts'

export type StartedSession = {
  readonly id: string
  /** Known here and to the client; what is kept is its hash. */
  readonly refreshToken: string
  /** When this token was made. */
  readonly atMs: number
}

/** 256 random bits. */
const tokenLength = 43
const TOKEN = /^hfr_[0-9A-Za-z]{43}$/
/** Expired sessions that one login forgets at most, so that it never pays for all of those before it. */
const forgottenPerLoginMax = 8

export function isRefreshToken(text: string): boolean {
  return TOKEN.test(text)
}

/** SHA-256: nobody guesses 256 bits, so a slow hash would guard nothing. */
export function hashOfRefreshToken(token: string): string {
  return hashOfApiKey(token)
}

/** Of those a user has, the oldest gives way where there are too many. */
export function* startSession(
  { userId, refreshMs }: { readonly userId: string; readonly refreshMs: number },
  moment: Moment,
): Query<StartedSession> {
  const { nowMs } = moment
  yield* change(
    `DELETE FROM sessions WHERE id IN
       (SELECT id FROM sessions WHERE expires_at_ms <= ? ORDER BY expires_at_ms LIMIT ? /* skip locked */)`,
    nowMs,
    forgottenPerLoginMax,
  )
  const gaveWay = yield* change(
    `DELETE FROM sessions WHERE id IN
       (SELECT id FROM sessions WHERE user_id = ? ORDER BY created_at_ms DESC, id DESC LIMIT ? OFFSET ?)`,
    userId,
    sessionsPerUserMax,
    sessionsPerUserMax - 1,
  )
  if (gaveWay > 0) moment.notify({ type: 'sessionsChanged', userId })
  const id = drawId('ses', moment)
  yield* change(
    'INSERT INTO sessions (id, user_id, created_at_ms, expires_at_ms) VALUES (?, ?, ?, ?)',
    id,
    userId,
    nowMs,
    nowMs + refreshMs,
  )
  return { id, refreshToken: yield* addToken({ id, generation: 1 }, moment), atMs: nowMs }
}

/** The next token of a session that lives on; it is good for `refreshMs`, and the session for no longer than it may live. */
export function* continueSession(
  session: { readonly id: string; readonly createdAtMs: number; readonly generation: number },
  refreshMs: number,
  moment: Moment,
): Query<StartedSession> {
  const { id, createdAtMs, generation } = session
  const expiresAtMs = Math.min(moment.nowMs + refreshMs, createdAtMs + sessionMsMax)
  yield* change('UPDATE sessions SET expires_at_ms = ? WHERE id = ?', expiresAtMs, id)
  yield* change(
    'DELETE FROM refresh_tokens WHERE session_id = ? AND generation <= ?',
    id,
    generation - refreshTokensKept,
  )
  const refreshToken = yield* addToken({ id, generation: generation + 1 }, moment)
  return { id, refreshToken, atMs: moment.nowMs }
}

function* addToken(
  { id, generation }: { readonly id: string; readonly generation: number },
  { random }: Pick<Moment, 'random'>,
): Query<string> {
  const token = `hfr_${base62(random, tokenLength)}`
  yield* change(
    'INSERT INTO refresh_tokens (hash, session_id, generation) VALUES (?, ?, ?)',
    hashOfRefreshToken(token),
    id,
    generation,
  )
  return token
}

/** Ends a session and all its tokens. False where there is none. */
export function* endSession(
  { id, userId }: { readonly id: string; readonly userId: string },
  { notify }: Pick<Moment, 'notify'>,
): Query<boolean> {
  const ended = yield* change('DELETE FROM sessions WHERE id = ? AND user_id = ?', id, userId)
  if (ended > 0) notify({ type: 'sessionsChanged', userId })
  return ended > 0
}
