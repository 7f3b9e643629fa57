/** Why nothing was decided. */
import { keysPerShardMax } from '../limits.ts'
import type { EngineErrorCode } from './engine-error.ts'
import type { Undecided } from './shard.ts'

export function undecided(code: EngineErrorCode, why: string): Undecided {
  return { type: 'undecided', code, why }
}

export function tooManyKeys(): Undecided {
  return undecided('overloaded', `${keysPerShardMax} idempotency keys of the last hour are a shard's most`)
}

export function withoutRoom(room: 'settlements' | 'none' | 'all'): Undecided {
  return room === 'none'
    ? undecided('read-only', 'the disk has no room for any more events')
    : undecided('storage-full', 'the disk has no room for more than what settles')
}
