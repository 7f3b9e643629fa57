/** The kinds of settings there are. Values are text, as the environment has them. */
import { z } from 'zod'
import { type Network, parseNetwork } from './ip-address.ts'

/** One variable of the environment: what it means, what it takes, and what holds where it is not set. */
export type Setting<Value, Fallback> = {
  readonly variable: string
  readonly meaning: string
  readonly expected: string
  readonly example: string
  readonly schema: z.ZodType<Value, string>
  readonly fallback: Fallback
  /** For the table, where the fallback depends on something. */
  readonly fallbackText?: string
  readonly secret?: boolean
}
/** Of one server. A quorum of more would be slower at writing than any shop wants. */
const nodesMax = 9
/** What tells the settings of one kind apart. */
export type Described = Pick<Setting<unknown, unknown>, 'meaning' | 'example'> & {
  readonly fallbackText?: string
}

/** A whole number between two, both included. */
export function whole<Fallback extends number | undefined>(
  variable: string,
  [min, max]: readonly [min: number, max: number],
  fallback: Fallback,
  described: Described,
): Setting<number, Fallback> {
  // No sign, point, exponent, blank or leading zero: what Number() takes for a number is far more than people mean.
  const schema = z
    .string()
    .regex(/^(?:0|[1-9][0-9]{0,14})$/)
    .transform(Number)
    .pipe(z.number().int().min(min).max(max))
  return { variable, schema, fallback, expected: `a whole number from ${min} to ${max}`, ...described }
}

/** One of these words. */
export function choice<const Value extends string>(
  variable: string,
  values: readonly Value[],
  fallback: NoInfer<Value>,
  described: Described,
): Setting<Value, Value> {
  const expected = `one of ${values.join(', ')}`
  // Whatever the type says of the text, only these values pass.
  const schema = z.string().pipe(z.enum(values))
  return { variable, schema, fallback, expected, ...described }
}

/** `true` or `false`, the latter unless it is set. */
export function flag(variable: string, described: Described): Setting<boolean, boolean> {
  const schema = z
    .string()
    .pipe(z.enum(['true', 'false']))
    .transform((value) => value === 'true')
  return { variable, schema, fallback: false, expected: 'true or false', ...described }
}

/** Whatever fits the pattern. */
export function text<Fallback extends string | undefined>(
  variable: string,
  pattern: RegExp,
  fallback: Fallback,
  described: Described & { readonly expected: string },
): Setting<string, Fallback> {
  return { variable, schema: z.string().regex(pattern), fallback, ...described }
}

/** Networks or single addresses, separated by commas; none unless it is set. */
export function networks(
  variable: string,
  described: Described,
): Setting<readonly Network[], readonly Network[]> {
  const schema = z.string().transform((value, context) => {
    const found = value.split(',').map((part) => parseNetwork(part.trim()))
    if (found.every((network) => network !== undefined)) return found
    context.issues.push({ code: 'custom', message: 'is no network', input: value })
    return z.NEVER
  })
  const expected = 'addresses or networks such as 10.0.0.0/8, separated by commas'
  return { variable, schema, fallback: [], expected, ...described }
}

/** Web origins as browsers send them, separated by commas; none unless it is set. No wildcard: each is meant by itself. */
export function origins(
  variable: string,
  described: Described,
): Setting<readonly string[], readonly string[]> {
  const schema = z.string().transform((value, context) => {
    const found = value.split(',').map((part) => part.trim())
    if (found.every(isOrigin)) return found
    context.issues.push({ code: 'custom', message: 'is no origin', input: value })
    return z.NEVER
  })
  const expected = 'origins such as https://shop.example, separated by commas'
  return { variable, schema, fallback: [], expected, ...described }
}

/** From where they begin, or a long row of them would be tried from each of its characters. */
export function withoutEndSlashes(url: string): string {
  return url.replace(/(?<!\/)\/+$/, '')
}

/** Nodes of one server, by URL, separated by commas; none unless it is set. Without a slash at their end. */
export function servers(
  variable: string,
  described: Described,
): Setting<readonly string[], readonly string[]> {
  const schema = z.string().transform((value, context) => {
    const found = value.split(',').map((part) => withoutEndSlashes(part.trim()))
    if (found.every(isServer) && new Set(found).size === found.length && found.length <= nodesMax)
      return found
    context.issues.push({ code: 'custom', message: 'is no server', input: value })
    return z.NEVER
  })
  const expected = `URLs such as https://search.example:8108, ${nodesMax} at most, each once and without a password, separated by commas`
  return { variable, schema, fallback: [], expected, ...described }
}

function isServer(text: string): boolean {
  if (!/^https?:\/\/[^?#@\s]+$/.test(text) || !URL.canParse(text)) return false
  return new URL(text).hostname !== ''
}

function isOrigin(text: string): boolean {
  return (
    /^https?:\/\//.test(text) && !text.includes('*') && URL.canParse(text) && new URL(text).origin === text
  )
}
