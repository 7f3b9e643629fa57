/** The real server on tables with a damaged row (FAULTS.md, D37): what needs it fails, all else goes on, and it is told. */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import * as assert from 'uvu/assert'
import { pause, Site } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const PRODUCT = { title: 'Phone', description: 'It rings.', price: 49.99, currency: 'EUR' }
const scrubWithinMs = 60_000
const test = suite('a server whose tables are damaged', { limitMs: 120_000 })

test('does nothing by a damaged row, answers all else, and says so', async () => {
  await using site = new Site()
  const first = await site.start({ environment: { WORKERS: '1' } })
  for (const id of ['phone', 'case']) {
    const made = await first.request('PUT', `/v1/products/${id}`, PRODUCT)
    assert.is(made.status, 201, JSON.stringify(made.body))
  }
  assert.is((await first.stop()).code, 0)

  const vandal = new Database(join(site.directory, 'tables.sqlite'))
  vandal.exec(`UPDATE products SET price_minor = 1 WHERE id = 'phone'`)
  vandal.close()

  const server = await site.start({ environment: { WORKERS: '1' } })
  const damaged = await server.request('GET', '/v1/products/phone')
  assert.is(damaged.status, 500)
  assert.is(damaged.body.code, 'tables-damaged')
  const changed = await server.request('PATCH', '/v1/products/phone', { title: 'Phone 2' })
  assert.is(changed.status, 500, 'nor is it changed, which would give it a good seal')
  assert.is((await server.request('GET', '/v1/products/case')).status, 200)
  assert.match(server.output, 'Row phone of products is not what was written to it')

  const untilMs = performance.now() + scrubWithinMs
  const tables = async () => {
    const { status, body } = await server.request('GET', '/readyz')
    assert.is(status, 200, 'others can be served')
    return (body.parts as { name: string; ready: boolean }[]).find(({ name }) => name === 'tables')
  }
  while ((await tables()) === undefined && performance.now() < untilMs) await pause(200)
  assert.is((await tables())?.ready, false)
  const [line] = server.logged('tables.damaged')
  assert.is(line?.table, 'products')
  assert.is(line?.row, 'phone')
  assert.is((await server.stop()).code, 0)
})

test.run()
