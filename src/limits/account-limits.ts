/** Bounds on accounts: each with its unit, and why it is what it is; the others are in `limits.ts`. */
import { assert } from '../domain/assert.ts'
import { keyKnownMs, listenersCloseMs } from '../limits.ts'

const KIB = 1_024

/**
 * What hashing a password costs with argon2id: OWASP's least (Password Storage Cheat Sheet, 2025: 19 MiB, two passes, one
 * lane). 55 ms of one core here; more would be paid by everybody who logs in, and by the queue of those who attack.
 */
export const passwordMemoryKib = 19_456
export const passwordPasses = 2
/** Where a core is short, a thread that hashes passwords has a tenth of what a thread that sells has of it (Linux). */
export const passwordNiceness = 10
/** Passwords that wait to be hashed, of all listeners: at 18 a second and thread, what can be done in `passwordWaitMs`. */
export const passwordsWaitingMax = 128
/** How long one may wait; past it, it is refused undone. */
export const passwordWaitMs = 8_000
/** Logins of one account and address that wait for others of theirs to end, in one listener. */
export const guessesWaitingMax = 32
/** Characters of a new password (ASVS 5.0, 6.2.1 and 6.2.9). */
export const passwordLengthMin = 8
export const passwordLengthMax = 128
export const personNameLengthMax = 128
/** RFC 5321's path less its brackets. */
export const emailLengthMax = 254
export const addressesPerUserMax = 50
/** Sessions of one user: devices and browsers, many of which are never signed out. The oldest gives way. */
export const sessionsPerUserMax = 100
/** However often it is refreshed, a session ends after this (ASVS 5.0, 7.3.2). */
export const sessionMsMax = 365 * 86_400_000
/** The longest that a refresh token can be set to be good for. */
export const refreshTokenDaysMax = 365
/** Of a session, used refresh tokens that are known as such; what is older is nobody's, as if it never was. */
export const refreshTokensKept = 100
/** Characters of an access token; ours have some 470. What is longer is nobody's, whatever it says (FAULTS.md, attack 10). */
export const accessTokenLengthMax = 1_024
/** Unknown tokens whose signature one listener checks at once, some 150 µs each; beyond it callers are told to come back. */
export const tokensVerifiedMax = 256
/** How far ahead the clock of the node that made a token may be. None is good for a moment longer because of it. */
export const tokenLeewayMs = 10_000
/** How often a token's unknown key may make a listener look whether another node has made one. */
export const signingKeysReloadMs = 1_000
/** The longest that an access token may be good for. */
export const accessTokenMsMax = 3_600_000
/** A key signs for so long, and is kept for so long after that: for its tokens, and for replies that are given again. */
export const signingKeyMs = 30 * 86_400_000
export const signingKeyKeptMs = keyKnownMs + accessTokenMsMax

assert(
  passwordMemoryKib >= 19 * KIB && passwordPasses >= 2,
  'passwords are hashed as OWASP asks for at least',
)
assert(
  passwordWaitMs < listenersCloseMs,
  'whoever waits for a password to be hashed hears of it at a shutdown',
)
