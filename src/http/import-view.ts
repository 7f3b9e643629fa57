/** What an import says of each line, and of all. */
import { unreachable } from '../domain/assert.ts'
import type { ImportFailure, ImportResult, StockProblem } from '../shop/catalog/importer.ts'
import { type FieldError, problemOfEngine, problemOfTables } from './problems.ts'
import { problemOfRefusal } from './refusal-problems.ts'

export type ImportSummary = {
  /** Records, whatever became of them. */
  readonly records: number
  readonly created: number
  readonly updated: number
  readonly unchanged: number
  readonly failed: number
  /** Of those saved, whose quantity could not be set. */
  readonly stockFailed: number
  readonly warnings: number
}

type Counts = { -readonly [Name in keyof ImportSummary]: number }

export class ImportCounts {
  readonly #counts: Counts = {
    records: 0,
    created: 0,
    updated: 0,
    unchanged: 0,
    failed: 0,
    stockFailed: 0,
    warnings: 0,
  }

  count(result: ImportResult): void {
    this.#counts.records += 1
    this.#counts[result.status] += 1
    this.#counts.warnings += result.warnings.length
    if (result.status !== 'failed' && result.stock !== undefined) this.#counts.stockFailed += 1
  }

  get all(): ImportSummary {
    return this.#counts
  }
}

export function shownResult(result: ImportResult) {
  const { line, productId, status, warnings } = result
  const errors = errorsOf(result)
  return {
    line,
    productId,
    status,
    ...(errors.length === 0 ? {} : { errors }),
    ...(warnings.length === 0 ? {} : { warnings }),
  }
}

function errorsOf(result: ImportResult): readonly FieldError[] {
  if (result.status === 'failed') return failuresOf(result.why)
  return result.stock === undefined ? [] : [{ path: 'quantity', message: stockMessage(result.stock) }]
}

function failuresOf(why: ImportFailure): readonly FieldError[] {
  switch (why.type) {
    case 'invalid':
      return why.errors
    case 'refused':
      return [{ path: 'productId', message: REFUSED[why.reason] }]
    case 'unanswered':
      return [
        { path: '', message: problemOfTables(why.code)?.detail ?? 'Something is wrong with this server.' },
      ]
    default:
      return unreachable(why)
  }
}

const REFUSED = {
  retired: 'is that of a product that was retired, and cannot be changed',
  guard: 'is that of a product that others are changing; send the line again',
  unknown: 'is not known',
  exists: 'is taken',
  price: 'has no such price',
  images: 'has too many images',
} as const

function stockMessage(problem: StockProblem): string {
  if (problem.type === 'refused') return problemOfRefusal(problem.refusal).detail
  return problemOfEngine(problem.code).detail
}
