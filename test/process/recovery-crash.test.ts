/** FAULTS.md, A9: whoever recovers is killed too, again and again, and recovery comes to the same state all the same. */
import { readdirSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { dataPaths } from '../../src/persistence/directory.ts'
import { expectSameAnswers, judge } from '../support/journal-oracle.ts'
import { deliver, LoadClient } from '../support/load-client.ts'
import { RequestLedger } from '../support/request-ledger.ts'
import { pause, Site } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const products = Array.from({ length: 12 }, (_, i) => `product-${i}`)
const test = suite('a recovery that is killed', { limitMs: 60_000 })

const tenDeaths = [
  'recovery.midReplay:1',
  'recovery.beforeCarry',
  'recovery.midReplay:17',
  'recovery.beforeOpen',
  'recovery.midReplay:200',
  'recovery.beforeOpen',
  'recovery.midReplay:451',
  'recovery.beforeCarry',
  'journal.midWrite',
  'recovery.midReplay:999',
]

test('ten times in a row, at another place each time, comes to the same state and leaves no litter', async () => {
  await using site = new Site()
  const ledger = new RequestLedger()
  const first = await site.start()
  await deliver(
    first,
    ledger,
    products.map((id) => [id, 10_000]),
  )
  const load = new LoadClient(first, ledger, { products, seed: 11, connections: 48 })
  await first.until(() => ledger.acknowledgedCount() > 1_200, 'there is something to replay')
  await first.kill()
  await load.ended()
  const verdict = judge(site, ledger)
  assert.ok(verdict.journal.unprovenCount > 0, 'the last frames are to be written anew')

  for (const crashPoint of tenDeaths) {
    const dying = await site.start({ environment: { CRASH_POINT: crashPoint }, until: 'spawned' })
    assert.is((await dying.exited).signal, 'SIGKILL', `it dies at ${crashPoint}`)
    const { journal } = judge(site, ledger, verdict.journal)
    assert.is(eventsCount(journal), eventsCount(verdict.journal), `nothing more after ${crashPoint}`)
  }

  const server = await site.start()
  await expectSameAnswers(server, verdict)
  await pause(150)
  const files = readdirSync(dataPaths(site.directory).journal)
  const { journal } = dataPaths(site.directory)
  const streams = new Set(files.map((name) => name.split('-')[0]))
  assert.is(streams.size, 2, `${journal} has the first stream's files and the last one's: ${files}`)
  assert.is((await server.stop()).code, 0)
  const last = judge(site, ledger, verdict.journal)
  for (const [shard, state] of verdict.journal.states)
    assert.ok(last.journal.states.get(shard)?.equals(state), `shard ${shard} byte for byte`)
})

function eventsCount({ events }: { readonly events: ReadonlyMap<number, readonly unknown[]> }): number {
  return [...events.values()].reduce((sum, { length }) => sum + length, 0)
}

test.run()
