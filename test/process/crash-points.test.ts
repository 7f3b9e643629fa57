/**
 * FAULTS.md, A1 to A7: the real server kills itself at each named place, once alone with one request, where what must be
 * in the journal is known exactly, and once in the middle of many, where the ledger judges.
 */
import * as assert from 'uvu/assert'
import { expectSameAnswers, judge, type Verdict } from '../support/journal-oracle.ts'
import { deliver, LoadClient } from '../support/load-client.ts'
import { RequestLedger } from '../support/request-ledger.ts'
import { pause, type ServerProcess, Site } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const products = Array.from({ length: 12 }, (_, i) => `product-${i}`)
const template = new Site()
const templateLedger = new RequestLedger()
let templateVerdict: Verdict

const alone = suite('a crash with one request in flight', { limitMs: 60_000 })

alone.before(async () => {
  const server = await template.start()
  await deliver(server, templateLedger, [['scarce', 40], ...products.map((id) => [id, 10_000] as const)])
  await server.request('PUT', '/v1/products/scarce/sale', { perCustomerLimit: 4 })
  assert.equal(await server.stop(), { code: 0, signal: null })
  templateVerdict = judge(template, templateLedger)
})

/** What the journal must hold of the one request that was in flight. */
const certain = [
  ['http.beforeEnqueue', 'nothing of it'],
  ['shard.afterApply', 'nothing of it'],
  ['journal.midWrite:3', 'nothing of it'],
  ['journal.afterSync:2', 'all of it'],
  ['reply.half', 'all of it'],
] as const

for (const [crashPoint, kept] of certain) {
  alone(`at ${crashPoint} leaves ${kept} in the journal, and it can be asked again`, async () => {
    await using site = Site.copyOf(template)
    const ledger = templateLedger.copy()
    const dying = await site.start({ environment: { CRASH_POINT: crashPoint } })
    // The opening, and the seal of an idle journal: the request's own frame is the third.
    await dying.until(async () => (await framesWritten(dying)) === 2, 'the journal is sealed')
    const asked = ledger.reserve('product-0', 2, 'customer-1')
    const body = {
      items: [{ productId: 'product-0', quantity: 2 }],
      customerId: 'customer-1',
      reference: asked.tag,
    }
    const cut = await dying.attempt('POST', '/v1/reservations', body)
    ledger.answeredReserve(asked, cut)
    assert.is(cut.type, 'cut')
    assert.is((await dying.exited).signal, 'SIGKILL')

    const verdict = judge(site, ledger, templateVerdict.journal)
    assert.is(verdict.books.reservations.size, kept === 'all of it' ? 1 : 0)
    const server = await site.start()
    await expectSameAnswers(server, verdict)
    const again = ledger.reserve('product-0', 2, 'customer-1')
    const answer = await server.request('POST', '/v1/reservations', { ...body, reference: again.tag })
    ledger.answeredReserve(again, answer)
    assert.is(answer.status, 201)
    assert.is((await server.stop()).code, 0)
    judge(site, ledger, verdict.journal)
  })
}

alone.run()

const crowd = suite('a crash with many requests in flight', { limitMs: 60_000 })

const underLoad = [
  'http.beforeEnqueue:300',
  'shard.afterApply:300',
  'journal.midWrite:60',
  'journal.beforeSync:60',
  'journal.afterSync:60',
  'reply.half:60',
] as const

for (const crashPoint of underLoad) {
  crowd(`at ${crashPoint} keeps what was acknowledged, and nothing nobody asked for`, async () => {
    await using site = Site.copyOf(template)
    const ledger = templateLedger.copy()
    const dying = await site.start({ environment: { CRASH_POINT: crashPoint } })
    const load = new LoadClient(dying, ledger, {
      products: ['scarce', ...products],
      seed: 7,
      connections: 48,
    })
    assert.is((await dying.exited).signal, 'SIGKILL')
    await load.ended()
    assert.ok(load.count('201') > 0, 'it died under load')
    const verdict = judge(site, ledger, templateVerdict.journal)
    if (crashPoint.startsWith('reply.half'))
      assert.ok(unansweredButHeld(ledger, verdict) > 0, 'half of the replies never left')

    const server = await site.start()
    await expectSameAnswers(server, verdict)
    const more = new LoadClient(server, ledger, { products: ['scarce', ...products], seed: 8 })
    await pause(100)
    await more.stop()
    assert.is((await server.stop()).code, 0)
    judge(site, ledger, verdict.journal)
  })
}

crowd.after(() => template[Symbol.asyncDispose]())
crowd.run()

function unansweredButHeld(ledger: RequestLedger, { journal }: Verdict): number {
  const all = [...journal.events.values()].flat()
  return all.filter(({ event }) => {
    return event.type === 'UnitsHeld' && ledger.reserves.get(event.reference ?? '')?.known === 'unknown'
  }).length
}

async function framesWritten(server: ServerProcess): Promise<number> {
  const { body } = await server.request('GET', '/metrics')
  const found = /^holdfast_journal_frames_total\{worker="0"\} (\d+)$/m.exec(String(body.text))
  return Number(found?.[1])
}
