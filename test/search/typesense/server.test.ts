/** L1 to L4 of `server.ts`, on a server that misbehaves. */
import { inspect } from 'node:util'
import * as assert from 'uvu/assert'
import type { ProductId } from '../../../src/domain/ids.ts'
import { realClock, realRandom, realTimers } from '../../../src/seams.ts'
import { IndexLost, IndexUnavailable } from '../../../src/search/search-index.ts'
import { CallRefused } from '../../../src/search/typesense/failures.ts'
import { TypesenseServer } from '../../../src/search/typesense/server.ts'
import { TypesenseIndex } from '../../../src/search/typesense/typesense-index.ts'
import { suite } from '../../support/suite.ts'
import { documentNamed, EVERYTHING } from '../catalog.ts'
import { FakeTypesense, linesOf, type Misbehaviour } from './fake-typesense.ts'
import { thrownBy } from './thrown-by.ts'

const API_KEY = 'a-key-that-nobody-may-see'
const SECRET_TITLE = 'Unannounced gadget'
const CALL_MS = 200
const BULK_MS = 300
/** What a loaded machine may add. */
const SLACK_MS = 2_000
const LAGGING = { status: 503, body: '{"message":"Not Ready or Lagging"}' } as const

type World = { readonly fake: FakeTypesense; readonly index: TypesenseIndex }

function indexAt(urls: readonly string[]): TypesenseIndex {
  const options = { urls, apiKey: API_KEY, callMs: CALL_MS, bulkMs: BULK_MS }
  const server = new TypesenseServer(options, realTimers)
  return new TypesenseIndex({ server, clock: realClock, random: realRandom() })
}

async function withFake(use: (world: World) => Promise<void>): Promise<void> {
  const fake = await FakeTypesense.start()
  const index = indexAt([fake.url])
  try {
    await use({ fake, index })
  } finally {
    index.close()
    await fake.stop()
  }
}

const lamp = documentNamed('lamp', SECRET_TITLE)
const lampId = 'lamp' as ProductId
/** Every kind of call. */
const CALLS: Readonly<Record<string, (index: TypesenseIndex) => Promise<unknown>>> = {
  search: (index) => index.search({ ...EVERYTHING, term: 'lamp' }),
  suggest: (index) => index.suggest('lamp', 5),
  contents: (index) => Array.fromAsync(index.contents()),
  put: (index) => index.put([lamp]),
  setInStock: (index) => index.setInStock([{ productId: lampId, inStock: true }]),
  remove: (index) => index.remove([lampId]),
  open: (index) => index.open(),
  beginRebuild: (index) => index.beginRebuild(),
}

/** Where it has no memory it takes no document; that it exports nothing may mean that there is none. */
const FINE: Readonly<Record<string, readonly string[]>> = {
  'has no memory': ['contents', 'search', 'suggest', 'open', 'beginRebuild'],
  'answers nothing': ['contents'],
}

/** All there is of an error, whoever logs it. */
function portrait(error: unknown): string {
  return `${inspect(error, { depth: 10, showHidden: true })} ${JSON.stringify(error)}`
}

const misbehaving = suite('a Typesense that misbehaves')

for (const [how, reply] of [
  ['lags', LAGGING],
  ['is overloaded', { status: 429, body: '{}' }],
  ['does not know the key', { status: 401, body: '{"message":"Forbidden"}' }],
  [
    'has no memory',
    { status: 422, body: '{"message":"Rejecting write: running out of resource type: OUT_OF_MEMORY"}' },
  ],
  ['breaks off', 'reset'],
  ['answers a page', { status: 200, body: '<html>hello', type: 'text/html' }],
  ['answers half of its JSON', { status: 200, body: '{"results":[' }],
  ['answers nothing', { status: 200, body: '' }],
  ['answers no search', { status: 200, body: '{"results":[]}' }],
  ['answers another shape', { status: 200, body: '{"results":[{"found":"many"}]}' }],
] as const)
  misbehaving(`where it ${how} it is unavailable, and asked once`, () =>
    withFake(async ({ fake, index }) => {
      fake.alwaysAnswers(reply)
      for (const [name, call] of Object.entries(CALLS)) {
        if (FINE[how]?.includes(name)) continue
        fake.requests.length = 0
        const error = await thrownBy(() => call(index))
        assert.instance(error, IndexUnavailable, `${name}: ${inspect(error)}`)
        assert.is(fake.requests.length, 1, name)
        assert.not(portrait(error).includes(API_KEY), name)
        assert.not(portrait(error).includes(SECRET_TITLE), name)
      }
    }),
  )

misbehaving(
  'where it says nothing each call ends in its time, imports too, and its connection with it (L1)',
  () =>
    withFake(async ({ fake, index }) => {
      await index.open()
      for (const reply of ['hang', 'hang-midway'] as const) {
        fake.alwaysAnswers(reply)
        for (const [name, call] of Object.entries(CALLS)) {
          const before = fake.abandonedCount
          const begunMs = performance.now()
          assert.instance(await thrownBy(() => call(index)), IndexUnavailable, name)
          const tookMs = performance.now() - begunMs
          assert.ok(tookMs > CALL_MS - 20 && tookMs < BULK_MS + SLACK_MS, `${name} took ${tookMs} ms`)
          await until(() => fake.abandonedCount > before)
        }
      }
    }),
)

misbehaving('closed, it breaks off what is under way, and no node is asked any more', () =>
  withFake(async ({ fake }) => {
    fake.alwaysAnswers('hang')
    const options = { urls: [fake.url, `${fake.url}/other`], apiKey: API_KEY, callMs: 20_000, bulkMs: 20_000 }
    const server = new TypesenseServer(options, realTimers)
    const index = new TypesenseIndex({ server, clock: realClock, random: realRandom() })
    const begunMs = performance.now()
    const thrown = Object.values(CALLS).map((call) => thrownBy(() => call(index)))
    await until(() => fake.requests.length > 0)
    const asked = fake.requests.length
    index.close()
    for (const error of await Promise.all(thrown)) assert.instance(error, IndexUnavailable)
    assert.ok(performance.now() - begunMs < SLACK_MS)
    assert.ok(fake.requests.length <= asked + Object.keys(CALLS).length)
    assert.ok(fake.requests.every(({ path }) => !path.startsWith('/other')))
  }),
)

misbehaving('a reply without end is left (L4)', () =>
  withFake(async ({ fake }) => {
    const server = new TypesenseServer(
      { urls: [fake.url], apiKey: API_KEY, callMs: 20_000, bulkMs: 20_000 },
      realTimers,
    )
    const index = new TypesenseIndex({ server, clock: realClock, random: realRandom() })
    fake.alwaysAnswers('endless')
    const error = await thrownBy(() => index.search(EVERYTHING))
    index.close()
    assert.instance(error, IndexUnavailable)
    assert.not.match(String(error), 'within', 'not only for want of time')
    await until(() => fake.abandonedCount > 0)
  }),
)

misbehaving('a redirect is not followed: whoever it leads to would be told the key (L4)', () =>
  withFake(async ({ fake, index }) => {
    const stranger = await FakeTypesense.start()
    fake.alwaysAnswers({
      status: 307,
      body: '',
      type: 'text/html',
      headers: { location: `${stranger.url}/multi_search` },
    })
    assert.match(String(await thrownBy(() => index.search(EVERYTHING))), 'is TYPESENSE_URL right?')
    assert.equal(stranger.requests, [])
    await stranger.stop()
  }),
)

misbehaving('what it has lost is told apart from what it cannot do now', () =>
  withFake(async ({ fake, index }) => {
    await index.open()
    const isOfDocuments: Misbehaviour = ({ path }) =>
      path.includes('/documents') ? { status: 404, body: '{"message":"Not Found"}' } : undefined
    fake.misbehaviour = isOfDocuments
    for (const name of ['contents', 'put', 'setInStock', 'remove'])
      assert.instance(await thrownBy(async () => CALLS[name]?.(index)), IndexLost, name)
    fake.alwaysAnswers({ status: 200, body: '{"results":[{"code":404,"error":"Not found."}]}' })
    for (const name of ['search', 'suggest'])
      assert.instance(await thrownBy(async () => CALLS[name]?.(index)), IndexLost, name)
  }),
)

misbehaving('a mistake of ours names the call, and neither document nor key (L3)', () =>
  withFake(async ({ fake, index }) => {
    await index.open()
    fake.alwaysAnswers({
      status: 400,
      body: '{"message":"Parameter `batch_size` must be a positive integer."}',
    })
    const error = await thrownBy(() => index.put([lamp]))
    assert.instance(error, CallRefused)
    assert.match(String(error), 'Typesense answered 400 to "upsert documents": ')
    assert.not(portrait(error).includes(SECRET_TITLE))
    assert.not(portrait(error).includes(API_KEY))
    fake.alwaysAnswers({
      status: 200,
      body: '{"results":[{"code":400,"error":"Could not parse the filter query."}]}',
    })
    assert.instance(await thrownBy(() => index.search(EVERYTHING)), CallRefused)
  }),
)

misbehaving.run()

const nodes = suite('several nodes of Typesense')

nodes('where one is gone another is asked in the same call, and first in the next', () =>
  withFake(async ({ fake }) => {
    const gone = await FakeTypesense.start()
    const index = indexAt([gone.url, fake.url])
    await index.open()
    await gone.stop()
    assert.is((await index.search(EVERYTHING)).total, 0)
    assert.is(fake.requests.length, 1)
    await index.put([lamp])
    assert.is(fake.requests.length, 2)
    index.close()
  }),
)

nodes('each is asked once at most, whatever has failed before (L2)', async () => {
  const all = await Promise.all([FakeTypesense.start(), FakeTypesense.start(), FakeTypesense.start()])
  const index = indexAt(all.map(({ url }) => url))
  for (const each of all) each.alwaysAnswers(LAGGING)
  for (let round = 1; round <= 5; round++) {
    assert.instance(await thrownBy(() => index.search(EVERYTHING)), IndexUnavailable)
    assert.equal(
      all.map(({ requests }) => requests.length),
      [round, round, round],
    )
  }
  all[1].misbehaviour = () => undefined
  assert.is((await index.search(EVERYTHING)).total, 0)
  for (const each of all) await each.stop()
  index.close()
})

nodes('one that hangs takes the time of one call, and the next begins with another', () =>
  withFake(async ({ fake }) => {
    const hanging = await FakeTypesense.start()
    hanging.alwaysAnswers('hang')
    const index = indexAt([hanging.url, fake.url])
    assert.instance(await thrownBy(() => index.search(EVERYTHING)), IndexUnavailable)
    assert.is((await index.search(EVERYTHING)).total, 0)
    assert.is(hanging.requests.length, 1)
    index.close()
    await hanging.stop()
  }),
)

nodes('a mistake of ours is not made at each of them', () =>
  withFake(async ({ fake }) => {
    const other = await FakeTypesense.start()
    for (const each of [fake, other]) each.alwaysAnswers({ status: 400, body: '{}' })
    const index = indexAt([fake.url, other.url])
    assert.instance(await thrownBy(() => index.search(EVERYTHING)), CallRefused)
    assert.equal([fake.requests.length, other.requests.length], [1, 0])
    index.close()
    await other.stop()
  }),
)

nodes.run()

const lines = suite('the lines of an import')

/** Imports are answered with these lines. */
function answering(...answered: readonly object[]): Misbehaviour {
  return ({ path }) =>
    path.endsWith('/import')
      ? { status: 200, type: 'text/plain', body: answered.map((line) => JSON.stringify(line)).join('\n') }
      : undefined
}

const three = ['a', 'b', 'c'].map((id) => documentNamed(id, 'Lamp'))
const TAKEN = { success: true }

lines('a document that is refused is answered, with the reason and without itself (X3)', () =>
  withFake(async ({ fake, index }) => {
    const refusal = {
      success: false,
      code: 400,
      error: 'Field `price` must be an int64.',
      document: SECRET_TITLE,
    }
    fake.misbehaviour = answering(TAKEN, refusal, TAKEN)
    assert.equal(await index.put(three), [{ productId: 'b', why: refusal.error }])
  }),
)

lines('one that fails for no fault of its own fails the call', () =>
  withFake(async ({ fake, index }) => {
    for (const [code, error] of [
      [503, 'Not Ready or Lagging'],
      [500, 'Could not write to on-disk storage.'],
      [422, 'Rejecting write: running out of resource type: OUT_OF_DISK'],
    ] as const) {
      fake.misbehaviour = answering(TAKEN, { success: false, code, error }, TAKEN)
      assert.instance(await thrownBy(() => index.put(three)), IndexUnavailable, error)
    }
  }),
)

lines('fewer or more lines than documents, or none that can be read, say nothing of any', () =>
  withFake(async ({ fake, index }) => {
    for (const answered of [[], [TAKEN], [TAKEN, TAKEN], [TAKEN, TAKEN, TAKEN, TAKEN]]) {
      fake.misbehaviour = answering(...answered)
      assert.instance(await thrownBy(() => index.put(three)), IndexUnavailable, `${answered.length}`)
    }
    fake.misbehaviour = answering(TAKEN, { message: 'what?' }, TAKEN)
    assert.instance(await thrownBy(() => index.put(three)), IndexUnavailable)
  }),
)

lines('stock of a product that the server does not have is none of its business; another refusal is', () =>
  withFake(async ({ fake, index }) => {
    const changes = three.map(({ productId }) => ({ productId, inStock: true }))
    const unheardOf = { success: false, code: 404, error: 'Could not find a document with id: b' }
    fake.misbehaviour = answering(TAKEN, unheardOf, TAKEN)
    await index.setInStock(changes)
    fake.misbehaviour = answering(TAKEN, unheardOf, {
      success: false,
      code: 400,
      error: 'Field `in_stock` must be a bool.',
    })
    assert.match(String(await thrownBy(() => index.setInStock(changes))), 'must be a bool')
  }),
)

lines('no import is larger than a server likes', () =>
  withFake(async ({ fake, index }) => {
    const importsOf = () => fake.requests.filter(({ path }) => path.endsWith('/import'))
    await index.put(Array.from({ length: 1_001 }, (_, i) => documentNamed(`p${i}`, 'Lamp')))
    assert.equal(
      importsOf().map(({ body }) => linesOf(body).length),
      [500, 500, 1],
    )
    fake.requests.length = 0
    const description = 'word '.repeat(200_000)
    await index.put(Array.from({ length: 10 }, (_, i) => documentNamed(`p${i}`, 'Lamp', { description })))
    assert.equal(
      importsOf().map(({ body }) => linesOf(body).length),
      [3, 3, 3, 1],
    )
    fake.requests.length = 0
    await index.put([])
    assert.equal(importsOf(), [])
  }),
)

lines.run()

async function until(holds: () => boolean): Promise<void> {
  const givenUpMs = performance.now() + SLACK_MS
  while (!holds()) {
    if (performance.now() > givenUpMs) throw new Error('it did not come about')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
