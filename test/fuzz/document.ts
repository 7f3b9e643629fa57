/** The OpenAPI document as a stranger reads it: nothing here knows the app's own operations or schemas. */

/** The part of JSON Schema that the document uses; `schema-reader.ts` refuses any other. */
export type Schema = {
  readonly $ref?: string
  readonly type?: 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean' | 'null'
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: false | Schema
  readonly propertyNames?: Schema
  readonly items?: Schema
  readonly minItems?: number
  readonly maxItems?: number
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly pattern?: string
  readonly format?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
}

export type Parameter = {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required?: boolean
  readonly schema: Schema
  readonly example?: string
}

type Content = Readonly<
  Record<string, { readonly schema: Schema; readonly examples?: Readonly<Record<string, unknown>> }>
>

export type DocumentedReply = { readonly headers?: object; readonly content?: Content }

export type DocumentedOperation = {
  readonly operationId: string
  readonly description?: string
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly required?: boolean; readonly content: Content }
  readonly responses: Readonly<Record<string, DocumentedReply>>
}

export type ApiDocument = {
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

/** One operation and where it is. */
export type Place = {
  /** In capitals. */
  readonly method: string
  readonly path: string
  readonly operation: DocumentedOperation
}

/** All there are, in the document's order. */
export function placesOf({ paths }: ApiDocument): readonly Place[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  )
}

/** The operations whose path this is, by method. Static segments may be percent-encoded; a parameter takes any segment. */
export function placesAt(document: ApiDocument, pathname: string): readonly Place[] {
  const segments = pathname.split('/')
  return placesOf(document).filter(({ path }) => {
    const wanted = path.split('/')
    return (
      wanted.length === segments.length &&
      wanted.every((part, i) =>
        part.startsWith('{') ? segments[i] !== '' : part === decoded(segments[i] ?? ''),
      )
    )
  })
}

function decoded(segment: string): string {
  try {
    return decodeURI(segment)
  } catch {
    return segment
  }
}
