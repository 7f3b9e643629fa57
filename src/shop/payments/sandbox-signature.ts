/**
 * How the sandbox signs what it posts: HMAC-SHA-256 over the time and the very bytes of the body, as
 * `sandbox-signature: t=<seconds>,v1=<hex>`. Several `v1` may stand there, so that secrets can be changed.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { ForgedReason } from './gateway.ts'

export const signatureHeader = 'sandbox-signature'
/** Either way. What is older was kept by somebody; what is newer was made up, or a clock is wrong. */
export const toleranceMs = 300_000
const headerLengthMax = 1_024
const HEADER = /^t=([0-9]{1,12})((?:,v1=[0-9a-f]{64}){1,4})$/

export function signatureOf(body: Uint8Array | string, secret: string, nowMs: number): string {
  const seconds = Math.floor(nowMs / 1_000)
  return `t=${seconds},v1=${hmacOf(body, secret, seconds).toString('hex')}`
}

/** Why the body is not believed; undefined where it is. */
export function forgeryIn(
  { body, header }: { readonly body: Uint8Array; readonly header: string | null },
  secret: string,
  nowMs: number,
): ForgedReason | undefined {
  if (header === null || header === '') return 'no-signature'
  const parts = header.length > headerLengthMax ? null : HEADER.exec(header)
  if (parts === null) return 'malformed-signature'
  const seconds = Number(parts[1])
  const expected = hmacOf(body, secret, seconds)
  const given = (parts[2] ?? '').split(',v1=').slice(1)
  // All of them, whichever fits: how long it takes says nothing.
  const fits = given.map((hex) => timingSafeEqual(Buffer.from(hex, 'hex'), expected)).includes(true)
  if (!fits) return 'wrong-signature'
  const ageMs = nowMs - seconds * 1_000
  if (ageMs > toleranceMs) return 'too-old'
  return ageMs < -toleranceMs ? 'from-the-future' : undefined
}

function hmacOf(body: Uint8Array | string, secret: string, seconds: number): Buffer {
  return createHmac('sha256', secret).update(`${seconds}.`).update(body).digest()
}
