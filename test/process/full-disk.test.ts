/** FAULTS.md, C23: a disk without room. Reserves are refused before they are decided; all else goes on while it can. */
import { execFileSync } from 'node:child_process'
import * as assert from 'uvu/assert'
import type { Answer } from '../support/http-call.ts'
import { expectSameAnswers, judge, type Verdict } from '../support/journal-oracle.ts'
import { deliver, LoadClient } from '../support/load-client.ts'
import { RequestLedger } from '../support/request-ledger.ts'
import { pause, type ServerProcess, Site, segmentBytes, shownExit } from '../support/server-process.ts'
import { SmallDisk } from '../support/small-disk.ts'
import { suite } from '../support/suite.ts'

const products = Array.from({ length: 12 }, (_, i) => `product-${i}`)
const diskBytes = 2 * 1_024 * 1_024
const test = suite('a full disk', { limitMs: 60_000 })
const canMount = canDo(() => {
  using disk = SmallDisk.make(diskBytes)
  return disk !== undefined
})
const canLimit = canDo(() => execFileSync('prlimit', ['--version']).length > 0)

function canDo(attempt: () => boolean): boolean {
  try {
    return attempt()
  } catch {
    return false
  }
}

/** `test`, or a skip that says why. */
function where(isPossible: boolean, why: string): (name: string, body: () => Promise<void>) => void {
  return isPossible ? test : (name, body) => test.skip(`${name} (${why})`, body)
}
const withDisk = where(canMount, 'needs to mount a tmpfs: run as root')
const withLimit = where(canLimit, 'needs prlimit of util-linux')

async function stocked(server: ServerProcess, ledger: RequestLedger): Promise<void> {
  await deliver(
    server,
    ledger,
    products.map((id) => [id, 10_000]),
  )
}

async function reserve(server: ServerProcess, ledger: RequestLedger): Promise<Answer> {
  const asked = ledger.reserve('product-3', 1)
  const body = { items: [{ productId: 'product-3', quantity: 1 }], reference: asked.tag }
  const answer = await server.request('POST', '/v1/reservations', body)
  ledger.answeredReserve(asked, answer)
  return answer
}

async function settle(
  server: ServerProcess,
  ledger: RequestLedger,
  kind: 'confirm' | 'release',
): Promise<Answer> {
  const [held] = ledger.settleable()
  assert.ok(held !== undefined, 'there is a reservation to settle')
  const asked = ledger.settle(kind, held)
  const answer = await server.request('POST', `/v1/reservations/${held.reservationId}/${kind}`)
  ledger.answeredSettlement(asked, answer)
  return answer
}

/** Sells until the open segment is used up and no next one can be had. */
async function sellUntilFull(server: ServerProcess, ledger: RequestLedger): Promise<void> {
  const options = { products, seed: 5, connections: 24, padding: 128, reserveShare: 1 }
  const load = new LoadClient(server, ledger, options)
  await server.until(() => load.count('503') > 20, 'reserves are refused')
  await load.stop()
  assert.is(load.samples.get('503')?.body.code, 'storage-full')
  assert.ok(load.count('201') > 0)
  assert.equal(
    [...load.counts.keys()].filter((what) => !['200', '201', '503'].includes(what)),
    [],
  )
}

async function expectNoRoom(server: ServerProcess, ledger: RequestLedger): Promise<void> {
  const refused = await reserve(server, ledger)
  assert.is(refused.status, 503)
  assert.is(refused.body.code, 'storage-full')
  assert.ok(Number(refused.headers['retry-after']) >= 1)
}

async function expectReads(server: ServerProcess, verdict: Verdict): Promise<void> {
  await expectSameAnswers(server, verdict)
  assert.is((await server.request('GET', '/livez')).status, 200)
}

withDisk(
  'refuses reserves, answers reads, settles what is held, and sells again when there is room',
  async () => {
    using disk = SmallDisk.make(diskBytes) as SmallDisk
    await using site = new Site(disk.directory)
    const ledger = new RequestLedger()
    const server = await site.start()
    await stocked(server, ledger)
    disk.fill()
    await sellUntilFull(server, ledger)
    disk.fill()
    await expectNoRoom(server, ledger)
    const { status, body } = await server.request('GET', '/readyz')
    assert.is(status, 200, 'whoever takes it out of rotation makes nothing better')
    assert.match(JSON.stringify(body.parts), /"name":"journal-0","ready":false,"reason":"no room/)
    assert.is((await server.request('GET', '/v1/products/product-3/stock')).status, 200)
    for (let i = 0; i < 10; i++)
      assert.is((await settle(server, ledger, i % 2 ? 'confirm' : 'release')).status, 200)
    await expectNoRoom(server, ledger)
    assert.is(server.logged('storage.full').length, 1)

    disk.free()
    await server.until(async () => (await reserve(server, ledger)).status === 201, 'it sells again', 5_000)
    assert.is(server.logged('storage.recovered').length, 1)
    await server.until(async () => {
      const { body } = await server.request('GET', '/readyz')
      return JSON.stringify(body.parts).includes('{"name":"journal-0","ready":true}')
    }, 'its journal is ready again')
    assert.is(server.logged('worker.respawn').length, 0, 'no restart loop')
    assert.is(shownExit(await server.stop()), 'status 0')
    judge(site, ledger)
  },
)

withDisk('settles until the kept room is used up, and loses none of it', async () => {
  using disk = SmallDisk.make(diskBytes) as SmallDisk
  await using site = new Site(disk.directory)
  const ledger = new RequestLedger()
  const server = await site.start()
  await stocked(server, ledger)
  disk.fill()
  await sellUntilFull(server, ledger)
  let settled = 0
  for (; settled < 1_000; settled++) {
    const answer = await settle(server, ledger, 'confirm')
    if (answer.status === 200) continue
    assert.is(answer.body.code, 'storage-full')
    break
  }
  // Each alone in its frame: some 120 bytes of the eighth of a segment, less the largest event.
  assert.ok(settled > 30, `${settled} settled`)
  await server.kill()
  const verdict = judge(site, ledger)
  disk.free()
  const next = await site.start()
  await expectSameAnswers(next, verdict)
  assert.is((await settle(next, ledger, 'confirm')).status, 200)
  assert.is(shownExit(await next.stop()), 'status 0')
  judge(site, ledger, verdict.journal)
})

withDisk('stops in order, and its successor without room serves reads and waits', async () => {
  using disk = SmallDisk.make(diskBytes) as SmallDisk
  await using site = new Site(disk.directory)
  const ledger = new RequestLedger()
  const first = await site.start()
  await stocked(first, ledger)
  disk.fill()
  await sellUntilFull(first, ledger)
  assert.is(shownExit(await first.stop()), 'status 0', first.output)
  const verdict = judge(site, ledger)
  disk.fill(segmentBytes - 4_096)

  const server = await site.start({ until: 'started' })
  assert.not(await server.isReady())
  const readiness = await server.request('GET', '/readyz')
  assert.match(JSON.stringify(readiness.body.parts), /no room/)
  await expectReads(server, verdict)
  await expectNoRoom(server, ledger)
  const settlement = await settle(server, ledger, 'confirm')
  assert.is(settlement.body.code, 'storage-full', 'nothing can be written at all')
  await pause(1_500)
  assert.is(server.logged('worker.respawn').length, 0, 'no restart loop')
  await expectReads(server, verdict)

  disk.free()
  await server.until(() => server.isReady(), 'it is ready', 5_000)
  assert.is((await reserve(server, ledger)).status, 201)
  assert.is((await settle(server, ledger, 'confirm')).status, 200)
  assert.is(shownExit(await server.stop()), 'status 0')
  judge(site, ledger, verdict.journal)
})

/** Nothing at all, too little for what is carried, for the mark beside the segment, for the next segment. */
const bytesLeft = [0, 4_096, segmentBytes + 4_096, segmentBytes + 12_288]

withDisk(
  'however little it leaves after a kill, the successor waits for more without a restart loop',
  async () => {
    await Promise.all(bytesLeft.map(waitsForRoom))
  },
)

async function waitsForRoom(bytes: number): Promise<void> {
  using disk = SmallDisk.make(diskBytes) as SmallDisk
  await using site = new Site(disk.directory)
  const ledger = new RequestLedger()
  const first = await site.start()
  await stocked(first, ledger)
  disk.fill()
  await sellUntilFull(first, ledger)
  // So that there is something to carry: the last frame was never sealed.
  await settle(first, ledger, 'confirm')
  await first.kill()
  const verdict = judge(site, ledger)
  disk.fill(bytes)

  const server = await site.start({ until: 'started' })
  await pause(2_500)
  assert.not(server.hasExited, server.output)
  assert.is(server.logged('worker.respawn').length, 0, `a restart loop with ${bytes} bytes left`)
  disk.free()
  await server.until(() => server.isReady(), 'it is ready', 5_000)
  await expectSameAnswers(server, verdict)
  assert.is((await reserve(server, ledger)).status, 201)
  assert.is(shownExit(await server.stop()), 'status 0')
  judge(site, ledger, verdict.journal)
}

withLimit('a limit on the size of files is a full disk too', async () => {
  await using site = new Site()
  const ledger = new RequestLedger()
  const server = await site.start()
  await stocked(server, ledger)
  const limit = (bytes: string) =>
    execFileSync('prlimit', ['--pid', String(server.pid), `--fsize=${bytes}:unlimited`], { stdio: 'ignore' })
  limit(String(segmentBytes - 1))
  await sellUntilFull(server, ledger)
  await expectNoRoom(server, ledger)
  assert.is((await server.request('GET', '/v1/products/product-3/stock')).status, 200)
  assert.is((await settle(server, ledger, 'release')).status, 200)
  limit('unlimited')
  await server.until(async () => (await reserve(server, ledger)).status === 201, 'it sells again', 5_000)
  assert.is(server.logged('worker.respawn').length, 0, 'no restart loop')
  assert.is(shownExit(await server.stop()), 'status 0')
  judge(site, ledger)
})

test.run()
