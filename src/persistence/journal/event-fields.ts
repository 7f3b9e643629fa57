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
  for (const [field, value] of Object.entries(fields)) {
    if (value === undefined) continue
    const { name, form } = formOf(field)
    if (form === 'time' && typeof value === 'number') named[name] = timeText(value)
    else if (form === 'span' && typeof value === 'number') named[name] = value / 1_000
    else if (form === 'bytes' && typeof value === 'string') named[name] = bytesText(field, value)
    else named[field] = typeof value === 'object' ? namedValue(value) : value
  }
  return named
}

type Form = { readonly name: string; readonly form: 'time' | 'span' | 'bytes' | 'plain' }

/** There are some forty names, and millions of fields that have them. */
const forms = new Map<string, Form>()

function formOf(field: string): Form {
  const known = forms.get(field)
  if (known !== undefined) return known
  const form = newFormOf(field)
  forms.set(field, form)
  return form
}

function newFormOf(field: string): Form {
  if (field in BYTES) return { name: field, form: 'bytes' }
  if (field.endsWith('AtMs')) return { name: field.slice(0, -2), form: 'time' }
  if (field.endsWith('Ms')) return { name: `${field.slice(0, -2)}Seconds`, form: 'span' }
  return { name: field, form: 'plain' }
}

/** Of a field of bytes. */
export function bytesText(name: string, bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString(BYTES[name])
}

/** Times that were told last: what one batch decided has few of them. */
const recent = new Map<number, string>()
const RECENT_MAX = 256

/** RFC 3339, or milliseconds where no calendar has such a time. */
export function timeText(timeMs: number): string {
  const known = recent.get(timeMs)
  if (known !== undefined) return known
  const time = new Date(timeMs)
  const text = Number.isNaN(time.getTime()) ? `${timeMs} ms` : time.toISOString()
  if (recent.size === RECENT_MAX) recent.clear()
  recent.set(timeMs, text)
  return text
}

function namedValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(namedValue)
  return typeof value === 'object' && value !== null ? namedFields(value) : value
}
