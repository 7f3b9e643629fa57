import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import * as assert from 'uvu/assert'
import { base62, drawApiKey, hashOfApiKey } from '../../../src/persistence/tables/api-key.ts'
import {
  type ApiKeyRequest,
  createApiKey,
  findApiKey,
  listApiKeys,
  revokeApiKey,
} from '../../../src/persistence/tables/api-keys.ts'
import { openDatabase } from '../../../src/persistence/tables/database.ts'
import { migrate } from '../../../src/persistence/tables/migrations.ts'
import { schema } from '../../../src/persistence/tables/schema.ts'
import { SqliteSession } from '../../../src/persistence/tables/sqlite-session.ts'
import { TablesError } from '../../../src/persistence/tables/tables-error.ts'
import { realRandom } from '../../../src/seams.ts'
import { suite } from '../../support/suite.ts'

const random = realRandom()
const SHOP = { name: 'shop', role: 'service', createdBy: 'key_admin' } as const

function keysIn(database: Database.Database, keysMax?: number) {
  const session = new SqliteSession(database)
  return {
    create: (request: ApiKeyRequest, nowMs: number) =>
      session.run(createApiKey(request, { nowMs, random }, keysMax)),
    list: () => session.run(listApiKeys()),
    revoke: (id: string, nowMs: number) => session.run(revokeApiKey(id, { nowMs, notify() {} })).revoked,
    findByHash: (hash: string) => session.run(findApiKey(hash)),
  }
}

function table(keysMax?: number) {
  const database = new Database(':memory:')
  migrate(database, schema, 0)
  return { keys: keysIn(database, keysMax), database }
}

const drawing = suite('an API key')

drawing('has its form and more chance in it than anybody can try', () => {
  const { id, key } = drawApiKey(random)
  assert.match(id, /^key_[0-9A-Za-z]{20}$/)
  assert.match(key, /^hf_[0-9A-Za-z]{40}$/)
  const bitsPerCharacter = Math.log2(62)
  assert.ok(20 * bitsPerCharacter >= 80)
  assert.ok(40 * bitsPerCharacter >= 160)
})

drawing('uses every digit about as often', () => {
  const text = base62(random, 62_000)
  const counts = new Map<string, number>()
  for (const digit of text) counts.set(digit, (counts.get(digit) ?? 0) + 1)
  assert.is(counts.size, 62)
  // A thousand each, give or take six standard deviations.
  for (const [digit, count] of counts) assert.ok(Math.abs(count - 1_000) < 190, `${digit}: ${count}`)
})

drawing('takes the ends of chance for digits too', () => {
  assert.is(base62({ fraction: () => 0 }, 3), '000')
  assert.is(base62({ fraction: () => 1 - 2 ** -32 }, 3), 'zzz')
})

drawing.run()

const keeping = suite('the table of API keys')

keeping('finds a key by its hash, with its role', () => {
  const { keys, database } = table()
  const service = keys.create(SHOP, 1_000)
  const admin = keys.create({ ...SHOP, role: 'admin' }, 2_000)
  assert.equal(keys.findByHash(hashOfApiKey(service.key)), { id: service.id, role: 'service' })
  assert.equal(keys.findByHash(hashOfApiKey(admin.key)), { id: admin.id, role: 'admin' })
  assert.is(keys.findByHash(hashOfApiKey('hf_unknown')), undefined)
  assert.is(keys.findByHash(service.key), undefined, 'the key itself is no hash')
  database.close()
})

keeping('lists those not revoked, the newest first, and never a key or a hash', () => {
  const { keys, database } = table()
  const first = keys.create(SHOP, 1_000)
  const second = keys.create(SHOP, 2_000)
  const third = keys.create({ name: 'till', role: 'staff', createdBy: first.id }, 3_000)
  keys.revoke(second.id, 4_000)
  assert.equal(keys.list(), [
    { id: third.id, name: 'till', role: 'staff', createdAtMs: 3_000, createdBy: first.id },
    { id: first.id, ...SHOP, createdAtMs: 1_000 },
  ])
  database.close()
})

keeping('does not find a key that was revoked, and keeps its row with the time', () => {
  const { keys, database } = table()
  const { id, key } = keys.create(SHOP, 1_000)
  assert.ok(keys.revoke(id, 2_000))
  assert.not(keys.revoke(id, 3_000))
  assert.not(keys.revoke('key_unknown', 3_000))
  assert.is(keys.findByHash(hashOfApiKey(key)), undefined)
  assert.equal(database.prepare('SELECT id, revoked_at_ms FROM api_keys').raw().all(), [[id, 2_000]])
  database.close()
})

keeping('forgets the key revoked first where it is full, and refuses where all are live', () => {
  const { keys, database } = table(3)
  const [a, b, c] = [keys.create(SHOP, 1), keys.create(SHOP, 2), keys.create(SHOP, 3)]
  assert.throws(
    () => keys.create(SHOP, 4),
    (error: unknown) => error instanceof TablesError && error.code === 'api-keys-full' && !error.retryable,
  )
  keys.revoke(b.id, 5)
  keys.revoke(a.id, 6)
  const d = keys.create(SHOP, 7)
  const ids = database.prepare('SELECT id FROM api_keys').pluck().all()
  assert.equal(new Set(ids), new Set([a.id, c.id, d.id]))
  database.close()
})

keeping('takes any text for a name and no text for a command', () => {
  const { keys, database } = table()
  for (const name of ["'; DROP TABLE api_keys; --", '"x"', 'é\u0000\r\n', '%', '\u{1f511}'.repeat(32)]) {
    keys.create({ ...SHOP, name }, 1)
    assert.ok(keys.list().some((each) => each.name === name))
  }
  assert.is(keys.findByHash("' OR 1=1 --"), undefined)
  assert.not(keys.revoke("' OR 1=1 --", 1))
  database.close()
})

keeping('refuses a row that is none', () => {
  const { keys, database } = table()
  assert.throws(() => keys.create({ ...SHOP, name: '' }, 1), 'CHECK constraint failed')
  assert.throws(() => keys.create({ ...SHOP, name: 'x'.repeat(129) }, 1), 'CHECK constraint failed')
  const damage = () => database.exec("UPDATE api_keys SET role = 'owner'")
  keys.create(SHOP, 1)
  assert.throws(damage, 'CHECK constraint failed')
  database.pragma('ignore_check_constraints = ON')
  damage()
  assert.throws(() => keys.list(), 'role owner')
  database.close()
})

keeping('has no key on disk, only hashes', () => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-api-keys-'))
  const database = openDatabase(join(directory, 'tables.sqlite'))
  migrate(database, schema, 0)
  const keys = keysIn(database)
  const { key } = keys.create(SHOP, 1)
  const written = () =>
    Buffer.concat(readdirSync(directory).map((name) => readFileSync(join(directory, name))))
  assert.ok(written().includes(hashOfApiKey(key)), 'the search would find what is there')
  assert.not(written().includes(key.slice(3)))
  database.close()
  assert.ok(written().includes(hashOfApiKey(key)))
  assert.not(written().includes(key.slice(3)))
  rmSync(directory, { recursive: true })
})

keeping.run()
