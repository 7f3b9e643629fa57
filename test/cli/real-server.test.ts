/** The commands that change files, and the real server before, while and after. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { dataPaths } from '../../src/persistence/directory.ts'
import { deliver, LoadClient } from '../support/load-client.ts'
import { RequestLedger } from '../support/request-ledger.ts'
import { type ServerProcess, Site, shownExit } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'
import { journal } from './command.ts'
import { framesOf, writeAt } from './files.ts'

const products = Array.from({ length: 24 }, (_, i) => `product-${i}`)
const test = suite('the journal commands and the server', { limitMs: 120_000 })

async function stocksOf(server: ServerProcess): Promise<unknown[]> {
  const answers = await Promise.all(products.map((id) => server.request('GET', `/v1/products/${id}/stock`)))
  return answers.map(({ body: { available, onHand, held, sold, version } }) => [
    available,
    onHand,
    held,
    sold,
    version,
  ])
}

const segmentsOf = (site: Site) => {
  const { journal: directory } = dataPaths(site.directory)
  return readdirSync(directory)
    .filter((name) => /(?<!-000000)\.segment$/.test(name))
    .sort()
    .map((name) => join(directory, name))
}

test('archive moves segments from under it, and it goes on, is killed, and starts again', async () => {
  await using site = new Site()
  const ledger = new RequestLedger()
  const server = await site.start()
  await deliver(
    server,
    ledger,
    products.map((id) => [id, 100_000]),
  )
  const options = { products, seed: 11, connections: 48, padding: 128, reserveShare: 0.9 }
  const load = new LoadClient(server, ledger, options)
  const to = join(site.directory, 'old')
  const run = async (...args: string[]) => {
    const { code, out, err } = await journal([...args, '--data', site.directory])
    assert.is(code, 0, `${args.join(' ')}: ${out}${err}`)
    return out
  }
  await server.until(
    async () => JSON.parse(await run('archive', '--to', to, '--json')).files.length > 0,
    'there is something to archive',
    60_000,
  )
  await run('verify')
  await load.stop()
  await run('archive', '--to', to)
  assert.is(server.logged('worker.failed').length, 0)
  const stocks = await stocksOf(server)
  await server.kill()
  const again = await site.start()
  assert.equal(await stocksOf(again), stocks)
  await run('verify')
  await run('verify', '--archive', to)
  await run('replay', '--archive', to)
  assert.is(shownExit(await again.stop()), 'status 0')
})

test('repair makes it serve again what it had stopped serving', async () => {
  await using site = new Site()
  const ledger = new RequestLedger()
  const first = await site.start()
  await deliver(
    first,
    ledger,
    products.map((id) => [id, 1_000]),
  )
  const load = new LoadClient(first, ledger, { products, seed: 12, connections: 8 })
  await first.until(() => load.count('201') > 100, 'there is something to lose')
  await load.stop()
  assert.is(shownExit(await first.stop()), 'status 0')
  const path = segmentsOf(site)[0] as string
  const frames = framesOf(path)
  const spoilt = frames[frames.length >> 1] as (typeof frames)[number]
  writeAt(path, spoilt.offset + 66, Buffer.of(0xaa, 0x55, 0xaa, 0x55))

  const stopped = await site.start({ until: 'started' })
  assert.not(await stopped.isReady())
  const refused = await journal(['repair', '--yes', '--data', site.directory])
  assert.is(refused.code, 3)
  assert.match(refused.err, 'Stop it first')
  assert.is(shownExit(await stopped.stop()), 'status 0')

  const damaged = readFileSync(path)
  const repaired = await journal(['repair', '--yes', '--json', '--data', site.directory])
  assert.is(repaired.code, 0, repaired.out)
  const { loss, kept } = JSON.parse(repaired.out)
  assert.ok(loss.events.length > 0)
  const original = kept.find(({ file }: { file: string }) => path.endsWith(file))
  assert.ok(readFileSync(join(site.directory, original.as)).equals(damaged))
  const server = await site.start()
  assert.ok(await server.isReady())
  const sold = await server.request('POST', '/v1/reservations', {
    items: [{ productId: 'product-1', quantity: 1 }],
    customerId: 'ann',
  })
  assert.is(sold.status, 201)
  assert.is(shownExit(await server.stop()), 'status 0')
  const verified = await journal(['verify', '--data', site.directory])
  assert.is(verified.code, 0, verified.out)
  assert.match(verified.out, /repaired at \S+Z: lost were s\d\.\d+/)
})

test.run()
