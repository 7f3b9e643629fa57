/** FAULTS.md, A7: the server dies while a snapshot is made; what was before it still serves. */
import { readdirSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { snapshotEventsMin } from '../../src/limits.ts'
import { dataPaths } from '../../src/persistence/directory.ts'
import { expectSameAnswers, judge, type Verdict } from '../support/journal-oracle.ts'
import { deliver, LoadClient } from '../support/load-client.ts'
import { RequestLedger } from '../support/request-ledger.ts'
import { type ServerProcess, Site } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const products = Array.from({ length: 12 }, (_, i) => `product-${i}`)
const template = new Site()
const templateLedger = new RequestLedger()
let templateVerdict: Verdict

const test = suite('a crash while a snapshot is made', { limitMs: 90_000 })

/** Buyers with long references, who fill the smallest segments in no time. */
function fill(server: ServerProcess, ledger: RequestLedger, seed: number): LoadClient {
  const options = { products, seed, connections: 48, padding: 128, reserveShare: 0.9 }
  return new LoadClient(server, ledger, options)
}

function snapshotsOf(site: Site): string[] {
  return readdirSync(dataPaths(site.directory).snapshots).filter((name) => name.endsWith('.snapshot'))
}

function isUnfinished(name: string): boolean {
  return !name.endsWith('.snapshot')
}

test.before(async () => {
  // With snapshots of its own, so that a crash has an older one to fall back to.
  const server = await template.start()
  await deliver(
    server,
    templateLedger,
    products.map((id) => [id, 100_000]),
  )
  const load = fill(server, templateLedger, 1)
  await server.until(() => snapshotsOf(template).length >= 8, 'each shard has a snapshot')
  await load.stop()
  assert.is((await server.stop()).code, 0)
  templateVerdict = judge(template, templateLedger)
})

for (const crashPoint of [
  'snapshot.midWrite:3',
  'snapshot.beforeRename:3',
  'snapshot.beforeDirectorySync:3',
]) {
  test(`at ${crashPoint} leaves the older ones in use, and the next try succeeds`, async () => {
    await using site = Site.copyOf(template)
    const ledger = templateLedger.copy()
    const before = snapshotsOf(site)
    const dying = await site.start({ environment: { CRASH_POINT: crashPoint } })
    const load = fill(dying, ledger, 2)
    assert.is((await dying.exited).signal, 'SIGKILL')
    await load.ended()
    const verdict = judge(site, ledger, templateVerdict.journal)
    const after = snapshotsOf(site)
    for (const name of before) assert.ok(after.includes(name), `${name} is kept`)

    const server = await site.start()
    assert.equal(readdirSync(dataPaths(site.directory).snapshots).filter(isUnfinished), [], 'no litter')
    await expectSameAnswers(server, verdict)
    const [ready] = server.logged('worker.ready')
    assert.ok(Number(ready?.events) < [...verdict.journal.events.values()].flat().length, 'a quick start')
    const more = fill(server, ledger, 3)
    await server.until(
      () => snapshotsOf(site).some((name) => !after.includes(name)),
      'there is a new snapshot',
    )
    await more.stop()
    assert.is((await server.stop()).code, 0)
    judge(site, ledger, verdict.journal)
  })
}

test.after(() => template[Symbol.asyncDispose]())
test('is followed by a snapshot of what its successor had to replay', async () => {
  await using site = new Site()
  const ledger = new RequestLedger()
  const dying = await site.start({ environment: { SEGMENT_BYTES: String(32 * 1_024 * 1_024) } })
  await deliver(
    dying,
    ledger,
    products.map((id) => [id, 100_000]),
  )
  const load = fill(dying, ledger, 5)
  await dying.until(() => load.count('201') > snapshotEventsMin, 'there is much to replay')
  await load.stop()
  await dying.kill()
  assert.equal(snapshotsOf(site), [])
  const server = await site.start()
  await server.until(() => snapshotsOf(site).length === 8, 'each shard has a snapshot')
  await server.kill()
  const verdict = judge(site, ledger)
  await expectSameAnswers(await site.start(), verdict)
})

test.run()
