/** Tables with some rows of every sealed kind, in a file of their own, and how to change them behind everybody's back. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { openDatabase } from '../../../../src/persistence/tables/database.ts'
import { migrate } from '../../../../src/persistence/tables/migrations.ts'
import { schema } from '../../../../src/persistence/tables/schema.ts'
import { guardRows } from '../../../../src/persistence/tables/seals/guard-rows.ts'

const HASH = 'a'.repeat(64)
/** Values that differ from row to row, so that a row in another's place is another row. */
const ROWS = (n: number) => `
  INSERT INTO api_keys (id, name, role, hash, created_at_ms, created_by)
    VALUES ('key_${n}', 'shop ${n}', 'service', '${n}${HASH.slice(1)}', ${n}, 'key_admin');
  INSERT INTO users (id, email, email_key, name, role, password_hash, created_at_ms)
    VALUES ('usr_${n}', 'Ann${n}@example.org', 'ann${n}@example.org', 'Änn ${n}', 'customer', '${HASH}', ${n});
  INSERT INTO sessions (id, user_id, created_at_ms, expires_at_ms) VALUES ('ses_${n}', 'usr_${n}', ${n}, ${1000 + n});
  INSERT INTO refresh_tokens (hash, session_id, generation) VALUES ('${n}${HASH.slice(1)}', 'ses_${n}', 1);
  INSERT INTO signing_keys (id, private_jwk, created_at_ms) VALUES ('sig_${n}', '{"kty":"OKP","d":"${HASH}"}', ${n});
  INSERT INTO addresses (id, user_id, name, line1, city, postal_code, country, created_at_ms)
    VALUES ('adr_${n}', 'usr_${n}', 'Ann', 'Way ${n}', 'Pune', '41100${n}', 'IN', ${n});
  INSERT INTO products (id, title, description, brand, category, price_minor, currency, images, specifications, version,
      created_at_ms, updated_at_ms)
    VALUES ('phone-${n}', 'Phone ${n}', 'It rings.', 'Bell', 'a/b', ${4999 + n}, 'INR', '[]', '[]', 1, ${n}, ${n});
  INSERT INTO discounts (code, percent, active, created_at_ms, updated_at_ms) VALUES ('TEN${n}', 12.${n}1, 1, ${n}, ${n});
  INSERT INTO orders (id, customer_id, cart_id, fingerprint, status, reservation_id, currency, subtotal_minor,
      discount_minor, total_minor, captured_minor, refunded_minor, address, expires_at_ms, look_at_ms, created_at_ms,
      updated_at_ms)
    VALUES ('ord_${n}', 'usr_${n}', 'cart_${n}', '${HASH}', 'confirmed', 'res_${n}', 'INR', ${4999 + n}, 0, ${4999 + n},
      ${4999 + n}, 100, '{"city":"Pune"}', ${n}, ${n}, ${n}, ${n});
  INSERT INTO order_lines (order_id, number, product_id, title, unit_price_minor, quantity, returned)
    VALUES ('ord_${n}', 1, 'phone-${n}', 'Phone ${n}', ${4999 + n}, 1, 0);
  INSERT INTO order_events (order_id, number, type, status, at_ms) VALUES ('ord_${n}', 1, 'created', 'confirmed', ${n});
  INSERT INTO payment_attempts (key, order_id, number, method, amount_minor, currency, status, transaction_id,
      started_at_ms, updated_at_ms)
    VALUES ('ord_${n}:1', 'ord_${n}', 1, 'card', ${4999 + n}, 'INR', 'succeeded', 'txn_${n}', ${n}, ${n});
  INSERT INTO refunds (id, order_id, attempt_key, amount_minor, currency, counted, reason, status, requested_by,
      started_at_ms, updated_at_ms)
    VALUES ('rfd_${n}', 'ord_${n}', 'ord_${n}:1', 100, 'INR', 1, 'late', 'requested', 'usr_staff', ${n}, ${n});
  INSERT INTO order_returns (id, order_id, items, reason, gives, requested_by, status, at_ms)
    VALUES ('rtn_${n}', 'ord_${n}', '[]', 'broken', 1, 'usr_${n}', 'requested', ${n});`

export const ROWS_EACH = 4

export class SmallShop {
  readonly #directory = mkdtempSync(join(tmpdir(), 'holdfast-seals-'))
  readonly path = join(this.#directory, 'tables.sqlite')

  constructor() {
    const database = openDatabase(this.path)
    migrate(database, schema, 0)
    guardRows(database)
    for (let n = 1; n <= ROWS_EACH; n++) database.exec(ROWS(n))
    database.pragma('wal_checkpoint(TRUNCATE)')
    database.close()
  }

  /** With a connection that knows of no seals; foreign keys and checks do not stop it either. */
  vandalise(sql: string): void {
    const vandal = new Database(this.path)
    vandal.pragma('foreign_keys = OFF')
    vandal.pragma('ignore_check_constraints = ON')
    vandal.exec(sql)
    vandal.pragma('wal_checkpoint(TRUNCATE)')
    vandal.close()
  }

  /** The way the server opens it. */
  open(): Database.Database {
    const database = openDatabase(this.path)
    guardRows(database)
    return database
  }

  /** The file's bytes, to be opened in memory: there is no write-ahead log there, so the header must not speak of one. */
  image(): Buffer {
    const bytes = readFileSync(this.path)
    bytes.fill(1, 18, 20)
    return bytes
  }

  close(): void {
    rmSync(this.#directory, { recursive: true, force: true })
  }
}
