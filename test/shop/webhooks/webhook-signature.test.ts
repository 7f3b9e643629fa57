import { Webhook, WebhookVerificationError } from 'standardwebhooks'
import * as assert from 'uvu/assert'
import { signedHeaders } from '../../../src/shop/webhooks/webhook-signature.ts'
import { suite } from '../../support/suite.ts'

const SECRET = `whsec_${Buffer.from('0123456789abcdef0123456789abcdef').toString('base64')}`

const test = suite('a webhook’s signature')

test('is one that the specification’s own package accepts, whatever the body', () => {
  for (const data of [{ a: 1 }, { text: 'naïve 汉字 🛒 \u2028 "quoted"' }, { long: 'x'.repeat(19_000) }]) {
    const body = JSON.stringify(data)
    const headers = signedHeaders({ id: 'evt_1042', body, atMs: Date.now() }, SECRET)
    assert.equal(new Webhook(SECRET).verify(body, { ...headers }), data)
  }
})

test('fits no other body, id, time or secret', () => {
  const body = '{"a":1}'
  const headers = signedHeaders({ id: 'evt_1', body, atMs: Date.now() }, SECRET)
  const refuses = (changed: string, more: Record<string, string> = {}, secret = SECRET) => {
    const verify = () => new Webhook(secret).verify(changed, { ...headers, ...more })
    assert.throws(verify, (error: unknown) => error instanceof WebhookVerificationError)
  }
  refuses('{"a":2}')
  refuses(`${body} `)
  refuses(body, { 'webhook-id': 'evt_2' })
  refuses(body, { 'webhook-timestamp': String(Number(headers['webhook-timestamp']) + 1) })
  refuses(body, {}, `whsec_${Buffer.from('another secret of thirty-two byt').toString('base64')}`)
})

test('is of nothing that could be read in two ways', () => {
  assert.throws(() => signedHeaders({ id: 'evt.1', body: '{}', atMs: 0 }, SECRET))
  assert.throws(() => signedHeaders({ id: 'evt_1', body: '{}', atMs: 0 }, 'secret'))
})

test.run()
