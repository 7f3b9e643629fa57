/** What a subscriber's answer means, by Standard Webhooks. */
import type { DeliveryTry } from '../../persistence/tables/webhooks/delivery-operations.ts'
import type { PostAnswer } from './http-post.ts'

export type Verdict = DeliveryTry['result']

const GONE = 410
/** It could not cope, or what stands before it: everything for it waits. */
const THROTTLING = [429, 502, 503, 504]
const troubleLengthMax = 64
const SECONDS = /^[0-9]{1,9}$/

export function verdictOn(answer: PostAnswer, nowMs: number): Verdict {
  if (answer.type === 'unreached') return { type: 'failed', trouble: troubleOf(answer.why) }
  const { status, retryAfter } = answer
  if (status >= 200 && status <= 299) return { type: 'received', status }
  if (status === GONE) return { type: 'gone', status }
  const retryAfterMs = retryAfterIn(retryAfter, nowMs)
  const trouble = status >= 300 && status <= 399 ? 'redirected' : `answered-${status}`
  const isThrottled = THROTTLING.includes(status)
  return {
    type: 'failed',
    status,
    trouble,
    isThrottled,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  }
}

/** Seconds, or a date (RFC 9110, 10.2.3). */
export function retryAfterIn(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined
  if (SECONDS.test(text)) return Number(text) * 1_000
  const atMs = Date.parse(text)
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs)
}

export function troubleOf(why: string): string {
  return why.slice(0, troubleLengthMax) || 'failed'
}
