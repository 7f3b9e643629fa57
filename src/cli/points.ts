/** Places in a journal as a person names them: a time, or a sequence of a shard. */
import { type ShardId, shardsMax } from '../domain/ids.ts'
import { timeText } from '../persistence/journal/event-fields.ts'
import { Unusable } from './exit-codes.ts'
import { quoted } from './terminal.ts'

export type TimePoint = { readonly type: 'time'; readonly atMs: number }
export type SequencePoint = {
  readonly type: 'sequence'
  /** Where it was named: `s3.1042`, and not `1042`. */
  readonly shard: ShardId | undefined
  readonly sequence: number
}
export type Point = TimePoint | SequencePoint

const TIME = /^(\d{4}-\d{2}-\d{2})[Tt ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/
const SEQUENCE = /^(?:s(\d{1,4})\.)?(\d{1,15})$/

/** Reads `2026-11-27T08:00:00Z`, `1042` or `s3.1042`. `option` is named where it is none. Throws `Unusable`. */
export function pointOf(option: string, text: string): Point {
  const match = SEQUENCE.exec(text)
  if (match !== null) {
    const shard = match[1] === undefined ? undefined : Number(match[1])
    if (shard !== undefined && shard >= shardsMax)
      throw new Unusable(
        `${option}: there is no shard ${shard} in any journal; ${shardsMax - 1} is the last.`,
      )
    return { type: 'sequence', shard: shard as ShardId | undefined, sequence: Number(match[2]) }
  }
  const atMs = timeIn(text)
  if (atMs !== undefined) return { type: 'time', atMs }
  throw new Unusable(
    `${option} takes a time, such as 2026-11-27T08:00:00Z, or a sequence, such as 1042 or s3.1042, and was given ${quoted(text)}.`,
  )
}

/** Reads a time alone. Throws `Unusable`. */
export function timeOf(option: string, text: string): number {
  const atMs = timeIn(text)
  if (atMs !== undefined) return atMs
  throw new Unusable(`${option} takes a time, such as 2026-11-27T08:00:00Z, and was given ${quoted(text)}.`)
}

/** As it would be typed. */
export function pointText(point: Point): string {
  if (point.type === 'time') return timeText(point.atMs)
  return point.shard === undefined ? String(point.sequence) : `s${point.shard}.${point.sequence}`
}

/** RFC 3339, of a day that the calendar has. */
function timeIn(text: string): number | undefined {
  const day = TIME.exec(text)?.[1]
  if (day === undefined) return undefined
  const dayMs = Date.parse(`${day}T00:00:00Z`)
  const atMs = Date.parse(text.replace(' ', 'T').toUpperCase())
  if (Number.isNaN(dayMs) || Number.isNaN(atMs)) return undefined
  return timeText(dayMs).startsWith(day) ? atMs : undefined
}
