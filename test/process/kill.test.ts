/** FAULTS.md, A12: `kill -9` of the real server under load, with the acknowledged kept outside it. */
import * as assert from 'uvu/assert'
import { expectSameAnswers, judge } from '../support/journal-oracle.ts'
import { deliver, LoadClient, randomFrom } from '../support/load-client.ts'
import { RequestLedger } from '../support/request-ledger.ts'
import { pause, Site } from '../support/server-process.ts'
import { note, suite } from '../support/suite.ts'

const test = suite('kill -9', { limitMs: 90_000 })

test('under load loses nothing acknowledged and sells nothing twice, ten times in a row', async () => {
  const rounds = 10
  const seed = 1
  await using site = new Site()
  const ledger = new RequestLedger()
  const random = randomFrom(seed)
  const products = Array.from({ length: 12 }, (_, i) => `product-${i}`)
  let earlier: ReturnType<typeof judge> | undefined
  for (let round = 0; round < rounds; round++) {
    const server = await site.start()
    if (earlier === undefined) await deliver(server, ledger, products.map((id, i) => [id, i === 0 ? 50 : 100_000]))
    else await expectSameAnswers(server, earlier)
    const load = new LoadClient(server, ledger, { products, seed: seed * 1000 + round })
    await pause(5 + random() * 495)
    await server.kill()
    await load.ended()
    note(JSON.stringify([...load.counts]))
    earlier = judge(site, ledger, earlier?.journal)
  }
  assert.ok(ledger.acknowledgedCount() > 1_000)
})

test.run()
