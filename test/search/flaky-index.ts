/** An index on a server that a test takes away, empties, or lets refuse; what it holds is in memory. */
import type { ProductId } from '../../src/domain/ids.ts'
import { EmbeddedIndex } from '../../src/search/embedded/embedded-index.ts'
import type { ServedIndex } from '../../src/search/index-keeper.ts'
import type { ProductDocument } from '../../src/search/product-document.ts'
import {
  IndexLost,
  IndexUnavailable,
  type RefusedDocument,
  type SearchRequest,
  type StockChange,
} from '../../src/search/search-index.ts'

export class FlakyIndex implements ServedIndex {
  readonly name = 'typesense'
  mode: 'up' | 'down' | 'lost' = 'up'
  readonly refuses = new Set<string>()
  held = new EmbeddedIndex()
  /** What it holds is of another version. */
  isOutdated = false
  /** Until then a rebuild is not finished. */
  finishes: Promise<unknown> = Promise.resolve()
  calls = 0
  searches = 0
  /** Documents and stocks that it was told. */
  writes = 0
  rebuilds = 0
  #candidate: EmbeddedIndex | undefined
  #isNew = true

  async open(): Promise<'found' | 'made' | 'outdated'> {
    this.#call('open')
    if (this.isOutdated) return 'outdated'
    const found = this.#isNew ? 'made' : 'found'
    this.#isNew = false
    return found
  }

  /** All it had is gone. */
  lose(): void {
    this.mode = 'lost'
    this.held = new EmbeddedIndex()
    this.#isNew = true
  }

  async put(documents: readonly ProductDocument[]): Promise<readonly RefusedDocument[]> {
    this.#call()
    return await this.#putInto(this.held, documents)
  }

  async setInStock(changes: readonly StockChange[]): Promise<void> {
    this.#call()
    this.writes += changes.length
    await this.held.setInStock(changes)
    await this.#candidate?.setInStock(changes)
  }

  async remove(productIds: readonly ProductId[]): Promise<void> {
    this.#call()
    await this.held.remove(productIds)
    await this.#candidate?.remove(productIds)
  }

  async search(request: SearchRequest) {
    this.#call()
    this.searches += 1
    return await this.held.search(request)
  }

  async suggest(term: string, limit: number) {
    this.#call()
    return await this.held.suggest(term, limit)
  }

  async *contents() {
    this.#call()
    yield* this.held.contents()
  }

  async beginRebuild() {
    this.#call()
    const candidate = new EmbeddedIndex()
    this.#candidate = candidate
    return {
      put: async (documents: readonly ProductDocument[]) => {
        this.#call()
        return await this.#putInto(candidate, documents)
      },
      finish: async () => {
        await this.finishes
        this.#call()
        this.isOutdated = false
        this.held = candidate
        this.rebuilds += 1
        this.#candidate = undefined
      },
      abandon: async () => {
        this.#candidate = undefined
      },
    }
  }

  close(): void {
    this.mode = 'down'
  }

  async #putInto(index: EmbeddedIndex, documents: readonly ProductDocument[]) {
    this.writes += documents.length
    const taken = documents.filter(({ productId }) => !this.refuses.has(productId))
    await index.put(taken)
    if (index === this.held) await this.#candidate?.put(taken)
    const refused = documents.filter(({ productId }) => this.refuses.has(productId))
    return refused.map(({ productId }) => ({ productId, why: 'it is poison' }))
  }

  #call(what?: 'open'): void {
    this.calls += 1
    if (this.mode === 'down') throw new IndexUnavailable('it is down')
    if (this.mode !== 'lost') return
    if (what !== 'open') throw new IndexLost('it is gone')
    this.mode = 'up'
  }
}
