/** FAULTS.md, C33, attack 54 and the first start: whose directory it is, with which key, and divided into what. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { dataPaths } from '../../src/persistence/directory.ts'
import { expectSameAnswers, judge, type Verdict } from '../support/journal-oracle.ts'
import { deliver, LoadClient } from '../support/load-client.ts'
import { RequestLedger } from '../support/request-ledger.ts'
import { adminKey, pause, type ServerProcess, Site, shownExit } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const products = Array.from({ length: 12 }, (_, i) => `product-${i}`)
const none = { ADMIN_KEY: undefined }
const STACK = /\n {4}at /
const test = suite('a data directory', { limitMs: 60_000 })

/** Starts what must not start, and gives what it said. */
async function refusal(site: Site, environment: Record<string, string | undefined>): Promise<string> {
  const server = await site.start({ environment, until: 'spawned' })
  assert.is(shownExit(await server.exited), 'status 1')
  assert.not.match(server.output, STACK)
  return server.output
}

test('has one process at a time; the next may come as soon as the first was killed', async () => {
  await using site = new Site()
  const ledger = new RequestLedger()
  const first = await site.start()
  await deliver(first, ledger, [['product-1', 5]])
  assert.match(await refusal(site, {}), new RegExp(`${site.directory}.*(?:stop|Stop)`))
  assert.ok(await first.isReady(), 'the first has not noticed')
  await first.kill()
  const verdict = judge(site, ledger)
  const second = await site.start()
  await expectSameAnswers(second, verdict)
})

test('gets a key at its first start, for its owner only, and it is not printed', async () => {
  await using site = new Site()
  const first = await site.start({ environment: none, until: 'started' })
  const path = dataPaths(site.directory).adminKey
  assert.is(statSync(path).mode & 0o777, 0o600)
  assert.is(statSync(site.directory).mode & 0o777, 0o700)
  const key = readFileSync(path, 'utf8').trim()
  assert.match(key, /^hf_admin_[A-Za-z0-9]{40}$/)
  await first.until(() => first.logged('admin key').length === 1, 'it names the file')
  const [line] = first.logged('admin key')
  assert.is(line?.path, path)
  assert.is(line?.level, 'info')
  assert.ok(Date.parse(String(line?.time)) > 0, 'a line like all others')
  assert.not.ok(first.output.includes(key))
  const created = await first.request(
    'POST',
    '/v1/api-keys',
    { name: 'shop', role: 'service' },
    { token: key },
  )
  assert.is(created.status, 201)
  assert.is(shownExit(await first.stop()), 'status 0')

  const second = await site.start({ environment: none, until: 'started' })
  assert.is(readFileSync(path, 'utf8').trim(), key, 'the same at the next start')
  const service = String(created.body.key)
  assert.is((await second.request('GET', '/v1/api-keys', undefined, { token: key })).status, 200)
  assert.is((await second.request('GET', '/v1/api-keys', undefined, { token: service })).status, 403)
  assert.is((await second.request('GET', '/v1/api-keys', undefined, { token: adminKey })).status, 401)
  assert.is(shownExit(await second.stop()), 'status 0')
})

test('is for its owner alone, in all its parts, whatever the umask would allow', async () => {
  await using site = new Site()
  const first = await site.start({ environment: none, until: 'started' })
  await first.kill()
  const server = await site.start({ environment: none, until: 'started' })
  const found = readdirSync(site.directory, { recursive: true, withFileTypes: true })
  assert.ok(found.some(({ name }) => name.endsWith('.segment')))
  assert.ok(found.some(({ name }) => name === 'lock.sqlite'))
  assert.ok(found.some(({ name }) => name === 'tables.sqlite-wal'))
  for (const entry of found) {
    const mode = statSync(join(entry.parentPath, entry.name)).mode & 0o777
    assert.is(mode.toString(8), entry.isDirectory() ? '700' : '600', entry.name)
  }
  assert.is(shownExit(await server.stop()), 'status 0')
})

test('with a key file that holds no key is refused, in a sentence', async () => {
  await using site = new Site()
  const first = await site.start({ environment: none, until: 'started' })
  await first.stop()
  const path = dataPaths(site.directory).adminKey
  writeFileSync(path, 'short')
  assert.match(await refusal(site, none), new RegExp(`${path}.*Restore it`))
})

test('is not touched in production without a key, or with one that reads like a default', async () => {
  await using site = new Site()
  const production = { NODE_ENV: 'production' }
  assert.match(await refusal(site, { ...production, ...none }), /ADMIN_KEY/)
  const typed = 'change-me-change-me-change-me-1234'
  const said = await refusal(site, { ...production, ADMIN_KEY: typed })
  assert.match(said, /ADMIN_KEY/)
  assert.not.ok(said.includes(typed))
  assert.match(await refusal(site, { ...production, CRASH_POINT: 'reply.half' }), /CRASH_POINT/)
  assert.throws(() => statSync(site.directory), /ENOENT/)
  const server = await site.start({ environment: { ...production, DRAIN_SECONDS: '0' } })
  assert.is(shownExit(await server.stop()), 'status 0')
})

test('keeps its number of shards for life', async () => {
  await using site = new Site()
  const server = await site.start()
  assert.is(shownExit(await server.stop()), 'status 0')
  assert.match(await refusal(site, { SHARDS: '16' }), /SHARDS=8/)
  const again = await site.start({ environment: { SHARDS: '8' } })
  assert.is(shownExit(await again.stop()), 'status 0')
})

test('of something else is refused', async () => {
  await using site = new Site()
  mkdirSync(dataPaths(site.directory).journal, { recursive: true })
  writeFileSync(`${dataPaths(site.directory).journal}/00000001-w000-000001.segment`, 'not ours')
  assert.match(await refusal(site, {}), /holdfast\.json/)
})

test('names the port where that is taken', async () => {
  await using one = new Site()
  await using other = new Site()
  const server = await one.start()
  assert.match(await refusal(other, { PORT: String(server.port) }), new RegExp(`port ${server.port}.*taken`))
})

test('keeps everything however many workers serve it, in order or killed', async () => {
  await using site = new Site()
  const ledger = new RequestLedger()
  let verdict: Verdict | undefined
  for (const [i, workers] of ['1', '2', '3', '1', '8', '2'].entries()) {
    const server: ServerProcess = await site.start({ environment: { WORKERS: workers } })
    if (verdict !== undefined) await expectSameAnswers(server, verdict)
    else
      await deliver(
        server,
        ledger,
        products.map((id) => [id, 10_000]),
      )
    const load: LoadClient = new LoadClient(server, ledger, { products, seed: i, connections: 24 })
    await pause(200)
    if (i % 2 === 0) await server.kill()
    else assert.is(shownExit(await server.stop()), 'status 0')
    await load.ended()
    verdict = judge(site, ledger, verdict?.journal)
  }
})

test('is served by two listeners on one port, and closed in order', async () => {
  await using site = new Site()
  const ledger = new RequestLedger()
  const server = await site.start({ environment: { LISTENERS: '2', WORKERS: '2' } })
  await deliver(
    server,
    ledger,
    products.map((id) => [id, 10_000]),
  )
  const load = new LoadClient(server, ledger, { products, seed: 9, connections: 32 })
  await pause(300)
  await load.stop()
  const { body } = await server.request('GET', '/metrics')
  const served =
    /^holdfast_http_requests_total\{[^}]*route="\/v1\/reservations"[^}]*status="201"[^}]*\} (\d+)$/m
  const reserved = [...ledger.reserves.values()].filter(({ known }) => known === 'acknowledged').length
  assert.is(Number(served.exec(String(body.text))?.[1]), reserved, 'both are counted')
  assert.is(shownExit(await server.stop()), 'status 0')
  judge(site, ledger)
})

test.run()
