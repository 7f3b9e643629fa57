/** The index on a real server: what every index must do, and how another collection takes the live one's place. */
import * as assert from 'uvu/assert'
import { z } from 'zod'
import type { ProductId } from '../../../src/domain/ids.ts'
import { realClock, realRandom, realTimers } from '../../../src/seams.ts'
import { IndexLost, IndexUnavailable, type SearchRequest } from '../../../src/search/search-index.ts'
import { TypesenseServer } from '../../../src/search/typesense/server.ts'
import { slipsOf } from '../../../src/search/typesense/slips.ts'
import { TypesenseIndex } from '../../../src/search/typesense/typesense-index.ts'
import { searchIndexContract } from '../../contract/search-indexes.ts'
import { Dice } from '../../support/dice.ts'
import { suite } from '../../support/suite.ts'
import { TypesenseServerProcess } from '../../support/typesense-server.ts'
import { documentNamed, EVERYTHING } from '../catalog.ts'
import { thrownBy } from './thrown-by.ts'

const NEEDS = { needs: ['typesense-server'], limitMs: 60_000 }
const collectionsSchema = z.array(z.object({ name: z.string() }))
const searchedSchema = z.object({ request_params: z.object({ collection_name: z.string() }) })

let started: Promise<TypesenseServerProcess> | undefined
let aliases = 0

function newAlias(): string {
  aliases += 1
  return `shop_${aliases}`
}

async function indexFor(alias = newAlias()): Promise<TypesenseIndex> {
  started ??= TypesenseServerProcess.start()
  const { url, apiKey } = await started
  const server = new TypesenseServer({ urls: [url], apiKey, callMs: 10_000, bulkMs: 20_000 }, realTimers)
  return new TypesenseIndex({ server, clock: realClock, random: realRandom(), alias })
}

async function ask(method: string, path: string): Promise<unknown> {
  started ??= TypesenseServerProcess.start()
  const { url, apiKey } = await started
  const response = await fetch(`${url}${path}`, { method, headers: { 'x-typesense-api-key': apiKey } })
  return await response.json()
}

/** The real collection that answers under an alias. */
async function collectionBehind(alias: string): Promise<string> {
  const path = `/collections/${alias}/documents/search?q=*&query_by=title_words`
  return searchedSchema.parse(await ask('GET', path)).request_params.collection_name
}

async function collectionsOf(alias: string): Promise<readonly string[]> {
  const names = collectionsSchema.parse(await ask('GET', '/collections')).map(({ name }) => name)
  return names.filter((name) => name.startsWith(`${alias}_`))
}

async function found(index: TypesenseIndex, request: Partial<SearchRequest>): Promise<readonly string[]> {
  const { hits } = await index.search({ ...EVERYTHING, ...request })
  return hits.map(({ productId }) => productId)
}

const WORDS =
  'samsung galaxy phone prepaid memory black silver titanium unlocked verizon wireless charger adapter cable leather wallet case screen protector tempered glass camera lens tripod battery portable speaker headphones bluetooth keyboard'.split(
    ' ',
  )

const id = (text: string) => text as ProductId

searchIndexContract(
  'Typesense',
  async () => {
    const index = await indexFor()
    return { index, close: async () => index.close() }
  },
  NEEDS,
)

const searching = suite('a search on a real Typesense', NEEDS)

searching('a word that has only begun may stand anywhere', async () => {
  const index = await indexFor()
  await index.put([documentNamed('iphone', 'iPhone 17 Pro', { brand: 'Apple' })])
  for (const term of ['ipho apple', 'apple ipho', 'ipho apple pro', '17 app iphone'])
    assert.equal(await found(index, { term }), ['iphone'], term)
  assert.equal(await found(index, { term: 'ipho zebra' }), [])
})

searching('a title with one or two slips in it is found, wherever they are', async () => {
  const seed = 20_261_128
  const dice = new Dice(seed)
  const index = await indexFor()
  const titles = Array.from({ length: 80 }, () => dice.shuffled(WORDS).slice(0, dice.between(3, 10)))
  await index.put(titles.map((words, at) => documentNamed(`p${at}`, words.join(' '))))
  for (const slips of [1, 2]) {
    const missed: string[] = []
    for (const [at, words] of titles.entries()) {
      const typed = [...words]
      for (const place of dice.shuffled([...words.keys()]).slice(0, slips)) {
        typed[place] = dice.pick([...slipsOf(words[place] ?? '')])
      }
      const term = typed.join(' ')
      if (!(await found(index, { term, limit: 10 })).includes(`p${at}`)) missed.push(term)
    }
    assert.ok(missed.length <= 2, `seed ${seed}, ${slips} slips: ${missed.join('; ')}`)
  }
})

searching('says which word was meant', async () => {
  const index = await indexFor()
  await index.put([documentNamed('lamp', 'Blue desk lamp', { brand: 'Orbit' })])
  const wordsOf = async (term: string) => {
    const { hits } = await index.search({ ...EVERYTHING, term })
    return hits[0]?.words.toSorted()
  }
  assert.equal(await wordsOf('alamp'), ['lamp'])
  assert.equal(await wordsOf('bleu desk'), ['blue', 'desk'])
  assert.equal(await wordsOf('rbit desk lamp'), ['desk', 'lamp', 'orbit'])
})

searching('words that were typed as one are told apart where they were found', async () => {
  const index = await indexFor()
  await index.put([documentNamed('charger', 'Wireless charger', { details: ['USB-C'] })])
  const wordsOf = async (term: string) => (await index.search({ ...EVERYTHING, term })).hits[0]?.words
  assert.equal(await wordsOf('wirelesscharger'), ['wireless', 'charger'])
  assert.equal(await wordsOf('wirel'), ['wireless'])
})

searching(
  'a brand or a category is compared as it is written, and paths may be as long as they are',
  async () => {
    const index = await indexFor()
    const path = ['A'.repeat(140), 'B'.repeat(140)]
    const category = path.join(' > ')
    await index.put([
      documentNamed('one', 'One', { brand: 'Nomad & Söhne', categories: [path[0] ?? '', category] }),
      documentNamed('two', 'Two', { brand: 'nomad sohne', categories: ['A B'] }),
      documentNamed('three', 'Three', { categories: ['A', 'A > B'] }),
    ])
    assert.equal(await found(index, { brand: 'Nomad & Söhne' }), ['one'])
    assert.equal(await found(index, { brand: 'nomad sohne' }), ['two'])
    assert.equal(await found(index, { category: 'A B' }), ['two'])
    assert.equal(await found(index, { category: 'A > B' }), ['three'])
    assert.equal(await found(index, { category }), ['one'])
    const { facets } = await index.search(EVERYTHING)
    assert.ok(facets.category.some(({ value }) => value === category))
  },
)

searching('prices are compared to the last digit, however large', async () => {
  const index = await indexFor()
  await index.put([
    documentNamed('cheaper', 'Diamond', { price: 199_999.98 }),
    documentNamed('dearer', 'Diamond', { price: 199_999.99 }),
  ])
  assert.equal(await found(index, { maxPrice: 199_999.98 }), ['cheaper'])
  assert.equal(await found(index, { minPrice: 199_999.99 }), ['dearer'])
  assert.equal(await found(index, { minPrice: 1e300 }), [])
  assert.equal(await found(index, { maxPrice: 0.001, minPrice: -1e300 }), [])
})

searching('a page may begin anywhere', async () => {
  const index = await indexFor()
  const ids = Array.from({ length: 10 }, (_, i) => `p${i}`)
  await index.put(ids.map((each, i) => documentNamed(each, 'Lamp', { price: i })))
  for (const [offset, limit] of [
    [0, 3],
    [1, 3],
    [3, 4],
    [9, 4],
    [7, 7],
  ] as const) {
    const page = await found(index, { sort: 'price-asc', offset, limit })
    assert.equal(page, ids.slice(offset, offset + limit), `${offset} ${limit}`)
  }
})

searching('finds words of any script, in the forms people type them', async () => {
  const index = await indexFor()
  await index.put(
    ['Холодильник Бош', '日本語カメラ', 'ψυγείο', 'ثلاجة', 'कैमरा', 'Straße', 'Ærø Øl', '２０ Ｗａｔｔ'].map(
      (title, at) => documentNamed(`p${at}`, title),
    ),
  )
  for (const [term, at] of [
    ['холодилник', 0],
    ['ХОЛОД', 0],
    ['日本', 1],
    ['カメラ', 1],
    ['ψυγειο', 2],
    ['ثلاجة', 3],
    ['कैमरा', 4],
    ['strasse', 5],
    ['aero ol', 6],
    ['20 watt', 7],
  ] as const)
    assert.equal(await found(index, { term }), [`p${at}`], term)
})

searching('any text is a term, however long or strange', async () => {
  const index = await indexFor()
  await index.put([documentNamed('lamp', 'Blue lamp')])
  const long = 'lamp '.repeat(2_000)
  const words = Array.from({ length: 500 }, (_, i) => `word${i}`).join(' ')
  for (const term of [
    long,
    words,
    'x'.repeat(100_000),
    '\u0000\u0002lamp\u0003',
    '\ud800',
    '日'.repeat(5_000),
  ])
    assert.ok((await index.search({ ...EVERYTHING, term })).total <= 1)
  assert.equal(await found(index, { term: long }), ['lamp'])
  assert.equal(await found(index, { term: '\u0002lamp\u0003' }), ['lamp'])
})

searching.run()

const writing = suite('writes to a real Typesense', NEEDS)

writing('thousands of documents go in batches, and come out again', async () => {
  const index = await indexFor()
  const ids = Array.from({ length: 1_201 }, (_, i) => `p.${i}-${'x'.repeat(i % 50)}`)
  assert.equal(await index.put(ids.map((each) => documentNamed(each, `Lamp ${each}`))), [])
  const contents = await Array.fromAsync(index.contents())
  assert.equal(contents.map(({ productId }) => productId as string).toSorted(), ids.toSorted())
  await index.setInStock(ids.map((each) => ({ productId: id(each), inStock: false })))
  assert.is((await index.search({ ...EVERYTHING, inStock: true })).total, 0)
  await index.remove(ids.slice(1).map(id))
  assert.equal(await found(index, {}), [ids[0]])
})

writing('a document that the server cannot take is refused by itself (X3)', async () => {
  const index = await indexFor()
  const refused = await index.put([
    documentNamed('good', 'Lamp'),
    documentNamed('bad', 'Lamp', { price: Number.NaN }),
    documentNamed('better', 'Lamp'),
  ])
  assert.equal(
    refused.map(({ productId }) => productId),
    ['bad'],
  )
  assert.match(refused[0]?.why ?? '', 'price')
  assert.equal((await found(index, {})).toSorted(), ['better', 'good'])
})

writing('of several writes at once the last one stands', async () => {
  const index = await indexFor()
  const titles = Array.from({ length: 20 }, (_, i) => `Lamp number ${i}`)
  await Promise.all(titles.map((title) => index.put([documentNamed('lamp', title)])))
  assert.equal(await index.suggest('lamp', 5), ['Lamp number 19'])
})

writing.run()

const rebuilding = suite('a rebuild on a real Typesense', NEEDS)

rebuilding(
  'another collection takes the place of the live one, and nobody who searches notices',
  async () => {
    const alias = newAlias()
    const index = await indexFor(alias)
    const ids = Array.from({ length: 300 }, (_, i) => `p${i}`)
    const lamps = ids.map((each) => documentNamed(each, 'Old lamp'))
    await index.put(lamps)
    const before = await collectionBehind(alias)

    let isOver = false
    let searches = 0
    const shoppers = Array.from({ length: 4 }, async () => {
      for (; !isOver; searches++)
        assert.is((await index.search({ ...EVERYTHING, term: 'lamp' })).total, ids.length)
    })
    const rebuild = await index.beginRebuild()
    assert.equal(await rebuild.put(lamps), [])
    assert.is(await collectionBehind(alias), before)
    await rebuild.finish()
    const after = await collectionBehind(alias)
    await new Promise((resolve) => setTimeout(resolve, 100))
    isOver = true
    await Promise.all(shoppers)

    assert.is.not(after, before)
    assert.ok(searches > 10)
    assert.equal(await collectionsOf(alias), [after])
  },
)

rebuilding(
  'changes that come meanwhile are in both, and what was read before them does not undo them',
  async () => {
    const index = await indexFor()
    const read = ['changed', 'gone', 'sold-out', 'back', 'same', 'gone-too'].map((each) =>
      documentNamed(each, `Lamp ${each}`),
    )
    await index.put(read)
    const rebuild = await index.beginRebuild()
    await rebuild.put(read.slice(3))

    await index.put([documentNamed('changed', 'Sofa', { revision: '2.0' }), documentNamed('new', 'Sofa')])
    await index.remove([id('gone'), id('gone-too')])
    await index.setInStock([
      { productId: id('sold-out'), inStock: false },
      { productId: id('back'), inStock: false },
    ])
    const live = async () =>
      (await Array.fromAsync(index.contents())).toSorted((a, b) => (a.productId < b.productId ? -1 : 1))
    const expected = [
      { productId: 'back', revision: '1.0', inStock: false },
      { productId: 'changed', revision: '2.0', inStock: true },
      { productId: 'new', revision: '1.0', inStock: true },
      { productId: 'same', revision: '1.0', inStock: true },
      { productId: 'sold-out', revision: '1.0', inStock: false },
    ]
    assert.equal(await live(), expected)
    await rebuild.put(read.slice(0, 3))
    await rebuild.finish()
    assert.equal(await live(), expected)
    assert.equal((await found(index, { term: 'sofa' })).toSorted(), ['changed', 'new'])
  },
)

rebuilding('is abandoned without a trace, and there may be another', async () => {
  const alias = newAlias()
  const index = await indexFor(alias)
  await index.put([documentNamed('lamp', 'Lamp')])
  const rebuild = await index.beginRebuild()
  assert.instance(await thrownBy(() => index.beginRebuild()), Error)
  await rebuild.abandon()
  assert.is((await collectionsOf(alias)).length, 1)
  assert.instance(await thrownBy(() => rebuild.finish()), IndexLost)
  const another = await index.beginRebuild()
  await another.finish()
  assert.equal(await found(index, {}), [])
})

rebuilding('that broke off is cleared away at the next start, and nothing of other shops', async () => {
  const [alias, other] = [newAlias(), `${newAlias()}_products`]
  const index = await indexFor(alias)
  await index.put([documentNamed('lamp', 'Lamp')])
  const brokenOff = await index.beginRebuild()
  for (const each of [other, `${alias}_more`]) await (await indexFor(each)).open()
  assert.is((await collectionsOf(alias)).length, 3)
  const next = await indexFor(alias)
  assert.is(await next.open(), 'found')
  assert.equal(await found(next, {}), ['lamp'])
  assert.is((await collectionsOf(alias)).length, 2)
  assert.is((await collectionsOf(other)).length, 1)

  assert.instance(await thrownBy(() => brokenOff.finish()), IndexLost)
  assert.equal(await found(next, {}), ['lamp'], 'no alias leads to what is not there')
  assert.equal(await index.put([documentNamed('sofa', 'Sofa')]), [], 'the live one goes on')
  assert.instance(await thrownBy(() => brokenOff.put([documentNamed('sofa', 'Sofa')])), IndexLost)
  await (await index.beginRebuild()).abandon()
  assert.equal(await found(index, { term: 'sofa' }), ['sofa'])
})

rebuilding('is asked for where the index is new, or of another version', async () => {
  const alias = newAlias()
  const index = await indexFor(alias)
  assert.instance(await thrownBy(() => index.search(EVERYTHING)), IndexLost)
  assert.is(await index.open(), 'made')
  assert.is(await index.open(), 'found')
  const [collection] = await collectionsOf(alias)
  started ??= TypesenseServerProcess.start()
  const { url, apiKey } = await started
  await fetch(`${url}/collections/${collection}`, {
    method: 'PATCH',
    headers: { 'x-typesense-api-key': apiKey },
    body: '{"fields":[{"name":"joined_words","drop":true}]}',
  })
  assert.is(await index.open(), 'outdated')
  assert.instance(await thrownBy(() => index.search({ ...EVERYTHING, term: 'lamp' })), IndexLost)
  await (await index.beginRebuild()).finish()
  assert.is(await index.open(), 'found')
  assert.equal(await found(index, { term: 'lamp' }), [])
})

rebuilding('an index that was dropped by somebody is lost, and not made again unasked', async () => {
  const alias = newAlias()
  const index = await indexFor(alias)
  await index.put([documentNamed('lamp', 'Lamp')])
  await ask('DELETE', `/collections/${await collectionBehind(alias)}`)
  assert.instance(await thrownBy(() => index.search(EVERYTHING)), IndexLost)
  assert.instance(await thrownBy(() => index.suggest('lamp', 5)), IndexLost)
  assert.instance(await thrownBy(() => Array.fromAsync(index.contents())), IndexLost)
  assert.instance(await thrownBy(() => index.put([documentNamed('lamp', 'Lamp')])), IndexLost)
  assert.instance(
    await thrownBy(() => index.setInStock([{ productId: id('lamp'), inStock: true }])),
    IndexLost,
  )
  assert.instance(await thrownBy(() => index.remove([id('lamp')])), IndexLost)
  assert.equal(await collectionsOf(alias), [])
  assert.is(await index.open(), 'made')
  assert.equal(await found(index, {}), [])
})

rebuilding.run()

const ending = suite('a real Typesense that ends', NEEDS)

ending.after(async () => (await started)?.stop())

ending('is unavailable, at once', async () => {
  const index = await indexFor()
  await index.put([documentNamed('lamp', 'Lamp')])
  await (await started)?.stop()
  const begunMs = performance.now()
  for (const work of [
    () => index.search(EVERYTHING),
    () => index.suggest('lamp', 5),
    () => index.put([documentNamed('lamp', 'Lamp')]),
    () => index.remove([id('lamp')]),
    () => Array.fromAsync(index.contents()),
    () => index.beginRebuild(),
  ])
    assert.instance(await thrownBy(work), IndexUnavailable)
  assert.ok(performance.now() - begunMs < 5_000)
})

ending.run()
