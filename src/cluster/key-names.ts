/**
 * Names in Redis. What belongs to one shard has its number in braces, so that a Redis Cluster keeps it in one slot and a
 * script may touch all of it; what is everybody's lives in a slot of its own.
 */
import type { ShardId } from '../domain/ids.ts'

/** Hash: who may serve the shard, until it expires. */
export function leaseKey(shard: ShardId): string {
  return `holdfast:{s${shard}}:lease`
}

/** Sorted set of node ids by the moment, by Redis' clock in ms, at which a node said last that it lives. */
export const beatsKey = 'holdfast:{cluster}:beats'
/** Hash from node id to what the node says of itself, as JSON. */
export const membersKey = 'holdfast:{cluster}:members'
/** Hash: what all nodes must agree on. */
export const metaKey = 'holdfast:{cluster}:meta'
/** Channel on which a shard's number is said when its lease has changed: nobody need wait for its next look. */
export const newsChannel = 'holdfast:{cluster}:news'
/** What is said there when somebody has come or is about to go. */
export const membersNews = 'members'
/** Channel of a shard of the cluster, that of its slot, on which nodes tell what they have counted of callers' limits. */
export const limitsChannel = 'holdfast:{cluster}:limits'

/** String: when what an identity has used of a limit will be used no more. It is beside the channel, for one connection. */
export function limitKey(
  policy: string,
  { high, low }: { readonly high: number; readonly low: number },
): string {
  return `holdfast:{cluster}:limit:${policy}:${hexOf(high)}${hexOf(low)}`
}

function hexOf(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0')
}
