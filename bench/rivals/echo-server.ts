/**
 * What HTTP alone costs: a server that reads a JSON body and answers 201 with the very bytes of a reservation's reply, its
 * header fields and its body, of which it fills in what the request said. It checks nothing, knows nobody and keeps
 * nothing. `hono` is Hono on @hono/node-server, `bare` node:http by itself.
 *
 * Its parent first sends it a reply of Holdfast's to copy.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { keepAliveTimeoutMs } from '../../src/limits.ts'

/** A real reply to `POST /v1/reservations`, without the fields that Node's server adds by itself. */
export type Sample = { readonly headers: Readonly<Record<string, string>>; readonly body: ReservationBody }
type ReservationBody = {
  readonly items: readonly [{ readonly available: number }]
  readonly [name: string]: unknown
}
type Asked = {
  readonly items: readonly [{ productId: string; quantity: number }]
  readonly customerId: string
}

const [kind] = process.argv.slice(2)

process.once('message', (sample) => {
  const listener = kind === 'hono' ? honoListener(sample as Sample) : bareListener(sample as Sample)
  const server = createServer({ keepAliveTimeout: keepAliveTimeoutMs }, listener)
  server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
  process.on('SIGTERM', () => {
    server.close(() => process.exit(0))
    server.closeIdleConnections()
  })
})
process.on('disconnect', () => process.exit(1))

function replyTo({ items, customerId }: Asked, { body }: Sample): object {
  const [{ productId, quantity }] = items
  const [{ available }] = body.items
  return { ...body, items: [{ productId, quantity, available }], customerId }
}

function honoListener(sample: Sample) {
  const app = new Hono()
  app.post('/v1/reservations', async (context) => {
    const asked: Asked = await context.req.json()
    return context.json(replyTo(asked, sample), 201, sample.headers)
  })
  return getRequestListener(app.fetch)
}

function bareListener(sample: Sample) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    let text = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => {
      text += chunk
    })
    request.on('end', () => {
      const reply = JSON.stringify(replyTo(JSON.parse(text), sample))
      response.writeHead(201, { ...sample.headers, 'content-length': Buffer.byteLength(reply) })
      response.end(reply)
    })
  }
}
