/** What leaves a real server: a letter and a signed post, by the desk's thread, and again after a kill. */
import { existsSync, readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Webhook } from 'standardwebhooks'
import * as assert from 'uvu/assert'
import { Site } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const environment = { WEBHOOKS_ALLOW_HTTP: 'true', WEBHOOKS_ALLOW_PRIVATE_NETWORKS: 'true' }
const test = suite('what leaves a server', { limitMs: 240_000 })

type Post = { readonly headers: Record<string, string>; readonly body: string }

async function subscriber(use: (url: string, posts: Post[], answer: { status: number }) => Promise<void>) {
  const posts: Post[] = []
  const answer = { status: 204 }
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    posts.push({ headers: request.headers as Record<string, string>, body })
    response.writeHead(answer.status).end()
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`, posts, answer)
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

/** Longer than the lease of what was posted and not recorded: whoever took it may still be at it, for all anybody knows. */
async function until(isSo: () => boolean, what: string): Promise<void> {
  for (let tries = 0; tries < 9_000 && !isSo(); tries++)
    await new Promise((resolve) => setTimeout(resolve, 10))
  assert.ok(isSo(), what)
}

test('is a letter and a post for a registration; what was not received comes again after kill -9, under its id', () =>
  subscriber(async (url, posts, answer) => {
    await using site = new Site()
    const server = await site.start({ environment })
    const webhook = { url, events: ['user.registered'] }
    const created = await server.request('POST', '/v1/webhooks', webhook)
    assert.is(created.status, 201)
    answer.status = 500
    const ann = { name: 'Ann', email: 'ann@shop.example', password: 'Tr0mbone-under-9-bridges' }
    assert.is((await server.request('POST', '/v1/auth/register', ann)).status, 201)
    await until(() => posts.length > 0, 'it was posted')
    const mail = join(site.directory, 'mail')
    await until(
      () => existsSync(mail) && readdirSync(mail).some((name) => name.endsWith('.eml')),
      'it was written',
    )
    await server.kill()

    answer.status = 204
    const [first] = posts
    await site.start({ environment })
    await until(() => posts.length > 1, 'it was posted again')
    const last = posts.at(-1)
    assert.is(last?.headers['webhook-id'], first?.headers['webhook-id'])
    assert.equal(readdirSync(mail), [`${first?.headers['webhook-id']}.eml`])
    const event = new Webhook(created.body.secret as string).verify(last?.body ?? '', last?.headers ?? {})
    assert.is((event as { type: string }).type, 'user.registered')
  }))

test.run()
