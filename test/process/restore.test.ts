/** FAULTS.md, 80: a real shop is sold from, backed up, sold from on, lost, and restored from its backup. */
import { cpSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { command } from '../support/commands.ts'
import { adminKey, type ServerProcess, Site } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const test = suite('a shop that is restored from a backup', { limitMs: 120_000 })

const RESERVE = { customerId: 'usr_ann', items: [{ productId: 'phone', quantity: 1 }] }

function reserve(server: ServerProcess) {
  return server.request('POST', '/v1/reservations', RESERVE)
}

test('sells nothing until somebody says that it may, where there is no provider to ask', async () => {
  await using site = new Site()
  const environment = { PAYMENT_GATEWAY: 'none' }
  const before = await site.start({ environment })
  const stock = { set: 5, reason: 'delivery' }
  assert.is((await before.request('POST', '/v1/products/phone/stock/adjustments', stock)).status, 200)
  const held = (await reserve(before)).body.reservationId as string
  assert.is((await before.stop()).code, 0)
  const backup = `${site.directory}-backup`
  cpSync(site.directory, backup, { recursive: true })
  rmSync(site.directory, { recursive: true })

  const restored = await command('restore', ['--from', backup, '--to', site.directory])
  assert.is(restored.code, 0, restored.err)
  assert.match(restored.out, /journal +good/)
  assert.ok(existsSync(join(site.directory, 'holdfast.json')))
  const again = await command('restore', ['--from', backup, '--to', site.directory])
  assert.is(again.code, 3)
  assert.match(again.err, /not empty/)

  const server = await site.start({ environment })
  assert.is(server.logged('restoration.open').length, 1)
  const refused = await reserve(server)
  assert.equal([refused.status, refused.body.code], [503, 'not-reconciled'])
  const readiness = await server.request('GET', '/readyz')
  assert.is(readiness.status, 200)
  const parts = readiness.body.parts as readonly { readonly name: string; readonly ready: boolean }[]
  assert.is(parts.find(({ name }) => name === 'sales')?.ready, false)
  assert.is((await server.request('POST', `/v1/reservations/${held}/confirm`)).status, 200)

  const env = { ADMIN_KEY: adminKey, HOLDFAST_URL: `http://127.0.0.1:${server.port}` }
  const status = await command('reconcile', ['status'], env)
  assert.is(status.code, 1)
  assert.match(status.out, /It sells nothing until it is reconciled/)
  const lifted = await command('reconcile', ['lift', '--yes', '--reason', 'cash only; nothing was sold'], env)
  assert.is(lifted.code, 0, lifted.err)
  await server.until(async () => (await reserve(server)).status === 201, 'it sells')
  const now = (await server.request('GET', '/v1/products/phone/stock')).body
  assert.equal([now.onHand, now.held, now.sold], [4, 1, 1])
  assert.is((await command('reconcile', ['status'], env)).code, 0)
  assert.is((await server.kill()).signal, 'SIGKILL')
  const next = await site.start({ environment })
  assert.is((await reserve(next)).status, 201, 'for good')
})

test.run()
