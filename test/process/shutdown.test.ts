/** FAULTS.md, A11: an orderly end with a thousand requests in flight, and signals that come twice. */
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { dataPaths } from '../../src/persistence/directory.ts'
import { type CallOutcome, callServer, keptConnections } from '../support/http-call.ts'
import { expectSameAnswers, judge } from '../support/journal-oracle.ts'
import { deliver, LoadClient } from '../support/load-client.ts'
import { type AskedReserve, RequestLedger } from '../support/request-ledger.ts'
import { adminKey, pause, type ServerProcess, Site, shownExit } from '../support/server-process.ts'
import { note, suite } from '../support/suite.ts'

const products = Array.from({ length: 12 }, (_, i) => `product-${i}`)
const inFlight = 1_000
const test = suite('an orderly shutdown', { limitMs: 60_000 })

async function stocked(site: Site, ledger: RequestLedger, environment: Record<string, string> = {}) {
  const server = await site.start({ environment })
  await deliver(
    server,
    ledger,
    products.map((id) => [id, 10_000]),
  )
  return server
}

/** Sends a thousand reserves, each on a connection of its own; `sent` resolves when the kernel has them all. */
function reserveAll(server: ServerProcess, ledger: RequestLedger) {
  const agent = keptConnections(inFlight)
  const sent = Promise.withResolvers<void>()
  let left = inFlight
  const answers = Array.from({ length: inFlight }, async (_, i): Promise<CallOutcome> => {
    const productId = products[i % products.length] as string
    const asked: AskedReserve = ledger.reserve(productId, 1)
    const outcome = await callServer(server.port, ['POST', '/v1/reservations'], {
      agent,
      token: adminKey,
      body: { items: [{ productId, quantity: 1 }], reference: asked.tag },
      onSent: () => {
        left -= 1
        if (left === 0) sent.resolve()
      },
    })
    ledger.answeredReserve(asked, outcome)
    return outcome
  })
  const all = Promise.all(answers).finally(() => agent.destroy())
  return { sent: sent.promise, all, agent }
}

function tally(outcomes: readonly CallOutcome[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const outcome of outcomes) {
    const what =
      outcome.type === 'answered' ? `${outcome.status} ${outcome.body.code ?? ''}`.trim() : outcome.type
    counts.set(what, (counts.get(what) ?? 0) + 1)
  }
  return counts
}

for (const listeners of ['1', '2']) {
  test(`answers all of a thousand requests in flight with ${listeners} listeners, and every ack is durable`, async () => {
    await using site = new Site()
    const ledger = new RequestLedger()
    const server = await stocked(site, ledger, { LISTENERS: listeners })
    const { sent, all } = reserveAll(server, ledger)
    await sent
    const sentAt = performance.now()
    server.signal('SIGTERM')
    const outcomes = await all
    const counts = tally(outcomes)
    note(JSON.stringify([...counts]))
    assert.equal(await server.exited, { code: 0, signal: null })
    assert.ok(performance.now() - sentAt < 25_000, 'below the deadline')
    for (const what of counts.keys())
      assert.ok(
        ['201', '503 shutting-down', '503 shard-unavailable'].includes(what),
        `${what}: ${counts.get(what)}`,
      )
    const verdict = judge(site, ledger)
    const next = await site.start()
    await expectSameAnswers(next, verdict)
    assert.is(verdict.journal.unprovenCount, 0, 'it was sealed')
  })
}

test('under load that does not stop ends soon, and refuses whoever comes later', async () => {
  await using site = new Site()
  const ledger = new RequestLedger()
  const server = await stocked(site, ledger)
  const load = new LoadClient(server, ledger, { products, seed: 3, connections: 64 })
  await pause(300)
  server.signal('SIGTERM')
  const exit = await server.exited
  await load.ended()
  note(JSON.stringify([...load.counts]))
  assert.is(shownExit(exit), 'status 0')
  judge(site, ledger)
})

test('says on /readyz that it goes, and serves on while it drains', async () => {
  await using site = new Site()
  const ledger = new RequestLedger()
  const server = await stocked(site, ledger, { DRAIN_SECONDS: '1' })
  server.signal('SIGTERM')
  await server.until(async () => !(await server.isReady()), 'it is not ready any more')
  const asked = ledger.reserve('product-1', 1)
  const answer = await server.request('POST', '/v1/reservations', {
    items: [{ productId: 'product-1', quantity: 1 }],
    reference: asked.tag,
  })
  ledger.answeredReserve(asked, answer)
  assert.is(answer.status, 201)
  assert.is(answer.headers.connection, 'close')
  assert.is(shownExit(await server.exited), 'status 0')
  judge(site, ledger)
})

test('takes a second signal within a second for the same one', async () => {
  await using site = new Site()
  const server = await site.start({ environment: { DRAIN_SECONDS: '1' } })
  server.signal('SIGINT')
  await pause(200)
  server.signal('SIGINT')
  assert.is(shownExit(await server.exited), 'status 0')
  assert.is(server.logged('shutdown.begun').length, 1)
  assert.is(server.logged('shutdown.done').length, 1)
})

test('ends at once, with status 1, at a second signal after a second', async () => {
  await using site = new Site()
  const ledger = new RequestLedger()
  const server = await stocked(site, ledger, { DRAIN_SECONDS: '10' })
  server.signal('SIGTERM')
  await pause(1_200)
  const secondAt = performance.now()
  server.signal('SIGTERM')
  assert.is(shownExit(await server.exited), 'status 1')
  assert.ok(performance.now() - secondAt < 1_000)
  const verdict = judge(site, ledger)
  await expectSameAnswers(await site.start(), verdict)
})

test('of a server that recovers is orderly too', async () => {
  await using site = new Site()
  const ledger = new RequestLedger()
  const first = await stocked(site, ledger)
  await first.kill()
  const verdict = judge(site, ledger)
  for (const delayMs of [150, 250, 300, 350, 400]) {
    const server = await site.start({ until: 'spawned' })
    await pause(delayMs)
    server.signal('SIGTERM')
    const exit = await server.exited
    // Before its handlers are in place the signal ends it as a kill would.
    assert.ok(
      exit.code === 0 || exit.signal === 'SIGTERM',
      `${shownExit(exit)} after ${delayMs} ms: ${server.output}`,
    )
    judge(site, ledger, verdict.journal)
  }
})

test('while a worker waits to be replaced is orderly, and closes the tables', async () => {
  await using site = new Site()
  const ledger = new RequestLedger()
  const server = await stocked(site, ledger, { WORKERS: '1', CRASH_POINT: 'poison:poison' })
  // A directory where a segment should be: no successor gets further than reading it, and each waits longer to begin.
  const obstacle = join(dataPaths(site.directory).journal, '00009999-w000-000001.segment')
  mkdirSync(obstacle)
  const asked = ledger.reserve('product-1', 1)
  const answer = await server.request('POST', '/v1/reservations', {
    items: [{ productId: 'product-1', quantity: 1 }],
    reference: 'poison',
  })
  ledger.answeredReserve(asked, answer)
  const isWaiting = () => server.logged('worker.respawn').some(({ delayMs }) => Number(delayMs) >= 1_600)
  await server.until(isWaiting, 'there is time to stop it between two tries')
  assert.is(shownExit(await server.stop()), 'status 0')
  assert.is(server.logged('shutdown.failed').length, 0)
  assert.not(existsSync(`${dataPaths(site.directory).tables}-wal`), 'the tables are closed')
  rmdirSync(obstacle)
  await expectSameAnswers(await site.start(), judge(site, ledger))
})

test('in which a worker fails closes everything else all the same, with status 1', async () => {
  await using site = new Site()
  const ledger = new RequestLedger()
  const server = await stocked(site, ledger, { WORKERS: '1' })
  const { journal, tables } = dataPaths(site.directory)
  assert.ok(existsSync(`${tables}-wal`), 'the tables are open')
  const next = (name: string) => name.endsWith('-000002.segment')
  await server.until(() => readdirSync(journal).some(next), 'it has made its next segment')
  // What is not there cannot be removed, so that closing the journal fails once all is sealed.
  for (const name of readdirSync(journal).filter(next)) rmSync(join(journal, name))
  assert.is(shownExit(await server.stop()), 'status 1')
  assert.equal(
    server.logged('shutdown.failed').map(({ part }) => part),
    ['shards'],
  )
  assert.is(server.logged('shutdown.done').length, 1)
  assert.not(existsSync(`${tables}-wal`), 'the tables are closed')
  await expectSameAnswers(await site.start(), judge(site, ledger))
})

test.run()
