/** The index in memory beside one that looks at every product: whatever it is told, it finds what that finds. */
import * as assert from 'uvu/assert'
import type { ProductId } from '../../../src/domain/ids.ts'
import { EmbeddedIndex } from '../../../src/search/embedded/embedded-index.ts'
import type { ProductDocument } from '../../../src/search/product-document.ts'
import { type SearchRequest, searchSorts } from '../../../src/search/search-index.ts'
import { wordsOf } from '../../../src/search/words.ts'
import { Dice } from '../../support/dice.ts'
import { note, suite } from '../../support/suite.ts'
import { documentNamed, EVERYTHING } from '../catalog.ts'

const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
const WORDS = ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta', 'théta', 'iota']
const BRANDS = ['Acme', 'Öko', undefined]
const CATEGORIES = [['A'], ['A', 'A > B'], ['A', 'A > B', 'A > B > C'], ['D'], []]
const PRODUCTS = 60

let revisions = 0

function drawDocument(dice: Dice, number: number): ProductDocument {
  const title = Array.from({ length: dice.between(1, 4) }, () => dice.pick(WORDS)).join(' ')
  return documentNamed(`p-${number}`, title, {
    revision: `${++revisions}.0`,
    brand: dice.pick(BRANDS),
    categories: dice.pick(CATEGORIES),
    description: dice.pick(WORDS),
    price: dice.between(1, 2_000),
    rating: dice.between(0, 500) / 100,
    reviewCount: dice.between(0, 9),
    createdAtMs: dice.between(0, 1_000),
    inStock: dice.hits(0.5),
  })
}

function drawRequest(dice: Dice): SearchRequest {
  const sometimes = <T>(value: T) => (dice.hits(0.25) ? value : undefined)
  const words = Array.from({ length: dice.between(0, 2) }, () => dice.pick(WORDS))
  return {
    term: words.join(' '),
    category: sometimes(dice.pick(['A', 'A > B', 'D', 'E'])),
    brand: sometimes(dice.pick(['Acme', 'Öko', 'None'])),
    minPrice: sometimes(dice.between(0, 1_000)),
    maxPrice: sometimes(dice.between(500, 2_000)),
    minRating: sometimes(dice.between(0, 5)),
    inStock: dice.hits(0.3),
    sort: dice.pick(searchSorts),
    offset: 0,
    limit: 100,
  }
}

/** Whole words only: all words of a request are some product's, and none begins another. */
function matching(documents: Iterable<ProductDocument>, request: SearchRequest): readonly string[] {
  const { category, brand, minPrice = 0, maxPrice = Number.POSITIVE_INFINITY, minRating = 0 } = request
  const wanted = wordsOf(request.term)
  return [...documents]
    .filter((document) => {
      const { title, description, categories } = document
      const texts = [title, description, document.brand ?? '', categories.at(-1) ?? '']
      const words = new Set(texts.flatMap(wordsOf))
      return (
        wanted.every((word) => words.has(word)) &&
        (category === undefined || categories.includes(category)) &&
        (brand === undefined || document.brand === brand) &&
        document.price >= minPrice &&
        document.price <= maxPrice &&
        document.rating >= minRating &&
        (!request.inStock || document.inStock)
      )
    })
    .map(({ productId }) => productId)
    .sort()
}

const model = suite('the index in memory', { limitMs: 60_000 })

model('finds what a look at every product finds, whatever it was told', async () => {
  note(`TEST_SEED=${seed}`)
  const dice = new Dice(seed)
  const index = new EmbeddedIndex({ deadMax: 40 })
  const told = new Map<ProductId, ProductDocument>()
  let found = 0
  for (let step = 0; step < 1_500; step++) {
    const document = drawDocument(dice, dice.between(1, PRODUCTS))
    const { productId } = document
    const before = told.get(productId)
    if (dice.hits(0.5)) {
      told.set(productId, document)
      await index.put([document])
    } else if (before !== undefined && dice.hits(0.2)) {
      const again = { ...before, inStock: document.inStock }
      told.set(productId, again)
      await index.put([again])
    } else if (dice.hits(0.4)) {
      told.delete(productId)
      await index.remove([productId])
    } else {
      if (before !== undefined) told.set(productId, { ...before, inStock: document.inStock })
      await index.setInStock([document])
    }
    const request = drawRequest(dice)
    const { hits, total } = await index.search(request)
    const expected = matching(told.values(), request)
    // With few found, words are taken more widely: those that have them all are found all the same.
    const ids = hits.map((hit) => hit.productId as string)
    assert.is(new Set(ids).size, ids.length, 'none comes twice')
    assert.is(total, ids.length)
    const missing = expected.filter((each) => !ids.includes(each))
    assert.equal(missing, [], `step ${step}: ${JSON.stringify(request)}`)
    if (request.term === '')
      assert.equal(ids.toSorted(), expected, `step ${step}: ${JSON.stringify(request)}`)
    found += expected.length
  }
  assert.ok(found > 1_000, String(found))
  assert.is(index.products, told.size)
  const contents = await Array.fromAsync(index.contents())
  assert.equal(
    contents.map(({ productId, revision, inStock }) => `${productId} ${revision} ${inStock}`).sort(),
    [...told.values()]
      .map(({ productId, revision, inStock }) => `${productId} ${revision} ${inStock}`)
      .sort(),
  )
})

model('keeps no words that no product has had for long', async () => {
  const deadMax = 40
  const index = new EmbeddedIndex({ deadMax })
  await index.put([documentNamed('lamp', 'blue lamp')])
  for (let change = 0; change < 1_000; change++)
    await index.put([documentNamed('phone', `change${change} phone`, { revision: `${change}.0` })])
  assert.ok(index.words < 2 * deadMax, String(index.words))
  const found = async (term: string) => (await index.search({ ...EVERYTHING, term })).hits.map(idOf)
  assert.equal(await found('change999'), ['phone'])
  assert.equal(await found('change99'), ['phone'], 'it goes on')
  assert.equal(await found('bleu lmap'), ['lamp'])
  assert.equal(await found('change0 lamp'), [])
})

model.run()

function idOf({ productId }: { readonly productId: ProductId }): string {
  return productId
}
