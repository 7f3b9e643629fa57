/**
 * FAULTS.md, A1 to A7 and A9: the real server kills itself at each named place there is, in the middle of many requests
 * or of its own start, and the ledger judges. `crash-alone.test.ts` does so where one request can be told exactly.
 */
import * as assert from 'uvu/assert'
import { engineCrashPoints } from '../../src/crash-points.ts'
import { expectSameAnswers, judge, type Verdict } from '../support/journal-oracle.ts'
import { deliver, LoadClient } from '../support/load-client.ts'
import { RequestLedger } from '../support/request-ledger.ts'
import { type ServerProcess, Site, within } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const products = Array.from({ length: 12 }, (_, i) => `product-${i}`)
const deliveries = [['scarce', 40], ...products.map((id) => [id, 10_000] as const)] as const
/** The longest that a server under load takes to come to the place where it dies. */
const DEATH_MS = 45_000
const test = suite('a crash with many requests in flight', { limitMs: 60_000 })

/** At which of its passes it dies there: late enough to be amidst others, and soon enough to be waited for. */
const passes: Readonly<Record<(typeof engineCrashPoints)[number], number>> = {
  'http.beforeEnqueue': 300,
  'shard.afterApply': 300,
  'journal.midWrite': 60,
  'journal.beforeSync': 60,
  'journal.afterSync': 60,
  'reply.half': 60,
  // In this order: what the death before left undone brings a start to the first and the fourth of them by itself.
  'split.afterOutcome': 10,
  'split.afterHolds': 60,
  'split.afterMade': 60,
  'split.beforeAcknowledge': 60,
  'split.beforeDelivery': 30,
  'snapshot.midWrite': 1,
  'snapshot.beforeRename': 1,
  'snapshot.beforeDirectorySync': 1,
  'recovery.midReplay': 7,
  'recovery.beforeCarry': 1,
  'recovery.beforeOpen': 1,
}

/** One data directory for all of them: each successor recovers from the death before, and then dies itself. */
const site = new Site()
const ledger = new RequestLedger()
let verdict: Verdict

test.before(async () => {
  const server = await site.start()
  await deliver(server, ledger, deliveries)
  await server.kill()
  verdict = judge(site, ledger)
})

for (const [round, crashPoint] of engineCrashPoints.entries()) {
  test(`at ${crashPoint} keeps what was acknowledged, and nothing nobody asked for`, async () => {
    const environment = { CRASH_POINT: `${crashPoint}:${passes[crashPoint]}` }
    const diesStarting = crashPoint.startsWith('recovery.')
    const isOfSnapshots = crashPoint.startsWith('snapshot.')
    const dying = await site.start({ environment, until: diesStarting ? 'spawned' : 'ready' })
    // A start that has much to replay makes snapshots at once, and dies before anything could be asked in peace: what these
    // leave is asked for when all is over, and in snapshot-crash.test.ts.
    if (!diesStarting && !isOfSnapshots) await expectSameAnswers(dying, verdict)
    // Long references use up segments, and a snapshot is made when some are full.
    const padding = isOfSnapshots ? 128 : 0
    const severalShare = crashPoint.startsWith('split.') ? 0.5 : 0
    if (!diesStarting) {
      const sold = await sellUntilDeath(dying, { seed: round, padding, severalShare })
      assert.ok(sold > 0 || isOfSnapshots, 'it died under load')
    }
    const late = () => `it comes to ${crashPoint} and dies there:\n${dying.troubles}`
    assert.is((await within(DEATH_MS, dying.exited, late)).signal, 'SIGKILL')
    verdict = judge(site, ledger, verdict.journal)
    if (crashPoint === 'reply.half')
      assert.ok(unansweredButHeld(ledger, verdict) > 0, 'half of the replies never left')
  })
}

test('leaves a server that answers as its journal says', async () => {
  const server = await site.start()
  await expectSameAnswers(server, verdict)
  assert.is((await server.stop()).code, 0)
  judge(site, ledger, verdict.journal)
})

test.after(() => site[Symbol.asyncDispose]())
test.run()

async function sellUntilDeath(
  dying: ServerProcess,
  options: { readonly seed: number; readonly padding: number; readonly severalShare: number },
): Promise<number> {
  const load = new LoadClient(dying, ledger, {
    ...options,
    products: ['scarce', ...products],
    connections: 48,
  })
  await within(DEATH_MS, load.ended(), () => `it comes to its place and dies there:\n${dying.troubles}`)
  return load.count('201')
}

function unansweredButHeld(ledger: RequestLedger, { journal }: Verdict): number {
  const all = [...journal.events.values()].flat()
  return all.filter(({ event }) => {
    return event.type === 'UnitsHeld' && ledger.reserves.get(event.reference ?? '')?.known === 'unknown'
  }).length
}
