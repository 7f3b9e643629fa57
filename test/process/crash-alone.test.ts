/**
 * FAULTS.md, A1 to A6: the real server kills itself at a named place with one request in flight, so that what must be in
 * the journal is known exactly.
 */
import * as assert from 'uvu/assert'
import { expectSameAnswers, judge, type Verdict } from '../support/journal-oracle.ts'
import { deliver } from '../support/load-client.ts'
import { RequestLedger } from '../support/request-ledger.ts'
import { type ServerProcess, Site } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const template = new Site()
const templateLedger = new RequestLedger()
let templateVerdict: Verdict

const test = suite('a crash with one request in flight', { limitMs: 60_000 })

test.before(async () => {
  const server = await template.start()
  await deliver(server, templateLedger, [['product-0', 10_000]])
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
  test(`at ${crashPoint} leaves ${kept} in the journal, and it can be asked again`, async () => {
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

test.after(() => template[Symbol.asyncDispose]())
test.run()

async function framesWritten(server: ServerProcess): Promise<number> {
  const { body } = await server.request('GET', '/metrics')
  const found = /^holdfast_journal_frames_total\{worker="0"\} (\d+)$/m.exec(String(body.text))
  return Number(found?.[1])
}
