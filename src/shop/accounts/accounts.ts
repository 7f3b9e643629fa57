/**
 * Accounts: who people are, and how they sign in, stay so and leave.
 *
 * N1  A login does not tell whether an account exists: an e-mail that nobody has costs a hash like any other, and is
 *     answered like a wrong password. A registration has to tell, and does so no sooner than it would make the account
 *     (docs/decisions/accounts.md).
 * N2  Whoever knows the old password and no more gets nothing from the moment in which a new one is set: what was found to
 *     be right goes along to the tables, and is compared with what is right by then.
 */
import { hashOfRefreshToken, isRefreshToken } from '../../persistence/tables/accounts/session.ts'
import type { NotSignedIn, SignedIn } from '../../persistence/tables/accounts/session-operations.ts'
import type { User } from '../../persistence/tables/accounts/user.ts'
import type { Replayable } from '../../persistence/tables/idempotency-records.ts'
import type { Tables } from '../../persistence/tables/operations.ts'
import type { TableKey } from '../../persistence/tables/table-key.ts'
import type { Clock } from '../../seams.ts'
import { answeredBefore } from '../answered-before.ts'
import type { AccessTokens } from './access-tokens.ts'
import { emailKeyOf } from './email-key.ts'
import type { Passwords } from './password-client.ts'
import { isBelowCurrent, nobodysHash } from './password-hash.ts'
import { faultOfPassword } from './password-rules.ts'

export type SignIn = Replayable & {
  readonly type: 'signedIn'
  readonly user: User
  readonly accessToken: string
  readonly refreshToken: string
  /** Seconds for which the access token is good. */
  readonly expiresIn: number
}
type RefusedFor<Reason extends string> = { readonly type: 'refused'; readonly reason: Reason }
/** `fault` says what is wrong with it. */
export type WeakPassword = RefusedFor<'weakPassword'> & { readonly fault: string }
export type ProfileRefused = RefusedFor<'unknownUser' | 'emailTaken' | 'wrongPassword'> | WeakPassword

export type NewProfile = {
  readonly name?: string | undefined
  readonly email?: string | undefined
  readonly password?: string | undefined
  /** Needed for a new e-mail or password. */
  readonly currentPassword?: string | undefined
}

export type AccountsParts = {
  readonly tables: Pick<Tables, 'read' | 'write'>
  readonly passwords: Passwords
  readonly tokens: Pick<AccessTokens, 'issue' | 'expiresIn'>
  readonly clock: Clock
  /** How long a refresh token is good for. */
  readonly refreshMs: number
}

/** A password is hardly ever changed amid a login, and its hash made dearer once. */
const LOGIN_TRIES_MAX = 3

export class Accounts {
  readonly #parts: AccountsParts

  constructor(parts: AccountsParts) {
    this.#parts = parts
  }

  /** Whether whoever comes with a password is told to come back: best before anything of it is read. */
  get isCrowded(): boolean {
    return this.#parts.passwords.isCrowded
  }

  async register(
    person: { readonly name: string; readonly email: string; readonly password: string },
    key?: TableKey,
  ): Promise<SignIn | RefusedFor<'emailTaken'> | WeakPassword> {
    const { tables, passwords, refreshMs } = this.#parts
    const { name, email, password } = person
    const fault = faultOfPassword(password, person)
    if (fault !== undefined) return { type: 'refused', reason: 'weakPassword', fault }
    const passwordHash = await passwords.hash(password)
    const emailKey = emailKeyOf(email)
    const reply = await tables.write(
      'users.register',
      { name, email, emailKey, passwordHash, refreshMs },
      key,
    )
    return reply.type === 'refused' ? reply : this.#withToken(reply)
  }

  async login(
    credentials: { readonly email: string; readonly password: string },
    key?: TableKey,
  ): Promise<SignIn | RefusedFor<'wrongCredentials'>> {
    for (let tries = 0; tries < LOGIN_TRIES_MAX; tries++) {
      const reply = await this.#tryLogin(credentials, key)
      if (reply.type === 'signedIn' || reply.reason === 'wrongCredentials') return reply
      // Another login has made a dearer hash of the same password meanwhile, or there is a new one: that is what counts now.
    }
    return refused('wrongCredentials')
  }

  async #tryLogin(
    { email, password }: { readonly email: string; readonly password: string },
    key: TableKey | undefined,
  ): Promise<SignIn | RefusedFor<'wrongCredentials'> | NotSignedIn> {
    const { tables, passwords, refreshMs } = this.#parts
    const found = await tables.read('users.credentials', { emailKey: emailKeyOf(email) })
    const isRight = await passwords.isRight(password, found?.passwordHash ?? nobodysHash)
    if (found === undefined || !isRight) return refused('wrongCredentials')
    const { id: userId, passwordHash } = found
    const newHash = isBelowCurrent(passwordHash) ? await passwords.hash(password) : undefined
    const reply = await tables.write('sessions.start', { userId, passwordHash, newHash, refreshMs }, key)
    return reply.type === 'refused' ? reply : this.#withToken(reply)
  }

  async refresh(refreshToken: string, key?: TableKey): Promise<SignIn | NotSignedIn> {
    if (!isRefreshToken(refreshToken)) return { type: 'refused', reason: 'unknownToken' }
    const { tables, refreshMs } = this.#parts
    const tokenHash = hashOfRefreshToken(refreshToken)
    const reply = await tables.write('sessions.refresh', { tokenHash, refreshMs }, key)
    return reply.type === 'refused' ? reply : this.#withToken(reply)
  }

  /** Ends the session; false where it has ended. */
  logout(
    session: { readonly id: string; readonly userId: string },
    key?: TableKey,
  ): Promise<Replayable & { readonly ended: boolean }> {
    return this.#parts.tables.write('sessions.end', session, key)
  }

  /** Ends the session that the token is or was of; false where it is of none. */
  async logoutBy(refreshToken: string, key?: TableKey): Promise<Replayable & { readonly ended: boolean }> {
    if (!isRefreshToken(refreshToken)) return { ended: false }
    const tokenHash = hashOfRefreshToken(refreshToken)
    return this.#parts.tables.write('sessions.endByToken', { tokenHash }, key)
  }

  async user(id: string): Promise<User | undefined> {
    return this.#parts.tables.read('users.find', { id })
  }

  /** With a key, what was answered before comes before the old password, which is no longer right then. */
  async changeProfile(
    who: { readonly id: string; readonly sessionId: string | undefined },
    profile: NewProfile,
    key?: TableKey,
  ): Promise<(Replayable & { readonly type: 'changed'; readonly user: User }) | ProfileRefused> {
    const { tables, clock } = this.#parts
    const { id, sessionId } = who
    const before = await answeredBefore<{ type: 'changed'; user: User }>({ tables, clock }, key)
    if (before !== undefined) return before
    const password = await this.#newPassword(id, profile)
    if (password?.type === 'refused') return password
    const { name, email: text } = profile
    const email = text === undefined ? undefined : { text, key: emailKeyOf(text) }
    const reply = await tables.write('users.change', { id, name, email, password, sessionId }, key)
    if (reply.type === 'changed') return reply
    const { reason } = reply
    return { type: 'refused', reason: reason === 'credentialsChanged' ? 'wrongPassword' : reason }
  }

  /** What the tables need for a change that only whoever knows the password may make. Undefined where it is none. */
  async #newPassword(id: string, profile: NewProfile) {
    const { tables, passwords } = this.#parts
    const { name, email, password, currentPassword } = profile
    if (password === undefined && email === undefined) return undefined
    const [user, credentials] = await Promise.all([
      tables.read('users.find', { id }),
      tables.read('users.credentials', { id }),
    ])
    if (user === undefined || credentials === undefined) return refused('unknownUser')
    const oldHash = credentials.passwordHash
    if (!(await passwords.isRight(currentPassword ?? '', oldHash))) return refused('wrongPassword')
    if (password === undefined) return { type: 'right', oldHash, newHash: undefined } as const
    const fault = faultOfPassword(password, { name: name ?? user.name, email: email ?? user.email })
    if (fault !== undefined) return { type: 'refused', reason: 'weakPassword', fault } as const
    return { type: 'right', oldHash, newHash: await passwords.hash(password) } as const
  }

  async #withToken({ user, session, ...replay }: SignedIn & Replayable): Promise<SignIn> {
    const { tokens } = this.#parts
    const { id, refreshToken, atMs } = session
    const accessToken = await tokens.issue({ id, userId: user.id, atMs })
    return { ...replay, user, accessToken, refreshToken, expiresIn: tokens.expiresIn }
  }
}

function refused<Reason extends string>(reason: Reason): RefusedFor<Reason> {
  return { type: 'refused', reason }
}
