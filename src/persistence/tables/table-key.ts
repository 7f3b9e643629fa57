/**
 * The idempotency key of a change to the tables, as it travels there: whose key it is and for which route, which body
 * came with it, and what its answer is sealed with. The client's own key goes no further than the listener.
 */
import { createCipheriv, createDecipheriv, createHmac, hash, hkdfSync } from 'node:crypto'
import type { Random } from '../../seams.ts'

export type TableKey = {
  /** SHA-256 in hex. */
  readonly hash: string
  /** HMAC-SHA-256 in hex, of the body under the secret: a body may hold a password, which nobody shall find by trying. */
  readonly fingerprint: string
  /** 32 bytes in hex; never written anywhere. */
  readonly secret: string
}

const CIPHER = 'aes-256-gcm'
const SECRET_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const BYTE = 256

/** `scope` is the caller and the route; neither it nor the key may contain a line feed. */
export function tableKeyOf(scope: string, key: string, body: string): TableKey {
  const about = 'holdfast: the answer under an idempotency key'
  const secret = Buffer.from(hkdfSync('sha256', key, scope, about, SECRET_BYTES))
  return {
    hash: hash('sha256', `${scope}\n${key}`),
    fingerprint: createHmac('sha256', secret).update(body).digest('hex'),
    secret: secret.toString('hex'),
  }
}

/** Makes a text unreadable to all who do not have the key itself. Each call draws a nonce, as keys come again. */
export function seal(text: string, { secret, hash: about }: TableKey, random: Random): Buffer {
  const nonce = Buffer.from(Array.from({ length: NONCE_BYTES }, () => Math.floor(random.fraction() * BYTE)))
  const cipher = createCipheriv(CIPHER, Buffer.from(secret, 'hex'), nonce).setAAD(Buffer.from(about))
  return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
}

/** Undefined where these are not the bytes that were sealed, or not under this key. */
export function unseal(sealed: Buffer, { secret, hash: about }: TableKey): string | undefined {
  const nonce = sealed.subarray(0, NONCE_BYTES)
  const tag = sealed.subarray(-TAG_BYTES)
  const decipher = createDecipheriv(CIPHER, Buffer.from(secret, 'hex'), nonce, { authTagLength: TAG_BYTES })
    .setAAD(Buffer.from(about))
    .setAuthTag(tag)
  const text = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES))
  try {
    return Buffer.concat([text, decipher.final()]).toString('utf8')
  } catch (error) {
    if (error instanceof Error && error.message.includes('unable to authenticate')) return undefined
    throw error
  }
}
