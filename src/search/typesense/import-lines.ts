/** The lines of an import, which the server answers one by one and in their order, with 200 whatever is in them. */
import { z } from 'zod'
import type { ProductId } from '../../domain/ids.ts'
import { IndexUnavailable, type RefusedDocument } from '../search-index.ts'
import { failureOf, isPassing } from './failures.ts'

const lineSchema = z.object({ success: z.boolean(), code: z.int().optional(), error: z.string().optional() })
const WHY_LENGTH_MAX = 200
/** In one import: usually a fraction of a MiB, and a second at most on a small machine. */
const LINES_MAX = 500
/** Characters; products with long descriptions come fewer at a time. */
const BATCH_LENGTH_MAX = 4_000_000

type Refusal = { readonly productId: ProductId; readonly status: number; readonly why: string }

export type ImportBatch = { readonly ids: readonly string[]; readonly lines: string }

/** Documents as imports of a bounded size, in their order. */
export function* importBatches(documents: readonly { readonly id: string }[]): Generator<ImportBatch> {
  let ids: string[] = []
  let lines: string[] = []
  let length = 0
  for (const document of documents) {
    const line = JSON.stringify(document)
    if (ids.length === LINES_MAX || (ids.length > 0 && length + line.length > BATCH_LENGTH_MAX)) {
      yield { ids, lines: lines.join('\n') }
      ids = []
      lines = []
      length = 0
    }
    ids.push(document.id)
    lines.push(line)
    length += line.length
  }
  if (ids.length > 0) yield { ids, lines: lines.join('\n') }
}

/**
 * Those lines that were refused. Throws `IndexUnavailable` where one failed for no fault of its own, or where the server
 * answered for fewer or more than it was sent: nobody knows then which of them it has.
 */
export function refusalsIn(ids: readonly string[], reply: string): readonly Refusal[] {
  const answered = reply.split('\n').filter((line) => line !== '')
  if (answered.length !== ids.length) {
    throw new IndexUnavailable(`Typesense answered ${answered.length} lines to ${ids.length} documents`)
  }
  return answered.flatMap((text, index) => {
    const { success, code = 400, error = 'no reason given' } = parsedLine(text)
    if (success) return []
    if (isPassing(code, error)) throw failureOf('take a document', code, error)
    return [{ productId: (ids[index] ?? '') as ProductId, status: code, why: error.slice(0, WHY_LENGTH_MAX) }]
  })
}

/** A refused document, without its status. */
export function refusedDocument({ productId, why }: Refusal): RefusedDocument {
  return { productId, why }
}

/** A document that the server does not have can be told nothing, and is none of the caller's business. */
export function isOfNobody({ status }: Refusal): boolean {
  return status === 404
}

function parsedLine(text: string): z.infer<typeof lineSchema> {
  try {
    return lineSchema.parse(JSON.parse(text))
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof z.ZodError)) throw error
    throw new IndexUnavailable('Typesense answered to an import with a line that nobody can read')
  }
}
