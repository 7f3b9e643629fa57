/** Limits where there is a socket: whose it is, and that a body nobody pays for is not waited for. */
import * as assert from 'uvu/assert'
import { type RunningServer, startServer } from '../../src/http/server.ts'
import { suite } from '../support/suite.ts'
import { limits } from './fake-limits.ts'
import { FakeClock, type Fakes, fakes } from './fake-parts.ts'
import { type RawClient, rawClient } from './raw-client.ts'

const STOCK = 'GET /v1/products/pixel-11/stock HTTP/1.1\r\nHost: x\r\n'
const RESERVE = 'POST /v1/reservations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'

class World implements AsyncDisposable {
  readonly app: Fakes
  readonly clock: FakeClock
  readonly #server: RunningServer
  readonly #clients: RawClient[] = []

  constructor(app: Fakes, clock: FakeClock, server: RunningServer) {
    this.app = app
    this.clock = clock
    this.#server = server
  }

  static async open(address: number, proxies: readonly string[] = []): Promise<World> {
    const clock = new FakeClock()
    const app = fakes({ ...limits(clock, { rates: { address, customer: address }, proxies }), clock })
    const { drain, log } = app.parts
    const server = await startServer({ fetch: app.app.fetch, host: '127.0.0.1', port: 0, drain, log })
    return new World(app, clock, server)
  }

  async client(): Promise<RawClient> {
    const client = await rawClient(this.#server.port)
    this.#clients.push(client)
    return client
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.end()
    await this.#server.close(0)
  }
}

function statusesOf(received: string): string[] {
  return [...received.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status = '']) => status)
}

const test = suite('limits behind a socket')

test('count all connections of an address, and believe none of them', async () => {
  await using world = await World.open(3)
  const statuses: string[] = []
  for (let i = 0; i < 5; i++) {
    const client = await world.client()
    client.send(`${STOCK}X-Forwarded-For: 198.51.100.${i}\r\nConnection: close\r\n\r\n`)
    statuses.push(...statusesOf(await client.closed()))
  }
  assert.equal(statuses, ['200', '200', '200', '429', '429'])
})

test('take repeated fields of a trusted proxy as one list, in order', async () => {
  await using world = await World.open(1, ['127.0.0.1'])
  const fields = (spoofed: string) => `X-Forwarded-For: ${spoofed}\r\nX-Forwarded-For: 203.0.113.9\r\n`
  const statuses: string[] = []
  for (const spoofed of ['198.51.100.1', '198.51.100.2']) {
    const client = await world.client()
    client.send(`${STOCK}${fields(spoofed)}Connection: close\r\n\r\n`)
    statuses.push(...statusesOf(await client.closed()))
  }
  assert.equal(statuses, ['200', '429'])
})

test('refuse before a body has come, whoever sends it', async () => {
  await using world = await World.open(1)
  for (const authorization of ['', 'Authorization: Bearer ann\r\n']) {
    const first = await world.client()
    first.send(`${STOCK}${authorization}\r\n`)
    assert.equal(statusesOf(await first.until('\r\n\r\n')), ['200'])
    const slow = await world.client()
    slow.send(`${RESERVE}${authorization}Content-Length: 60000\r\n\r\n{"items":[`)
    const received = await slow.until('rate-limited')
    assert.equal(statusesOf(received), ['429'])
    assert.match(received.toLowerCase(), /retry-after: [12]\r\n/)
  }
  assert.ok(world.app.engine.requests.every(({ type }) => type === 'readStock'))
})

test('leave a kept connection usable: who was refused goes on when there is something left', async () => {
  await using world = await World.open(1)
  const client = await world.client()
  const body = '{"items":[{"productId":"pixel-11","quantity":1}]}'
  const answer = (id: string) => {
    const fields = `Authorization: Bearer ann\r\nX-Request-Id: ${id}\r\nContent-Length: ${body.length}\r\n`
    client.send(`${RESERVE}${fields}\r\n${body}`)
    return client.until(id)
  }
  await answer('first')
  await answer('second')
  world.clock.nowMs += 1_000
  assert.equal(statusesOf(await answer('third')), ['201', '429', '201'])
})

test.run()
