/** Bodies as they lie on the wire: JSON of a value, that of a damaged value, and bytes that are none. */
import fc from 'fast-check'
import { bodyBytesMax } from '../../src/limits.ts'
import { strangeValues } from './values.ts'

export type RawBody = {
  readonly text: string
  readonly encoding: 'utf8' | 'utf16le' | 'latin1'
}

/** Of these values, mostly whole. */
export function rawBody(values: fc.Arbitrary<unknown>): fc.Arbitrary<RawBody> {
  const whole = values.map((value) => JSON.stringify(value))
  const damaged = fc.tuple(values, damages).map(([value, damage]) => JSON.stringify(damage(value)) ?? 'null')
  const broken = fc.tuple(whole, breaks).map(([text, change]) => change(text))
  return fc.record({
    text: fc.oneof(
      { weight: 20, arbitrary: whole },
      { weight: 4, arbitrary: damaged },
      { weight: 2, arbitrary: broken },
    ),
    encoding: fc.oneof(
      { weight: 40, arbitrary: fc.constant('utf8' as const) },
      { weight: 1, arbitrary: fc.constantFrom('utf16le' as const, 'latin1' as const) },
    ),
  })
}

export function bytesOf({ text, encoding }: RawBody): Buffer {
  return Buffer.from(text, encoding)
}

type Damage = (value: unknown) => unknown

/** One member, of the value or of what lies within it, is missing, strange or new. */
const damages: fc.Arbitrary<Damage> = fc
  .tuple(
    fc.constantFrom('drop', 'replace', 'add', 'whole'),
    fc.nat({ max: 20 }),
    strangeValues,
    fc.constantFrom('x', 'delta', 'set', 'constructor', 'toString', ''),
  )
  .map(([kind, at, strange, name]) => (value: unknown) => {
    if (kind === 'whole') return strange
    const copy = structuredClone(value)
    const objects = objectsIn(copy)
    const chosen = objects[at % Math.max(1, objects.length)]
    if (chosen === undefined) return strange
    const names = Object.keys(chosen)
    const member = names[at % Math.max(1, names.length)] ?? 'x'
    if (kind === 'drop') delete chosen[member]
    else chosen[kind === 'add' ? name : member] = strange
    return copy
  })

function objectsIn(value: unknown): Record<string, unknown>[] {
  if (typeof value !== 'object' || value === null) return []
  const own = Array.isArray(value) ? [] : [value as Record<string, unknown>]
  return [...own, ...Object.values(value).flatMap(objectsIn)]
}

/** What makes a text no JSON, or JSON that should not be taken. */
const breaks: fc.Arbitrary<(text: string) => string> = fc.oneof(
  fc
    .double({ min: 0, max: 1, noNaN: true })
    .map((part) => (text: string) => text.slice(0, Math.floor(text.length * part))),
  fc.constantFrom<((text: string) => string)[]>(
    (text) => `\ufeff${text}`,
    (text) => `${text}${text}`,
    (text) => ` \n\t${text}\r\n `,
    (text) => text.replace('{', '{"__proto__":{"a":1},'),
    (text) => text.replace('{', '{"reason":"twice","quantity":1,"items":[],'),
    (text) => text.replaceAll(/\d+/g, '1e400'),
    (text) => text.replaceAll(/\d+/g, '1.0'),
    (text) => text.replaceAll(/\d+/g, '-0'),
    (text) => text.replaceAll(/\d+/g, '01'),
    (text) => text.replaceAll('"', "'"),
    (text) => `${text}${' '.repeat(bodyBytesMax)}`,
    (text) => text.padEnd(bodyBytesMax),
    () => '['.repeat(bodyBytesMax),
    () => '{"a":'.repeat(10_000),
    () => `${'['.repeat(30_000)}${']'.repeat(30_000)}`,
    () => 'NaN',
    () => '"\\ud800"',
    () => '\u0000',
  ),
)
