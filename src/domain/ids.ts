/**
 * Ids and what they tell.
 *
 * A product's id is the client's own. A reservation's id is `res_`, a ULID (48 bits of time, 80 random bits) and two
 * characters that name its home shard, so that whoever holds the id can address the shard without a look-up.
 */
import { assert } from './assert.ts'

export type ProductId = string & { readonly brand: 'ProductId' }
export type ReservationId = string & { readonly brand: 'ReservationId' }
export type CustomerId = string & { readonly brand: 'CustomerId' }
/** A number from 0 to the data's number of shards − 1. */
export type ShardId = number & { readonly brand: 'ShardId' }

/** Two characters of Crockford's base 32. */
export const shardsMax = 1_024

const PRODUCT_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const ROUTE_WORDS: ReadonlySet<string> = new Set(['search', 'suggest', 'import'])
/** Digits of Crockford's base 32. */
export const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
/** By character code. */
const CROCKFORD_VALUES: Int8Array = new Int8Array(128).map((_, code) =>
  CROCKFORD.indexOf(String.fromCharCode(code)),
)
const RESERVATION_ID = /^res_[0-7][0-9A-HJKMNP-TV-Z]{27}$/
const CUSTOMER_ID = /^[\x21-\x7e]{1,128}$/

/** Whether a client may use this as a product's id: API.md's pattern, less the words that are routes. */
export function isProductId(text: string): text is ProductId {
  return PRODUCT_ID.test(text) && !ROUTE_WORDS.has(text)
}

/** 1 to 128 visible ASCII characters, the shop's own name for a buyer. */
export function isCustomerId(text: string): text is CustomerId {
  return CUSTOMER_ID.test(text)
}

/** Whether this has the form of an id made by `reservationIdOf`; whether it exists, its home shard knows. */
export function isReservationId(text: string): text is ReservationId {
  return RESERVATION_ID.test(text)
}

/** Makes an id from a ULID, 26 characters, and the home shard. */
export function reservationIdOf(ulid: string, home: ShardId): ReservationId {
  assert(ulid.length === 26, 'a ULID has 26 characters')
  assert(home >= 0 && home < shardsMax, 'two characters name at most 1,024 shards')
  return `res_${ulid}${CROCKFORD[home >> 5]}${CROCKFORD[home & 31]}` as ReservationId
}

/** The shard whose journal decides this reservation. The id's pattern must have been checked. */
export function homeOf(id: ReservationId): ShardId {
  const high = CROCKFORD_VALUES[id.charCodeAt(30)] as number
  const low = CROCKFORD_VALUES[id.charCodeAt(31)] as number
  assert(high >= 0 && low >= 0, 'a reservation id ends in its home shard')
  return ((high << 5) | low) as ShardId
}

/**
 * The shard that owns a product: FNV-1a over the id's characters (ASCII by `isProductId`), then reduced. Fixed for the
 * life of the data: changing it would move stock between shards.
 */
export function shardOf(product: ProductId, shards: number): ShardId {
  let hash = 0x811c9dc5
  for (let i = 0; i < product.length; i++) {
    hash ^= product.charCodeAt(i)
    hash = Math.imul(hash, 0x01000193)
  }
  // FNV's low bits see only the characters' low bits: without the high half, some families of ids share a shard.
  hash ^= hash >>> 15
  return ((hash >>> 0) % shards) as ShardId
}
