/** How far an index has come: in the tables, and in each shard's journal. */
import { hasReached, type Position, positionToken, readPosition } from '../persistence/journal/position.ts'

export type SearchPosition = {
  /** Id of the outbox's last event that it holds. */
  readonly tables: number
  readonly shards: Position
}

const TABLES = /^t(\d{1,16})$/

/** `t` and the place in the tables, and what stands for all shards. */
export function searchPositionToken({ tables, shards: position }: SearchPosition, shards: number): string {
  return `t${tables},${positionToken(position, shards)}`
}

/** Reads positions of changes and of searches, several behind one another with commas; undefined where one is none. */
export function readSearchPosition(text: string, shards: number): SearchPosition | undefined {
  const tokens = text.split(',')
  const tables = tokens.flatMap((token) => TABLES.exec(token)?.[1] ?? [])
  const others = tokens.filter((token) => !TABLES.test(token))
  const position = others.length === 0 ? new Map() : readPosition(others.join(','), shards)
  return position === undefined ? undefined : { tables: Math.max(0, ...tables.map(Number)), shards: position }
}

export function hasCome(at: SearchPosition, wanted: SearchPosition): boolean {
  return at.tables >= wanted.tables && hasReached(at.shards, wanted.shards)
}
