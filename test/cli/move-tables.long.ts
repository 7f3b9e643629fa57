/** `npm run move -- --tables` with a real PostgreSQL: there and back, with servers on either, and what it refuses. */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import * as assert from 'uvu/assert'
import { callServer } from '../support/http-call.ts'
import { LongFigure } from '../support/long-figure.ts'
import { move } from '../support/moving.ts'
import { PostgresServerProcess } from '../support/postgres-server.ts'
import type { ServerProcess } from '../support/server-process.ts'
import { makeTemplate } from '../support/shop-crash.ts'
import { suite } from '../support/suite.ts'

const test = suite('npm run move -- --tables', { needs: ['postgres'], limitMs: 120_000 })

let postgres: PostgresServerProcess

test.before(async () => {
  postgres = await PostgresServerProcess.start()
})
test.after(() => postgres.stop())

const COMMAND = 'node test/support/run.ts --long test/cli/move-tables.long.ts'
const PLACES = ['/v1/orders', '/v1/products/phone', '/v1/discounts', '/v1/discounts/TEN', '/v1/webhooks']

/** All that the shop's tables tell, by staff and by its customer. */
async function told(server: ServerProcess, token: string): Promise<readonly unknown[]> {
  const answers: unknown[] = []
  for (const path of PLACES) answers.push((await server.request('GET', path)).body)
  for (const path of ['/v1/me', '/v1/orders', '/v1/cart'])
    answers.push((await server.request('GET', path, undefined, { token })).body)
  return answers
}

const figure = new LongFigure('move-tables')

test('takes all tables to PostgreSQL and back: accounts, orders, keys, places in the outbox', async () => {
  const { site, token, cartId } = await makeTemplate()
  await using own = site
  const environment = { DATABASE_URL: await postgres.newDatabase() }
  const buy = async (server: ServerProcess, key: string, id: string) => {
    const options = { token, idempotencyKey: key, body: { cartId: id, discountCode: 'TEN' } }
    const made = await callServer(server.port, ['POST', '/v1/checkout'], options)
    assert.ok(made.type === 'answered' && made.status === 201, JSON.stringify(made))
    return made
  }
  const alone = await own.start()
  const made = await buy(alone, 'first', cartId)
  const payment = {
    orderId: made.body.orderId,
    paymentMethod: 'card',
    amount: made.body.totalAmount,
    paymentToken: 'tok_visa',
  }
  const paid = await alone.request('POST', '/v1/payment', payment, { token })
  assert.is(paid.status, 200, JSON.stringify(paid.body))
  const hook = { url: 'https://example.com/hook', events: ['order.confirmed'] }
  assert.is((await alone.request('POST', '/v1/webhooks', hook)).status, 201)
  const before = await told(alone, token)
  await alone.stop()

  const there = await move(own.directory, ['--tables', 'postgres'], environment)
  assert.is(there.code, 0, there.out + there.err)
  const refused = await own.start({ until: 'spawned' })
  assert.is((await refused.exited).code, 1)
  assert.match(refused.output, /these tables were moved to PostgreSQL/)
  figure.say('there')
  const node = await own.start({ environment })
  assert.equal(await told(node, token), before)
  assert.equal((await buy(node, 'first', cartId)).body, made.body)
  const { body: cart } = await node.request(
    'POST',
    '/v1/cart/add',
    { productId: 'case', quantity: 1 },
    { token },
  )
  await buy(node, 'second', String(cart.cartId))
  const busy = await move(own.directory, ['--tables', 'sqlite'], environment)
  assert.is(busy.code, 3)
  assert.match(busy.err, /Another process has the data directory/)
  const later = await told(node, token)
  await node.stop()

  const back = await move(own.directory, ['--tables', 'sqlite'], environment)
  assert.is(back.code, 0, back.out + back.err)
  figure.say('and back')
  const again = await own.start()
  assert.equal(await told(again, token), later)
  const { body: third } = await again.request(
    'POST',
    '/v1/cart/add',
    { productId: 'phone', quantity: 1 },
    { token },
  )
  await buy(again, 'third', String(third.cartId))
  await again.stop()
  const full = await move(own.directory, ['--tables', 'postgres'], environment)
  assert.is(full.code, 3)
  assert.match(full.err, /take part in another move/)

  const database = new Database(join(own.directory, 'tables.sqlite'))
  database.exec("UPDATE users SET name = name || 'e'")
  database.close()
  const damaged = await move(own.directory, ['--tables', 'postgres'], {
    DATABASE_URL: await postgres.newDatabase(),
  })
  assert.is(damaged.code, 1, damaged.out + damaged.err)
  assert.match(damaged.err, /of users is not what was written to it/)
  figure.end({ command: COMMAND, seed: 'none' })
})

test.run()
