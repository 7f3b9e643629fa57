/** Bodies that are files, by the type that the document names. */
import fc from 'fast-check'
import type { Schema } from './document.ts'
import type { RawBody } from './raw-bodies.ts'
import { fitting } from './values.ts'

type Schemas = Readonly<Record<string, Schema>>

/** Lines that are products, and some that are none. */
const UPLOADS: Readonly<Record<string, (schemas: Schemas) => fc.Arbitrary<string>>> = {
  'application/x-ndjson': (schemas) => {
    const product = fitting({ $ref: '#/components/schemas/ProductRequest' }, schemas)
    const line = fc.oneof(
      { weight: 9, arbitrary: product.map((value) => JSON.stringify(value)) },
      { weight: 1, arbitrary: fc.constantFrom('', 'x', '{', '[]', 'null', '{"__proto__":1}', '\u0000') },
    )
    return fc.array(line, { maxLength: 6 }).map((lines) => lines.join('\n'))
  },
  'text/csv': () => {
    const row = fc.constantFrom(
      'stock-a,One,5,3',
      'new-a,"Two, ""2""",x,',
      'new-b,"',
      ',,,',
      'a,b',
      '💥,1,2,3',
    )
    return fc.array(row, { maxLength: 6 }).map((rows) => ['id,name,price,quantity', ...rows].join('\r\n'))
  },
}

export type BodyForm = { readonly type: string | undefined; readonly body: fc.Arbitrary<RawBody | undefined> }

/** Of those types that are known here. */
export function uploadsOf(types: readonly string[], schemas: Schemas): readonly BodyForm[] {
  return types.flatMap((type) => {
    const text = UPLOADS[type]?.(schemas)
    return text === undefined
      ? []
      : [{ type, body: fc.record({ text, encoding: fc.constant('utf8' as const) }) }]
  })
}
