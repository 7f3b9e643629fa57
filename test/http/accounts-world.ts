/** The app over real accounts: tables in memory, tokens, sessions and limits, by a clock that the test moves. */
import * as assert from 'uvu/assert'
import { KeyAuthenticator } from '../../src/http/auth.ts'
import { PersonAuthenticator } from '../../src/http/person-authenticator.ts'
import type { Rates } from '../../src/http/rate-limits.ts'
import { TokenAuthenticator } from '../../src/http/token-authenticator.ts'
import { apiKeysOf } from '../../src/persistence/tables/api-keys-client.ts'
import { realRandom } from '../../src/seams.ts'
import { AccessTokens } from '../../src/shop/accounts/access-tokens.ts'
import { Accounts } from '../../src/shop/accounts/accounts.ts'
import { SigningKeys } from '../../src/shop/accounts/signing-keys.ts'
import { InProcessTables } from '../support/in-process-tables.ts'
import { limits } from './fake-limits.ts'
import { type CallOptions, FakeClock, type Fakes, fakes, type Reply } from './fake-parts.ts'
import { QuickPasswords } from './quick-passwords.ts'

export const ADMIN_KEY = 'a-very-secret-admin-key'
export const PASSWORD = 'seven herons at dawn'
export const ISSUER = 'holdfast'
export const ACCESS_MS = 900_000
export const REFRESH_MS = 30 * 86_400_000

export type Tokens = { readonly id: string; readonly access: string; readonly refresh: string }

export class AccountsWorld {
  readonly clock = new FakeClock()
  readonly tables = new InProcessTables(this.clock)
  readonly passwords = new QuickPasswords()
  /** Whether something was revoked of which nobody has told this listener yet. */
  readonly heard = { isBehind: false }
  readonly keys: SigningKeys
  readonly tokens: AccessTokens
  readonly fakes: Fakes
  readonly authenticator: TokenAuthenticator

  constructor(rates: Partial<Rates> = {}) {
    const { clock, tables, passwords, heard } = this
    this.keys = new SigningKeys({ tables, clock, random: realRandom() })
    this.tokens = new AccessTokens({ keys: this.keys, clock, issuer: ISSUER, lifeMs: ACCESS_MS })
    const apiKeys = apiKeysOf(tables)
    this.authenticator = new TokenAuthenticator({
      keys: new KeyAuthenticator({ adminKey: ADMIN_KEY, apiKeys, clock, heard }),
      people: new PersonAuthenticator({ tokens: this.tokens, tables, clock, heard }),
    })
    this.fakes = fakes({
      authenticator: this.authenticator,
      tables,
      apiKeys,
      accounts: new Accounts({ tables, passwords, tokens: this.tokens, clock, refreshMs: REFRESH_MS }),
      signingKeys: this.keys,
      clock,
      ...limits(clock, { rates, proxies: ['10.0.0.2'] }),
    })
    tables.onNotice = (notice) => {
      this.authenticator.heed(notice)
      if (notice.type === 'signingKeysChanged') this.keys.forget()
    }
  }

  call(method: string, path: string, options?: CallOptions): Promise<Reply> {
    return this.fakes.call(method, path, options)
  }

  /** Makes an account; fails unless that goes well. */
  async register(name = 'ann', options: CallOptions = {}): Promise<Tokens> {
    const body = { name, email: `${name}@example.com`, password: PASSWORD }
    const reply = await this.call('POST', '/v1/auth/register', { body, ...options })
    assert.is(reply.status, 201, reply.text)
    return tokensOf(reply)
  }

  login(name = 'ann', password = PASSWORD, options: CallOptions = {}): Promise<Reply> {
    const body = { email: `${name}@example.com`, password }
    return this.call('POST', '/v1/auth/login', { body, ...options })
  }

  refresh(refreshToken: string, options: CallOptions = {}): Promise<Reply> {
    return this.call('POST', '/v1/auth/refresh', { body: { refreshToken }, ...options })
  }

  /** How a request with this access token is answered. */
  async statusOf(access: string, path = '/v1/me'): Promise<number> {
    return (await this.call('GET', path, { as: access })).status
  }

  close(): void {
    this.tables.close()
  }
}

export function tokensOf({ body }: Reply): Tokens {
  const { user, accessToken, refreshToken } = body as {
    readonly user: { readonly id: string }
    readonly accessToken: string
    readonly refreshToken: string
  }
  return { id: user.id, access: accessToken, refresh: refreshToken }
}
