/** FAULTS.md, C28 and C32: files and permissions that go away under the process. It fails closed, and says why. */
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { dataPaths } from '../../src/persistence/directory.ts'
import { expectSameAnswers, judge } from '../support/journal-oracle.ts'
import { deliver, LoadClient } from '../support/load-client.ts'
import { RequestLedger } from '../support/request-ledger.ts'
import { pause, Site, shownExit } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const products = Array.from({ length: 12 }, (_, i) => `product-${i}`)
const test = suite('files that go away', { limitMs: 60_000 })

/** Permissions mean nothing to root, so the server then runs as nobody. */
const isRoot = process.getuid?.() === 0
const owner = { uid: 65_534, gid: 65_534 }
const asOwner = isRoot ? { owner } : {}

/** A site whose data belongs to whom the server runs as. */
class OwnedSite extends Site {
  readonly #root: string

  constructor() {
    const root = mkdtempSync(join(tmpdir(), 'holdfast-owned-'))
    mkdirSync(join(root, 'data'))
    if (isRoot) for (const path of [root, join(root, 'data')]) chownSync(path, owner.uid, owner.gid)
    super(root)
    this.#root = root
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]()
    rmSync(this.#root, { recursive: true, force: true })
  }
}

function segmentsOf(site: Site): string[] {
  return readdirSync(dataPaths(site.directory).journal).filter((name) => name.endsWith('.segment'))
}

test('an open segment that is moved away stops its shards, loudly, until it is put back', async () => {
  await using site = new Site()
  const ledger = new RequestLedger()
  const server = await site.start()
  const deliveries = products.map((id) => [id, 10_000] as const)
  await deliver(server, ledger, deliveries)
  await pause(200)
  const { journal } = dataPaths(site.directory)
  const [segment] = segmentsOf(site)
  renameSync(join(journal, segment as string), join(site.directory, 'elsewhere'))

  // Whoever comes before it is noticed may be answered: their events are in the file, wherever it is.
  const load = new LoadClient(server, ledger, { products, seed: 2 })
  await pause(100)
  await load.stop()
  await server.until(() => server.logged('worker.stopped').length > 0, 'the loss is noticed', 5_000)
  assert.match(String(server.logged('worker.failed')[0]?.why), /moved or removed/)
  const { body } = await server.request('GET', '/readyz')
  assert.match(JSON.stringify(body.parts), new RegExp(`${segment}|stream`))
  const refused = await server.request('GET', '/v1/products/product-1/stock')
  assert.is(refused.status, 503)
  assert.is(refused.body.code, 'shard-unavailable')
  assert.is(shownExit(await server.stop()), 'status 0')

  const stillWithout = await site.start({ until: 'started' })
  assert.not(await stillWithout.isReady(), 'a restart alone does not forget what is missing')
  assert.is(shownExit(await stillWithout.stop()), 'status 0')

  renameSync(join(site.directory, 'elsewhere'), join(journal, segment as string))
  const verdict = judge(site, ledger)
  const again = await site.start()
  await expectSameAnswers(again, verdict)
})

test('an open segment that is replaced under constant load is noticed when it is full at the latest', async () => {
  await using site = new Site()
  const ledger = new RequestLedger()
  // Large enough not to be full between a look and a move.
  const server = await site.start({ environment: { SEGMENT_BYTES: '262144' } })
  await deliver(
    server,
    ledger,
    products.map((id) => [id, 100_000]),
  )
  const options = { products, seed: 4, connections: 32, padding: 128, reserveShare: 0.95 }
  const load = new LoadClient(server, ledger, options)
  const { journal } = dataPaths(site.directory)
  await pause(100)
  const segment = segmentsOf(site).findLast((name) => readFileSync(join(journal, name))[0] !== 0)
  renameSync(join(journal, segment as string), join(site.directory, 'elsewhere'))
  await server.until(() => server.logged('worker.stopped').length > 0, 'the loss is noticed', 10_000)
  await load.stop()
  assert.match(String(server.logged('worker.failed')[0]?.why), /moved or removed/)
  assert.is(shownExit(await server.stop()), 'status 0')
  renameSync(join(site.directory, 'elsewhere'), join(journal, segment as string))
  const verdict = judge(site, ledger)
  const again = await site.start()
  await expectSameAnswers(again, verdict)
})

test('a journal directory that cannot be written any more is a disk without room', async () => {
  await using site = new OwnedSite()
  const ledger = new RequestLedger()
  const server = await site.start(asOwner)
  await deliver(
    server,
    ledger,
    products.map((id) => [id, 10_000]),
  )
  const { journal } = dataPaths(site.directory)
  chmodSync(journal, 0o500)
  const options = { products, seed: 6, connections: 24, padding: 128, reserveShare: 1 }
  const load = new LoadClient(server, ledger, options)
  await server.until(() => load.count('503') > 20, 'reserves are refused')
  await load.stop()
  assert.is(load.samples.get('503')?.body.code, 'storage-full')
  assert.match(String(server.logged('storage.full')[0]?.why), /EACCES/)
  assert.is((await server.request('GET', '/v1/products/product-1/stock')).status, 200)
  chmodSync(journal, 0o700)
  const more = new LoadClient(server, ledger, { ...options, seed: 7 })
  await server.until(() => more.count('201') > 20, 'it sells again', 5_000)
  await more.stop()
  assert.is(server.logged('worker.respawn').length, 0)
  assert.is(shownExit(await server.stop()), 'status 0')
  judge(site, ledger)
})

test('a data directory that cannot be written is refused at the start, by name', async () => {
  await using site = new OwnedSite()
  const first = await site.start(asOwner)
  assert.is(shownExit(await first.stop()), 'status 0')
  for (const path of readdirSync(site.directory)) chmodSync(join(site.directory, path), 0o400)
  chmodSync(site.directory, 0o500)
  const refused = await site.start({ ...asOwner, until: 'spawned' })
  assert.is(shownExit(await refused.exited), 'status 1')
  assert.ok(refused.output.includes(site.directory), refused.output)
  assert.not.match(refused.output, /HOST|PORT|\n {4}at /)
})

test('a segment that cannot be read keeps the server from selling, and it says which', async () => {
  await using site = new OwnedSite()
  const ledger = new RequestLedger()
  const first = await site.start(asOwner)
  await deliver(first, ledger, [['product-1', 5]])
  assert.is(shownExit(await first.stop()), 'status 0')
  const verdict = judge(site, ledger)
  const { journal } = dataPaths(site.directory)
  const [segment] = segmentsOf(site)
  const path = join(journal, segment as string)
  chmodSync(path, 0)
  const refused = await site.start({ ...asOwner, until: 'spawned' })
  assert.is(shownExit(await refused.exited), 'status 1')
  assert.ok(refused.output.includes(path), refused.output)
  assert.not.match(refused.output, /HOST|PORT|\n {4}at /)
  chmodSync(path, 0o600)
  const server = await site.start(asOwner)
  await expectSameAnswers(server, verdict)
})

test.run()
