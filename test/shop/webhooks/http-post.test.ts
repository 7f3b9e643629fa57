import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createSocketServer, type Socket } from 'node:net'
import * as assert from 'uvu/assert'
import { realTimers } from '../../../src/seams.ts'
import { openHttpPost, type PostAnswer } from '../../../src/shop/webhooks/http-post.ts'
import { suite } from '../../support/suite.ts'

const test = suite('a post to a subscriber')
const send = openHttpPost(realTimers)

type Heard = { readonly url: string; readonly headers: IncomingMessage['headers']; readonly body: string }

async function serving(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  use: (port: number, heard: Heard[]) => Promise<void>,
): Promise<void> {
  const heard: Heard[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    heard.push({ url: request.url ?? '', headers: request.headers, body })
    answer(request, response)
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  try {
    await use((server.address() as AddressInfo).port, heard)
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

function post(url: string, timeoutMs = 5_000): Promise<PostAnswer> {
  const destination = { url: new URL(url), address: '127.0.0.1', family: 4 } as const
  return send({ destination, headers: { 'webhook-id': 'evt_1' }, body: '{"é":1}', timeoutMs })
}

test('goes to the address that was looked at, with the name as it was given, and asks nobody again', () =>
  serving(
    (_, response) => response.writeHead(204).end(),
    async (port, heard) => {
      // No resolver knows this name (RFC 6761).
      const answer = await post(`http://shop.invalid:${port}/hooks?a=b`)
      assert.equal(answer, { type: 'answered', status: 204, retryAfter: undefined })
      const [{ url, headers, body } = { url: '', headers: {}, body: '' } as Heard] = heard
      assert.equal([url, body, headers.host], ['/hooks?a=b', '{"é":1}', `shop.invalid:${port}`])
      assert.is(headers['webhook-id'], 'evt_1')
      assert.is(headers['content-length'], '8')
    },
  ))

test('follows nothing', () =>
  serving(
    (_, response) => response.writeHead(302, { location: '/elsewhere' }).end(),
    async (port, heard) => {
      assert.is(((await post(`http://shop.invalid:${port}/`)) as { status?: number }).status, 302)
      assert.is(heard.length, 1)
    },
  ))

test('reads no more than the status: a reply without end costs nothing', () => {
  let written = 0
  return serving(
    (_, response) => {
      response.writeHead(429, { 'retry-after': '7' })
      const flood = () => {
        while (response.writable && response.write('x'.repeat(65_536))) written += 65_536
        if (response.writable) response.once('drain', flood)
      }
      flood()
    },
    async (port) => {
      const answer = await post(`http://shop.invalid:${port}/`)
      assert.equal(answer, { type: 'answered', status: 429, retryAfter: '7' })
      await new Promise((resolve) => setTimeout(resolve, 50))
      assert.ok(written < 16 * 1_024 * 1_024, `${written} bytes`)
    },
  )
})

test('ends in time, whether nothing is accepted, answered or finished', async () => {
  const sockets: Socket[] = []
  const mute = createSocketServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.once('data', () => void socket.write('HTTP/1.1 200 OK\r\nslow: '))
  })
  await new Promise<void>((resolve) => void mute.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = mute.address() as AddressInfo
    const startedMs = performance.now()
    assert.equal(await post(`http://shop.invalid:${port}/`, 100), { type: 'unreached', why: 'timed-out' })
    assert.ok(performance.now() - startedMs < 2_000)
  } finally {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => mute.close(resolve))
  }
})

test('says why it reached nobody', async () => {
  const server = createSocketServer((socket) => void socket.destroy())
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  assert.equal(await post(`http://shop.invalid:${port}/`), { type: 'unreached', why: 'ECONNRESET' })
  await new Promise((resolve) => server.close(resolve))
  assert.equal(await post(`http://shop.invalid:${port}/`), { type: 'unreached', why: 'ECONNREFUSED' })
})

test('over https to what speaks no TLS is no post at all', () =>
  serving(
    (_, response) => response.end(),
    async (port, heard) => {
      assert.is((await post(`https://shop.invalid:${port}/`)).type, 'unreached')
      assert.is(heard.length, 0)
    },
  ))

test.run()
