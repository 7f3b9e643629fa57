/** `npm run restore` where the tables are on PostgreSQL: the mark is where every node finds it. */
import * as assert from 'uvu/assert'
import { command } from '../support/commands.ts'
import { LongFigure } from '../support/long-figure.ts'
import { PostgresServerProcess } from '../support/postgres-server.ts'
import { adminKey, type ServerProcess, Site } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const test = suite('npm run restore -- --mark', { needs: ['postgres'], limitMs: 120_000 })

const COMMAND = 'node test/support/run.ts --long test/cli/restore-postgres.long.ts'

async function reserve(server: ServerProcess): Promise<unknown> {
  const body = { customerId: 'usr_ann', items: [{ productId: 'phone', quantity: 1 }] }
  return (await server.request('POST', '/v1/reservations', body)).body.code
}

test('stops a shop that runs on them from selling, until it is reconciled', async () => {
  const postgres = await PostgresServerProcess.start()
  await using site = new Site()
  const figure = new LongFigure('restore-postgres')
  try {
    const DATABASE_URL = await postgres.newDatabase()
    const server = await site.start({ environment: { DATABASE_URL, PAYMENT_GATEWAY: 'none' } })
    const stock = { set: 5, reason: 'delivery' }
    assert.is((await server.request('POST', '/v1/products/phone/stock/adjustments', stock)).status, 200)
    assert.is(await reserve(server), undefined)
    const marked = await command('restore', ['--mark'], { DATABASE_URL })
    assert.is(marked.code, 0, marked.err)
    figure.say('marked')
    const sinceMs = performance.now()
    assert.match(marked.out, /^marked/)
    await server.until(async () => (await reserve(server)) === 'not-reconciled', 'it sells nothing')
    const noticedMs = Math.round(performance.now() - sinceMs)
    const env = { ADMIN_KEY: adminKey, HOLDFAST_URL: `http://127.0.0.1:${server.port}` }
    const lifted = await command('reconcile', ['lift', '--yes', '--reason', 'a drill'], env)
    assert.is(lifted.code, 0, lifted.err)
    await server.until(async () => (await reserve(server)) === undefined, 'it sells again')
    const status = await command('reconcile', ['status'], env)
    assert.is(status.code, 0)
    figure.end({ command: COMMAND, noticedMs, seed: 'none' })
    assert.match(status.out, /reconciled at .* by .*: "a drill"/)
  } finally {
    await postgres.stop()
  }
})

test.run()
