/**
 * One HTTP call to a server that may be dying. It never rejects: what became of it is a value, because to whoever keeps
 * the books "cut off" is an outcome like any other.
 */
import { Agent, request } from 'node:http'

export type Answer = {
  readonly type: 'answered'
  readonly status: number
  /** Parsed where it is JSON. */
  readonly body: Readonly<Record<string, unknown>>
  readonly headers: NodeJS.Dict<string | string[]>
}
export type CallOutcome =
  | Answer
  /** No connection was made, so nothing can have happened. */
  | { readonly type: 'unreached'; readonly why: string }
  /** Sent, at least in part, and never answered whole. */
  | { readonly type: 'cut'; readonly why: string }

export type CallOptions = {
  readonly agent?: Agent
  readonly token?: string | undefined
  readonly body?: unknown
  /** Sent as `X-Request-Id`. */
  readonly requestId?: string
  /** Sent as `Idempotency-Key`. */
  readonly idempotencyKey?: string | undefined
  /** After this long it counts as cut. */
  readonly patienceMs?: number
  /** Called when all of the request is in the kernel's hands. */
  readonly onSent?: () => void
}

const PATIENCE_MS = 15_000
const NEVER_CONNECTED = new Set(['ECONNREFUSED', 'EADDRNOTAVAIL'])

/** Calls `http://127.0.0.1:<port><path>`. */
export function callServer(
  port: number,
  [method, path]: readonly [method: string, path: string],
  options: CallOptions = {},
): Promise<CallOutcome> {
  const { agent, token, body, requestId, idempotencyKey, patienceMs = PATIENCE_MS, onSent } = options
  const text = body === undefined ? undefined : JSON.stringify(body)
  return new Promise((resolve) => {
    const headers: Record<string, string | number> = {}
    if (token !== undefined) headers.authorization = `Bearer ${token}`
    if (requestId !== undefined) headers['x-request-id'] = requestId
    if (idempotencyKey !== undefined) headers['idempotency-key'] = idempotencyKey
    if (text !== undefined) {
      headers['content-type'] = 'application/json'
      headers['content-length'] = Buffer.byteLength(text)
    }
    const outgoing = request({ host: '127.0.0.1', port, method, path, headers, agent })
    const timer = setTimeout(
      () => outgoing.destroy(new Error(`no answer within ${patienceMs} ms`)),
      patienceMs,
    )
    const end = (outcome: CallOutcome) => {
      clearTimeout(timer)
      resolve(outcome)
    }
    outgoing.once('error', (error: NodeJS.ErrnoException) => {
      end({ type: NEVER_CONNECTED.has(error.code ?? '') ? 'unreached' : 'cut', why: error.message })
    })
    outgoing.once('response', (incoming) => {
      let received = ''
      incoming.setEncoding('utf8').on('data', (chunk: string) => {
        received += chunk
      })
      incoming.once('error', (error: Error) => end({ type: 'cut', why: error.message }))
      incoming.once('end', () => {
        const { statusCode = 0, headers: fields } = incoming
        end({ type: 'answered', status: statusCode, body: parsed(received), headers: fields })
      })
    })
    if (onSent !== undefined) outgoing.once('finish', onSent)
    outgoing.end(text)
  })
}

/** Connections that are kept, at most this many. */
export function keptConnections(maxSockets: number): Agent {
  return new Agent({ keepAlive: true, maxSockets, scheduling: 'fifo' })
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : { value }
  } catch {
    return { text }
  }
}
