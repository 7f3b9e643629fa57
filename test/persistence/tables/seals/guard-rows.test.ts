import Database from 'better-sqlite3'
import * as assert from 'uvu/assert'
import { migrate } from '../../../../src/persistence/tables/migrations.ts'
import { row } from '../../../../src/persistence/tables/query.ts'
import { schema } from '../../../../src/persistence/tables/schema.ts'
import { checkedReads } from '../../../../src/persistence/tables/seals/checked-reads.ts'
import { guardRows } from '../../../../src/persistence/tables/seals/guard-rows.ts'
import { readSealedTables, sealedTables } from '../../../../src/persistence/tables/seals/sealed-table.ts'
import { firstDamagedRow, walkRows } from '../../../../src/persistence/tables/seals/walk-rows.ts'
import { SqliteSession } from '../../../../src/persistence/tables/sqlite-session.ts'
import { TablesBootError, TablesError } from '../../../../src/persistence/tables/tables-error.ts'
import { TablesReader } from '../../../../src/persistence/tables/tables-reader.ts'
import { suite } from '../../../support/suite.ts'
import { ROWS_EACH, SmallShop } from './small-shop.ts'

const CARD = 'a'.repeat(64)
const seals = suite('seals of rows')

/** What no test writes to. */
const image = (() => {
  const shop = new SmallShop()
  const bytes = shop.image()
  shop.close()
  return bytes
})()

function withShop(work: (shop: SmallShop) => void): void {
  const shop = new SmallShop()
  try {
    work(shop)
  } finally {
    shop.close()
  }
}

function isDamage(error: unknown): error is TablesError {
  return error instanceof TablesError && error.code === 'damaged'
}

seals('are of every table that is named, with every column there is', () => {
  withShop((shop) => {
    const database = shop.open()
    const tables = readSealedTables(database)
    assert.equal(
      tables.map(({ name }) => name),
      [...sealedTables],
    )
    for (const { name, columns } of tables) {
      const all = database
        .prepare<[string], string>('SELECT name FROM pragma_table_info(?)')
        .pluck()
        .all(name)
      assert.equal([...columns, 'seal'].sort(), [...all].sort())
    }
    database.close()
  })
})

seals('hold after every way to write: inserted, updated, met by a conflict, numbered', () => {
  withShop((shop) => {
    const database = shop.open()
    database.exec(`
      UPDATE orders SET captured_minor = captured_minor - 1 WHERE id <> 'ord_2';
      UPDATE users SET id = id WHERE role = 'customer';
      INSERT INTO counters (name, value) VALUES ('invoice', 7) ON CONFLICT (name) DO UPDATE SET value = excluded.value;
      INSERT INTO discounts (code, percent, active, created_at_ms, updated_at_ms) VALUES ('TEN1', 3, 1, 1, 1)
        ON CONFLICT DO NOTHING;
      INSERT INTO order_lines (order_id, number, product_id, title, unit_price_minor, quantity, returned)
        SELECT order_id, number + 1, product_id, title, unit_price_minor, quantity, returned FROM order_lines;`)
    const next = database.prepare(`UPDATE counters SET value = value + 1 RETURNING value`).pluck()
    assert.is(next.get(), 8)
    assert.is(
      database.prepare('UPDATE users SET name = ?').run('Bob').changes,
      ROWS_EACH,
      'seals are no changes',
    )
    assert.is(firstDamagedRow(database), undefined)
    assert.is(database.prepare('SELECT count(*) FROM orders WHERE seal IS NULL').pluck().get(), 0)
    database.close()
  })
})

for (const name of sealedTables) {
  seals(`of ${name}: each column that changes behind their back is noticed, on read and by a walk`, () => {
    const columns = new Database(image)
      .prepare<[string], { name: string; type: string }>('SELECT name, type FROM pragma_table_info(?)')
      .all(name)
    assert.ok(columns.length > 1)
    for (const { name: column, type } of columns) {
      const database = new Database(image)
      database.pragma('foreign_keys = OFF')
      database.pragma('ignore_check_constraints = ON')
      const other = type === 'TEXT' ? `coalesce(${column}, '') || '!'` : `coalesce(${column}, 0) + 1`
      const [first] = readSealedTables(database).filter((table) => table.name === name)
      const key = first?.key.join(', ')
      const changed = database
        .prepare(
          `UPDATE ${name} SET ${column} = ${other} WHERE (${key}) = (SELECT ${key} FROM ${name} LIMIT 1)`,
        )
        .run()
      assert.is(changed.changes, 1)
      guardRows(database)
      assert.match(firstDamagedRow(database) ?? '', new RegExp(`^${name}: `), `${column} walked`)
      assert.throws(() => database.prepare(`SELECT * FROM checked_${name}`).all(), isDamage, `${column} read`)
      database.close()
    }
  })
}

seals('keep a damaged row from being changed, but not from being deleted', () => {
  withShop((shop) => {
    shop.vandalise(`UPDATE sessions SET user_id = 'usr_2' WHERE id = 'ses_1'`)
    const database = shop.open()
    assert.throws(() => database.exec('UPDATE sessions SET expires_at_ms = expires_at_ms + 1'), isDamage)
    assert.is(database.prepare(`DELETE FROM sessions WHERE id = 'ses_1'`).run().changes, 1)
    database.exec('UPDATE sessions SET expires_at_ms = expires_at_ms + 1')
    assert.is(firstDamagedRow(database), undefined)
    database.close()
  })
})

seals('let a price be asked for that a row does not have', () => {
  withShop((shop) => {
    const database = shop.open()
    const session = new SqliteSession(database)
    const asked = (price: number) =>
      session.run(row('SELECT 1 AS same FROM products WHERE id = ? AND price_minor = ?', 'phone-1', price))
    assert.is(asked(1), undefined)
    assert.equal(asked(5_000), { same: 1 })
    database.close()
  })
})

seals('of what money depends on: the operation fails, others go on', () => {
  withShop((shop) => {
    shop.vandalise(`
      UPDATE orders SET total_minor = 1 WHERE id = 'ord_1';
      UPDATE payment_attempts SET amount_minor = 1 WHERE key = 'ord_2:1';
      UPDATE refunds SET amount_minor = 1 WHERE id = 'rfd_3';
      UPDATE users SET role = 'admin' WHERE id = 'usr_1';
      UPDATE api_keys SET role = 'admin' WHERE id = 'key_1';
      UPDATE products SET price_minor = 1 WHERE id = 'phone-1'`)
    const reader = new TablesReader(shop.path)
    assert.throws(() => reader.read('orders.find', { orderId: 'ord_1' }), isDamage)
    assert.throws(() => reader.read('payments.find', { key: 'ord_2:1' }), isDamage)
    assert.throws(() => reader.read('refunds.find', { refundId: 'rfd_3' }), isDamage)
    assert.throws(() => reader.read('users.credentials', { emailKey: 'ann1@example.org' }), isDamage)
    assert.throws(() => reader.read('sessions.find', { id: 'ses_1', nowMs: 5 }), isDamage)
    assert.throws(() => reader.read('apiKeys.find', { hash: `1${CARD.slice(1)}` }), isDamage)
    assert.throws(() => reader.read('catalog.products', { ids: ['phone-1' as never] }), isDamage)
    const { products, damage } = reader.read('catalog.found', {
      ids: ['phone-1' as never, 'phone-2' as never],
    })
    assert.equal(damage, ['Row phone-1 of products is not what was written to it.'])
    assert.equal(
      products.map(({ productId }) => productId),
      ['phone-2'],
      'a page of hits goes without it',
    )
    assert.is(reader.read('orders.find', { orderId: 'ord_2' })?.totalMinor, 5_001)
    assert.is(reader.read('sessions.find', { id: 'ses_2', nowMs: 5 })?.role, 'customer')
    assert.equal(reader.read('orders.due', { nowMs: 9, limit: 1 }), ['ord_1'], 'where to look is still told')
    reader.close()
  })
})

seals('name the row', () => {
  withShop((shop) => {
    shop.vandalise(`UPDATE order_lines SET quantity = 2 WHERE order_id = 'ord_3'`)
    const database = shop.open()
    assert.is(firstDamagedRow(database), 'order_lines: ord_3 / 1')
    database.close()
  })
})

seals('are walked to the end though keys point back, and a whole stretch is damaged', () => {
  withShop((shop) => {
    shop.vandalise(`UPDATE order_lines SET quantity = 7 WHERE order_id <> 'ord_4'`)
    const database = shop.open()
    const table = readSealedTables(database).find(({ name }) => name === 'order_lines')
    assert.ok(table)
    const damaged: string[] = []
    let walked = 0
    for (let place: Parameters<typeof walkRows>[2] | undefined = { after: [], skipped: 0 }; place; ) {
      const steps = walkRows(database, table, place, 1)
      damaged.push(...steps.damaged)
      walked += steps.walked
      place = steps.next
    }
    assert.is(walked, ROWS_EACH)
    assert.equal(damaged, ['ord_1 / 1', 'ord_2 / 1', 'ord_3 / 1'])
    database.close()
  })
})

seals('are given to rows from before there were any, and anew where a step changes rows or columns', () => {
  const database = new Database(':memory:')
  const before = schema.findIndex(({ name }) => name === 'seals')
  migrate(database, schema.slice(0, before), 0)
  database.pragma('foreign_keys = OFF')
  database.exec(`INSERT INTO sessions VALUES ('ses_1', 'usr_1', 1, 2)`)
  migrate(database, schema, 0)
  const wider = { name: 'wider', sql: `ALTER TABLE sessions ADD COLUMN note TEXT NOT NULL DEFAULT 'none'` }
  const later = { name: 'later', sql: 'UPDATE sessions SET expires_at_ms = 3' }
  migrate(database, [...schema, wider, later], 0)
  assert.is(firstDamagedRow(database), undefined)
  guardRows(database)
  const seen = database.prepare('SELECT note, expires_at_ms FROM checked_sessions').raw().all()
  assert.equal(seen, [['none', 3]])
  database.close()
})

seals('stop a migration that would give a damaged row a good one', () => {
  withShop((shop) => {
    shop.vandalise(`UPDATE users SET role = 'admin' WHERE id = 'usr_2'`)
    const database = shop.open()
    assert.is(migrate(database, schema, 0), 0, 'nothing has to change')
    const later = { name: 'later', sql: `UPDATE users SET name = 'x'` }
    let code: string | undefined
    try {
      migrate(database, [...schema, later], 0)
    } catch (error) {
      if (error instanceof TablesBootError) ({ code } = error)
    }
    assert.is(code, 'damaged')
    database.close()
  })
})

seals('are looked at by every read, whatever the table is called in it, and by no deletion', () => {
  const read = checkedReads
  assert.is(
    read('SELECT id FROM orders WHERE id = ?'),
    'SELECT id FROM checked_orders AS orders WHERE id = ?',
  )
  assert.is(read('SELECT 1 FROM orders o, (SELECT 2)'), 'SELECT 1 FROM checked_orders o, (SELECT 2)')
  assert.is(read('… JOIN users AS others ON'), '… JOIN checked_users AS others ON')
  assert.is(read('… JOIN users ON'), '… JOIN checked_users AS users ON')
  assert.is(read('SELECT 1 FROM orders'), 'SELECT 1 FROM checked_orders AS orders')
  assert.is(read('SELECT 1 FROM order_lines_old o'), 'SELECT 1 FROM order_lines_old o')
  const deletion = ' DELETE FROM sessions WHERE id IN (SELECT id FROM sessions)'
  assert.is(read(deletion), deletion)
  assert.is(read('INSERT INTO users (id) VALUES (?)'), 'INSERT INTO users (id) VALUES (?)')
})

seals.run()
