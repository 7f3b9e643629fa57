/**
 * FAULTS.md, A1 to A6, between the steps of a reservation of several products: the real server kills itself after its
 * holds, after its making, after an abort, before other shards hear of a change, and before its home knows that they did.
 */
import * as assert from 'uvu/assert'
import { shardOf } from '../../src/domain/ids.ts'
import { type CallOutcome, callServer } from '../support/http-call.ts'
import { judge, type Verdict } from '../support/journal-oracle.ts'
import { deliver } from '../support/load-client.ts'
import { RequestLedger } from '../support/request-ledger.ts'
import { adminKey, type ServerProcess, Site } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const UNITS = 10
const products = ['bag', 'cable', 'desk', 'lamp']
const lines = products.map((productId) => ({ productId, quantity: 2 }))
/** More than there is of the home's own product, which is asked last. */
const tooMany = lines.map((line) => (line.productId === 'bag' ? { ...line, quantity: UNITS + 1 } : line))

const template = new Site()
const templateLedger = new RequestLedger()
let templateVerdict: Verdict

const test = suite('a crash between the steps of a reservation of several products', { limitMs: 60_000 })

test.before(async () => {
  assert.is(new Set(products.map((id) => shardOf(id as never, 8))).size, products.length, 'shards differ')
  const server = await template.start()
  await deliver(
    server,
    templateLedger,
    products.map((id) => [id, UNITS]),
  )
  assert.is((await server.stop()).code, 0)
  templateVerdict = judge(template, templateLedger)
})

/** Counts are of each product: on hand, held, sold. */
const steps = [
  { crashPoint: 'split.afterHolds', asks: 'a reserve', leaves: [10, 0, 0], again: 'is decided afresh' },
  { crashPoint: 'split.afterMade', asks: 'a reserve', leaves: [10, 2, 0], again: 'is answered as before' },
  {
    crashPoint: 'split.afterOutcome',
    asks: 'a reserve of too many',
    leaves: [10, 0, 0],
    again: 'is refused',
  },
  {
    crashPoint: 'split.beforeDelivery',
    asks: 'a confirm',
    leaves: [8, 0, 2],
    again: 'is answered as before',
  },
  {
    crashPoint: 'split.beforeAcknowledge',
    asks: 'a confirm',
    leaves: [8, 0, 2],
    again: 'is answered as before',
  },
] as const

for (const { crashPoint, asks, leaves, again } of steps) {
  test(`at ${crashPoint} leaves ${asks} whole or not at all, and it ${again}`, async () => {
    await using site = Site.copyOf(template)
    const ledger = templateLedger.copy()
    const dying = await site.start({ environment: { CRASH_POINT: crashPoint, WORKERS: '2' } })
    const asked = ledger.reserveSeveral(asks === 'a reserve of too many' ? tooMany : lines, { isKeyed: true })
    const reserve = (server: ServerProcess) =>
      call(server, '/v1/reservations', { body: { items: asked.lines, reference: asked.tag }, key: asked.key })
    const first = await reserve(dying)
    const held = ledger.answeredReserve(asked, first)
    const confirmed = held === undefined ? undefined : ledger.settle('confirm', held, { isKeyed: true })
    const confirm = (server: ServerProcess) =>
      call(server, `/v1/reservations/${held?.reservationId}/confirm`, { key: confirmed?.key })
    const last = confirmed === undefined ? first : await confirm(dying)
    if (confirmed !== undefined) ledger.answeredSettlement(confirmed, last)
    assert.is(last.type, 'cut')
    assert.is((await dying.exited).signal, 'SIGKILL')

    const verdict = judge(site, ledger, templateVerdict.journal)
    const server = await site.start({ environment: { WORKERS: '1' } })
    await server.until(async () => {
      const counts = await Promise.all(products.map((id) => countsOf(server, id)))
      return counts.every((of) => of === leaves.join())
    }, `each product stands at ${leaves}`)
    const repeated = confirmed === undefined ? await reserve(server) : await confirm(server)
    if (confirmed === undefined) ledger.answeredReserve(asked, repeated)
    else ledger.answeredSettlement(confirmed, repeated)
    assert.is(repeated.type, 'answered')
    if (repeated.type !== 'answered') return
    assert.is(repeated.status, again === 'is refused' ? 409 : confirmed === undefined ? 201 : 200)
    const isReplay = repeated.headers['idempotency-replayed'] === 'true'
    assert.is(isReplay, again === 'is answered as before')
    assert.is((await server.stop()).code, 0)
    judge(site, ledger, verdict.journal)
  })
}

test.after(() => template[Symbol.asyncDispose]())
test.run()

function call(
  server: ServerProcess,
  path: string,
  { body, key }: { readonly body?: unknown; readonly key: string | undefined },
): Promise<CallOutcome> {
  return callServer(server.port, ['POST', path], { token: adminKey, body, idempotencyKey: key })
}

async function countsOf(server: ServerProcess, productId: string): Promise<string> {
  const { body } = await server.request('GET', `/v1/products/${productId}/stock`)
  return [body.onHand, body.held, body.sold].join()
}
