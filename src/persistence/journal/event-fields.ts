/** What an event says, under names and in forms that do not change (docs/journal-export.md). */
import type { Event } from '../../domain/events.ts'

/** Fields whose values are bytes, a character each, and how they are shown. */
const BYTES: Readonly<Record<string, 'hex' | 'base64'>> = {
  hash: 'hex',
  fingerprint: 'hex',
  answer: 'base64',
}

/** All but the type. Times are RFC 3339 and end in `At`, spans are seconds and say so; what is absent is left out. */
export function eventFields({ type: _, ...fields }: Event): Record<string, unknown> {
  return namedFields(fields)
}

/** The same of a part of an event. */
export function namedFields(fields: object): Record<string, unknown> {
  const named: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue
    if (typeof value === 'string' && name in BYTES) named[name] = bytesText(name, value)
    else if (typeof value === 'number' && name.endsWith('AtMs')) named[name.slice(0, -2)] = timeText(value)
    else if (typeof value === 'number' && name.endsWith('Ms'))
      named[`${name.slice(0, -2)}Seconds`] = value / 1_000
    else named[name] = namedValue(value)
  }
  return named
}

/** Of a field of bytes. */
export function bytesText(name: string, bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString(BYTES[name])
}

/** RFC 3339, or milliseconds where no calendar has such a time. */
export function timeText(timeMs: number): string {
  const time = new Date(timeMs)
  return Number.isNaN(time.getTime()) ? `${timeMs} ms` : time.toISOString()
}

function namedValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(namedValue)
  return typeof value === 'object' && value !== null ? namedFields(value) : value
}
