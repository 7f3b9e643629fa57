/** Who remembers what the tables said knows when it may be over, before the message that says so has come. */
import * as assert from 'uvu/assert'
import type { Notice } from '../../../src/persistence/tables/operation.ts'
import { RevocationCount } from '../../../src/persistence/tables/revocation-count.ts'
import { TablesClient } from '../../../src/persistence/tables/tables-client.ts'
import type { FromTables, ToTables } from '../../../src/persistence/tables/tables-protocol.ts'
import { TablesServer } from '../../../src/persistence/tables/tables-server.ts'
import { realClock, realRandom, realTimers } from '../../../src/seams.ts'
import { InProcessTables } from '../../support/in-process-tables.ts'
import { suite } from '../../support/suite.ts'
import { Wire } from '../../support/wire.ts'

const SHOP = { name: 'shop', role: 'service', createdBy: 'key_admin' } as const

function world() {
  const { database } = new InProcessTables(realClock)
  const shared = new RevocationCount()
  const server = new TablesServer(
    database,
    { clock: realClock, timers: realTimers, random: realRandom() },
    new RevocationCount(shared.memory),
  )
  const listener = () => {
    const notices: Notice[] = []
    const revocations = new RevocationCount(shared.memory)
    const client = new TablesClient({
      timers: realTimers,
      onNotice: (notice) => void notices.push(notice),
      revocations,
    })
    const wire = new Wire<ToTables, FromTables>()
    client.connect(wire.near)
    server.connect(wire.far)
    return { client, notices, wire }
  }
  return { server, listener }
}

const test = suite('a thread that remembers what the tables said')

test('is behind from before anybody hears of a revocation until it has heard itself', async () => {
  const { server, listener } = world()
  const [one, slow] = [listener(), listener()]
  const { id } = await one.client.write('apiKeys.create', SHOP)
  assert.not.ok(one.client.isBehind || slow.client.isBehind, 'a new key takes nothing from anybody')
  slow.wire.back.isHolding = true
  await one.client.write('apiKeys.revoke', { id })
  assert.not.ok(one.client.isBehind, 'who asked has heard of it by then')
  assert.ok(slow.client.isBehind)
  slow.wire.back.release()
  assert.not.ok(slow.client.isBehind)
  assert.equal(slow.notices, [{ type: 'keyRevoked', id }])
  server.close()
})

test('is not behind for what was revoked before it came, nor for what is no revocation', async () => {
  const { server, listener } = world()
  const one = listener()
  const { id } = await one.client.write('apiKeys.create', SHOP)
  await one.client.write('apiKeys.revoke', { id })
  const late = listener()
  assert.not.ok(late.client.isBehind)
  assert.equal(late.notices, [])
  late.wire.back.isHolding = true
  const key = { privateJwk: JSON.stringify({ kty: 'OKP', d: 'x'.repeat(40) }), unlessYoungerThanMs: 1 }
  assert.is((await one.client.write('signingKeys.add', key)).added, true)
  assert.is(late.wire.back.held.length, 1, 'that is told too')
  assert.not.ok(late.client.isBehind)
  server.close()
})

test.run()
