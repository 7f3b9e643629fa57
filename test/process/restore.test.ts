/** FAULTS.md, 80, in short; the whole drill is restore.long.ts. */
import { cpSync, rmSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { command } from '../support/commands.ts'
import { RestoreDrill, reserve } from '../support/restore-drill.ts'
import { suite } from '../support/suite.ts'

const test = suite('a shop that is restored from its backup', { limitMs: 120_000 })

test('sells nothing while the provider does not answer, and again once its list shows nothing unknown', async () => {
  const drill = await RestoreDrill.begin()
  const { site, backup, stripe } = drill
  try {
    const first = await drill.start()
    await drill.stock(2)
    await first.kill()
    cpSync(site.directory, backup, { recursive: true })
    rmSync(site.directory, { recursive: true })
    const restored = await command('restore', ['--from', backup, '--to', site.directory])
    assert.is(restored.code, 0, restored.err)
    assert.match(restored.out, /journal +good/)
    const again = await command('restore', ['--from', backup, '--to', site.directory])
    assert.equal([again.code, again.out], [3, ''])
    assert.match(again.err, /not empty/)

    stripe.weather = 'broken'
    const server = await drill.start()
    assert.equal(await reserve(server), [503, 'not-reconciled'])
    await server.until(() => server.logged('restoration.unanswered').length > 0, 'it has asked')
    assert.equal(await reserve(server), [503, 'not-reconciled'])
    assert.is((await server.request('GET', '/v1/products/phone/stock')).body.available, 2)
    assert.match(
      String((await server.request('GET', '/metrics')).body.text),
      /^holdfast_restoration_open 1$/m,
    )
    stripe.weather = 'fair'
    const lift = { reason: 'the list of today was looked at by hand' }
    assert.is((await server.request('POST', '/v1/reconciliation/lift', lift)).status, 200)
    await server.until(async () => (await reserve(server))[0] === 201, 'it sells')
    assert.is(server.logged('restoration.lifted').length, 1)
  } finally {
    await drill.end()
  }
})

test.run()
