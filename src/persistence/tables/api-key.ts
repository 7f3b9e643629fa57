/** What an API key is: drawn by chance, shown once, known afterwards by its hash alone. */
import { createHash } from 'node:crypto'
import type { Random } from '../../seams.ts'

export type ApiKeyRole = 'service' | 'staff' | 'admin'
export const apiKeyRoles: readonly ApiKeyRole[] = ['service', 'staff', 'admin']

/** What is kept, and may be shown, of a key. */
export type ApiKey = {
  readonly id: string
  readonly name: string
  readonly role: ApiKeyRole
  readonly createdAtMs: number
  /** Id of the key or user that asked for it. */
  readonly createdBy: string
}

/** The one moment in which the key itself is known. */
export type NewApiKey = { readonly id: string; readonly key: string }

/** Who holds a key that is not revoked. */
export type ApiKeyHolder = { readonly id: string; readonly role: ApiKeyRole }

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** 119 random bits. */
const idLength = 20
/** 238 random bits. */
const keyLength = 40

/** Characters that each hold 5.95 random bits, and that a double click selects as one. */
export function base62(random: Random, length: number): string {
  return Array.from({ length }, () => DIGITS.charAt(Math.floor(random.fraction() * DIGITS.length))).join('')
}

export function drawApiKey(random: Random): NewApiKey {
  return { id: `key_${base62(random, idLength)}`, key: `hf_${base62(random, keyLength)}` }
}

/** SHA-256 in hex. A slow hash guards what people choose; nobody guesses 238 bits, and every request has to be hashed. */
export function hashOfApiKey(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}
