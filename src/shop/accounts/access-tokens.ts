/**
 * Access tokens: JWTs as RFC 9068 has them, good for minutes, that name a user and their session.
 *
 * What a token claims is believed only as far as it could have been made here, byte for byte: everything about its form is
 * checked before its signature is, and everything about its content is exact. Whether its session still lives, and what
 * its user may do, it does not say: that is asked of the tables (`PersonAuthenticator`).
 */
import { errors, jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'
import { accessTokenLengthMax, accessTokenMsMax, tokenLeewayMs } from '../../limits/account-limits.ts'
import type { Clock } from '../../seams.ts'
import { type SigningKeys, signatureAlgorithm } from './signing-keys.ts'

export type AccessToken = {
  readonly userId: string
  readonly sessionId: string
  readonly expiresAtMs: number
}

export const tokenType = 'at+jwt'
export const tokenAudience = 'holdfast'
const SECOND_MS = 1_000
const FORM = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{86})$/

const header = z.strictObject({
  alg: z.literal(signatureAlgorithm),
  typ: z.literal(tokenType),
  kid: z.string().regex(/^sig_[0-9A-HJKMNP-TV-Z]{26}$/),
})

const seconds = z.int().min(0)
const claims = z.strictObject({
  sub: z.string().regex(/^usr_[0-9A-HJKMNP-TV-Z]{26}$/),
  sid: z.string().regex(/^ses_[0-9A-HJKMNP-TV-Z]{26}$/),
  iss: z.string(),
  aud: z.literal(tokenAudience),
  iat: seconds,
  nbf: seconds,
  exp: seconds,
})

type Parts = {
  readonly keys: Pick<SigningKeys, 'at' | 'find'>
  readonly clock: Clock
  readonly issuer: string
  /** How long one is good for. */
  readonly lifeMs: number
}

export class AccessTokens {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Seconds for which a token is good. */
  get expiresIn(): number {
    return this.#parts.lifeMs / SECOND_MS
  }

  /** The same again for the same session and time: a reply that is given again has it too. */
  async issue(session: {
    readonly id: string
    readonly userId: string
    readonly atMs: number
  }): Promise<string> {
    const { keys, issuer, lifeMs } = this.#parts
    const { id: sid, userId: sub, atMs } = session
    const { kid, privateKey } = await keys.at(atMs)
    const iat = Math.floor(atMs / SECOND_MS)
    const exp = iat + lifeMs / SECOND_MS
    return new SignJWT({ sub, sid, iss: issuer, aud: tokenAudience, iat, nbf: iat, exp })
      .setProtectedHeader({ alg: signatureAlgorithm, typ: tokenType, kid })
      .sign(privateKey)
  }

  /** Undefined where it is not one of ours, or not good any more. */
  async verify(token: string): Promise<AccessToken | undefined> {
    const read = readUnverified(token)
    if (read === undefined) return undefined
    const { sub: userId, sid: sessionId, iat, nbf, exp } = read.claims
    const expiresAtMs = exp * SECOND_MS
    const nowMs = this.#parts.clock.wallMs()
    if (expiresAtMs <= nowMs || expiresAtMs - iat * SECOND_MS > accessTokenMsMax) return undefined
    if (Math.max(iat, nbf) * SECOND_MS > nowMs + tokenLeewayMs) return undefined
    const key = await this.#parts.keys.find(read.kid)
    if (key === undefined) return undefined
    try {
      await jwtVerify(token, key.publicKey, {
        algorithms: [signatureAlgorithm],
        typ: tokenType,
        issuer: this.#parts.issuer,
        audience: tokenAudience,
        requiredClaims: ['sub', 'sid', 'iat', 'nbf', 'exp'],
        clockTolerance: tokenLeewayMs / SECOND_MS,
        currentDate: new Date(nowMs),
      })
    } catch (error) {
      if (error instanceof errors.JOSEError) return undefined
      throw error
    }
    return { userId, sessionId, expiresAtMs }
  }
}

/** What a token says of itself, if it is written as ours are; nobody has vouched for it. */
function readUnverified(
  token: string,
): { readonly kid: string; readonly claims: z.output<typeof claims> } | undefined {
  if (token.length > accessTokenLengthMax) return undefined
  const parts = FORM.exec(token)
  if (parts === null) return undefined
  const [, first = '', second = '', signature = ''] = parts
  if (!isCanonical(signature)) return undefined
  const head = header.safeParse(canonicalJson(first))
  const body = claims.safeParse(canonicalJson(second))
  return head.success && body.success ? { kid: head.data.kid, claims: body.data } : undefined
}

/** The value of a part that is written in the one way there is: no bits left over, no blanks, no member twice. */
function canonicalJson(part: string): unknown {
  if (!isCanonical(part)) return undefined
  const text = Buffer.from(part, 'base64url').toString('utf8')
  try {
    const value: unknown = JSON.parse(text)
    return JSON.stringify(value) === text ? value : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function isCanonical(part: string): boolean {
  return Buffer.from(part, 'base64url').toString('base64url') === part
}
