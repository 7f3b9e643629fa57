import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import * as assert from 'uvu/assert'
import { hashOfApiKey } from '../../../src/persistence/tables/api-key.ts'
import { type ApiKeysClient, apiKeysOf } from '../../../src/persistence/tables/api-keys-client.ts'
import { TablesClient } from '../../../src/persistence/tables/tables-client.ts'
import type { FromTables, ToTables } from '../../../src/persistence/tables/tables-protocol.ts'
import { startTablesThread, type TablesThread } from '../../../src/persistence/tables/tables-thread.ts'
import { portOf, realTimers } from '../../../src/seams.ts'
import { suite } from '../../support/suite.ts'

const SHOP = { name: 'shop', role: 'service', createdBy: 'key_admin' } as const
const scratch = mkdtempSync(join(tmpdir(), 'holdfast-tables-thread-'))
let filesCount = 0
const fresh = () => join(scratch, `${++filesCount}.sqlite`)

function listener(thread: TablesThread, revoked: string[] = []): { readonly apiKeys: ApiKeysClient } {
  const client = new TablesClient({
    timers: realTimers,
    onNotice: (notice) => void (notice.type === 'keyRevoked' && revoked.push(notice.id)),
  })
  client.connect(portOf<FromTables, ToTables>(thread.connect()))
  return { apiKeys: apiKeysOf(client) }
}

const test = suite('the tables thread')

test('serves several listeners and has all on disk after an orderly end', async () => {
  const path = fresh()
  const thread = await startTablesThread({ type: 'sqlite', path })
  const [a, b] = [listener(thread), listener(thread)]
  const made = await Promise.all(Array.from({ length: 200 }, (_, i) => (i % 2 ? a : b).apiKeys.create(SHOP)))
  assert.is((await a.apiKeys.list()).length, 200)
  const some = made[7]
  assert.equal(await b.apiKeys.findByHash(hashOfApiKey(some?.key ?? '')), { id: some?.id, role: 'service' })

  await thread.close()
  assert.is(await thread.ended, undefined)
  assert.not(existsSync(`${path}-wal`), 'the last to close has emptied the log')
  const files = readdirSync(scratch).map((name) => readFileSync(join(scratch, name)))
  for (const { key } of made) assert.not(Buffer.concat(files).includes(key))

  const again = await startTablesThread({ type: 'sqlite', path })
  const c = listener(again)
  assert.is((await c.apiKeys.list()).length, 200)
  await again.close()
})

test('tells every listener of a revocation', async () => {
  const thread = await startTablesThread({ type: 'sqlite', path: fresh() })
  const heard: string[] = []
  const [a, b] = [listener(thread), listener(thread, heard)]
  const { id } = await a.apiKeys.create(SHOP)
  await a.apiKeys.revoke(id)
  // Its message was on the way before the answer was; a round trip comes after it.
  await b.apiKeys.list()
  assert.equal(heard, [id])
  await thread.close()
})

test('ends its listeners in order', async () => {
  const thread = await startTablesThread({ type: 'sqlite', path: fresh() })
  const client = listener(thread)
  const creating = client.apiKeys.create(SHOP)
  await creating
  await thread.close()
  const [outcome] = await Promise.allSettled([client.apiKeys.list()])
  assert.is(outcome?.status === 'rejected' && outcome.reason.code, 'shutting-down')
})

test('that cannot open its tables says why, and starts not at all', async () => {
  const path = fresh()
  const database = new Database(path)
  database.exec(`
    CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT, checksum TEXT, applied_at_ms INTEGER);
    INSERT INTO migrations VALUES (1, 'api-keys', 'another', 0)`)
  database.close()
  const [outcome] = await Promise.allSettled([startTablesThread({ type: 'sqlite', path })])
  assert.is(outcome?.status === 'rejected' && outcome.reason.code, 'migration-changed')
  assert.match(outcome?.status === 'rejected' ? outcome.reason.message : '', 'Migration 1 (api-keys)')
})

test('that fails tells its listeners and main', async () => {
  const path = fresh()
  const thread = await startTablesThread({ type: 'sqlite', path })
  const client = listener(thread)
  await client.apiKeys.create(SHOP)
  const vandal = new Database(path)
  vandal.exec('DROP TABLE api_keys')
  vandal.close()
  const [outcome] = await Promise.allSettled([client.apiKeys.list()])
  assert.is(outcome?.status === 'rejected' && outcome.reason.code, 'unavailable')
  assert.match((await thread.ended)?.message ?? '', 'no such table')
})

test('makes its file for its owner alone', async () => {
  const path = fresh()
  const thread = await startTablesThread({ type: 'sqlite', path })
  assert.is(statSync(path).mode & 0o777, 0o600)
  await thread.close()
})

test.after(() => rmSync(scratch, { recursive: true, force: true }))
test.run()
