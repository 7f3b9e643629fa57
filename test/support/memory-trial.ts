/** Servers with little memory: too little to live, or enough to live but not for all that is asked. */
import * as assert from 'uvu/assert'
import { recordBytesMax } from '../../src/actors/memory-budget.ts'
import { expectSameAnswers, judge } from './journal-oracle.ts'
import { deliver, LoadClient } from './load-client.ts'
import { RequestLedger } from './request-ledger.ts'
import { pause, type ServerProcess, Site, shownExit } from './server-process.ts'

const products = Array.from({ length: 12 }, (_, i) => `product-${i}`)
const buyers = { products, connections: 64, customers: 100_000 }

/** Judges what is left, and says in a line what became of it. */
export async function tryHeapOf(megabytes: number, loadMs: number): Promise<string> {
  await using site = new Site()
  const ledger = new RequestLedger()
  const server = await site.start({ nodeArguments: [`--max-old-space-size=${megabytes}`] })
  await deliver(
    server,
    ledger,
    products.map((id) => [id, 1_000_000]),
  )
  const load = new LoadClient(server, ledger, {
    ...buyers,
    seed: megabytes,
    padding: 128,
    reserveShare: 1,
  })
  const endsAt = performance.now() + loadMs
  // Once a worker has died there is no room for its successor either, which tries again at longer and longer intervals.
  const hasDied = () => server.hasExited || server.logged('worker.respawn').length >= 3
  while (performance.now() < endsAt && !hasDied()) await pause(100)
  await load.stop()
  const deaths = server.logged('worker.respawn').length
  const end = server.hasExited ? shownExit(await server.exited) : 'alive'
  if (!server.hasExited) await server.kill()
  const verdict = judge(site, ledger)
  const next = await site.start()
  await expectSameAnswers(next, verdict)
  await next.stop()
  judge(site, ledger, verdict.journal)
  return `${megabytes} MB: ${end}, workers died ${deaths} times, ${load.count('201')} reserved`
}

/** Fills a server up until its workers refuse, settles what there is, and starts it again with as little. */
export async function fillWorkersOf(megabytes: number, limitMs: number): Promise<string> {
  await using site = new Site()
  const ledger = new RequestLedger()
  // Bigger segments than other tests have, or it would be the journal's rolling that takes the time.
  const environment = { WORKER_HEAP_MB: String(megabytes), SEGMENT_BYTES: String(1_024 * 1_024) }
  const first = await site.start({ environment })
  await deliver(
    first,
    ledger,
    products.map((id) => [id, 1_000_000]),
  )
  const made = await reserveUntilRefused(first, ledger, limitMs)
  const usedBytes = await metric(first, 'holdfast_memory_records_bytes')
  assert.ok(usedBytes >= (await metric(first, 'holdfast_memory_records_max_bytes')), `${usedBytes} bytes`)
  assert.ok((await metric(first, 'holdfast_memory_refusals_total')) > 0)
  const settled = await settleSome(first, ledger)
  assert.is(first.logged('worker.respawn').length, 0, first.troubles)
  await first.kill()

  const verdict = judge(site, ledger)
  const next = await site.start({ environment })
  await expectSameAnswers(next, verdict)
  const madeAgain = await reserveUntilRefused(next, ledger, limitMs)
  await settleSome(next, ledger)
  assert.is(next.logged('worker.respawn').length, 0, next.troubles)
  assert.is((await next.stop()).code, 0)
  judge(site, ledger, verdict.journal)
  return `${megabytes} MB: ${made} reserved, ${settled} settled, ${madeAgain} more after a restart`
}

/** Gives Node's flag, which V8 obeys before all else, and the setting; tells what a worker's records may take. */
export async function limitHeapTo(flagMb: number, settingMb: number): Promise<string> {
  await using site = new Site()
  const environment = { WORKER_HEAP_MB: String(settingMb) }
  const server = await site.start({ environment, nodeArguments: [`--max-old-space-size=${flagMb}`] })
  const maxBytes = await metric(server, 'holdfast_memory_records_max_bytes')
  assert.is(maxBytes, recordBytesMax(Math.min(flagMb, settingMb)))
  const [warning] = server.logged('worker.heapIsSmaller')
  assert.equal([warning?.heapMb, warning?.wantedMb], [flagMb, settingMb])
  return `${flagMb} MB: ${maxBytes} bytes of records`
}

async function reserveUntilRefused(
  server: ServerProcess,
  ledger: RequestLedger,
  limitMs: number,
): Promise<number> {
  const load = new LoadClient(server, ledger, { ...buyers, seed: 1, padding: 64, reserveShare: 1 })
  await server.until(() => load.count('503') > 1_000, 'a thousand were refused', limitMs)
  await load.stop()
  assert.is(load.samples.get('503')?.body.code, 'memory-full')
  const others = [...load.counts.keys()].filter((what) => !['200', '201', '503'].includes(what))
  assert.equal(others, [])
  return load.count('201')
}

/** Confirms and releases until a thousand more reservations were touched; nothing of it may be refused. */
async function settleSome(server: ServerProcess, ledger: RequestLedger): Promise<number> {
  const before = ledger.settlements.size
  const load = new LoadClient(server, ledger, { ...buyers, seed: 2, reserveShare: 0 })
  await server.until(() => ledger.settlements.size >= before + 1_000, 'a thousand were settled')
  await load.stop()
  assert.equal([...load.counts.keys()], ['200'])
  return ledger.settlements.size - before
}

async function metric(server: ServerProcess, name: string): Promise<number> {
  const { body } = await server.request('GET', '/metrics')
  const found = new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, 'm').exec(String(body.text))
  assert.ok(found, `no ${name} in\n${body.text}`)
  return Number(found[1])
}
