/** What a payment provider posts, and what others post in its name (attacks 39 and 40). */
import * as assert from 'uvu/assert'
import { SandboxGateway } from '../../src/shop/payments/sandbox-gateway.ts'
import { signatureHeader, signatureOf } from '../../src/shop/payments/sandbox-signature.ts'
import { InProcessTables } from '../support/in-process-tables.ts'
import { ManualClock } from '../support/manual-time.ts'
import { suite } from '../support/suite.ts'
import { fakes, NOW_MS } from './fake-parts.ts'

const PATH = '/v1/payments/webhooks/sandbox'
const BODY = JSON.stringify({
  id: 'evt_01K5ZC4N8XQ2M7V3H9R6T1B0DW',
  createdAtMs: NOW_MS,
  type: 'charge.succeeded',
  data: { key: 'ord_none:1', transactionId: 'txn_1', amountMinor: 500, currency: 'EUR', status: 'succeeded' },
})

const test = suite('a post of a payment provider')

type Api = {
  readonly post: (body: string, header?: string, path?: string) => Promise<{ status: number; code: unknown }>
  readonly sign: (body: string, at?: { readonly ageMs?: number; readonly secret?: string }) => string
  readonly everything: () => string
  readonly logged: () => string
}

async function within(use: (api: Api) => Promise<void>): Promise<void> {
  const clock = new ManualClock(NOW_MS)
  const tables = new InProcessTables(clock)
  const gateway = new SandboxGateway({ tables, clock, delays: { shortMs: 1, longMs: 2 } })
  const { secret } = await tables.write('sandbox.secret', {})
  const { call, logged, clock: own } = fakes({ tables, gateway })
  try {
    await use({
      post: async (body, header, path = PATH) => {
        // Forgeries are logged once a second.
        own.nowMs += 1_000
        const headers = header === undefined ? {} : { [signatureHeader]: header }
        const reply = await call('POST', path, { body, headers })
        return { status: reply.status, code: reply.status === 204 ? undefined : reply.body.code }
      },
      sign: (body, { ageMs = 0, secret: other = secret } = {}) => signatureOf(body, other, NOW_MS - ageMs),
      everything: () => tables.everything(),
      logged: () => JSON.stringify(logged),
    })
  } finally {
    tables.close()
  }
}

test('39, 40: has no effect where it is unsigned, changed by a byte, re-serialised, signed by others, or old', () =>
  within(async ({ post, sign, everything, logged }) => {
    const before = everything()
    const weekMs = 7 * 86_400_000
    const forged = [
      [BODY, undefined],
      [BODY, ''],
      [BODY, 'sesame'],
      [BODY, sign(BODY, { secret: 'another' })],
      [BODY, sign(BODY, { ageMs: 301_000 })],
      [BODY, sign(BODY, { ageMs: weekMs })],
      [BODY, sign(BODY, { ageMs: -301_000 })],
      [BODY.replace('500', '501'), sign(BODY)],
      [`${BODY}\n`, sign(BODY)],
      [JSON.stringify(JSON.parse(BODY), null, 2), sign(BODY)],
    ] as const
    for (const [body, header] of forged) {
      assert.equal(await post(body, header), { status: 401, code: 'forged-webhook' }, header ?? 'unsigned')
    }
    assert.is(everything(), before)
    assert.match(logged(), 'too-old')
    assert.not.match(logged(), 'sesame')
  }))

test('is received however often it comes, at once or later, whatever it is about', () =>
  within(async ({ post, sign }) => {
    const replies = await Promise.all(Array.from({ length: 20 }, () => post(BODY, sign(BODY))))
    for (const { status } of replies) assert.is(status, 204)
    const other = JSON.stringify({ id: 'evt_2', type: 'payout.paid', data: {} })
    assert.is((await post(other, sign(other))).status, 204)
  }))

test('of a provider that this shop does not have is not found', () =>
  within(async ({ post, sign }) => {
    for (const path of ['/v1/payments/webhooks/stripe', '/v1/payments/webhooks/__proto__']) {
      assert.is((await post(BODY, sign(BODY), path)).status, 404)
    }
  }))

test.run()
