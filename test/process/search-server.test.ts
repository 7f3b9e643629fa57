/** The whole with a real Typesense beside it, which is killed and comes back empty (FAULTS.md, 77 and 78). */
import * as assert from 'uvu/assert'
import { type ServerProcess, Site } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'
import { TypesenseServerProcess } from '../support/typesense-server.ts'

const LAMPS = 40

const test = suite('a shop with a search server', { limitMs: 120_000, needs: ['typesense-server'] })

type Status = {
  readonly serving: boolean
  readonly owed: number
  readonly rebuilds: number
}

async function statusOf(server: ServerProcess): Promise<Status> {
  const { status, body } = await server.request('GET', '/v1/search')
  assert.is(status, 200)
  return body.server as Status
}

function serves(server: ServerProcess): Promise<void> {
  return server.until(
    async () => {
      const { serving, owed } = await statusOf(server)
      return serving && owed === 0
    },
    'the search server answers and is owed nothing',
    60_000,
  )
}

async function lampsOf(server: ServerProcess, query = ''): Promise<number> {
  const { status, body } = await server.request('GET', `/v1/products/search?term=lamp${query}`)
  assert.is(status, 200)
  return (body.pagination as { readonly total: number }).total
}

/** Answers the position of both changes. */
async function sell(server: ServerProcess, i: number): Promise<string> {
  const body = { productId: `lamp-${i}`, title: `Lamp ${i}`, price: i + 1, currency: 'USD' }
  const made = await server.request('POST', '/v1/products', body)
  assert.is(made.status, 201)
  const stock = { set: 1, reason: 'delivery' }
  const adjusted = await server.request('POST', `/v1/products/lamp-${i}/stock/adjustments`, stock)
  assert.is(adjusted.status, 200)
  return [made, adjusted].map(({ headers }) => headers['holdfast-position']).join()
}

async function differences(server: ServerProcess): Promise<unknown> {
  const { status, body } = await server.request('GET', '/v1/search/differences')
  assert.is(status, 200)
  return [body.products, body.indexes, body.listed]
}

test('sells and searches on while that is killed, and tells it all when it is back with nothing', async () => {
  await using site = new Site()
  const typesense = await TypesenseServerProcess.start()
  const environment = { TYPESENSE_URL: typesense.url, TYPESENSE_API_KEY: typesense.apiKey }
  const server = await site.start({ environment })
  let sold = ''
  for (let i = 0; i < LAMPS; i++) sold = await sell(server, i)
  assert.is(await lampsOf(server, `&minPosition=${sold}`), LAMPS)
  await serves(server)
  assert.equal(await differences(server), [LAMPS, ['embedded', 'typesense'], []])

  await typesense.stop()
  let refused = 0
  for (let i = 0; i < LAMPS; i++) {
    const hold = { items: [{ productId: `lamp-${i}`, quantity: 1 }], customerId: `usr_${i}` }
    if ((await server.request('POST', '/v1/reservations', hold)).status !== 201) refused += 1
    if (i % 8 === 0) assert.is(await lampsOf(server), LAMPS, 'it is answered meanwhile')
  }
  assert.is(refused, 0)
  const position = await sell(server, LAMPS)
  assert.is(await lampsOf(server, `&inStock=true&minPosition=${position}`), 1)
  assert.is((await statusOf(server)).serving, false)

  const another = await TypesenseServerProcess.start(Number(new URL(typesense.url).port))
  try {
    await serves(server)
    assert.equal(await differences(server), [LAMPS + 1, ['embedded', 'typesense'], []])
    assert.is(await lampsOf(server, '&inStock=true'), 1)
    assert.is((await server.request('POST', '/v1/search/rebuild')).status, 202)
    await server.until(async () => (await statusOf(server)).rebuilds === 1, 'it is made anew', 30_000)
    await serves(server)
    assert.equal(await differences(server), [LAMPS + 1, ['embedded', 'typesense'], []])
  } finally {
    await another.stop()
  }
  const logged = [...server.logged('search.serverTrouble'), ...server.logged('search.indexLost')]
  assert.ok(logged.length >= 1 && logged.length <= 6, `it is said, and not again and again: ${logged.length}`)
})

test.run()
