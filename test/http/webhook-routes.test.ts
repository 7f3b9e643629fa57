import * as assert from 'uvu/assert'
import { webhookCreatedReply, webhookReply, webhooksReply } from '../../src/http/webhook-schemas.ts'
import { webhooksMax } from '../../src/persistence/tables/webhooks/subscriber-operations.ts'
import { InProcessTables } from '../support/in-process-tables.ts'
import { ManualClock } from '../support/manual-time.ts'
import { suite } from '../support/suite.ts'
import { fakes, NOW_MS } from './fake-parts.ts'

const HOOK = { url: 'https://erp.example.com/hooks', events: ['order.confirmed'] }
const UNKNOWN = 'whk_01K5ZC4N8XQ2M7V3H9R6T1B0DW'

const test = suite('webhooks')

async function within(use: (api: ReturnType<typeof fakes>, tables: InProcessTables) => Promise<void>) {
  const tables = new InProcessTables(new ManualClock(NOW_MS))
  try {
    await use(fakes({ tables }), tables)
  } finally {
    tables.close()
  }
}

test('a new one is told its secret this once, and where its entry is', () =>
  within(async ({ call }) => {
    const body = { ...HOOK, description: 'the ERP' }
    const created = await call('POST', '/v1/webhooks', { as: 'staff', body })
    assert.is(created.status, 201)
    assert.ok(webhookCreatedReply.safeParse(created.body).success)
    const { id, secret } = created.body
    assert.match(String(secret), /^whsec_[A-Za-z0-9+/]{43}=$/)
    assert.is(created.headers.get('location'), `/v1/webhooks/${id}`)
    assert.is(created.headers.get('cache-control'), 'no-store')
    const read = await call('GET', `/v1/webhooks/${id}`, { as: 'staff' })
    assert.equal(read.body, {
      id,
      ...body,
      status: 'enabled',
      createdAt: '2026-11-27T08:00:00.000Z',
      createdBy: 'key_staff',
    })
    assert.ok(webhookReply.safeParse(read.body).success)
    const list = await call('GET', '/v1/webhooks', { as: 'staff' })
    assert.ok(webhooksReply.safeParse(list.body).success)
    assert.not.match(list.text + read.text, 'whsec_')
  }))

test('a repetition under its key is told the same secret, and makes no other', () =>
  within(async ({ call }) => {
    const headers = { 'idempotency-key': 'once' }
    const first = await call('POST', '/v1/webhooks', { as: 'staff', body: HOOK, headers })
    const again = await call('POST', '/v1/webhooks', { as: 'staff', body: HOOK, headers })
    assert.equal(again.body, first.body)
    assert.is(again.headers.get('idempotency-replayed'), 'true')
    const list = await call('GET', '/v1/webhooks', { as: 'staff' })
    assert.is((list.body.webhooks as unknown[]).length, 1)
  }))

test('are for staff', () =>
  within(async ({ call }) => {
    for (const as of ['ann', 'service']) {
      for (const [method, path] of [
        ['POST', '/v1/webhooks'],
        ['GET', '/v1/webhooks'],
        ['GET', `/v1/webhooks/${UNKNOWN}`],
        ['DELETE', `/v1/webhooks/${UNKNOWN}`],
        ['GET', `/v1/webhooks/${UNKNOWN}/deliveries`],
        ['POST', `/v1/webhooks/${UNKNOWN}/test`],
        ['POST', `/v1/webhooks/${UNKNOWN}/deliveries/whd_x/replay`],
      ] as const) {
        assert.is((await call(method, path, { as })).status, 403, `${as} ${method} ${path}`)
      }
    }
  }))

test('lead nowhere but where the world may go, and the field is named (attack 41)', () =>
  within(async ({ call }) => {
    for (const url of [
      'http://erp.example.com/',
      'https://127.0.0.1/',
      'https://[::1]/',
      'https://169.254.169.254/latest/meta-data/',
      'https://2130706433/',
      'https://10.0.0.1:8443/',
      'https://user:pass@erp.example.com/',
      'https://erp.example.com:25/',
      'ftp://erp.example.com/',
      'erp.example.com',
    ]) {
      const reply = await call('POST', '/v1/webhooks', { as: 'staff', body: { ...HOOK, url } })
      assert.is(reply.status, 400, url)
      assert.is((reply.body.errors as { path: string }[])[0]?.path, 'url', url)
    }
  }))

test('what is malformed is refused with its path', () =>
  within(async ({ call }) => {
    const cases = [
      [{ url: HOOK.url }, 'events'],
      [{ ...HOOK, events: [] }, 'events'],
      [{ ...HOOK, events: ['order.lost'] }, 'events.0'],
      [{ ...HOOK, description: 'a\u0000b' }, 'description'],
      [{ ...HOOK, secret: 'mine' }, 'secret'],
    ] as const
    for (const [body, path] of cases) {
      const reply = await call('POST', '/v1/webhooks', { as: 'staff', body })
      assert.is(reply.status, 400)
      assert.is((reply.body.errors as { path: string }[])[0]?.path, path)
    }
  }))

test('are removed once, and what is none is not found', () =>
  within(async ({ call }) => {
    const { body } = await call('POST', '/v1/webhooks', { as: 'staff', body: HOOK })
    assert.is((await call('DELETE', `/v1/webhooks/${body.id}`, { as: 'staff' })).status, 204)
    for (const id of [body.id, UNKNOWN, '__proto__', '%00', 'x'.repeat(10_000)]) {
      for (const method of ['GET', 'DELETE']) {
        const reply = await call(method, `/v1/webhooks/${id}`, { as: 'staff' })
        assert.is(reply.body.code, 'unknown-webhook', String(id).slice(0, 40))
      }
    }
  }))

test('there are no more than there may be', () =>
  within(async ({ call, parts }) => {
    for (let i = 0; i < webhooksMax; i++) {
      const webhook = { url: HOOK.url, eventTypes: [], description: '', createdBy: 'key_staff' }
      await parts.tables.write('webhooks.create', webhook)
    }
    const reply = await call('POST', '/v1/webhooks', { as: 'staff', body: HOOK })
    assert.equal([reply.status, reply.body.code], [409, 'webhooks-full'])
  }))

test.run()
