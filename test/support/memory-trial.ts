/** A server with a heap that is too small, under load until it dies or has shown that it does not. */
import { expectSameAnswers, judge } from './journal-oracle.ts'
import { deliver, LoadClient } from './load-client.ts'
import { RequestLedger } from './request-ledger.ts'
import { pause, Site, shownExit } from './server-process.ts'

const products = Array.from({ length: 12 }, (_, i) => `product-${i}`)

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
    products,
    seed: megabytes,
    connections: 64,
    padding: 128,
    customers: 100_000,
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
