/** A look at everything: by steps, beside a writer, and by the desk's thread and the command that are made of it. */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { scrubEveryMs, scrubStepMs } from '../../../../src/limits.ts'
import { lockDirectory } from '../../../../src/persistence/directory.ts'
import { DamageBoard } from '../../../../src/persistence/tables/seals/damage-board.ts'
import { scrub } from '../../../../src/persistence/tables/seals/scrub.ts'
import { Scrubber } from '../../../../src/shop/desk/scrubber.ts'
import { ManualClock, ManualTimers } from '../../../support/manual-time.ts'
import { suite } from '../../../support/suite.ts'
import { SmallShop } from './small-shop.ts'

const COMMAND = join(import.meta.dirname, '../../../../src/cli/tables.ts')
const everything = { stepRows: 2, wholeRowsMax: 100 }
const test = suite('a look at all rows')

test('finds nothing where nothing is damaged, and each damaged row by its key', () => {
  const shop = new SmallShop()
  const whole = new Database(shop.path, { readonly: true })
  assert.equal([...scrub(whole, everything)].flat(), [])
  whole.close()
  shop.vandalise(`UPDATE orders SET total_minor = 1 WHERE id = 'ord_2'; UPDATE users SET role = 'admin'`)
  const database = new Database(shop.path, { readonly: true })
  const found = [...scrub(database, everything)].flat()
  const rows = found.flatMap(({ table, key }) => (key === undefined ? [] : [`${table} ${key}`]))
  assert.equal(rows, ['users usr_1', 'users usr_2', 'users usr_3', 'users usr_4', 'orders ord_2'])
  database.close()
  shop.close()
})

test('finds what is missing from an index, in tables without seals too', () => {
  const shop = new SmallShop()
  const index = `SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema WHERE name = 'reviews_by_product'`
  const raw = () => {
    const database = new Database(shop.path)
    database.unsafeMode(true)
    database.pragma('writable_schema = ON')
    database.pragma('foreign_keys = OFF')
    return database
  }
  const first = raw()
  const entry = first.prepare<[], string[]>(index).raw().get() ?? []
  first.exec(`DELETE FROM sqlite_schema WHERE name = 'reviews_by_product'`)
  first.close()
  const second = raw()
  second.exec(`INSERT INTO reviews (id, product_id, customer_id, rating, created_at_ms)
    VALUES ('rev_1', 'phone-1', 'usr_1', 5, 1)`)
  second.prepare('INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)').run(...entry)
  second.close()
  const database = new Database(shop.path, { readonly: true })
  const found = [...scrub(database, everything)].flat()
  assert.ok(found.every(({ table }) => table === 'reviews'))
  assert.match(found.map(({ why }) => why).join('\n'), 'reviews_by_product')
  database.close()
  shop.close()
})

test('is taken by the desk again and again, in steps; what it finds is logged, counted, and gone when it is', async () => {
  const shop = new SmallShop()
  const lines: string[] = []
  const log = pino({ level: 'error' }, { write: (line: string) => void lines.push(line) })
  const clock = new ManualClock(0)
  const timers = new ManualTimers(clock)
  const board = new DamageBoard()
  const scrubber = new Scrubber({ path: shop.path, board, clock, timers: timers.session(), log })
  scrubber.start()
  const walk = async () => {
    const { walks } = board
    let steps = 0
    for (; board.walks === walks && steps < 1_000; steps++) await timers.advance(scrubStepMs)
    return steps
  }
  assert.ok((await walk()) > 10, 'in many steps')
  assert.is(board.damaged, 0)
  shop.vandalise(`UPDATE products SET price_minor = 1 WHERE id = 'phone-1'`)
  await timers.advance(scrubEveryMs)
  await walk()
  assert.is(board.damaged, 1)
  assert.is(lines.length, 1)
  assert.match(lines[0] ?? '', /"table":"products","row":"phone-1".*tables\.damaged/)
  shop.vandalise(`UPDATE products SET price_minor = 5000 WHERE id = 'phone-1'`)
  await timers.advance(scrubEveryMs)
  await walk()
  assert.is(board.damaged, 0, 'put right')
  assert.is(board.walks, 3)
  scrubber.stop()
  shop.close()
})

test('is a command too, which lists what it finds and ends with 1, or 3 where there is nothing to look at', () => {
  const shop = new SmallShop()
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-verify-'))
  const run = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [COMMAND, ...args], { encoding: 'utf8' })
    return { status, out: stdout, err: stderr }
  }
  const there = ['verify', '--data', directory]
  assert.is(run(...there).status, 3)
  assert.match(run('mend').err, 'There are verify, and seal')
  copyFileSync(shop.path, join(directory, 'tables.sqlite'))
  const good = run(...there)
  assert.is(good.status, 0, good.err)
  assert.match(good.out, /^Good\. 14 tables/)
  shop.vandalise(`UPDATE refunds SET amount_minor = 7 WHERE id = 'rfd_3'`)
  copyFileSync(shop.path, join(directory, 'tables.sqlite'))
  const damaged = run(...there)
  assert.is(damaged.status, 1)
  assert.match(damaged.out, 'refunds: row rfd_3: ')
  assert.match(run(...there, '--json').out, '"key":"rfd_3"')
  assert.is(run('seal', 'refunds', 'rfd_9', '--data', directory).status, 3)
  assert.is(run('seal', 'order_lines', 'ord_1 / 1', '--data', directory).status, 0, 'a whole one, too')
  assert.is(run('seal', 'carts', 'cart_1', '--data', directory).status, 3)
  const lock = lockDirectory(directory, 'lock')
  assert.is(run('seal', 'refunds', 'rfd_3', '--data', directory).status, 3, 'not beside a server')
  lock.close()
  assert.is(run('seal', 'refunds', 'rfd_3', '--data', directory).status, 0)
  assert.is(run(...there).status, 0, 'somebody has looked at it')
  writeFileSync(join(directory, 'tables.sqlite'), 'not a database at all'.repeat(100))
  assert.is(run(...there).status, 1)
  rmSync(directory, { recursive: true, force: true })
  shop.close()
})

test.run()
