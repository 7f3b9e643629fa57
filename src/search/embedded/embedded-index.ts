/**
 * The index that needs no server: all words of all products, in this thread's memory. It is made anew from the catalog when
 * its thread starts, and so never has anything to recover. Why not SQLite's FTS5: docs/decisions/embedded-index.md.
 */
import type { ProductId } from '../../domain/ids.ts'
import type { ProductDocument } from '../product-document.ts'
import type {
  IndexedProduct,
  RefusedDocument,
  SearchAnswer,
  SearchHit,
  SearchIndex,
  SearchRequest,
  StockChange,
} from '../search-index.ts'
import { facetsOf } from './facets.ts'
import { filterOf } from './filter.ts'
import { type Corpus, everything, type Matches, matchesOf, united } from './matches.ts'
import { Memo } from './memo.ts'
import { withOneWord } from './one-word.ts'
import { Posting } from './postings.ts'
import { ProductColumns } from './product-columns.ts'
import { narrow, queryWords, type Reading, readingsOf, wide } from './query-plan.ts'
import { type Ranked, ranked } from './ranking.ts'
import { Scratch } from './scratch.ts'
import { Vocabulary } from './vocabulary.ts'
import { weightsOf, worthAnywhere, worthInTitle } from './word-weights.ts'

/** With fewer found, words are taken more widely: a page is not full. */
const FEW = 10
/** So many words for one that may be missing, where nothing has them all. */
const WORDS_FOR_ONE = 3
/** Once so many, and more than are alive, are dead, all is packed anew: a tenth of a second for some ten thousand. */
const DEAD_MAX = 20_000

/** At some 5 KB each. */
const answersMax = 5_000

export class EmbeddedIndex implements SearchIndex {
  readonly name = 'embedded'
  readonly #deadMax: number
  #vocabulary = new Vocabulary()
  /** By the word's number. */
  #postings: Posting[] = []
  #columns = new ProductColumns()
  readonly #scratch = new Scratch()
  /** Made anew with their next document, whatever that is. */
  #doubted = new Set<ProductId>()
  #numbers = new Map<ProductId, number>()
  /** What was asked since the last change: in a sale many ask for the same. */
  readonly #answers = new Memo<SearchAnswer>(answersMax)

  constructor({ deadMax = DEAD_MAX }: { readonly deadMax?: number } = {}) {
    this.#deadMax = deadMax
  }

  get products(): number {
    return this.#columns.living
  }

  /** Of those it has, and of some that it had. */
  get words(): number {
    return this.#vocabulary.size
  }

  /** As it was told; undefined where it does not have the product. */
  inStock(productId: ProductId): boolean | undefined {
    const number = this.#numbers.get(productId)
    return number === undefined ? undefined : this.#columns.inStock.has(number)
  }

  /** Of what it was told last; undefined where it does not have the product. */
  revision(productId: ProductId): string | undefined {
    const number = this.#numbers.get(productId)
    return number === undefined ? undefined : this.#columns.revisions[number]
  }

  /** Whatever it holds may be wrong: what is put next is not compared with it. It answers from it meanwhile. */
  doubt(): void {
    this.#doubted = new Set(this.#numbers.keys())
  }

  async put(documents: readonly ProductDocument[]): Promise<readonly RefusedDocument[]> {
    this.#answers.clear()
    for (const document of documents) this.#put(document)
    this.#packIfNeeded()
    return []
  }

  async setInStock(changes: readonly StockChange[]): Promise<void> {
    this.#answers.clear()
    for (const { productId, inStock } of changes) {
      const number = this.#numbers.get(productId)
      if (number !== undefined) this.#columns.inStock.set(number, inStock)
    }
  }

  async remove(productIds: readonly ProductId[]): Promise<void> {
    this.#answers.clear()
    for (const productId of productIds) this.#remove(productId)
    this.#packIfNeeded()
  }

  async search(request: SearchRequest): Promise<SearchAnswer> {
    return this.#answers.get(JSON.stringify(request), () => this.#answer(request))
  }

  async suggest(term: string, limit: number): Promise<readonly string[]> {
    const words = queryWords(term)
    if (words.length === 0) return []
    const corpus = { ...this.#corpus(undefined), worths: worthInTitle }
    const found = united(
      readingsOf(words, this.#vocabulary, narrow).map((reading) => matchesOf(reading, corpus)),
      corpus,
    )
    const titles = new Set<string>()
    // Twins have the same title.
    const page = { sort: 'rating', offset: 0, limit: 8 * limit } as const
    for (const document of ranked({ found, first: found }, this.#columns, page))
      titles.add(this.#columns.titles[document] as string)
    return [...titles].slice(0, limit)
  }

  async *contents(): AsyncIterable<IndexedProduct> {
    const { productIds, revisions, inStock } = this.#columns
    for (const number of [...this.#numbers.values()]) {
      const productId = productIds[number]
      const revision = revisions[number]
      if (productId === undefined || revision === undefined) continue
      yield { productId, revision, inStock: inStock.has(number) }
    }
  }

  #answer(request: SearchRequest): SearchAnswer {
    const corpus = this.#corpus(request)
    const isEmpty = request.term.trim() === ''
    const { found, first, readings } = isEmpty ? all(everything(corpus), []) : this.#find(request, corpus)
    const documents = ranked({ found, first }, this.#columns, request)
    return {
      hits: documents.map((document) => this.#hit(document, readings)),
      total: found.size,
      facets: facetsOf(found, this.#columns),
    }
  }

  #put(document: ProductDocument): void {
    const known = this.#numbers.get(document.productId)
    const isDoubted = this.#doubted.delete(document.productId)
    if (known !== undefined && !isDoubted && this.#columns.revisions[known] === document.revision) {
      this.#columns.inStock.set(known, document.inStock)
      return
    }
    this.#remove(document.productId)
    const number = this.#columns.add(document)
    this.#numbers.set(document.productId, number)
    for (const [word, weight] of weightsOf(document)) {
      const of = this.#vocabulary.add(word)
      const posting = this.#postings[of]
      if (posting === undefined) {
        const fresh = new Posting()
        fresh.add(number, weight)
        this.#postings[of] = fresh
      } else {
        posting.add(number, weight)
      }
    }
  }

  #remove(productId: ProductId): void {
    const number = this.#numbers.get(productId)
    if (number === undefined) return
    this.#doubted.delete(productId)
    this.#numbers.delete(productId)
    this.#columns.bury(number)
  }

  #corpus(request: SearchRequest | undefined): Corpus {
    const { size, living } = this.#columns
    this.#scratch.begin(size)
    return {
      postings: this.#postings,
      size,
      living,
      worths: worthAnywhere,
      filter: filterOf(request, this.#columns),
      scratch: this.#scratch,
    }
  }

  /** As the words are; where that is little, as they may be meant; where that is nothing, most of them. */
  #find(request: SearchRequest, corpus: Corpus): Found {
    const words = queryWords(request.term)
    if (words.length === 0) return all(united([], corpus), [])
    const wanted = request.sort === 'relevance' ? request.offset + request.limit : 0
    const strict = findAs(readingsOf(words, this.#vocabulary, narrow), corpus, wanted)
    if (strict.found.size >= FEW) return strict
    const found = findAs(readingsOf(words, this.#vocabulary, wide), corpus, wanted)
    const missing = Math.floor(words.length / WORDS_FOR_ONE)
    const [reading] = strict.readings
    if (found.found.size > 0 || missing === 0 || reading === undefined) return found
    return all(matchesOf(reading, corpus, missing), [reading])
  }

  #hit(document: number, readings: readonly Reading[]): SearchHit {
    const words = new Set<string>()
    for (const reading of readings)
      for (const slot of reading)
        for (const { word } of slot) if (this.#has(word, document)) words.add(this.#vocabulary.wordOf(word))
    return { productId: this.#columns.productIds[document] as ProductId, words: [...words] }
  }

  #has(word: number, document: number): boolean {
    return this.#postings[word]?.placeOf(document) !== undefined
  }

  /** Gives the living new numbers, in their order, and lets go of all that is said of the dead. */
  #packIfNeeded(): void {
    const old = this.#columns
    const dead = old.size - old.living
    if (dead < this.#deadMax || dead < old.living) return
    this.#columns = old.packed()
    this.#numbers = new Map(this.#columns.productIds.map((productId, number) => [productId, number]))
    const numbers = old.numbersOfLiving()
    for (const posting of this.#postings) posting.renumber(numbers)
    this.#forgetWords()
  }

  /** Of those that no product has any more. */
  #forgetWords(): void {
    const old = this.#vocabulary
    const vocabulary = new Vocabulary()
    const postings: Posting[] = []
    for (const [word, posting] of this.#postings.entries()) {
      if (posting.size > 0) postings[vocabulary.add(old.wordOf(word))] = posting
    }
    this.#vocabulary = vocabulary
    this.#postings = postings
  }
}

type Found = Ranked & { readonly readings: readonly Reading[] }

function findAs(readings: readonly Reading[], corpus: Corpus, wanted: number): Found {
  const [reading, another] = readings
  const [slot, ...others] = reading ?? []
  if (slot !== undefined && others.length === 0 && another === undefined)
    return { ...withOneWord(slot, corpus, wanted), readings }
  return all(
    united(
      readings.map((each) => matchesOf(each, corpus)),
      corpus,
    ),
    readings,
  )
}

function all(found: Matches, readings: readonly Reading[]): Found {
  return { found, first: found, readings }
}
