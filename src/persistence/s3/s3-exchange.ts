/** One HTTP request to a store and its whole reply, both bounded in bytes and time. */
import { Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { s3ConnectionsMax, s3ReplyBytesMax } from '../../limits/s3.ts'
import type { Timers } from '../../seams.ts'

export type Ask = {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE'
  readonly host: string
  readonly port: number | undefined
  /** With its query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** More than this of what was asked for is an error. */
  readonly bytesMax: number
}

export type Answer = {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** The reply is longer than whoever asked wants to have. */
export class ReplyTooLong extends Error {
  override readonly name = 'ReplyTooLong'
}

const OK = 200

/** Connections that are kept from one request to the next. */
export class S3Exchange {
  readonly #agent: HttpAgent
  readonly #request: typeof httpRequest
  readonly #idleMs: number
  readonly #timers: Timers

  constructor({
    tls,
    idleMs,
    timers,
  }: { readonly tls: boolean; readonly idleMs: number; readonly timers: Timers }) {
    const options = { keepAlive: true, maxSockets: s3ConnectionsMax }
    this.#agent = tls ? new HttpsAgent(options) : new HttpAgent(options)
    this.#request = tls ? httpsRequest : httpRequest
    this.#idleMs = idleMs
    this.#timers = timers
  }

  /** Rejects where no whole reply comes in time. */
  ask({ body, bytesMax, ...options }: Ask, withinMs: number): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = this.#request({ ...options, agent: this.#agent }, (reply) => {
        const chunks: Buffer[] = []
        let bytes = 0
        reply.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          chunks.push(chunk)
          // What it says of an error is no object.
          const most = reply.statusCode === OK ? bytesMax : s3ReplyBytesMax
          if (bytes <= most) return
          fail(new ReplyTooLong(`a reply of more than ${most} bytes`))
          request.destroy()
        })
        reply.on('end', () => {
          late.cancel()
          const { statusCode: status = 0, headers } = reply
          // One that breaks off ends in an error.
          resolve({ status, headers, body: Buffer.concat(chunks) })
        })
        reply.on('error', fail)
      })
      const fail = (error: Error) => {
        late.cancel()
        reject(error)
      }
      const late = this.#timers.after(withinMs, () => {
        request.destroy(new Error(`no whole reply within ${Math.round(withinMs)} ms`))
      })
      request.setTimeout(this.#idleMs, () => {
        request.destroy(new Error(`nothing came or went for ${this.#idleMs} ms`))
      })
      request.on('error', fail)
      request.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}
