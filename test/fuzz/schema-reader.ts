/** Whether a value is what a schema of the document says. A keyword that nobody here understands is an error, not a yes. */
import type { Schema } from './document.ts'

type Schemas = Readonly<Record<string, Schema>>

const UNDERSTOOD = new Set([
  ...[
    '$ref',
    'type',
    'properties',
    'required',
    'additionalProperties',
    'propertyNames',
    'items',
    'minItems',
    'maxItems',
    'enum',
  ],
  ...['const', 'anyOf', 'pattern', 'format', 'minimum', 'maximum', 'minLength', 'maxLength'],
  ...['description', 'example', 'title'],
])
const REF = /^#\/components\/schemas\/(\w+)$/

/** What a `$ref` stands for; any other schema is itself. */
export function resolve(schema: Schema, schemas: Schemas): Schema {
  if (schema.$ref === undefined) return schema
  const found = schemas[REF.exec(schema.$ref)?.[1] ?? '']
  if (found === undefined) throw new Error(`the document has no ${schema.$ref}`)
  return found
}

/** The first mistake, with its path; undefined where there is none. */
export function mistakeIn(value: unknown, given: Schema, schemas: Schemas, path = '$'): string | undefined {
  const schema = resolve(given, schemas)
  const strange = Object.keys(schema).find((keyword) => !UNDERSTOOD.has(keyword))
  if (strange !== undefined) throw new Error(`the document uses ${strange}, which nobody here understands`)
  if (schema.anyOf !== undefined) {
    const mistakes = schema.anyOf.map((each) => mistakeIn(value, each, schemas, path))
    return mistakes.includes(undefined) ? undefined : mistakes.join(', or ')
  }
  if (schema.enum !== undefined && !schema.enum.includes(value)) return `${path} is none of ${schema.enum}`
  if (schema.const !== undefined && schema.const !== value) return `${path} is not ${schema.const}`
  switch (schema.type) {
    case 'object':
      return mistakeInObject(value, schema, schemas, path)
    case 'array': {
      if (!Array.isArray(value)) return `${path} is no array`
      if (isOutside(value.length, schema.minItems, schema.maxItems))
        return `${path} has ${value.length} items`
      return firstOf(value.map((item, i) => mistakeIn(item, schema.items ?? {}, schemas, `${path}[${i}]`)))
    }
    case 'string': {
      if (typeof value !== 'string') return `${path} is no string`
      if (isOutside([...value].length, schema.minLength, schema.maxLength))
        return `${path} is too long or short`
      const fits = schema.pattern === undefined || new RegExp(schema.pattern, 'u').test(value)
      return fits ? undefined : `${path} is ${value}, not as ${schema.pattern}`
    }
    case 'integer':
      if (!Number.isInteger(value)) return `${path} is no integer`
      return isOutside(Number(value), schema.minimum, schema.maximum) ? `${path} is ${value}` : undefined
    case 'number':
      if (typeof value !== 'number') return `${path} is no number`
      return isOutside(value, schema.minimum, schema.maximum) ? `${path} is ${value}` : undefined
    case 'null':
      return value === null ? undefined : `${path} is not null`
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `${path} is neither true nor false`
    default:
      return undefined
  }
}

function mistakeInObject(value: unknown, schema: Schema, schemas: Schemas, path: string): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return `${path} is no object`
  const { properties = {}, required = [], additionalProperties, propertyNames = {} } = schema
  const missing = required.find((name) => !Object.hasOwn(value, name))
  if (missing !== undefined) return `${path} has no ${missing}`
  return firstOf(
    Object.entries(value).map(([name, member]) => {
      const known = properties[name]
      if (known !== undefined) return mistakeIn(member, known, schemas, `${path}.${name}`)
      if (additionalProperties === false) return `${path} has ${name}, which is not documented`
      const wrongName = mistakeIn(name, propertyNames, schemas, `${path} (${name})`)
      return wrongName ?? mistakeIn(member, additionalProperties ?? {}, schemas, `${path}.${name}`)
    }),
  )
}

function firstOf(mistakes: readonly (string | undefined)[]): string | undefined {
  return mistakes.find((mistake) => mistake !== undefined)
}

function isOutside(size: number, least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY): boolean {
  return size < least || size > most
}
