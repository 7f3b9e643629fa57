/**
 * Who is calling, and what their role reaches.
 *
 * A token is the admin key or an API key. Both are compared by SHA-256, the admin key in constant time; a table that
 * holds hashes has nothing worth stealing, and how long its look-up takes tells nothing about a key.
 */
import { hash, timingSafeEqual } from 'node:crypto'
import { EngineError } from '../actors/engine-error.ts'
import { principalCacheMs, principalLookupsMax, principalsCachedMax } from '../limits.ts'
import type { Clock } from '../seams.ts'
import type { ApiKeys, Authenticator, Principal, Role } from './parts.ts'
import { Problem } from './problems.ts'

const RANK: Readonly<Record<Role, number>> = { customer: 0, service: 1, staff: 2, admin: 3 }
/** RFC 6750, with any visible character in the token: admin keys are chosen by people. */
const BEARER = /^bearer +([\x21-\x7e]+)$/i
const API_KEY = /^hf_[A-Za-z0-9_-]{16,128}$/

/** Whether the caller has this role or one that includes it. */
export function reaches(principal: Principal | undefined, least: Role): boolean {
  return principal !== undefined && RANK[principal.role] >= RANK[least]
}

/** The token of an `Authorization` field, if that has one. */
export function bearerOf(authorization: string): string | undefined {
  return BEARER.exec(authorization)?.[1]
}

/** 401 for an `Authorization` field that makes nobody known. */
export function badToken(authorization: string): Problem {
  return bearerOf(authorization) === undefined
    ? unauthenticated('The Authorization header field must be "Bearer <token>".')
    : unauthenticated('The token is not valid.')
}

export function unauthenticated(detail: string): Problem {
  return new Problem('unauthenticated', detail, {
    headers: { 'www-authenticate': 'Bearer realm="holdfast"' },
  })
}

type Remembered = { readonly principal: Principal; readonly untilMs: number }

/** Authenticates the admin key and API keys, and remembers those it found for `principalCacheMs`. */
export class KeyAuthenticator implements Authenticator {
  readonly #adminKeyHash: Buffer
  readonly #apiKeys: Pick<ApiKeys, 'findByHash'>
  readonly #clock: Clock
  readonly #heard: { readonly isBehind: boolean }
  /**
   * Keyed by the token itself: hashing costs more than the rest of the look-up, and only tokens that were found to be
   * good are in here. In order of entry, so that the first is the oldest.
   */
  readonly #remembered = new Map<string, Remembered>()
  /** One look-up for all who wait with the same token. */
  readonly #lookups = new Map<string, Promise<Principal | undefined>>()
  /** Grows with each revocation, so that a look-up begun before one is not remembered after it. */
  #revocations = 0

  constructor(options: {
    readonly adminKey: string
    readonly apiKeys: Pick<ApiKeys, 'findByHash'>
    readonly clock: Clock
    /** Whether this thread has heard of all that was revoked. */
    readonly heard: { readonly isBehind: boolean }
  }) {
    this.#adminKeyHash = hash('sha256', options.adminKey, 'buffer')
    this.#apiKeys = options.apiKeys
    this.#clock = options.clock
    this.#heard = options.heard
  }

  authenticate(token: string): Principal | undefined | Promise<Principal | undefined> {
    const known = this.#heard.isBehind ? undefined : this.#remembered.get(token)
    if (known !== undefined) {
      if (known.untilMs > this.#clock.monotonicMs()) return known.principal
      this.#remembered.delete(token)
    }
    if (timingSafeEqual(hash('sha256', token, 'buffer'), this.#adminKeyHash)) {
      return this.#remember(token, { callerId: 'key_admin', role: 'admin' })
    }
    return API_KEY.test(token) ? this.#lookUpOnce(token) : undefined
  }

  forget(keyId: string): void {
    this.#revocations += 1
    // Those who ask from now on must not join a look-up that was answered before the revocation.
    this.#lookups.clear()
    for (const [token, { principal }] of this.#remembered) {
      if (principal.callerId === keyId) this.#remembered.delete(token)
    }
  }

  /** Any key may have been revoked. */
  forgetAll(): void {
    this.#revocations += 1
    this.#lookups.clear()
    this.#remembered.clear()
  }

  #remember(token: string, principal: Principal): Principal {
    if (this.#remembered.size >= principalsCachedMax) {
      for (const oldest of this.#remembered.keys()) {
        this.#remembered.delete(oldest)
        break
      }
    }
    this.#remembered.set(token, { principal, untilMs: this.#clock.monotonicMs() + principalCacheMs })
    return principal
  }

  #lookUpOnce(token: string): Promise<Principal | undefined> {
    const underWay = this.#lookups.get(token)
    if (underWay !== undefined) return underWay
    if (this.#lookups.size >= principalLookupsMax) {
      return Promise.reject(new EngineError('overloaded', 'too many unknown keys are being looked up'))
    }
    const lookup = this.#lookUp(token).finally(() => {
      if (this.#lookups.get(token) === lookup) this.#lookups.delete(token)
    })
    this.#lookups.set(token, lookup)
    return lookup
  }

  async #lookUp(token: string): Promise<Principal | undefined> {
    const revocations = this.#revocations
    const found = await this.#apiKeys.findByHash(hash('sha256', token))
    if (found === undefined) return undefined
    const principal: Principal = { callerId: found.id, role: found.role }
    return revocations === this.#revocations ? this.#remember(token, principal) : principal
  }
}
