/** One POST to one address, and what came back of it: a status, and nothing else is read. */
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { LookupFunction } from 'node:net'
import type { Timers } from '../../seams.ts'
import { type Destination, portOf } from './destination.ts'

export type Post = {
  readonly destination: Destination
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly timeoutMs: number
}

export type PostAnswer =
  | { readonly type: 'answered'; readonly status: number; readonly retryAfter: string | undefined }
  /** The code of what went wrong, such as ECONNREFUSED. */
  | { readonly type: 'unreached'; readonly why: string }

export type HttpPost = (post: Post) => Promise<PostAnswer>

const TIMED_OUT = 'timed-out'
const headerBytesMax = 16_384

/** Posts over Node's own client, which follows nothing and connects where `lookup` says (D3, D4). */
export function openHttpPost(timers: Timers): HttpPost {
  return ({ destination: { url, address, family }, headers, body, timeoutMs }) => {
    const { promise, resolve } = Promise.withResolvers<PostAnswer>()
    const lookup: LookupFunction = (_host, options, found) => {
      if (options.all === true) found(null, [{ address, family }])
      else found(null, address, family)
    }
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest
    const request = send(url, {
      method: 'POST',
      port: portOf(url),
      lookup,
      // One connection a try: a pooled one would be to an address that was looked at before.
      agent: false,
      maxHeaderSize: headerBytesMax,
      headers: { ...headers, 'content-length': Buffer.byteLength(body), 'user-agent': 'Holdfast-Webhooks' },
    })
    const timer = timers.after(timeoutMs, () => request.destroy(new Error(TIMED_OUT)))
    request.on('response', (response) => {
      const { statusCode, headers: fields } = response
      resolve({ type: 'answered', status: statusCode ?? 0, retryAfter: fields['retry-after'] })
      // Whatever it goes on to say costs memory and time, and changes nothing.
      response.on('error', () => {})
      response.destroy()
    })
    request.on('error', (error: NodeJS.ErrnoException) => {
      resolve({ type: 'unreached', why: error.code ?? error.message })
    })
    request.on('close', () => {
      timer.cancel()
      resolve({ type: 'unreached', why: 'ECONNRESET' })
    })
    request.end(body)
    return promise
  }
}
