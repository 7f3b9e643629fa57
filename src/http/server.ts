/**
 * One listener: sockets in, `fetch` out, and every way a client can hold on to something bounded.
 *
 * Node's parser is strict and refuses what proxies could read in two ways (both lengths, doubled lengths, folded fields,
 * bare line feeds). Slow headers, slow bodies and clients that never read run into time-outs; the number of sockets,
 * the bytes of headers and the connections waiting to be accepted have limits.
 */
import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { getRequestListener, type HttpBindings, RequestError } from '@hono/node-server'
import type { Logger } from 'pino'
import * as limits from '../limits.ts'
import { isLongUpload } from './long-uploads.ts'
import type { Drain } from './parts.ts'
import { PROBLEMS, type ProblemCode } from './problems.ts'
import { guardFields, problemBody } from './responses.ts'

/** Turns of the event loop in which nothing came: one to accept, one to read, one to spare. */
const QUIET_TURNS = 3

export type ServerBounds = {
  readonly headerBytesMax: number
  readonly connectionsMax: number
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly uploadTimeoutMs: number
  readonly keepAliveTimeoutMs: number
  readonly socketIdleTimeoutMs: number
  readonly socketCheckMs: number
}

export type ServerOptions = {
  /** `app.fetch`. */
  readonly fetch: (request: Request, env: HttpBindings) => Response | Promise<Response>
  readonly host: string
  /** 0 takes any that is free. */
  readonly port: number
  /** Lets several listeners share the port; the kernel spreads connections over them. */
  readonly reusePort?: boolean
  /** The one that the app's replies look at. */
  readonly drain: Drain
  readonly log: Logger
  /** Where a test cannot wait for the real ones. */
  readonly bounds?: Partial<ServerBounds>
}

export type RunningServer = {
  readonly port: number
  /**
   * Stops accepting, lets requests in flight finish, and asks their clients to go; what is left at the deadline is cut
   * off. Resolves when every connection is closed.
   */
  close(deadlineMs: number): Promise<void>
}

/** Resolves when the port is open. Rejects where it cannot be had. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { host, port, reusePort = false, drain } = options
  const bounds: ServerBounds = { ...limits, ...options.bounds }
  const server = createServer(
    {
      maxHeaderSize: bounds.headerBytesMax,
      headersTimeout: bounds.headersTimeoutMs,
      // Of files that are taken as they come; `trackSockets` holds everything else to its own time.
      requestTimeout: Math.max(bounds.uploadTimeoutMs, bounds.requestTimeoutMs),
      keepAliveTimeout: bounds.keepAliveTimeoutMs,
      connectionsCheckingInterval: bounds.socketCheckMs,
      // A repeated Authorization or Content-Type then fits nothing, rather than the first one winning silently.
      joinDuplicateHeaders: true,
      insecureHTTPParser: false,
    },
    getRequestListener((request, env) => options.fetch(request, httpOf(env)), {
      errorHandler: (error) => answerUnroutable(error, options.log),
    }),
  )
  server.maxConnections = bounds.connectionsMax
  // Their bytes are bounded; a bound on their number would make Node drop the rest without a word.
  server.maxHeadersCount = 0
  server.setTimeout(bounds.socketIdleTimeoutMs)
  server.on('clientError', answerMalformed)

  const silent = trackSockets(server, bounds)
  await listen(server, { host, port, reusePort, backlog: limits.acceptBacklog })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('a TCP listener has a port')
  return { port: address.port, close: (deadlineMs) => close(server, drain, silent, deadlineMs) }
}

function listen(
  server: Server,
  where: {
    readonly host: string
    readonly port: number
    readonly reusePort: boolean
    readonly backlog: number
  },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(where, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** The adapter's types allow for HTTP/2, which this server does not speak. */
function httpOf(env: Parameters<Parameters<typeof getRequestListener>[0]>[1]): HttpBindings {
  return env as HttpBindings
}

/** A Host field or target no URL can be made of: the app has never seen the request. */
function answerUnroutable(error: unknown, log: Logger): Response {
  const isClients = error instanceof RequestError
  if (!isClients) log.error({ err: error }, 'http.failed')
  const code: ProblemCode = isClients ? 'malformed-request' : 'internal-error'
  const detail = isClients ? 'The Host header field or the URL is malformed.' : 'Something went wrong here.'
  return new Response(problemBody(code, detail), {
    status: PROBLEMS[code].status,
    headers: { 'content-type': 'application/problem+json', ...guardFields, connection: 'close' },
  })
}

/** What the parser gave up on, or what took too long: answered where that cannot be misread, then closed. */
function answerMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable || isAnswering(socket)) {
    socket.destroy()
    return
  }
  socket.end(MALFORMED[error.code ?? ''] ?? BAD_REQUEST, () => socket.destroy())
}

/**
 * Whether these bytes would pass for the reply to a request that came whole before them, or for a part of it. While the
 * body of that request is what is malformed, they are its reply.
 */
function isAnswering(socket: Duplex): boolean {
  const reply = replyOn(socket)
  return reply !== undefined && (reply.headersSent || reply.req.complete)
}

/** The reply that is being made, or written. */
function replyOn(socket: Duplex): ServerResponse | undefined {
  // Node's own default handler looks at this field too; there is no public way from a socket to its reply.
  return '_httpMessage' in socket && socket._httpMessage instanceof ServerResponse
    ? socket._httpMessage
    : undefined
}

function requestOn(socket: Duplex): IncomingMessage | undefined {
  return replyOn(socket)?.req
}

const BAD_REQUEST = rawReply('malformed-request', 'Bad Request', 'This is not HTTP/1.1 as RFC 9112 has it.')
const MALFORMED: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: rawReply(
    'headers-too-large',
    'Request Header Fields Too Large',
    'The header fields are too large.',
  ),
  ERR_HTTP_REQUEST_TIMEOUT: rawReply(
    'request-timeout',
    'Request Timeout',
    'The request took too long to arrive.',
  ),
}

function rawReply(code: ProblemCode, phrase: string, detail: string): string {
  const body = problemBody(code, detail)
  return [
    `HTTP/1.1 ${PROBLEMS[code].status} ${phrase}`,
    'Content-Type: application/problem+json',
    ...Object.entries(guardFields).map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n')
}

/**
 * Ends requests whose bodies take longer than they may, unless they are long uploads. Answers a way to end connections that
 * have not said a word; Node's own notion of idle begins after a first request.
 */
function trackSockets(server: Server, bounds: ServerBounds): () => void {
  const sockets = new Set<Duplex & { readonly bytesRead: number }>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  // Looked for now and then, at no cost to a request: most are whole before anybody looks.
  const since = new WeakMap<IncomingMessage, number>()
  const timer = setInterval(() => {
    const nowMs = performance.now()
    for (const socket of sockets) {
      const request = requestOn(socket)
      if (request === undefined || request.complete || isLongUpload(request)) continue
      const sinceMs = since.get(request)
      if (sinceMs === undefined) since.set(request, nowMs)
      else if (nowMs - sinceMs > bounds.requestTimeoutMs) answerMalformed(TOO_SLOW, socket)
    }
  }, bounds.socketCheckMs).unref()
  server.once('close', () => clearInterval(timer))
  return () => {
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
  }
}

const TOO_SLOW: NodeJS.ErrnoException = Object.assign(new Error('the body took too long to arrive'), {
  code: 'ERR_HTTP_REQUEST_TIMEOUT',
})

/**
 * Waits until what clients had sent by now has been read. It lies in the kernel, of which a turn of the event loop accepts
 * one connection; closed at once, half of a thousand requests in flight were cut off unread.
 */
async function takeIn(server: Server): Promise<void> {
  let seen = 0
  const see = () => {
    seen += 1
  }
  server.on('connection', see).on('request', see)
  const endsAt = performance.now() + limits.takeInMsMax
  for (let quiet = 0; quiet < QUIET_TURNS && performance.now() < endsAt; ) {
    const before = seen
    await new Promise<void>((resolve) => setImmediate(resolve))
    quiet = seen === before ? quiet + 1 : 0
  }
  server.off('connection', see).off('request', see)
}

async function close(server: Server, drain: Drain, endSilent: () => void, deadlineMs: number): Promise<void> {
  drain.started = true
  await takeIn(server)
  const cut = setTimeout(() => server.closeAllConnections(), deadlineMs)
  const closed = new Promise<void>((resolve) => void server.close(() => resolve()))
  // Those accepted last have not been read.
  await takeIn(server)
  server.closeIdleConnections()
  endSilent()
  await closed
  clearTimeout(cut)
}
