/** How events of idempotency keys change the state of a shard. */
import { assert, unreachable } from './assert.ts'
import type { KeyEvent } from './events.ts'
import { keyBytes } from './footprint.ts'
import type { KeyRecord } from './key-table.ts'
import type { ShardState } from './stock.ts'

/** Applies an event of one key, or of the oldest ones. */
export function evolveKey(shard: ShardState, event: KeyEvent, atMs: number): void {
  switch (event.type) {
    case 'KeyClaimed': {
      const { hash, fingerprint, reservationId: value } = event
      return record(shard, { hash, fingerprint, kind: 'claim', atMs, value })
    }
    case 'KeyAnswered': {
      const { hash, fingerprint, answer: value } = event
      return record(shard, { hash, fingerprint, kind: 'answer', atMs, value })
    }
    case 'KeyFreed': {
      const freed = shard.keys.find(event.hash)
      assert(freed !== undefined, 'an event names what exists')
      shard.footprintBytes -= keyBytes(freed)
      shard.keys.remove(event.hash)
      return
    }
    case 'KeysForgotten': {
      let left = event.count
      for (const oldest of shard.keys.values()) {
        if (left === 0) break
        shard.footprintBytes -= keyBytes(oldest)
        left -= 1
      }
      return shard.keys.forget(event.count)
    }
    default:
      return unreachable(event)
  }
}

function record(shard: ShardState, made: KeyRecord): void {
  const before = shard.keys.find(made.hash)
  if (before !== undefined) shard.footprintBytes -= keyBytes(before)
  shard.keys.add(made)
  shard.footprintBytes += keyBytes(made)
}
