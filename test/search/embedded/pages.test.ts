/** Only those who may be on a page are looked at closely: it is the part of the whole order that it should be. */
import * as assert from 'uvu/assert'
import { EmbeddedIndex } from '../../../src/search/embedded/embedded-index.ts'
import { type SearchRequest, searchSorts } from '../../../src/search/search-index.ts'
import { Dice } from '../../support/dice.ts'
import { note, suite } from '../../support/suite.ts'
import { documentNamed, EVERYTHING } from '../catalog.ts'

const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
const PRODUCTS = 3_000
/** Some common, some rare. */
const WORDS = ['lamp', 'lamp', 'lamp', 'lamps', 'lampshade', 'lampion', 'oil', 'oil', 'desk', 'blue']
const TERMS = ['la', 'lamp', 'lampi', 'oil', 'oil lamp', 'desk la', 'lapm', 'blue oil desk', '']

const pages = suite('a page', { limitMs: 60_000 })

pages('is that part of all that was found, in whatever order and with whatever filters', async () => {
  note(`TEST_SEED=${seed}`)
  const dice = new Dice(seed)
  const index = new EmbeddedIndex()
  const words = (most: number) =>
    Array.from({ length: dice.between(1, most) }, () => dice.pick(WORDS)).join(' ')
  for (let i = 0; i < PRODUCTS; i++) {
    const document = documentNamed(`p-${i}`, words(5), {
      description: words(20),
      brand: dice.pick(['Acme', undefined]),
      price: dice.between(1, 50),
      rating: dice.hits(0.5) ? 0 : dice.between(100, 500) / 100,
      inStock: dice.hits(0.7),
    })
    await index.put([document])
    if (dice.hits(0.1)) await index.put([{ ...document, revision: '2.0', description: words(20) }])
  }
  for (const term of TERMS) {
    for (const sort of searchSorts) {
      const request: SearchRequest = {
        ...EVERYTHING,
        term,
        sort,
        inStock: dice.hits(0.3),
        brand: dice.pick(['Acme', undefined]),
        maxPrice: dice.pick([undefined, 10]),
      }
      const whole = await index.search({ ...request, limit: PRODUCTS })
      assert.is(whole.hits.length, whole.total)
      for (const offset of [0, 20, dice.between(0, whole.total), Math.max(0, whole.total - 5)]) {
        const page = await index.search({ ...request, offset, limit: 20 })
        const expected = { ...whole, hits: whole.hits.slice(offset, offset + 20) }
        assert.equal(page, expected, JSON.stringify({ ...request, offset }))
      }
    }
  }
})

pages('goes on where the one before ended, also where a score lies between two tiers', async () => {
  const index = new EmbeddedIndex()
  const documentAt = (i: number) => {
    if (i < 29) return documentNamed(idAt(i), 'lamp', { inStock: true })
    if (i < 69) return documentNamed(idAt(i), 'lamps', { inStock: false })
    return documentNamed(idAt(i), i < 100 ? 'lamps red' : 'desk', { inStock: true })
  }
  await index.put(Array.from({ length: 500 }, (_, i) => documentAt(i)))
  const whole = await index.search({ ...EVERYTHING, term: 'lamp', limit: 100 })
  for (let offset = 0; offset < whole.total; offset += 20) {
    const page = await index.search({ ...EVERYTHING, term: 'lamp', offset, limit: 20 })
    assert.equal(page.hits, whole.hits.slice(offset, offset + 20), `from ${offset}`)
  }
})

pages('without anything on it costs no more than others', async () => {
  const index = new EmbeddedIndex()
  const lamps = Array.from({ length: 20_000 }, (_, i) =>
    documentNamed(idAt(i), `lamp ${i % 7}`, { price: 5 }),
  )
  await index.put(lamps)
  await index.search({ ...EVERYTHING, term: 'lamp' })
  const before = process.memoryUsage().arrayBuffers
  for (const sort of searchSorts) {
    const { total } = await index.search({ ...EVERYTHING, term: 'lamp', minPrice: 1_000, sort })
    assert.is(total, 0)
  }
  const grown = process.memoryUsage().arrayBuffers - before
  assert.ok(grown < 4 * 2 ** 20, `${grown} bytes`)
})

pages('of a product whose stock changed alone shows it so, without a word anew', async () => {
  const index = new EmbeddedIndex()
  const lamp = documentNamed('lamp', 'blue lamp', { inStock: true })
  await index.put([lamp, documentNamed('desk', 'blue desk', { inStock: true })])
  const { words } = index
  await index.put([{ ...lamp, inStock: false }])
  const { hits } = await index.search({ ...EVERYTHING, term: 'blue', inStock: true })
  assert.equal(
    hits.map(({ productId }) => productId as string),
    ['desk'],
  )
  assert.is(index.words, words)
  assert.is(index.products, 2)
})

function idAt(i: number): string {
  return `p-${String(i).padStart(5, '0')}`
}

pages.run()
