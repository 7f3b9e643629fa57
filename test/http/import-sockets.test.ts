/** Imports over real sockets: what clients do that `app.request()` cannot show. */
import { setTimeout as delay } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import type { ProductId } from '../../src/domain/ids.ts'
import { startServer } from '../../src/http/server.ts'
import { importLinesMax } from '../../src/limits/catalog.ts'
import { suite } from '../support/suite.ts'
import { rawClient } from './raw-client.ts'
import { type Shop, shop } from './shop-parts.ts'

const HEAD =
  'POST /v1/products/import?currency=USD HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer staff\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n'
const BOUNDS = { requestTimeoutMs: 300, socketCheckMs: 30 }

async function serving() {
  const world: Shop = shop()
  const { drain, log } = world.parts
  const server = await startServer({
    fetch: world.app.fetch,
    host: '127.0.0.1',
    port: 0,
    drain,
    log,
    bounds: BOUNDS,
  })
  const close = async () => {
    await server.close(0)
    world[Symbol.dispose]()
  }
  return { world, client: () => rawClient(server.port), [Symbol.asyncDispose]: close }
}

/** A chunk of so many products. */
function chunk(from: number, count: number): string {
  const lines = Array.from({ length: count }, (_, i) => {
    return `{"id":"p${from + i}","name":"n${from + i}","price":5}\n`
  }).join('')
  return `${lines.length.toString(16)}\r\n${lines}\r\n`
}

const sockets = suite('an import over a socket')

sockets('may take longer than other requests, and is answered while it comes', async () => {
  await using running = await serving()
  const client = await running.client()
  client.send(HEAD)
  for (let from = 0; from < 1_000; from += 100) {
    client.send(chunk(from, 100))
    await delay(100)
  }
  assert.match(await client.until('"line":800,'), /HTTP\/1\.1 200/)
  client.send('0\r\n\r\n')
  assert.match(await client.closed(), /"records":1000,"created":1000/)
})

sockets('may be sent whole before anything of the reply is read', async () => {
  await using running = await serving()
  const client = await running.client()
  client.socket.pause()
  client.send(HEAD)
  for (let from = 0; from < 10_000; from += 1_000) client.send(chunk(from, 1_000))
  client.send('0\r\n\r\n')
  await new Promise<void>((resolve) => void client.socket.write('', () => resolve()))
  client.socket.resume()
  assert.match(await client.closed(), /"records":10000,"created":10000/)
})

sockets('that breaks off keeps what was saved, and makes room for the next one', async () => {
  await using running = await serving()
  for (let round = 0; round < 3; round++) {
    const client = await running.client()
    client.send(HEAD + chunk(0, 250))
    await client.until('"line":200,')
    client.socket.destroy()
  }
  const { world } = running
  assert.ok(await world.shopTables.read('catalog.product', { productId: 'p199' as ProductId }))
  assert.is(await world.shopTables.read('catalog.product', { productId: 'p200' as ProductId }), undefined)
  const last = await running.client()
  last.send(`${HEAD}${chunk(0, 1)}0\r\n\r\n`)
  assert.match(await last.closed(), /"unchanged":1,/)
  assert.equal(
    world.logged.filter(({ level }) => Number(level) >= 50),
    [],
  )
})

sockets('with more lines than one takes is answered for those that it takes', async () => {
  await using running = await serving()
  const client = await running.client()
  const blank = importLinesMax - 1
  client.send(`${HEAD}${blank.toString(16)}\r\n${'\n'.repeat(blank)}\r\n${chunk(0, 2)}`)
  assert.match(await client.closed(), /"created":1,.*"complete":false,"detail":"The file has more lines/)
})

sockets('18: that is chunked without end is not taken beyond its bound of one line', async () => {
  await using running = await serving()
  const client = await running.client()
  client.send(HEAD)
  const piece = `10000\r\n${'x'.repeat(65_536)}\r\n`
  for (let sent = 0; sent < 64; sent++) client.send(piece)
  client.send(`1\r\n\n\r\n${chunk(1, 1)}0\r\n\r\n`)
  const told = await client.closed()
  assert.match(told, /"line":1,"status":"failed"/)
  assert.match(told, /"line":2,"productId":"p1","status":"created"/)
})

sockets.run()
