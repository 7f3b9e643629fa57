/**
 * The idempotency key of a command on its way to a shard: 24 characters, a byte each. The first 16 say whose key it is and
 * for which route, the other 8 which body came with it. A string, since strings cross threads fastest.
 */
import { hash } from 'node:crypto'
import { assert } from '../domain/assert.ts'
import type { ShardId } from '../domain/ids.ts'
import type { Fingerprint, KeyHash } from '../domain/key-table.ts'

export type CommandKey = string & { readonly brand: 'CommandKey' }

const HASH_CHARS = 16
const FINGERPRINT_CHARS = 8

/** `scope` is the caller and the route; neither it nor the key may contain a line feed. */
export function commandKeyOf(scope: string, key: string, body: string): CommandKey {
  const of = hash('sha256', `${scope}\n${key}`, 'buffer').toString('latin1', 0, HASH_CHARS)
  const fingerprint = hash('sha256', body, 'buffer').toString('latin1', 0, FINGERPRINT_CHARS)
  return (of + fingerprint) as CommandKey
}

export function hashIn(key: CommandKey): KeyHash {
  assert(key.length === HASH_CHARS + FINGERPRINT_CHARS, 'a command key has 24 characters')
  return key.slice(0, HASH_CHARS) as KeyHash
}

export function fingerprintIn(key: CommandKey): Fingerprint {
  return key.slice(HASH_CHARS) as Fingerprint
}

/** The shard that knows of a key, whatever body comes with it. */
export function shardOfKey(key: CommandKey, shards: number): ShardId {
  const number = key.charCodeAt(0) | (key.charCodeAt(1) << 8) | (key.charCodeAt(2) << 16)
  return (number % shards) as ShardId
}
