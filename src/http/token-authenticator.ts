/** Who calls, whatever kind of token they have: a key's or a person's. */
import type { Notice } from '../persistence/tables/operation.ts'
import type { KeyAuthenticator } from './auth.ts'
import type { Authenticator, Principal } from './parts.ts'
import { looksLikeAccessToken, type PersonAuthenticator } from './person-authenticator.ts'

export class TokenAuthenticator implements Authenticator {
  readonly #keys: KeyAuthenticator
  readonly #people: PersonAuthenticator

  constructor(parts: { readonly keys: KeyAuthenticator; readonly people: PersonAuthenticator }) {
    this.#keys = parts.keys
    this.#people = parts.people
  }

  authenticate(token: string): Principal | undefined | Promise<Principal | undefined> {
    return looksLikeAccessToken(token) ? this.#people.authenticate(token) : this.#keys.authenticate(token)
  }

  forget(keyId: string): void {
    this.#keys.forget(keyId)
  }

  /** Drops what is remembered of whoever the tables say has changed. */
  heed(notice: Notice): void {
    if (notice.type === 'keyRevoked') this.#keys.forget(notice.id)
    else if (notice.type === 'sessionsChanged') this.#people.forgetUser(notice.userId)
    else if (notice.type === 'missed') {
      this.#keys.forgetAll()
      this.#people.forgetAll()
    }
  }
}
