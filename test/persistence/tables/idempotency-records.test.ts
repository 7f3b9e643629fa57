import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import * as assert from 'uvu/assert'
import { keyKnownMs, keyKnownMsMin } from '../../../src/limits.ts'
import { openDatabase } from '../../../src/persistence/tables/database.ts'
import { once } from '../../../src/persistence/tables/idempotency-records.ts'
import { migrate } from '../../../src/persistence/tables/migrations.ts'
import type { Query } from '../../../src/persistence/tables/query.ts'
import { schema } from '../../../src/persistence/tables/schema.ts'
import { SqliteSession } from '../../../src/persistence/tables/sqlite-session.ts'
import { seal, type TableKey, tableKeyOf, unseal } from '../../../src/persistence/tables/table-key.ts'
import { TablesError } from '../../../src/persistence/tables/tables-error.ts'
import { realRandom } from '../../../src/seams.ts'
import { suite } from '../../support/suite.ts'

const random = realRandom()
const SCOPE = 'key_admin POST /v1/api-keys'
const KEY = tableKeyOf(SCOPE, 'one', 'a body')

function table(rowsMax?: number) {
  const database = new Database(':memory:')
  migrate(database, schema, 0)
  const session = new SqliteSession(database)
  let made = 0
  /** Answers with how often anything was made before. */
  // biome-ignore lint/correctness/useYield: what is made here needs no statement
  function* making(): Query<{ number: number }> {
    return { number: made++ }
  }
  const make = (key: TableKey | undefined, nowMs: number) =>
    session.run(once({ key, moment: { nowMs, random } }, making, () => true, rowsMax))
  const count = () => database.prepare('SELECT count(*) FROM idempotency_records').pluck().get()
  return { database, make, count }
}

function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof TablesError) return error.code
    throw error
  }
  throw new Error('it did not fail')
}

const keeping = suite('the table of idempotency records')

keeping('answers as before under the same key, and anew without one', () => {
  const { database, make, count } = table()
  assert.equal(make(KEY, 1), { number: 0 })
  assert.equal(make(KEY, 2), { number: 0, replayed: true })
  assert.equal(make(tableKeyOf(SCOPE, 'two', 'a body'), 2), { number: 1 })
  assert.equal(make(tableKeyOf('key_b POST /v1/api-keys', 'one', 'a body'), 2), { number: 2 })
  assert.equal(make(undefined, 2), { number: 3 })
  assert.is(count(), 3)
  database.close()
})

keeping('refuses another body under a key, without making anything', () => {
  const { database, make } = table()
  make(KEY, 1)
  const other = tableKeyOf(SCOPE, 'one', 'another body')
  assert.is(
    codeOf(() => make(other, 2)),
    'idempotency-mismatch',
  )
  assert.equal(make(KEY, 3), { number: 0, replayed: true })
  database.close()
})

keeping('forgets a key after a day, and is then free for any body', () => {
  const { database, make, count } = table()
  make(KEY, 1_000)
  assert.equal(make(KEY, 1_000 + keyKnownMs - 1), { number: 0, replayed: true })
  const other = tableKeyOf(SCOPE, 'one', 'another body')
  assert.equal(make(other, 1_000 + keyKnownMs), { number: 1 })
  assert.is(count(), 1)
  make(tableKeyOf(SCOPE, 'two', ''), 1_000 + 3 * keyKnownMs)
  assert.is(count(), 1, 'what is older than a day goes with the next change')
  database.close()
})

keeping('where it is full the oldest beyond an hour go, and where there are none nothing is made', () => {
  const { database, make, count } = table(3)
  const keyed = (name: string, nowMs: number) => make(tableKeyOf(SCOPE, name, ''), nowMs)
  keyed('a', 0)
  keyed('b', 10)
  keyed('c', 20)
  assert.is(
    codeOf(() => keyed('d', keyKnownMsMin - 1)),
    'overloaded',
  )
  assert.is(count(), 3)
  assert.equal(keyed('d', keyKnownMsMin), { number: 3 })
  assert.equal(keyed('b', keyKnownMsMin), { number: 1, replayed: true })
  assert.equal(keyed('a', keyKnownMsMin + 10), { number: 4 }, 'it was forgotten')
  assert.is(count(), 3)
  database.close()
})

keeping('has neither keys nor answers on disk that could be read', () => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-records-'))
  const database = openDatabase(join(directory, 'tables.sqlite'))
  migrate(database, schema, 0)
  const key = tableKeyOf(SCOPE, 'key-of-the-client', 'body-of-the-client')
  const answer = { id: 'key_shown', key: 'hf_shown_this_once' }
  // biome-ignore lint/correctness/useYield: what is made here needs no statement
  function* make(): Query<typeof answer> {
    return answer
  }
  new SqliteSession(database).run(once({ key, moment: { nowMs: 1, random } }, make, () => true))
  for (const isOpen of [true, false]) {
    const written = Buffer.concat(readdirSync(directory).map((name) => readFileSync(join(directory, name))))
    assert.ok(written.includes(key.hash), 'the search would find what is there')
    for (const text of ['hf_shown', 'key_shown', 'key-of-the-client', 'body-of-the-client', key.secret]) {
      assert.not(written.includes(text), text)
    }
    assert.not(written.includes(Buffer.from(key.secret, 'hex')))
    if (isOpen) database.close()
  }
  rmSync(directory, { recursive: true })
})

keeping('does not answer from a record that was changed', () => {
  const { database, make } = table()
  make(KEY, 1)
  const sealed = database.prepare<[], { sealed: Buffer }>('SELECT sealed FROM idempotency_records').get()
  assert.ok(sealed !== undefined)
  for (const at of [0, 12, sealed.sealed.length - 1]) {
    const damaged = Buffer.from(sealed.sealed)
    damaged[at] = (damaged[at] ?? 0) ^ 1
    database.prepare('UPDATE idempotency_records SET sealed = ?').run(damaged)
    assert.is(
      codeOf(() => make(KEY, 2)),
      'invalid',
    )
  }
  database.close()
})

keeping('refuses a record that is none', () => {
  const { database } = table()
  const insert = (values: string) => database.exec(`INSERT INTO idempotency_records VALUES (${values})`)
  const hex = 'a'.repeat(64)
  const blob = `x'${'00'.repeat(29)}'`
  for (const values of [
    `'a', '${hex}', 1, ${blob}`,
    `'${hex}', 'a', 1, ${blob}`,
    `'${hex}', '${hex}', -1, ${blob}`,
    `'${hex}', '${hex}', 1, x'${'00'.repeat(28)}'`,
  ]) {
    assert.throws(() => insert(values), 'CHECK constraint failed')
  }
  insert(`'${hex}', '${hex}', 1, ${blob}`)
  database.close()
})

keeping.run()

const sealing = suite('a sealed answer')

sealing('opens with the key that sealed it and no other', () => {
  const sealed = seal('{"key":"hf_é"}', KEY, random)
  assert.is(unseal(sealed, KEY), '{"key":"hf_é"}')
  const others = [
    tableKeyOf(SCOPE, 'two', 'a body'),
    tableKeyOf('key_b POST /v1/api-keys', 'one', 'a body'),
    { ...KEY, secret: KEY.hash },
    { ...KEY, hash: tableKeyOf(SCOPE, 'two', 'a body').hash },
  ]
  for (const other of others) assert.is(unseal(sealed, other), undefined)
})

sealing('is another one each time', () => {
  assert.not.equal(seal('x', KEY, random), seal('x', KEY, random))
})

sealing('has a secret that neither hash nor body tell', () => {
  assert.is(tableKeyOf(SCOPE, 'one', 'another').secret, KEY.secret, 'the body comes again with the key')
  assert.is.not(KEY.secret, KEY.hash)
  assert.is(KEY.secret.length, 64)
})

sealing.run()
