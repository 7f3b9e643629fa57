/**
 * Arbitrary values for the document's schemas: mostly such as fit, of few products and customers, so that requests meet
 * each other; and what is done to them so that they do not fit.
 */
import fc from 'fast-check'
import type { Schema } from './document.ts'
import { resolve } from './schema-reader.ts'

type Schemas = Readonly<Record<string, Schema>>

/** Products that requests are about; those whose names begin with `stock` have some from the start. */
export const PRODUCTS = ['stock-a', 'stock-b', 'stock-c', 'stock-d', 'new-a', 'new-b']
export const CUSTOMERS = ['usr_ann', 'usr_bob', 'usr_cyd']
export const DISCOUNTS = ['TEN', 'ONCE', 'ten', 'NONE']
/** A stand-in for something that only an earlier reply knows; `marks.ts` puts it in its place. */
export const mark = (of: string) => fc.nat({ max: 7 }).map((back) => `«${of} ${back}»`)

/** Around the moment at which worlds begin (see `startMs`), in three notations, and what no calendar has. */
const times = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -90, max: 90 }).map((minutes) => timeAt(minutes)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '2026-01-01T14:30:00+02:00',
      '1970-01-01T00:00:00Z',
      '9999-12-31T23:59:59.999Z',
      '2026-02-29T00:00:00Z',
      '0000-01-01T00:00:00Z',
      '2026-01-01T12:00:00.123456789Z',
    ),
  },
)

function timeAt(minutes: number): string {
  return new Date(Date.UTC(2026, 0, 1, 12, minutes)).toISOString()
}

/** What lists, marks and plain words for parameters come to, by the parameter's name. */
export const NAMED: Readonly<Record<string, fc.Arbitrary<string>>> = {
  productIds: fc
    .oneof(
      { weight: 6, arbitrary: fc.array(fc.constantFrom(...PRODUCTS), { minLength: 1, maxLength: 6 }) },
      { weight: 1, arbitrary: fc.array(fc.constantFrom(...PRODUCTS, 'search', ''), { maxLength: 120 }) },
    )
    .map((ids) => ids.join()),
  at: fc.oneof(
    times,
    fc.nat({ max: 12 }).map(String),
    fc.nat({ max: 2_000 }).map((ms) => new Date(Date.UTC(2026, 0, 1, 12) + ms).toISOString()),
  ),
  limit: fc.constantFrom('1', '2', '3', '20', '100', '100', '0', '101', '-1', '1e1', ' 1', ''),
  cursor: fc.oneof(mark('cursor'), fc.nat({ max: 12 }).map(String)),
  minPosition: fc.oneof(
    { weight: 4, arbitrary: mark('position') },
    {
      weight: 1,
      arbitrary: fc.constantFrom('s0.999999', 's9.1', 't0', 's-1.1', 's1', 's0.1,s0.1', 's0.1;s1.1'),
    },
  ),
  lastEventId: fc.oneof(fc.nat({ max: 40 }).map(String), fc.constantFrom('x', '999999999999999')),
}

const passwords = fc.constantFrom('seven herons at dawn', 'seven herons at dawn', 'nine otters by the weir')

/** What fits the members of bodies, by name, where a schema cannot say which would meet each other. */
const MEMBERS: Readonly<Record<string, fc.Arbitrary<string>>> = {
  email: fc.constantFrom('ann@example.com', 'Ann@example.com', 'bob@example.com', 'cyd@example.com'),
  password: passwords,
  currentPassword: passwords,
  refreshToken: mark('refresh-token'),
  cartId: mark('cart'),
  orderId: mark('order'),
  addressId: mark('address'),
  code: fc.constantFrom(...DISCOUNTS),
  discountCode: fc.constantFrom(...DISCOUNTS),
  paymentToken: fc.constantFrom('tok_visa', 'tok_visa', 'tok_chargeDeclined', 'success@upi', 'tok_none'),
  estimatedDelivery: fc.constantFrom('2026-12-04', '2026-13-01'),
  country: fc.constantFrom('DE', 'IN', 'US', 'DE', 'ZZ'),
  phone: fc.constantFrom('+49 421 5550123', '12'),
}

/** Of one to four bytes, and those that JSON or a URL writes otherwise. */
const letters = fc.constantFrom(...'aZ0 -_.,:;é漢💥\u200d"\\/{}%&+#<')

const absent = fc.constant(undefined)

/** A value that fits, as far as a schema can say. */
export function fitting(given: Schema, schemas: Schemas): fc.Arbitrary<unknown> {
  const name = given.$ref?.split('/').at(-1)
  const schema = resolve(given, schemas)
  const { enum: listed, properties = {}, required = [] } = schema
  if (listed !== undefined) return fc.constantFrom(...listed)
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((each) => fitting(each, schemas)))
  switch (schema.type) {
    case 'object': {
      const members = Object.entries(properties).map(([key, each]) => {
        const value = MEMBERS[key] ?? fitting(each, schemas)
        return [key, required.includes(key) ? value : fc.oneof(absent, absent, value)] as const
      })
      const { additionalProperties: each } = schema
      if (each !== undefined && each !== false) {
        return fc.dictionary(
          fitting(schema.propertyNames ?? {}, schemas).map(String),
          fitting(each, schemas),
          {
            maxKeys: 4,
            noNullPrototype: true,
          },
        )
      }
      // What is absent is undefined here, and gone once it is JSON.
      return fc.record(Object.fromEntries(members), { noNullPrototype: true })
    }
    case 'array': {
      const { items = {}, minItems = 0, maxItems = 10 } = schema
      const item = fitting(items, schemas)
      return fc.oneof(
        { weight: 19, arbitrary: fc.array(item, { minLength: minItems, maxLength: Math.min(maxItems, 4) }) },
        { weight: 1, arbitrary: fc.array(item, { minLength: minItems, maxLength: maxItems, size: 'max' }) },
      )
    }
    case 'integer':
      return integerOf(schema)
    case 'number':
      return amounts
    case 'null':
      return fc.constant(null)
    case 'boolean':
      return fc.boolean()
    default:
      return textOf(schema, name)
  }
}

/** Prices, and one that only some currencies can have. */
const amounts = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(1, 5, 9.99, 999.99, 120_000) },
  { weight: 1, arbitrary: fc.constantFrom(0.001, 9.999, 1e12) },
)

/** Small ones above all: with large ones every reservation would be refused for the same reason. */
function integerOf({ minimum = 0, maximum = Number.MAX_SAFE_INTEGER }: Schema): fc.Arbitrary<number> {
  const small = Math.max(minimum, -5)
  return fc.oneof(
    { weight: 12, arbitrary: fc.integer({ min: small, max: Math.min(maximum, 12) }) },
    { weight: 1, arbitrary: fc.integer({ min: minimum, max: maximum }) },
    { weight: 1, arbitrary: fc.constantFrom(minimum, maximum) },
  )
}

/** Where a webhook may go, and where it may not. */
const urls = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('https://a.example/hooks', 'https://b.example:8443/?x=1') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'http://a.example/',
      'https://127.0.0.1/',
      'https://[::1]/',
      'https://a@b.example/',
    ),
  },
  { weight: 1, arbitrary: fc.webUrl() },
)

/** By pattern, what is taken of all that it lets pass. */
const WORDS: Readonly<Record<string, readonly string[]>> = { '^[A-Z]{3}$': ['USD', 'EUR', 'JPY', 'KWD'] }

function textOf(schema: Schema, name: string | undefined): fc.Arbitrary<string> {
  const { minLength = 0, maxLength = 64, pattern, format } = schema
  if (format === 'date-time') return times
  if (format === 'uri') return urls
  const pool = name === 'ProductId' ? PRODUCTS : name === 'CustomerId' ? CUSTOMERS : undefined
  const any =
    pattern === undefined
      ? fc.string({ unit: letters, minLength, maxLength: Math.min(maxLength, 300) })
      : fc.stringMatching(new RegExp(pattern))
  const words = pool ?? WORDS[pattern ?? ''] ?? ['cart-1', 'cart-2', 'x']
  return fc.oneof({ weight: 12, arbitrary: fc.constantFrom(...words) }, { weight: 1, arbitrary: any })
}

/** What nobody should send. */
export const strangeValues: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    '',
    [],
    {},
    0,
    -1,
    1.5,
    -0,
    1e21,
    2 ** 53,
    '1',
    '\u0000',
    '\ud800',
    'search',
  ),
  fc.constantFrom<unknown>(
    '__proto__',
    'constructor',
    'a'.repeat(129),
    '../..',
    '💥',
    'ä',
    ' ',
    'a\nb',
    '2026-01-01',
  ),
  fc.jsonValue({ maxDepth: 4 }),
)
