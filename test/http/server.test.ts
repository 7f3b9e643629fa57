import { setTimeout as delay } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { type RunningServer, type ServerBounds, startServer } from '../../src/http/server.ts'
import { bodyBytesMax } from '../../src/limits.ts'
import { suite } from '../support/suite.ts'
import { type Fakes, fakes, NOW_MS } from './fake-parts.ts'
import { type RawClient, rawClient } from './raw-client.ts'

const BODY = '{"items":[{"productId":"pixel-11","quantity":2}]}'
const HEAD =
  'POST /v1/reservations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer service\r\nContent-Type: application/json\r\n'
const GOOD = `${HEAD}Content-Length: ${BODY.length}\r\n\r\n${BODY}`
const LIVEZ = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n'

type Running = Fakes & { readonly server: RunningServer; client(): Promise<RawClient> }
const opened: { readonly servers: RunningServer[]; readonly clients: RawClient[] } = {
  servers: [],
  clients: [],
}

async function start(bounds: Partial<ServerBounds> = {}): Promise<Running> {
  const all = fakes()
  const { drain, log } = all.parts
  const server = await startServer({ fetch: all.app.fetch, host: '127.0.0.1', port: 0, drain, log, bounds })
  opened.servers.push(server)
  const client = async () => {
    const made = await rawClient(server.port)
    opened.clients.push(made)
    return made
  }
  return { ...all, server, client }
}

async function closeAll(): Promise<void> {
  for (const client of opened.clients.splice(0)) client.end()
  await Promise.all(opened.servers.splice(0).map((server) => server.close(0)))
}

/** Sends the text and answers all that comes until the server closes. */
async function sendRaw({ client }: Running, text: string): Promise<string> {
  const made = await client()
  made.send(text)
  return made.closed()
}

function statusesOf(received: string): string[] {
  return [...received.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status = '']) => status)
}

const serving = suite('the server')
serving.after.each(closeAll)

serving('answers over a real socket as the app does', async () => {
  const { server, engine } = await start()
  const reply = await fetch(`http://127.0.0.1:${server.port}/v1/reservations`, {
    method: 'POST',
    headers: { authorization: 'Bearer service', 'content-type': 'application/json' },
    body: BODY,
  })
  assert.is(reply.status, 201)
  assert.match(reply.headers.get('content-length') ?? '', /^\d+$/)
  assert.match(await reply.text(), '"status":"held"')
  assert.is(engine.requests.length, 1)
})

serving('takes a body in pieces, with its length or chunked', async () => {
  const { client } = await start()
  const declared = await client()
  declared.send(`${HEAD}Content-Length: ${BODY.length}\r\n\r\n`)
  for (const piece of BODY.match(/.{1,20}/g) ?? []) {
    await delay(5)
    declared.send(piece)
  }
  assert.match(await declared.until('"sequence"'), 'HTTP/1.1 201')
  const chunked = await client()
  chunked.send(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`)
  for (const piece of BODY.match(/.{1,20}/g) ?? [])
    chunked.send(`${piece.length.toString(16)}\r\n${piece}\r\n`)
  chunked.send('0\r\n\r\n')
  assert.match(await chunked.until('"sequence"'), 'HTTP/1.1 201')
})

serving('answers pipelined requests in order', async () => {
  const { client } = await start()
  const made = await client()
  made.send(`${GOOD}${LIVEZ}${GOOD}`)
  await made.until('"live":true')
  const received = await made.until('}HTTP/1.1 201')
  assert.equal(statusesOf(received), ['201', '200', '201'])
})

serving('TRACE is 405 and CONNECT gets no tunnel', async () => {
  const running = await start()
  const traced = await running.client()
  traced.send(
    'TRACE /v1/reservations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer service\r\nX-Secret: 1\r\n\r\n',
  )
  const received = await traced.until('method-not-allowed')
  assert.match(received, 'HTTP/1.1 405')
  assert.not.match(received, 'X-Secret')
  assert.equal(statusesOf(await sendRaw(running, 'CONNECT 10.0.0.1:80 HTTP/1.1\r\nHost: x\r\n\r\n')), [])
})

serving('two listeners can share a port', async () => {
  const { parts, app, server } = await start()
  const { drain, log } = parts
  const options = { fetch: app.fetch, host: '127.0.0.1', drain, log }
  const first = await startServer({ ...options, port: 0, reusePort: true })
  opened.servers.push(first)
  const second = await startServer({ ...options, port: first.port, reusePort: true })
  opened.servers.push(second)
  assert.is(second.port, first.port)
  try {
    await startServer({ ...options, port: server.port })
    assert.unreachable()
  } catch (error) {
    assert.match(String(error), 'EADDRINUSE')
  }
})

serving.run()

/** Attack 20: what a proxy in front could read as another number of requests than this server does. */
const smuggling = suite('smuggling')
smuggling.after.each(closeAll)

const SMUGGLED: Readonly<Record<string, string>> = {
  'both lengths': `${HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${LIVEZ}`,
  'both lengths, the other way': `${HEAD}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${LIVEZ}`,
  'two lengths': `${HEAD}Content-Length: ${BODY.length}\r\nContent-Length: 0\r\n\r\n${BODY}`,
  'the same length twice': `${HEAD}Content-Length: ${BODY.length}\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`,
  'a length with a sign': `${HEAD}Content-Length: +${BODY.length}\r\n\r\n${BODY}`,
  'a list of lengths': `${HEAD}Content-Length: ${BODY.length}, ${BODY.length}\r\n\r\n${BODY}`,
  'an unknown transfer coding': `${HEAD}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
  'chunked not last': `${HEAD}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
  'a space before the colon': `${HEAD}Content-Length : ${BODY.length}\r\n\r\n${BODY}`,
  'a folded field': `${HEAD}X-Folded: a\r\n b\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`,
  'bare line feeds': GOOD.replaceAll('\r\n', '\n'),
  'one bare line feed': GOOD.replace('Host: x\r\n', 'Host: x\n'),
  'a bare carriage return': GOOD.replace('Host: x\r\n', 'Host: x\rX-A: b\r\n'),
  'a NUL in a field': GOOD.replace('Host: x', 'Host: x\u0000'),
  'a chunk size that overflows': `${HEAD}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n${BODY}`,
  'a bare line feed in a chunk': `${HEAD}Transfer-Encoding: chunked\r\n\r\n5\n{"a":\r\n0\r\n\r\n`,
  'no HTTP at all': 'hello\r\n\r\n',
  'HTTP/2 without being asked': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
}

for (const [what, text] of Object.entries(SMUGGLED)) {
  smuggling(`${what}: 400 and the connection is closed, nothing behind it is answered`, async () => {
    const running = await start()
    const received = await sendRaw(running, text)
    assert.equal(statusesOf(received), ['400'], received)
    assert.match(received, 'Content-Type: application/problem+json')
    assert.match(received, '"code":"malformed-request"')
    assert.is(running.engine.requests.length, 0)
  })
}

smuggling('a Host that is missing, doubled or no host is 400', async () => {
  const running = await start()
  for (const host of [
    '',
    'Host: a\r\nHost: b\r\n',
    'Host: a b\r\n',
    'Host: a/../b\r\n',
    'Host: a@b\r\n',
    'Host: [\r\n',
  ]) {
    const made = await running.client()
    made.send(`GET /livez HTTP/1.1\r\n${host}Connection: close\r\n\r\n`)
    assert.equal(statusesOf(await made.closed()), ['400'], host)
  }
})

smuggling('a doubled Authorization is 401, a doubled Content-Type 415: neither is chosen', async () => {
  const { client, engine } = await start()
  const made = await client()
  made.send(GOOD.replace('Authorization: ', 'Authorization: Bearer ann\r\nAuthorization: '))
  assert.match(await made.until('unauthenticated'), 'HTTP/1.1 401')
  made.send(GOOD.replace('Content-Type: ', 'Content-Type: text/plain\r\nContent-Type: '))
  assert.match(await made.until('unsupported-media-type'), 'HTTP/1.1 415')
  assert.is(engine.requests.length, 0)
})

smuggling('a body that is longer than declared is no second request of anybody’s', async () => {
  const running = await start()
  const received = await sendRaw(
    running,
    `${HEAD}Content-Length: ${BODY.length}\r\n\r\n${BODY}garbage\r\n\r\n`,
  )
  assert.ok(statusesOf(received).every((status) => status === '201' || status === '400'))
  assert.is(running.engine.requests.length, 1)
})

smuggling('while a reply is under way, garbage behind its request cannot pass for that reply', async () => {
  const { client, engine } = await start()
  let answer: () => void = () => {}
  engine.answer = () =>
    new Promise((resolve) => {
      answer = () => resolve({ type: 'held', quantity: 2, available: 1, expiresAtMs: NOW_MS, sequence: 1 })
    })
  const made = await client()
  made.send(GOOD)
  while (engine.requests.length === 0) await delay(2)
  made.send('garbage\r\n\r\n')
  assert.is(await made.closed(), '', 'the client must not believe that its reservation was refused')
  answer()
})

smuggling.run()

const bounds = suite('bounds')
bounds.after.each(closeAll)

bounds('replies that are written before there is a request are guarded like all others', async () => {
  const running = await start()
  for (const text of ['GET / HTTP/9\r\n\r\n', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n']) {
    const received = await sendRaw(running, text)
    assert.equal(statusesOf(received), ['400'], text)
    assert.match(received, /x-content-type-options: nosniff/i)
    assert.match(received, /content-security-policy: default-src 'none'/i)
  }
})

bounds('header fields past their limit are 431', async () => {
  const running = await start()
  const flood = `GET /livez HTTP/1.1\r\nHost: x\r\nX-Large: ${'a'.repeat(100_000)}\r\n\r\n`
  const received = await sendRaw(running, flood)
  assert.equal(statusesOf(received), ['431'])
  assert.match(received, '"code":"headers-too-large"')
  const many = Array.from({ length: 5_000 }, (_, i) => `X-${i}: a\r\n`).join('')
  assert.equal(statusesOf(await sendRaw(running, `GET /livez HTTP/1.1\r\nHost: x\r\n${many}\r\n`)), ['431'])
  const longLine = `GET /${'a'.repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`
  assert.equal(statusesOf(await sendRaw(running, longLine)), ['431'])
})

bounds(
  'a body past its limit is 413, declared or chunked, and the connection does not stay open for the rest',
  async () => {
    const running = await start()
    const declared = await running.client()
    declared.send(`${HEAD}Content-Length: ${10 * 1_024 * 1_024}\r\n\r\n`)
    assert.match(await declared.until('body-too-large'), 'HTTP/1.1 413')
    await declared.closed()
    const chunked = await running.client()
    chunked.send(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`)
    const chunk = `4000\r\n${' '.repeat(0x4000)}\r\n`
    for (let sent = 0; sent <= bodyBytesMax; sent += 0x4000) chunked.send(chunk)
    assert.match(await chunked.until('body-too-large'), 'HTTP/1.1 413')
    await chunked.closed()
    assert.is(running.engine.requests.length, 0)
  },
)

bounds('a gzip bomb is not unpacked', async () => {
  const { client } = await start()
  const made = await client()
  made.send(GOOD.replace('Content-Type', 'Content-Encoding: gzip\r\nContent-Type'))
  assert.match(await made.until('unsupported-media-type'), 'HTTP/1.1 415')
})

const FAST = { headersTimeoutMs: 150, requestTimeoutMs: 300, socketCheckMs: 30, socketIdleTimeoutMs: 400 }

bounds(
  'slow header fields, and a connection that says nothing, are closed with 408; others are served meanwhile',
  async () => {
    const running = await start(FAST)
    const silent = await running.client()
    const slow = await running.client()
    slow.send('GET /livez HTTP/1.1\r\nHost: x\r\n')
    const dripping = setInterval(() => slow.send('X-Slow: a\r\n'), 40)
    const other = await running.client()
    other.send(LIVEZ)
    assert.match(await other.until('"live":true'), 'HTTP/1.1 200')
    assert.equal(statusesOf(await slow.closed()), ['408'])
    clearInterval(dripping)
    assert.equal(statusesOf(await silent.closed()), ['408'])
  },
)

bounds('a slow body is closed', async () => {
  const running = await start(FAST)
  const slow = await running.client()
  slow.send(`${HEAD}Content-Length: ${BODY.length}\r\n\r\n`)
  const dripping = setInterval(() => slow.send('{'), 40)
  await slow.closed()
  clearInterval(dripping)
  assert.is(running.engine.requests.length, 0)
})

bounds('a client that asks and never reads is closed, and its requests stop being read', async () => {
  const running = await start(FAST)
  const made = await running.client()
  made.socket.pause()
  const ask = 'GET /docs HTTP/1.1\r\nHost: x\r\n\r\n'
  for (let i = 0; i < 2_000; i++) made.send(ask)
  const before = process.memoryUsage().rss
  await delay(300)
  assert.ok(process.memoryUsage().rss - before < 64 * 1_024 * 1_024, 'replies nobody reads are not piled up')
  await waitUntilReset(made)
})

bounds('connections past their number are turned away, and those there are served', async () => {
  const running = await start({ connectionsMax: 10 })
  const first = await running.client()
  first.send(LIVEZ)
  await first.until('"live":true')
  const idle = await Promise.all(Array.from({ length: 30 }, () => running.client()))
  const turnedAway = await Promise.all(idle.slice(9).map((client) => client.closed()))
  assert.ok(turnedAway.every((received) => received === ''))
  first.send(GOOD)
  assert.match(await first.until('"sequence"'), 'HTTP/1.1 201')
})

bounds.run()

const closing = suite('closing')
closing.after.each(closeAll)

closing('what is in flight is answered with Connection: close, and nothing new is accepted', async () => {
  const { server, client, engine } = await start()
  let answer: () => void = () => {}
  engine.answer = () =>
    new Promise((resolve) => {
      answer = () => resolve({ type: 'held', quantity: 2, available: 1, expiresAtMs: NOW_MS, sequence: 1 })
    })
  const busy = await client()
  busy.send(GOOD)
  const idle = await client()
  idle.send(LIVEZ)
  await idle.until('"live":true')
  const silent = await client()
  while (engine.requests.length === 0) await delay(2)

  const closed = server.close(5_000)
  assert.equal(statusesOf(await idle.closed()), ['200'], 'an idle connection ends at once')
  assert.is(await silent.closed(), '', 'and so does one that never spoke')
  try {
    await rawClient(server.port)
    assert.unreachable('a new connection was accepted')
  } catch (error) {
    assert.match(String(error), 'ECONNREFUSED')
  }
  answer()
  const received = await busy.closed()
  assert.equal(statusesOf(received), ['201'])
  assert.match(received.toLowerCase(), 'connection: close')
  await closed
})

closing('what does not end by the deadline is cut off', async () => {
  const { server, client, engine } = await start()
  engine.answer = () => new Promise(() => {})
  const stuck = await client()
  stuck.send(GOOD)
  while (engine.requests.length === 0) await delay(2)
  const startedAt = performance.now()
  await server.close(100)
  assert.ok(performance.now() - startedAt < 1_000)
  assert.is(await stuck.closed(), '')
})

closing.run()

/** A paused socket hears of a reset only when it writes. */
async function waitUntilReset(client: RawClient): Promise<void> {
  while (!client.socket.destroyed) {
    client.send(LIVEZ)
    await delay(20)
  }
}
