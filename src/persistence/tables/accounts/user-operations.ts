/** Accounts: made by anybody, changed by whoever they belong to, given a role by admins. */
import { drawId } from '../draw-id.ts'
import { type Moment, read, Undone, write } from '../operation.ts'
import { enqueue } from '../outbox.ts'
import { change, type Query, row, type SqlValue } from '../query.ts'
import { startSession } from './session.ts'
import type { SignedIn } from './session-operations.ts'
import { findUser, type User, type UserRole } from './user.ts'

export type Registration = {
  readonly name: string
  readonly email: string
  /** The same for all ways to write the same address. */
  readonly emailKey: string
  readonly passwordHash: string
  readonly refreshMs: number
}

export type ProfileChange = {
  readonly id: string
  readonly name: string | undefined
  readonly email: { readonly text: string; readonly key: string } | undefined
  /** Only where the hash that the old password was found to be right for is still the user's. */
  readonly password: { readonly oldHash: string; readonly newHash: string | undefined } | undefined
  /** Of a new password: the session in which it was set goes on, all others end. */
  readonly sessionId: string | undefined
}

type UserRefused<Reason extends string> = { readonly type: 'refused'; readonly reason: Reason }
export type ProfileChanged =
  | { readonly type: 'changed'; readonly user: User }
  | UserRefused<'unknownUser' | 'emailTaken' | 'credentialsChanged'>

/** What a login needs to know. */
export type Credentials = { readonly id: string; readonly passwordHash: string }

export const userOperations = {
  'users.register': write((registration: Registration, moment) => register(registration, moment)),
  'users.change': write((profile: ProfileChange, moment) => changeProfile(profile, moment)),
  'users.setRole': write((args: { readonly id: string; readonly role: UserRole }, moment) =>
    setRole(args, moment),
  ),
  'users.find': read(({ id }: { readonly id: string }) => findUser(id)),
  'users.credentials': read(
    (by: { readonly emailKey: string } | { readonly id: string }): Query<Credentials | undefined> => {
      const columns = 'SELECT id, password_hash AS "passwordHash" FROM users'
      return 'id' in by
        ? row<Credentials>(`${columns} WHERE id = ?`, by.id)
        : row<Credentials>(`${columns} WHERE email_key = ?`, by.emailKey)
    },
  ),
}

function* register(registration: Registration, moment: Moment): Query<SignedIn | UserRefused<'emailTaken'>> {
  const { name, email, emailKey, passwordHash, refreshMs } = registration
  const user: User = { id: drawId('usr', moment), name, email, role: 'customer', createdAtMs: moment.nowMs }
  const made = yield* change(
    `INSERT INTO users (id, email, email_key, name, role, password_hash, created_at_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (email_key) DO NOTHING`,
    user.id,
    email,
    emailKey,
    name,
    user.role,
    passwordHash,
    user.createdAtMs,
  )
  if (made === 0) return { type: 'refused', reason: 'emailTaken' }
  yield* enqueue({ type: 'user.registered', subjectId: user.id, payload: {} }, moment)
  return { type: 'signedIn', user, session: yield* startSession({ userId: user.id, refreshMs }, moment) }
}

function* changeProfile(profile: ProfileChange, moment: Moment): Query<ProfileChanged> {
  const { id, name, email, password, sessionId } = profile
  const refuse = (reason: 'unknownUser' | 'emailTaken' | 'credentialsChanged') =>
    new Undone<ProfileChanged>({ type: 'refused', reason })
  if (password !== undefined) {
    const { oldHash, newHash } = password
    const sql = 'UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?'
    if ((yield* change(sql, newHash ?? oldHash, id, oldHash)) === 0) throw refuse('credentialsChanged')
    if (newHash !== undefined) {
      yield* change('DELETE FROM sessions WHERE user_id = ? AND id <> ?', id, sessionId ?? '')
      moment.notify({ type: 'sessionsChanged', userId: id })
    }
  }
  if (email !== undefined) {
    const changed = yield* change(
      `UPDATE users SET email = ?, email_key = ? WHERE id = ?
          AND NOT EXISTS (SELECT 1 FROM users AS others WHERE others.email_key = ? AND others.id <> ?)`,
      ...[email.text, email.key, id, email.key, id],
    )
    if (changed === 0) throw refuse('emailTaken')
  }
  if (name !== undefined) yield* change('UPDATE users SET name = ? WHERE id = ?', name, id)
  const user = yield* findUser(id)
  if (user === undefined) throw refuse('unknownUser')
  return { type: 'changed', user }
}

function* setRole(
  { id, role }: { readonly id: string; readonly role: UserRole },
  { notify }: Pick<Moment, 'notify'>,
): Query<{ readonly type: 'changed'; readonly user: User } | UserRefused<'unknownUser'>> {
  const values: readonly SqlValue[] = [role, id]
  const changed = yield* change('UPDATE users SET role = ? WHERE id = ?', ...values)
  const user = yield* findUser(id)
  if (changed === 0 || user === undefined) return { type: 'refused', reason: 'unknownUser' }
  notify({ type: 'sessionsChanged', userId: id })
  return { type: 'changed', user }
}
