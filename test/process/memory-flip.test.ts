/** FAULTS.md, D39: a bit flips in the memory of a real server's worker while it sells. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { dataPaths } from '../../src/persistence/directory.ts'
import { expectSameAnswers, judge } from '../support/journal-oracle.ts'
import { deliver, LoadClient } from '../support/load-client.ts'
import { flippedProduct } from '../support/memory-flip.ts'
import { RequestLedger } from '../support/request-ledger.ts'
import { Site, shownExit } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const products = Array.from({ length: 12 }, (_, i) => `product-${i}`)
const nodeArguments = ['--import', join(import.meta.dirname, '..', 'support', 'memory-flip.ts')]

const test = suite('a bit that flips in the memory of a worker', { limitMs: 90_000 })

test('is noticed, and the worker replaced by one that has what the journal says; without one nothing is', async () => {
  await using site = new Site()
  const ledger = new RequestLedger()
  const server = await site.start({ nodeArguments, environment: { WORKERS: '1' } })
  const delivered = [...products, flippedProduct].map((id): [string, number] => [id, 1_000_000])
  await deliver(server, ledger, delivered)
  const load = new LoadClient(server, ledger, {
    products,
    seed: 1,
    connections: 48,
    padding: 128,
    reserveShare: 0.9,
    turnedAwayMs: 2,
  })
  const { journal } = dataPaths(site.directory)
  const segments = () => readdirSync(journal).filter((name) => name.endsWith('.segment')).length
  const sold = async () => (await server.request('GET', `/v1/products/${flippedProduct}/stock`)).body.sold
  await server.until(() => segments() > 12, 'two replays were made')
  assert.equal(server.logged('memory.differs'), [])

  assert.is(await sold(), 0)
  assert.is(await sold(), 1, 'it was never sold')
  await server.until(() => server.logged('worker.ready').length === 2, 'there is a successor')
  const [first] = server.logged('memory.differs')
  assert.equal(first?.products, [flippedProduct])
  assert.is(first?.part, 'products')
  assert.ok(Number.isInteger(first?.shard) && Number(first?.sequence) > 0)
  assert.match(String(server.logged('worker.failed')[0]?.why), 'differs from the journal')
  await server.until(() => server.isReady(), 'all is well again')
  assert.is(await sold(), 0)

  const before = segments()
  await server.until(() => segments() > before + 12, 'it sells again, and is compared')
  await load.stop()
  assert.is(server.logged('worker.failed').length, 1, 'once')
  assert.is(shownExit(await server.stop()), 'status 0')
  await expectSameAnswers(await site.start(), judge(site, ledger))
})

test.run()
