/** What every implementation of `SearchIndex` must do (X1 to X4), whoever keeps the words. */
import * as assert from 'uvu/assert'
import type { ProductId } from '../../src/domain/ids.ts'
import type { ProductDocument } from '../../src/search/product-document.ts'
import type { SearchAnswer, SearchIndex, SearchRequest } from '../../src/search/search-index.ts'
import { documentNamed, EVERYTHING } from '../search/catalog.ts'
import type { TestOptions } from '../support/recorder.ts'
import { suite } from '../support/suite.ts'

export type OpenIndex = {
  readonly index: SearchIndex
  close(): Promise<void>
}

const PHONES = { categories: ['Phones', 'Phones > Smart'], reviewCount: 3 }
const CATALOG: readonly ProductDocument[] = [
  documentNamed('iphone', 'iPhone 17 Pro', { ...PHONES, brand: 'Apple', price: 1_199, rating: 4.5 }),
  documentNamed('pixel', 'Pixel 11', { ...PHONES, brand: 'Google', price: 899, rating: 4, inStock: false }),
  documentNamed('galaxy', 'Galaxy S27 Ultra', { ...PHONES, brand: 'Samsung', price: 1_299.5, rating: 3.2 }),
  documentNamed('case', 'Leather case', {
    brand: 'Nomad & Söhne',
    categories: ['Accessories'],
    description: 'Made for the iPhone 17 Pro. Keeps its shape.',
    price: 49.99,
    createdAtMs: 1_767_355_200_000,
  }),
  documentNamed('charger', 'Wireless charger', {
    brand: 'Anker',
    categories: ['Accessories'],
    details: ['Qi2', 'USB-C'],
    price: 25,
    rating: 5,
    reviewCount: 1,
  }),
  documentNamed('espresso', 'Café crème espresso maker', { price: 9.99, rating: 1.5, reviewCount: 2 }),
]

/** Declares the suite; `open` makes an empty index. */
export function searchIndexContract(
  name: string,
  open: () => Promise<OpenIndex>,
  options: TestOptions = {},
): void {
  const test = suite(`${name} as a search index`, options)

  async function within(use: (index: SearchIndex) => Promise<void>, documents = CATALOG): Promise<void> {
    const { index, close } = await open()
    try {
      assert.equal(await index.put(documents), [])
      await use(index)
    } finally {
      await close()
    }
  }

  async function found(
    index: SearchIndex,
    request: Partial<SearchRequest> | string,
  ): Promise<readonly string[]> {
    const asked = typeof request === 'string' ? { term: request } : request
    const { hits } = await index.search({ ...EVERYTHING, ...asked })
    return hits.map(({ productId }) => productId)
  }

  test('finds words in any order, whatever their case, and those that have only begun', () =>
    within(async (index) => {
      for (const term of ['iphone pro', 'PRO iphone', 'iPhone 17 Pro', 'iph', 'apple ipho', 'iphone 1'])
        assert.is((await found(index, term))[0], 'iphone', term)
      assert.equal(await found(index, 'galaxy wireless'), [], 'all words must be there')
      assert.equal(await found(index, 'nothing like it'), [])
    }))

  test('forgives one error in a word of four letters, two in one of eight', () =>
    within(async (index) => {
      for (const [term, productId] of [
        ['ihpone', 'iphone'],
        ['iphoen', 'iphone'],
        ['iphne', 'iphone'],
        ['ipphone', 'iphone'],
        ['pixal', 'pixel'],
        ['galxay ultra', 'galaxy'],
        ['wirelss chargr', 'charger'],
        ['wierlses', 'charger'],
        ['espreso makr', 'espresso'],
        ['samsnug', 'galaxy'],
      ] as const)
        assert.is((await found(index, term))[0], productId, term)
      assert.equal(await found(index, 'pxl'), [], 'too short to be wrong')
    }))

  test('joins and splits words, and knows letters with marks from those without', () =>
    within(async (index) => {
      for (const [term, productId] of [
        ['i phone', 'iphone'],
        ['wirelesscharger', 'charger'],
        ['cafe creme', 'espresso'],
        ['café', 'espresso'],
        ['sohne', 'case'],
        ['usbc', 'charger'],
        ['usb c', 'charger'],
      ] as const)
        assert.is((await found(index, term))[0], productId, term)
    }))

  test('puts the title before the rest of a product, and what is in stock before what is not', () =>
    within(async (index) => {
      assert.equal(await found(index, 'iphone 17 pro'), ['iphone', 'case'])
      const same = [
        documentNamed('a', 'Blue lamp', { inStock: false }),
        documentNamed('b', 'Blue lamp'),
        documentNamed('c', 'Blue lamp', { rating: 5, reviewCount: 9 }),
      ]
      await index.put(same)
      assert.equal(await found(index, 'blue lamp'), ['c', 'b', 'a'])
    }))

  test('says which words of a product were found', () =>
    within(async (index) => {
      const wordsOf = async (term: string) =>
        (await index.search({ ...EVERYTHING, term })).hits[0]?.words.toSorted()
      assert.equal(await wordsOf('ihpone'), ['iphone'])
      assert.equal(await wordsOf('cafe espr'), ['cafe', 'espresso'])
      assert.equal((await index.search(EVERYTHING)).hits[0]?.words, [])
    }))

  test('filters by category, brand, price, rating and stock', () =>
    within(async (index) => {
      const sorted = async (request: Partial<SearchRequest>) => (await found(index, request)).toSorted()
      assert.equal(await sorted({ category: 'Phones' }), ['galaxy', 'iphone', 'pixel'])
      assert.equal(await sorted({ category: 'Phones > Smart', inStock: true }), ['galaxy', 'iphone'])
      assert.equal(await sorted({ category: 'Smart' }), [])
      assert.equal(await sorted({ brand: 'Nomad & Söhne' }), ['case'])
      assert.equal(await sorted({ brand: 'Nomad' }), [])
      assert.equal(await sorted({ minPrice: 25, maxPrice: 49.99 }), ['case', 'charger'])
      assert.equal(await sorted({ minPrice: 1_299.51 }), [])
      assert.equal(await sorted({ minRating: 4 }), ['charger', 'iphone', 'pixel'])
      assert.equal(await sorted({ term: 'pro', category: 'Accessories' }), ['case'])
    }))

  test('counts a rating that is just the least one', () =>
    within(async (index) => {
      // Times a hundred, each of these is a little more than a whole number.
      const ratings = [1.1, 2.2, 4.4]
      await index.put(ratings.map((rating) => documentNamed(`rated-${rating}`, 'Rated', { rating })))
      for (const rating of ratings) {
        const { hits } = await index.search({
          ...EVERYTHING,
          term: 'rated',
          minRating: rating,
          sort: 'rating',
        })
        assert.is(hits.at(-1)?.productId, `rated-${rating}`)
      }
    }))

  test('takes what a shopper types for words and values alone (attack 42)', () =>
    within(async (index) => {
      for (const value of [
        'Apple` || in_stock:=true',
        '`',
        'Apple`]',
        '[Apple,Google]',
        'Apple && price:>0',
        '=Apple',
        '*',
        '\\',
        '',
      ]) {
        assert.equal(await found(index, { brand: value }), [], value)
        assert.equal(await found(index, { category: value }), [], value)
      }
      for (const term of ['*', '"', '-iphone', 'title:iphone', 'iphone OR pixel', 'NEAR(iphone, 2)', '`']) {
        const { total } = await index.search({ ...EVERYTHING, term })
        assert.ok(total <= CATALOG.length, term)
      }
      assert.equal(await found(index, '-pixel'), ['pixel'], 'a minus takes nothing away')
      assert.equal(await found(index, '"pixel"'), ['pixel'])
    }))

  test('sorts by price, rating and age, and pages without a gap or a repetition', () =>
    within(async (index) => {
      const byPrice = ['espresso', 'charger', 'case', 'pixel', 'iphone', 'galaxy']
      assert.equal(await found(index, { sort: 'price-asc' }), byPrice)
      assert.equal(await found(index, { sort: 'price-desc' }), byPrice.toReversed())
      assert.is((await found(index, { sort: 'newest' }))[0], 'case')
      assert.equal((await found(index, { sort: 'rating' })).slice(0, 3), ['charger', 'iphone', 'pixel'])
      for (const sort of ['relevance', 'price-asc', 'rating', 'newest'] as const) {
        const whole = await found(index, { sort })
        const pages = [0, 1, 2].map((page) => found(index, { sort, offset: 2 * page, limit: 2 }))
        assert.equal((await Promise.all(pages)).flat(), whole, sort)
      }
      assert.equal(await found(index, { offset: 100 }), [])
      assert.is((await index.search({ ...EVERYTHING, offset: 100 })).total, CATALOG.length)
    }))

  test('counts what was found by category, brand, price and rating', () =>
    within(async (index) => {
      const { facets, total } = await index.search(EVERYTHING)
      assert.is(total, 6)
      assert.equal(facets.category, [
        { value: 'Phones', count: 3 },
        { value: 'Phones > Smart', count: 3 },
        { value: 'Accessories', count: 2 },
      ])
      assert.equal(
        facets.brand.map(({ value }) => value),
        ['Anker', 'Apple', 'Google', 'Nomad & Söhne', 'Samsung'],
      )
      assert.equal(facets.price, [
        { value: '0-10', count: 1 },
        { value: '25-50', count: 2 },
        { value: '750-1500', count: 3 },
      ])
      assert.equal(facets.rating, [
        { value: '4', count: 3 },
        { value: '3', count: 4 },
        { value: '2', count: 4 },
        { value: '1', count: 5 },
      ])
      const some = await index.search({ ...EVERYTHING, term: 'pro', limit: 1 })
      assert.equal(some.facets.brand, [
        { value: 'Apple', count: 1 },
        { value: 'Nomad & Söhne', count: 1 },
      ])
      const none: SearchAnswer = await index.search({ ...EVERYTHING, term: 'zzzzzz' })
      assert.equal(none, { hits: [], total: 0, facets: { category: [], brand: [], price: [], rating: [] } })
    }))

  test('has one of each product, as it was told last (X1)', () =>
    within(async (index) => {
      const renamed = documentNamed('pixel', 'Nexus 12', { revision: '2.0' })
      await index.put([renamed])
      await index.put([renamed])
      assert.equal(await found(index, 'pixel'), [])
      assert.equal(await found(index, 'nexus'), ['pixel'])
      await index.setInStock([
        { productId: 'pixel' as ProductId, inStock: false },
        { productId: 'unheard-of' as ProductId, inStock: true },
      ])
      assert.equal(await found(index, { term: 'nexus', inStock: true }), [])
      await index.setInStock([{ productId: 'pixel' as ProductId, inStock: true }])
      assert.equal(await found(index, { term: 'nexus', inStock: true }), ['pixel'])
      await index.remove(['pixel', 'unheard-of'] as string[] as ProductId[])
      assert.equal(await found(index, 'nexus'), [])
      assert.is((await index.search(EVERYTHING)).total, 5)
      await index.put([renamed])
      assert.equal(await found(index, 'nexus'), ['pixel'])
    }))

  test('completes what is being typed', () =>
    within(async (index) => {
      assert.equal(await index.suggest('ga', 5), ['Galaxy S27 Ultra'])
      assert.equal(await index.suggest('iph', 5), ['iPhone 17 Pro'])
      assert.equal(await index.suggest('wireless ch', 5), ['Wireless charger'])
      assert.equal(await index.suggest('ultr', 5), ['Galaxy S27 Ultra'])
      assert.equal(await index.suggest('zzz', 5), [])
      await index.put([1, 2, 3].map((i) => documentNamed(`twin-${i}`, 'Twin lens')))
      assert.equal(await index.suggest('twin', 5), ['Twin lens'])
      assert.is((await index.suggest('p', 1)).length, 1)
    }))

  test('tells all that it has', () =>
    within(async (index) => {
      const contents = await Array.fromAsync(index.contents())
      const key = ({ productId }: { readonly productId: string }) => productId
      const expected = CATALOG.map(({ productId, revision, inStock }) => ({ productId, revision, inStock }))
      assert.equal(
        contents.toSorted((a, b) => key(a).localeCompare(key(b))),
        expected.toSorted((a, b) => key(a).localeCompare(key(b))),
      )
    }))

  test('with nothing in it finds nothing', () =>
    within(async (index) => {
      assert.equal(await found(index, 'iphone'), [])
      assert.is((await index.search(EVERYTHING)).total, 0)
      assert.equal(await index.suggest('i', 5), [])
      assert.equal(await Array.fromAsync(index.contents()), [])
    }, []))

  test.run()
}
