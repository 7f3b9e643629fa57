/**
 * Who an access token stands for.
 *
 * What was verified is remembered until the token is over, so that the next request costs a look into a map. Of what is
 * remembered, two things are never taken for granted: the time, which is compared on each request, and whether the session
 * still lives and what its user may do, which is asked again every `principalCacheMs`. Where that changes in this process
 * the tables tell everybody at once (`forgetUser`), and who has not heard of it yet knows that, and asks (`RevocationCount`).
 */
import { EngineError } from '../actors/engine-error.ts'
import type { CustomerId } from '../domain/ids.ts'
import { tokensVerifiedMax } from '../limits/account-limits.ts'
import { principalCacheMs, principalsCachedMax } from '../limits.ts'
import type { Tables } from '../persistence/tables/operations.ts'
import type { Clock } from '../seams.ts'
import type { AccessToken, AccessTokens } from '../shop/accounts/access-tokens.ts'
import type { Principal } from './parts.ts'

/** With this every JWT begins, and no key of ours: it is `{"` in base64url. */
const JWT_BEGINNING = 'eyJ'

type Remembered = {
  readonly token: AccessToken
  readonly principal: Principal
  readonly askAgainAtMs: number
}

type Parts = {
  readonly tokens: Pick<AccessTokens, 'verify'>
  readonly tables: Pick<Tables, 'read'>
  readonly clock: Clock
  /** Whether this thread has heard of all that was revoked. */
  readonly heard: { readonly isBehind: boolean }
}

/** Whether a token can be one of a person's at all. */
export function looksLikeAccessToken(token: string): boolean {
  return token.startsWith(JWT_BEGINNING)
}

export class PersonAuthenticator {
  readonly #parts: Parts
  /** In the order of entry, so that the first is the oldest. */
  readonly #remembered = new Map<string, Remembered>()
  readonly #tokensOf = new Map<string, Set<string>>()
  /** Grows whenever something ends, so that a look-up begun before that is not remembered after it. */
  #endings = 0
  #verifying = 0

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Undefined where it is nobody's. At once where it was seen lately. */
  authenticate(text: string): Principal | undefined | Promise<Principal | undefined> {
    const known = this.#remembered.get(text)
    if (known === undefined) return this.#verify(text)
    const { token, principal, askAgainAtMs } = known
    if (token.expiresAtMs <= this.#parts.clock.wallMs()) {
      this.#forget(text)
      return undefined
    }
    const { clock, heard } = this.#parts
    const isKnown = clock.monotonicMs() < askAgainAtMs && !heard.isBehind
    return isKnown ? principal : this.#lookUp(text, token)
  }

  /** A session of this user has ended, or their role is another. */
  forgetUser(userId: string): void {
    this.#endings += 1
    for (const text of this.#tokensOf.get(userId) ?? []) this.#remembered.delete(text)
    this.#tokensOf.delete(userId)
  }

  /** That may be so of any user. */
  forgetAll(): void {
    this.#endings += 1
    this.#remembered.clear()
    this.#tokensOf.clear()
  }

  async #verify(text: string): Promise<Principal | undefined> {
    if (this.#verifying >= tokensVerifiedMax) {
      throw new EngineError('overloaded', 'too many unknown tokens are being verified')
    }
    this.#verifying += 1
    try {
      const token = await this.#parts.tokens.verify(text)
      return token === undefined ? undefined : await this.#lookUp(text, token)
    } finally {
      this.#verifying -= 1
    }
  }

  async #lookUp(text: string, token: AccessToken): Promise<Principal | undefined> {
    const endings = this.#endings
    const { tables, clock } = this.#parts
    const { sessionId: id, userId, expiresAtMs } = token
    const session = await tables.read('sessions.find', { id, nowMs: clock.wallMs() })
    if (session === undefined || session.userId !== userId || expiresAtMs <= clock.wallMs()) {
      this.#forget(text)
      return undefined
    }
    const principal: Principal = {
      callerId: userId,
      role: session.role,
      // A user's id has the form of a customer's.
      customerId: userId as CustomerId,
      sessionId: id,
    }
    if (endings === this.#endings) this.#remember(text, { token, principal })
    return principal
  }

  #remember(text: string, entry: Pick<Remembered, 'token' | 'principal'>): void {
    this.#forget(text)
    if (this.#remembered.size >= principalsCachedMax) {
      const [oldest] = this.#remembered.keys()
      if (oldest !== undefined) this.#forget(oldest)
    }
    const askAgainAtMs = this.#parts.clock.monotonicMs() + principalCacheMs
    this.#remembered.set(text, { ...entry, askAgainAtMs })
    const { userId } = entry.token
    const texts = this.#tokensOf.get(userId)
    if (texts === undefined) this.#tokensOf.set(userId, new Set([text]))
    else texts.add(text)
  }

  #forget(text: string): void {
    const known = this.#remembered.get(text)
    if (known === undefined) return
    this.#remembered.delete(text)
    const texts = this.#tokensOf.get(known.token.userId)
    texts?.delete(text)
    if (texts?.size === 0) this.#tokensOf.delete(known.token.userId)
  }
}
