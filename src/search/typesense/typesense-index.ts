/**
 * The index on a Typesense server. Whoever asks does so under an alias; whoever writes (one, X2) may put another collection
 * behind it at any time.
 *
 * T1  Only who writes makes collections. Who asks where there is none hears `IndexLost`.
 * T2  Once open, a collection that vanishes is not made again until somebody says so: it would be empty, and nobody know.
 * T3  Writes come to the server one after the other, in the order in which they were asked for.
 */
import { z } from 'zod'
import type { ProductId } from '../../domain/ids.ts'
import type { Clock, Random } from '../../seams.ts'
import type { ProductDocument } from '../product-document.ts'
import {
  type IndexedProduct,
  IndexLost,
  IndexUnavailable,
  type RefusedDocument,
  type SearchAnswer,
  type SearchIndex,
  type SearchRequest,
  type StockChange,
} from '../search-index.ts'
import { type Found, foundIn, repliesSchema, searchAnswer, titlesOf } from './answer.ts'
import { Collections } from './collections.ts'
import { exportedProduct } from './export-lines.ts'
import { importBatches, isOfNobody, refusalsIn, refusedDocument } from './import-lines.ts'
import { indexedProduct } from './indexed-product.ts'
import {
  pageHitsMax,
  pagesOf,
  queryWords,
  readingsOf,
  readSearch,
  type ServerSearch,
  serverSearch,
  titleSearch,
  trialOf,
  wordProbe,
} from './query.ts'
import { ChangedMeanwhile, type IndexRebuild } from './rebuild.ts'
import type { TypesenseServer } from './server.ts'

export const aliasDefault = 'holdfast_products'

type Parts = {
  readonly server: TypesenseServer
  readonly clock: Clock
  readonly random: Random
  /** Two shops on one server need two. */
  readonly alias?: string
}
type Candidate = { readonly collection: string; readonly changed: ChangedMeanwhile }

/** In one filter, which stands in a URL of 4,000 characters at most; an id has 64. */
const REMOVALS_MAX = 40
/** Titles read for each that is asked for, since several products may have the same. */
const TITLES_READ = 4
/** Tried in one request, one after the other by the server; the likelier ones come first. */
const READINGS_AT_ONCE = 4
const removedSchema = z.object({ num_deleted: z.int() })

export class TypesenseIndex implements SearchIndex {
  readonly name = 'typesense'
  readonly #server: TypesenseServer
  readonly #collections: Collections
  #isOpen = false
  #candidate: Candidate | undefined
  /** The last write that was asked for. */
  #lastWrite: Promise<unknown> = Promise.resolve()

  constructor({ alias = aliasDefault, ...parts }: Parts) {
    this.#server = parts.server
    this.#collections = new Collections(alias, parts)
  }

  /**
   * Finds what is there or makes it, and drops what rebuilds that broke off have left. `made`: it is empty; `outdated`: it
   * was made by a version with another schema. Either must be rebuilt. The first write does the same unasked.
   */
  open(): Promise<'found' | 'made' | 'outdated'> {
    return this.#inTurn(() => this.#open())
  }

  put(documents: readonly ProductDocument[]): Promise<readonly RefusedDocument[]> {
    return this.#write(async (collection) => {
      let refused = await this.#putInto(collection, documents)
      await this.#alsoInto(async (candidate) => {
        candidate.changed.put(documents)
        // The live one may be of another schema, and what it takes matters no longer.
        refused = await this.#putInto(candidate.collection, documents)
      })
      return refused
    })
  }

  setInStock(changes: readonly StockChange[]): Promise<void> {
    return this.#write(async (collection) => {
      await this.#setInStockOf(collection, changes)
      await this.#alsoInto(async (candidate) => {
        candidate.changed.setInStock(changes)
        await this.#setInStockOf(candidate.collection, changes)
      })
    })
  }

  remove(productIds: readonly ProductId[]): Promise<void> {
    return this.#write(async (collection) => {
      await this.#removeFrom(collection, productIds)
      await this.#alsoInto(async (candidate) => {
        candidate.changed.remove(productIds)
        await this.#removeFrom(candidate.collection, productIds)
      })
    })
  }

  async search(request: SearchRequest): Promise<SearchAnswer> {
    const { alias } = this.#collections
    const words = queryWords(request.term)
    const pages = await this.#askPages(serverSearch(alias, request, words), request)
    if (pages[0]?.found !== 0 || words.length === 0) return searchAnswer(pages, request)
    return await this.#searchOtherwise(request, words)
  }

  /** Where nothing has the words as they were typed. */
  async #searchOtherwise(request: SearchRequest, words: readonly string[]): Promise<SearchAnswer> {
    const { alias } = this.#collections
    const probes = await this.#ask(words.map((word) => wordProbe(alias, word)))
    const known = new Set(words.filter((_, index) => (probes[index]?.found ?? 0) > 0))
    const readings = readingsOf(words, (word) => known.has(word))
    for (let at = 0; at < readings.length; at += READINGS_AT_ONCE) {
      const some = readings.slice(at, at + READINGS_AT_ONCE)
      const searches = some.map((reading) => readSearch(alias, request, reading))
      const found = (await this.#ask(searches.map(trialOf))).findIndex((reply) => reply.found > 0)
      const search = searches[found]
      if (search !== undefined) {
        return searchAnswer(await this.#askPages(search, request), request, some[found]?.oneOf)
      }
    }
    return searchAnswer([], request)
  }

  async suggest(term: string, limit: number): Promise<readonly string[]> {
    const words = queryWords(term)
    if (words.length === 0) return []
    const read = Math.min(pageHitsMax, limit * TITLES_READ)
    const [some] = await this.#ask([titleSearch(this.#collections.alias, words, read)])
    const titles = titlesOf(some)
    if (titles.length >= limit || (some?.found ?? 0) <= read || read === pageHitsMax)
      return titles.slice(0, limit)
    const [more] = await this.#ask([titleSearch(this.#collections.alias, words, pageHitsMax)])
    return titlesOf(more).slice(0, limit)
  }

  async *contents(): AsyncGenerator<IndexedProduct> {
    const lines = this.#server.export(this.#collections.alias, ['id', 'revision', 'in_stock'])
    for await (const line of lines) if (line !== '') yield exportedProduct(line)
  }

  /** Makes a new collection to be filled beside the live one. One at a time. */
  beginRebuild(): Promise<IndexRebuild> {
    return this.#inTurn(async () => {
      if (this.#candidate !== undefined) throw new Error('an index is rebuilt once at a time')
      const candidate = { collection: await this.#collections.make(), changed: new ChangedMeanwhile() }
      this.#candidate = candidate
      return {
        put: (documents) => this.#inTurn(() => this.#fill(candidate, documents)),
        finish: () => this.#inTurn(() => this.#finish(candidate)),
        abandon: () => this.#inTurn(() => this.#abandon(candidate)),
      }
    })
  }

  close(): void {
    this.#server.close()
  }

  async #open(): Promise<'found' | 'made' | 'outdated'> {
    const live = await this.#collections.live()
    const collection = live.type === 'none' ? await this.#collections.make() : live.collection
    if (live.type === 'none') await this.#collections.setLive(collection)
    const candidate = this.#candidate === undefined ? [] : [this.#candidate.collection]
    await this.#collections.dropAllBut([collection, ...candidate])
    this.#isOpen = true
    if (live.type === 'none') return 'made'
    return live.type === 'current' ? 'found' : 'outdated'
  }

  async #fill(
    candidate: Candidate,
    documents: readonly ProductDocument[],
  ): Promise<readonly RefusedDocument[]> {
    this.#assertUnderWay(candidate)
    return await this.#putInto(candidate.collection, candidate.changed.remaining(documents))
  }

  async #finish(candidate: Candidate): Promise<void> {
    this.#assertUnderWay(candidate)
    try {
      await this.#collections.setLive(candidate.collection)
    } catch (error) {
      if (error instanceof IndexLost) this.#candidate = undefined
      throw error
    }
    this.#candidate = undefined
    this.#isOpen = true
    await this.#collections.dropAllBut([candidate.collection])
  }

  async #abandon(candidate: Candidate): Promise<void> {
    if (this.#candidate === candidate) this.#candidate = undefined
    await this.#collections.drop(candidate.collection)
  }

  #assertUnderWay(candidate: Candidate): void {
    if (this.#candidate !== candidate) throw new IndexLost('the collection of this rebuild is gone')
  }

  #write<T>(work: (collection: string) => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      if (!this.#isOpen) await this.#open()
      return await work(this.#collections.alias)
    })
  }

  /** T3. Whether the one before came off is for whoever asked for it. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#lastWrite.then(work, work)
    this.#lastWrite = turn
    return turn
  }

  /** A rebuild whose collection is gone is over; the live one goes on. */
  async #alsoInto(work: (candidate: Candidate) => Promise<void>): Promise<void> {
    if (this.#candidate === undefined) return
    try {
      await work(this.#candidate)
    } catch (error) {
      if (!(error instanceof IndexLost)) throw error
      this.#candidate = undefined
    }
  }

  async #putInto(
    collection: string,
    documents: readonly ProductDocument[],
  ): Promise<readonly RefusedDocument[]> {
    const refused: RefusedDocument[] = []
    for (const { ids, lines } of importBatches(documents.map(indexedProduct))) {
      const reply = await this.#server.import(collection, lines, 'upsert')
      refused.push(...refusalsIn(ids, reply).map(refusedDocument))
    }
    return refused
  }

  async #setInStockOf(collection: string, changes: readonly StockChange[]): Promise<void> {
    const changed = changes.map(({ productId, inStock }) => ({ id: productId, in_stock: inStock }))
    for (const { ids, lines } of importBatches(changed)) {
      const reply = await this.#server.import(collection, lines, 'update')
      const [refusal] = refusalsIn(ids, reply).filter((each) => !isOfNobody(each))
      if (refusal !== undefined)
        throw new Error(`Typesense refuses to change a product's stock: ${refusal.why}`)
    }
  }

  async #removeFrom(collection: string, productIds: readonly ProductId[]): Promise<void> {
    for (let at = 0; at < productIds.length; at += REMOVALS_MAX) {
      const batch = productIds.slice(at, at + REMOVALS_MAX)
      await this.#server.call('remove documents', removedSchema, (client) =>
        client
          .collections(collection)
          .documents()
          .delete({ filter_by: `id:[${batch.join()}]` }),
      )
    }
  }

  #askPages(search: ServerSearch, request: SearchRequest): Promise<readonly Found[]> {
    return this.#ask(pagesOf(request).map((page) => ({ ...search, page })))
  }

  async #ask(searches: readonly ServerSearch[]): Promise<readonly Found[]> {
    const { results } = await this.#server.call('search', repliesSchema, (client) =>
      client.multiSearch.perform({ searches: [...searches] }, {}),
    )
    if (results.length !== searches.length) {
      throw new IndexUnavailable(`Typesense answered ${results.length} of ${searches.length} searches`)
    }
    return results.map(foundIn)
  }
}
