/** Mail and webhooks over real sockets, files and time: what other tests take apart, put together. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { Webhook } from 'standardwebhooks'
import * as assert from 'uvu/assert'
import { realClock, realTimers } from '../../src/seams.ts'
import { Outgoing } from '../../src/shop/outgoing.ts'
import { InProcessTables } from '../support/in-process-tables.ts'
import { suite } from '../support/suite.ts'

const test = suite('what leaves the shop')

test('a registration becomes a letter in a file and a signed post to who subscribed', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-outgoing-'))
  const mailDirectory = join(directory, 'mail')
  const { promise: posted, resolve } = Promise.withResolvers<{
    headers: Record<string, string>
    body: string
  }>()
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    response.writeHead(204).end()
    resolve({ headers: request.headers as Record<string, string>, body })
  })
  await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  const tables = new InProcessTables(realClock)
  const log = pino({ level: 'silent' })
  const config = {
    mail: { from: 'The Shop <orders@shop.example>', smtpUrl: undefined },
    webhooks: { allowsHttp: true, allowsPrivate: true },
  }
  const outgoing = new Outgoing({ tables, clock: realClock, timers: realTimers, config, mailDirectory, log })
  try {
    const url = `http://localhost:${port}/hooks`
    const webhook = { url, eventTypes: ['user.registered'], description: '', createdBy: 'key_admin' } as const
    const created = await tables.write('webhooks.create', webhook)
    if (created.type !== 'created') throw new Error(created.reason)
    outgoing.start()
    await tables.write('users.register', {
      name: 'Ann',
      email: 'ann@shop.example',
      emailKey: 'ann@shop.example',
      passwordHash: 'x'.repeat(60),
      refreshMs: 60_000,
    })
    outgoing.wake()

    const { headers, body } = await posted
    const event = new Webhook(created.secret).verify(body, headers) as { type: string }
    assert.is(event.type, 'user.registered')
    const files = await until(() => listed(mailDirectory).filter((name) => name.endsWith('.eml')))
    assert.equal(files, [`${headers['webhook-id']}.eml`])
    assert.match(readFileSync(join(mailDirectory, files[0] ?? ''), 'utf8'), 'To: Ann <ann@shop.example>')
    const received = await until(async () => {
      const deliveries = await tables.read('webhooks.deliveries', {
        webhookId: created.webhook.id,
        limit: 10,
      })
      return (deliveries ?? []).filter(({ state }) => state === 'received')
    })
    assert.is(received.length, 1)
  } finally {
    outgoing.stop()
    tables.close()
    server.closeAllConnections()
    await new Promise((closed) => server.close(closed))
    rmSync(directory, { recursive: true })
  }
})

test.run()

function listed(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

/** Asks until there is something. The test's own time limit ends it. */
async function until<Found>(find: () => Found[] | Promise<Found[]>): Promise<Found[]> {
  for (;;) {
    const found = await find()
    if (found.length > 0) return found
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
