/** Bodies that are files, by the type that the document names. */
import fc from 'fast-check'
import { formOf, gifOf, pngOf } from '../support/images.ts'
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

const FORMS = [
  formOf(pngOf(3, 4)),
  formOf(gifOf(5, 6)),
  formOf(Buffer.from('<svg/>')),
  formOf(Buffer.alloc(0)),
]

/** Of the form's own type, so that its boundary fits. */
const form = fc
  .constantFrom(...FORMS.map(({ body }) => body.toString('latin1')))
  .chain((text) => fc.oneof({ weight: 9, arbitrary: fc.constant(text) }, { weight: 1, arbitrary: cut(text) }))

function cut(text: string): fc.Arbitrary<string> {
  return fc.nat({ max: text.length }).map((at) => text.slice(0, at))
}

export type BodyForm = { readonly type: string | undefined; readonly body: fc.Arbitrary<RawBody | undefined> }

/** Of those types that are known here. */
export function uploadsOf(types: readonly string[], schemas: Schemas): readonly BodyForm[] {
  return types.flatMap((type): readonly BodyForm[] => {
    if (type === 'multipart/form-data') {
      const body = fc.record({ text: form, encoding: fc.constant('latin1' as const) })
      return [{ type: FORMS[0]?.type, body }]
    }
    const text = UPLOADS[type]?.(schemas)
    return text === undefined
      ? []
      : [{ type, body: fc.record({ text, encoding: fc.constant('utf8' as const) }) }]
  })
}
