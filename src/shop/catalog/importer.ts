/**
 * Takes products from other systems into the catalog, batch by batch, and their quantities to the engine. Every record has
 * its own result, and none that is wrong stands in the way of another. What was saved stays saved, whatever becomes of the
 * rest: a file that is sent again changes nothing that is as it says already.
 */
import { EngineError, type EngineErrorCode } from '../../actors/engine-error.ts'
import type { Adjust } from '../../domain/commands.ts'
import type { Refusal } from '../../domain/decision.ts'
import type { ProductId } from '../../domain/ids.ts'
import { importBatchMax } from '../../limits/catalog.ts'
import type { ImportedProduct } from '../../persistence/tables/catalog/import-operations.ts'
import type { ProductFields } from '../../persistence/tables/catalog/product-row.ts'
import type { ProductRefused } from '../../persistence/tables/catalog/product-writes.ts'
import type { Tables } from '../../persistence/tables/operations.ts'
import { TablesError, type TablesErrorCode } from '../../persistence/tables/tables-error.ts'
import { DerivedIds } from './derived-ids.ts'
import { type MappedRecord, mapRecord, type Remark } from './import-record.ts'
import type { SourceRecord } from './import-source.ts'
import type { StockKeeper } from './retirement.ts'

export type CheckedRecord =
  | {
      readonly type: 'valid'
      readonly productId: ProductId
      readonly fields: ProductFields
      readonly quantity: number | undefined
    }
  | { readonly type: 'invalid'; readonly errors: readonly Remark[] }

/** Why the stock is not what the record says, though the product was saved. */
export type StockProblem =
  | { readonly type: 'refused'; readonly refusal: Refusal }
  | { readonly type: 'unanswered'; readonly code: EngineErrorCode }

export type ImportResult = {
  readonly line: number
  readonly productId: string | undefined
  readonly warnings: readonly Remark[]
} & (
  | { readonly status: 'created' | 'updated' | 'unchanged'; readonly stock: StockProblem | undefined }
  | { readonly status: 'failed'; readonly why: ImportFailure }
)

export type ImportFailure =
  | { readonly type: 'invalid'; readonly errors: readonly Remark[] }
  | { readonly type: 'refused'; readonly reason: ProductRefused['reason'] }
  | { readonly type: 'unanswered'; readonly code: TablesErrorCode }

export type ImporterOptions = {
  readonly tables: Tables
  readonly engine: StockKeeper
  /** Holds a record against the schema of products. */
  readonly check: (fields: Readonly<Record<string, unknown>>) => CheckedRecord
  /** Of records that name none. */
  readonly currency: string | undefined
}

type Valid = Extract<CheckedRecord, { readonly type: 'valid' }> & {
  readonly line: number
  readonly warnings: readonly Remark[]
}

export class Importer {
  readonly #options: ImporterOptions
  /** By id that the file gives, the line that it first came in. */
  readonly #given = new Map<string, number>()
  readonly #derived = new DerivedIds()
  #position = 0

  constructor(options: ImporterOptions) {
    this.#options = options
  }

  /** Place in the outbox of the last change; 0 where there was none. */
  get position(): number {
    return this.#position
  }

  /** The results, in the order of the lines, as they become durable. */
  async *results(records: AsyncIterable<SourceRecord>): AsyncGenerator<readonly ImportResult[]> {
    let batch: SourceRecord[] = []
    for await (const record of records) {
      batch.push(record)
      if (batch.length < importBatchMax) continue
      yield await this.#take(batch)
      batch = []
    }
    if (batch.length > 0) yield await this.#take(batch)
  }

  async #take(batch: readonly SourceRecord[]): Promise<readonly ImportResult[]> {
    const read = batch.map((record) => this.#read(record))
    const valid = read.filter((each) => 'fields' in each)
    const saved = new Map((await this.#save(valid)).map((result) => [result.line, result]))
    return read.map((each) => ('fields' in each ? (saved.get(each.line) ?? each) : each) as ImportResult)
  }

  #read(record: SourceRecord): Valid | ImportResult {
    const { line } = record
    if (record.type === 'mistake') {
      const errors = [{ path: '', message: record.message }]
      return { line, productId: undefined, warnings: [], status: 'failed', why: { type: 'invalid', errors } }
    }
    const { fields, warnings } = this.#named(mapRecord(record.values, this.#options), line)
    const checked = this.#options.check(fields)
    const named = typeof fields.productId === 'string' ? fields.productId : undefined
    if (checked.type === 'invalid') {
      return { line, productId: named, warnings, status: 'failed', why: checked }
    }
    return { ...checked, line, warnings }
  }

  /** With an id, and a warning where another line has the same. */
  #named({ fields, warnings }: MappedRecord, line: number): MappedRecord {
    const { productId } = fields
    if (productId === undefined) {
      const derived = this.#derived.idOf(fields, line)
      if (derived === undefined) return { fields, warnings }
      const { id, first } = derived
      const message = `follows from title and brand, which are those of line ${first} too`
      const twice = first === undefined ? [] : [{ path: 'productId', message }]
      return { fields: { ...fields, productId: id }, warnings: [...warnings, ...twice] }
    }
    if (typeof productId !== 'string') return { fields, warnings }
    const first = this.#given.get(productId)
    if (first === undefined) {
      this.#given.set(productId, line)
      return { fields, warnings }
    }
    const message = `is that of line ${first} too, which this one replaces`
    return { fields, warnings: [...warnings, { path: 'productId', message }] }
  }

  async #save(valid: readonly Valid[]): Promise<readonly ImportResult[]> {
    if (valid.length === 0) return []
    const products: readonly ImportedProduct[] = valid.map(({ productId, fields }) => ({ productId, fields }))
    try {
      const { results, position } = await this.#options.tables.write('catalog.import', { products })
      this.#position = Math.max(this.#position, position)
      return await Promise.all(valid.map((each, i) => this.#resultOf(each, results[i] ?? 'unknown')))
    } catch (error) {
      if (!(error instanceof TablesError)) throw error
      const { code } = error
      return valid.map(({ line, productId, warnings }) => {
        return { line, productId, warnings, status: 'failed', why: { type: 'unanswered', code } }
      })
    }
  }

  async #resultOf(
    { line, productId, warnings, quantity }: Valid,
    saved: 'created' | 'updated' | 'unchanged' | ProductRefused['reason'],
  ): Promise<ImportResult> {
    const about = { line, productId, warnings }
    switch (saved) {
      case 'created':
      case 'updated':
      case 'unchanged': {
        const stock = quantity === undefined ? undefined : await this.#setStock(productId, quantity)
        return { ...about, status: saved, stock }
      }
      default:
        return { ...about, status: 'failed', why: { type: 'refused', reason: saved } }
    }
  }

  async #setStock(productId: ProductId, quantity: number): Promise<StockProblem | undefined> {
    const { engine } = this.#options
    const change = { set: quantity, expectedVersion: undefined }
    const adjust: Adjust = { type: 'adjust', productId, change, reason: 'import', reference: undefined }
    try {
      const present = await engine.execute({ type: 'readStock', productId })
      // No event for what is so already: a file that comes again leaves no trace.
      if (present.type === 'stock' && present.onHand === quantity) return undefined
      const reply = await engine.execute(adjust)
      return reply.type === 'refused' ? { type: 'refused', refusal: reply.refusal } : undefined
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      return { type: 'unanswered', code: error.code }
    }
  }
}
