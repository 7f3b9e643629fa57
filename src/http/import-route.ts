/** Products in bulk: a file comes in, and a line comes back for each of its records, while it is still coming. */
import { z } from 'zod'
import { onHandMax } from '../domain/bounds.ts'
import { importBytesMax, importLinesMax, importsMax, importUnreadBytesMax } from '../limits/catalog.ts'
import { TablesError } from '../persistence/tables/tables-error.ts'
import { ImportLines } from '../shop/catalog/import-lines.ts'
import { csvRecords, jsonRecords } from '../shop/catalog/import-source.ts'
import { type CheckedRecord, Importer } from '../shop/catalog/importer.ts'
import { fieldErrorsOf } from './body.ts'
import { checkLength, chunksOf } from './byte-chunks.ts'
import { ImportCounts, shownResult } from './import-view.ts'
import type { HttpParts } from './parts.ts'
import { type FieldError, Problem } from './problems.ts'
import { currency, productBody } from './product-schemas.ts'
import { fieldsOf } from './product-view.ts'
import { queryOf } from './query.ts'
import { lines } from './responses.ts'
import { type Call, headerOf, type Operation, type Route } from './route.ts'
import { productId } from './schemas.ts'

type Parts = Pick<HttpParts, 'engine' | 'tables' | 'log'>

const TYPES = {
  'application/x-ndjson': jsonRecords,
  'application/ndjson': jsonRecords,
  'application/jsonl': jsonRecords,
  'text/csv': csvRecords,
} as const
const TYPE =
  /^([a-z/-]+)[ \t]*(?:;[ \t]*charset[ \t]*=[ \t]*"?utf-8"?[ \t]*)?(?:;[ \t]*header=present[ \t]*)?;?$/i

export function importRoutes(parts: Parts): readonly Route[] {
  const imports = new Imports(parts)
  return [{ operation: IMPORT, handle: (call) => imports.start(call) }]
}

const importQuery = z.strictObject({
  currency: currency.optional().meta({ description: 'Of records that name none.' }),
})

const importedProduct = productBody.extend({
  productId,
  quantity: z.int().min(0).max(onHandMax).optional(),
})

const IMPORT: Operation = {
  method: 'post',
  path: '/v1/products/import',
  operationId: 'importProducts',
  tag: 'Catalog',
  summary: 'Make and replace many products',
  description: `A file of JSON Lines or CSV (comma, semicolon or tab; the first record names the columns), up to ${importLinesMax} lines. Fields have the names they have elsewhere here, or the usual others: \`name\` is \`title\`, \`id\` and \`sku\` are \`productId\`, \`categories\` (a list, \`A > B\` or \`A|B\`) is \`category\`, \`image\` is \`images\`; \`quantity\` sets the units on hand, and CSV has \`specifications.<name>\` columns. Others are ignored with a warning. Without an id, it follows from title and brand. The reply is one line for each record, with \`status\` \`created\`, \`updated\`, \`unchanged\` or \`failed\`, and a last one with the \`summary\`; it comes while the file is still being read. A record replaces all that is said of its product. The same file again changes nothing more, so there is no need for an \`Idempotency-Key\`.`,
  access: 'staff',
  query: { schema: importQuery, example: { currency: 'USD' } },
  upload: {
    contentTypes: ['application/x-ndjson', 'text/csv'],
    example:
      '{"name":"Pixel 11","brand":"Google","categories":["Phones","Android"],"price":999.99,"quantity":5}\n',
  },
  success: {
    status: 200,
    description: 'A line for each record, and the summary.',
    contentType: 'application/x-ndjson',
    schema: z.string(),
    example:
      '{"line":1,"productId":"p-0e6d0b3c6a4f5f2f5d1c9a7e8b4a2c10","status":"created"}\n{"summary":{"records":1,"created":1,"updated":0,"unchanged":0,"failed":0,"stockFailed":0,"warnings":0,"complete":true,"position":"t17"}}\n',
  },
  problems: [],
}

class Imports {
  readonly #parts: Parts
  #running = 0

  constructor(parts: Parts) {
    this.#parts = parts
  }

  start(call: Call): Response {
    const query = queryOf(call, importQuery)
    const records = recordsIn(call)
    checkLength(call, importBytesMax)
    if (this.#running >= importsMax) {
      throw new TablesError('overloaded', `${importsMax} imports run already.`)
    }
    const importer = new Importer({ ...this.#parts, check, currency: query.currency })
    const file = new ImportLines()
    const counts = new ImportCounts()
    const results = importer.results(records(file.of(chunksOf(call))))
    const summary = (broken?: string) => {
      const complete = broken === undefined && file.stoppedBy === undefined
      const { position } = importer
      return {
        ...counts.all,
        complete,
        ...(complete
          ? {}
          : { detail: broken ?? `The file has more ${file.stoppedBy} than one import takes.` }),
        ...(position === 0 ? {} : { position: `t${position}` }),
      }
    }
    return lines(call, this.#told(call, results, counts, summary))
  }

  /** The reply's lines. Runs on while its reader is behind, up to a bound, as many clients read only once they have sent all. */
  #told(
    call: Call,
    results: AsyncGenerator<readonly Parameters<typeof shownResult>[0][]>,
    counts: ImportCounts,
    summary: (broken?: string) => object,
  ): ReadableStream<Uint8Array> {
    let isGone = false
    let wake = () => {}
    const run = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
      const tell = (...values: readonly object[]) => {
        if (!isGone)
          controller.enqueue(Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join('')))
      }
      this.#running += 1
      try {
        for await (const batch of results) {
          for (const result of batch) counts.count(result)
          tell(...batch.map(shownResult))
          while (!isGone && (controller.desiredSize ?? 0) <= 0) {
            await new Promise<void>((resolve) => {
              wake = resolve
            })
          }
          if (isGone) return
        }
        tell({ summary: summary() })
      } catch (error) {
        if (!(error instanceof Problem)) {
          const { requestId } = call
          this.#parts.log.error({ requestId, err: error }, 'import.failed')
          tell({ summary: summary('Something went wrong; the log knows it by the request’s id.') })
        } else tell({ summary: summary(error.message) })
      } finally {
        this.#running -= 1
        if (!isGone) controller.close()
      }
    }
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => void run(controller),
        pull: () => wake(),
        cancel: () => {
          isGone = true
          wake()
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: importUnreadBytesMax }),
    )
  }
}

function recordsIn(call: Call) {
  const type = TYPE.exec(headerOf(call.context, 'content-type') ?? '')?.[1]?.toLowerCase() ?? ''
  const found = Object.entries(TYPES).find(([name]) => name === type)
  if (found !== undefined) return found[1]
  throw new Problem(
    'unsupported-media-type',
    'Content-Type must be application/x-ndjson or text/csv, in UTF-8.',
  )
}

/** As any product is checked. */
function check(fields: Readonly<Record<string, unknown>>): CheckedRecord {
  const parsed = importedProduct.safeParse(fields)
  if (!parsed.success) return { type: 'invalid', errors: fieldErrorsOf(parsed.error) }
  const { productId, quantity, ...body } = parsed.data
  try {
    return { type: 'valid', productId, fields: fieldsOf(body), quantity }
  } catch (error) {
    if (error instanceof Problem) return { type: 'invalid', errors: errorsOf(error) }
    throw error
  }
}

function errorsOf({ members, message }: Problem): readonly FieldError[] {
  return (members?.errors as readonly FieldError[] | undefined) ?? [{ path: '', message }]
}
