/**
 * Signs as Standard Webhooks has it (github.com/standard-webhooks, spec): `v1,` and the base64 of HMAC-SHA-256 over id, time
 * and the very bytes of the body, joined by full stops.
 */
import { createHmac } from 'node:crypto'
import { assert } from '../../domain/assert.ts'

const PREFIX = 'whsec_'

export type WebhookMessage = { readonly id: string; readonly body: string; readonly atMs: number }

/** The header fields of one try. The time is that of the try; the id is the event's, the same on each. */
export function signedHeaders(
  { id, body, atMs }: WebhookMessage,
  secret: string,
): Readonly<Record<string, string>> {
  assert(!id.includes('.'), 'an id without a full stop cannot be read as another message')
  assert(secret.startsWith(PREFIX), 'a secret is shown as whsec_ and base64')
  const seconds = String(Math.floor(atMs / 1_000))
  const key = Buffer.from(secret.slice(PREFIX.length), 'base64')
  const signature = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')
  return {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': seconds,
    'webhook-signature': `v1,${signature}`,
  }
}
