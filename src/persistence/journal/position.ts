/**
 * Positions: how far in each shard something has come, as an opaque token. `s3.1042` is a place in one shard, which every
 * changing reply carries; what rests on all shards has one token for all, `p` and their sequences in base64url.
 */
import { type ShardId, shardsMax } from '../../domain/ids.ts'
import { ByteReader, BytesDamaged, ByteWriter } from './bytes.ts'

/** By shard, the newest sequence; a shard that is not named is at none. */
export type Position = ReadonlyMap<ShardId, number>

const PLACE = /^s(\d{1,4})\.(\d{1,15})$/
const ALL = /^p([A-Za-z0-9_-]{0,12288})$/

export function positionToken(position: Position, shards: number): string {
  const writer = new ByteWriter(shards * 8)
  for (let shard = 0; shard < shards; shard++) writer.varint(position.get(shard as ShardId) ?? 0)
  return `p${writer.toBytes().toString('base64url')}`
}

/** Reads a token, or several behind one another with commas; undefined where it is none of this data. */
export function readPosition(text: string, shards: number): Position | undefined {
  const position = new Map<ShardId, number>()
  for (const token of text.split(',')) {
    const read = readToken(token, shards)
    if (read === undefined) return undefined
    for (const [shard, sequence] of read) position.set(shard, Math.max(sequence, position.get(shard) ?? 0))
  }
  return position
}

/** Whether all shards have come as far as a position says. */
export function hasReached(at: Position, wanted: Position): boolean {
  for (const [shard, sequence] of wanted) if ((at.get(shard) ?? 0) < sequence) return false
  return true
}

function readToken(token: string, shards: number): Position | undefined {
  const place = PLACE.exec(token)
  if (place !== null) {
    const shard = Number(place[1])
    return shard < shards ? new Map([[shard as ShardId, Number(place[2])]]) : undefined
  }
  const all = ALL.exec(token)?.[1]
  return all === undefined || shards > shardsMax ? undefined : readAll(all, shards)
}

function readAll(text: string, shards: number): Position | undefined {
  const reader = new ByteReader(Buffer.from(text, 'base64url'))
  const position = new Map<ShardId, number>()
  try {
    for (let shard = 0; shard < shards; shard++) position.set(shard as ShardId, reader.varint())
  } catch (error) {
    if (error instanceof BytesDamaged) return undefined
    throw error
  }
  return reader.isAtEnd ? position : undefined
}
