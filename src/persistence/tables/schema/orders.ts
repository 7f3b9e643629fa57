import type { Migration } from '../migrations.ts'

/**
 * From the cart to the door.
 *
 * An order is made only once its units are held (RIVALS.md, 2); what is meant to become one is a checkout, so that whoever
 * tries again finds the hold of the first try. An order has one attempt to pay that may come to something: the index says
 * so, whatever races. What has been promised back never exceeds what was captured: each refund says so when it is made.
 */
export const ordersSchema: Migration = {
  name: 'orders',
  sql: `
    CREATE TABLE carts (
      id            TEXT PRIMARY KEY CHECK (id GLOB 'cart_*'),
      customer_id   TEXT NOT NULL UNIQUE CHECK (length(customer_id) BETWEEN 1 AND 128),
      created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0),
      updated_at_ms INTEGER NOT NULL CHECK (updated_at_ms >= created_at_ms)
    ) STRICT;
    CREATE TABLE cart_lines (
      cart_id     TEXT NOT NULL REFERENCES carts (id) ON DELETE CASCADE,
      product_id  TEXT NOT NULL CHECK (length(product_id) BETWEEN 1 AND 64),
      quantity    INTEGER NOT NULL CHECK (quantity BETWEEN 1 AND 1000000),
      added_at_ms INTEGER NOT NULL CHECK (added_at_ms >= 0),
      PRIMARY KEY (cart_id, product_id)
    ) STRICT;

    CREATE TABLE discounts (
      code             TEXT PRIMARY KEY CHECK (length(code) BETWEEN 1 AND 40),
      percent          REAL CHECK (percent > 0 AND percent <= 100),
      amount_minor     INTEGER CHECK (amount_minor > 0),
      currency         TEXT CHECK (length(currency) = 3),
      max_uses         INTEGER CHECK (max_uses > 0),
      per_customer     INTEGER CHECK (per_customer > 0),
      valid_from_ms    INTEGER CHECK (valid_from_ms >= 0),
      valid_until_ms   INTEGER CHECK (valid_until_ms >= 0),
      active           INTEGER NOT NULL CHECK (active IN (0, 1)),
      created_at_ms    INTEGER NOT NULL CHECK (created_at_ms >= 0),
      updated_at_ms    INTEGER NOT NULL CHECK (updated_at_ms >= 0),
      CHECK ((percent IS NULL) <> (amount_minor IS NULL)),
      CHECK ((amount_minor IS NULL) = (currency IS NULL))
    ) STRICT;

    CREATE TABLE checkouts (
      customer_id    TEXT NOT NULL,
      fingerprint    TEXT NOT NULL CHECK (length(fingerprint) = 64),
      order_id       TEXT NOT NULL CHECK (order_id GLOB 'ord_*'),
      reservation_id TEXT NOT NULL CHECK (reservation_id GLOB 'res_*'),
      at_ms          INTEGER NOT NULL CHECK (at_ms >= 0),
      PRIMARY KEY (customer_id, fingerprint)
    ) STRICT;

    CREATE TABLE orders (
      id                 TEXT PRIMARY KEY CHECK (id GLOB 'ord_*'),
      customer_id        TEXT NOT NULL CHECK (length(customer_id) BETWEEN 1 AND 128),
      cart_id            TEXT,
      fingerprint        TEXT NOT NULL CHECK (length(fingerprint) = 64),
      status             TEXT NOT NULL CHECK (status IN
        ('pending_payment', 'confirmed', 'shipped', 'delivered', 'cancelled', 'expired', 'refunded')),
      reservation_id     TEXT NOT NULL UNIQUE CHECK (reservation_id GLOB 'res_*'),
      /* What the engine has still to be told: the reservation follows the order. */
      duty               TEXT CHECK (duty IN ('confirm', 'release', 'return')),
      currency           TEXT NOT NULL CHECK (length(currency) = 3),
      subtotal_minor     INTEGER NOT NULL CHECK (subtotal_minor >= 0),
      discount_minor     INTEGER NOT NULL CHECK (discount_minor BETWEEN 0 AND subtotal_minor),
      total_minor        INTEGER NOT NULL CHECK (total_minor = subtotal_minor - discount_minor),
      captured_minor     INTEGER NOT NULL CHECK (captured_minor >= 0),
      refunded_minor     INTEGER NOT NULL CHECK (refunded_minor BETWEEN 0 AND captured_minor),
      discount_code      TEXT,
      address            TEXT CHECK (length(address) <= 8192),
      payment_method     TEXT CHECK (payment_method IN ('card', 'upi', 'cod', 'none')),
      invoice_number     INTEGER UNIQUE CHECK (invoice_number > 0),
      tracking_number    TEXT,
      carrier            TEXT,
      estimated_delivery TEXT CHECK (length(estimated_delivery) = 10),
      expires_at_ms      INTEGER NOT NULL CHECK (expires_at_ms >= 0),
      /* When the sweeper is to look at it; never where nothing is left to do. */
      look_at_ms         INTEGER CHECK (look_at_ms >= 0),
      created_at_ms      INTEGER NOT NULL CHECK (created_at_ms >= 0),
      updated_at_ms      INTEGER NOT NULL CHECK (updated_at_ms >= created_at_ms)
    ) STRICT;
    CREATE INDEX orders_by_customer ON orders (customer_id, id);
    CREATE INDEX orders_by_status ON orders (status, id);
    CREATE INDEX orders_to_look_at ON orders (look_at_ms) WHERE look_at_ms IS NOT NULL;
    CREATE INDEX orders_pending ON orders (customer_id, fingerprint, id) WHERE status = 'pending_payment';
    CREATE INDEX orders_pending_of_cart ON orders (cart_id, id) WHERE status = 'pending_payment';

    CREATE TABLE order_lines (
      order_id         TEXT NOT NULL REFERENCES orders (id),
      number           INTEGER NOT NULL CHECK (number >= 1),
      product_id       TEXT NOT NULL CHECK (length(product_id) BETWEEN 1 AND 64),
      title            TEXT NOT NULL CHECK (length(title) BETWEEN 1 AND 500),
      unit_price_minor INTEGER NOT NULL CHECK (unit_price_minor >= 0),
      quantity         INTEGER NOT NULL CHECK (quantity BETWEEN 1 AND 1000000),
      returned         INTEGER NOT NULL CHECK (returned BETWEEN 0 AND quantity),
      PRIMARY KEY (order_id, number)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE order_events (
      order_id TEXT NOT NULL REFERENCES orders (id),
      number   INTEGER NOT NULL CHECK (number >= 1),
      type     TEXT NOT NULL CHECK (length(type) BETWEEN 1 AND 64),
      status   TEXT CHECK (length(status) BETWEEN 1 AND 32),
      detail   TEXT CHECK (length(detail) <= 1000),
      at_ms    INTEGER NOT NULL CHECK (at_ms >= 0),
      PRIMARY KEY (order_id, number)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE payment_attempts (
      key            TEXT PRIMARY KEY,
      order_id       TEXT NOT NULL REFERENCES orders (id),
      number         INTEGER NOT NULL CHECK (number >= 1),
      method         TEXT NOT NULL CHECK (method IN ('card', 'upi', 'cod', 'none')),
      amount_minor   INTEGER NOT NULL CHECK (amount_minor >= 0),
      currency       TEXT NOT NULL CHECK (length(currency) = 3),
      /* charging: asked for, and not yet answered. surplus: captured, and of no use but to be given back. */
      status         TEXT NOT NULL CHECK (status IN ('charging', 'pending', 'succeeded', 'failed', 'surplus')),
      transaction_id TEXT,
      reason         TEXT CHECK (length(reason) <= 64),
      started_at_ms  INTEGER NOT NULL CHECK (started_at_ms >= 0),
      updated_at_ms  INTEGER NOT NULL CHECK (updated_at_ms >= 0),
      UNIQUE (order_id, number)
    ) STRICT;
    CREATE UNIQUE INDEX one_live_attempt ON payment_attempts (order_id)
      WHERE status IN ('charging', 'pending', 'succeeded');

    CREATE TABLE refunds (
      id             TEXT PRIMARY KEY CHECK (id GLOB 'rfd_*'),
      order_id       TEXT NOT NULL REFERENCES orders (id),
      attempt_key    TEXT NOT NULL REFERENCES payment_attempts (key),
      amount_minor   INTEGER NOT NULL CHECK (amount_minor > 0),
      currency       TEXT NOT NULL CHECK (length(currency) = 3),
      /* Whether it is of what the order has captured, and not of what came in another amount than was asked for. */
      counted        INTEGER NOT NULL CHECK (counted IN (0, 1)),
      reason         TEXT NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
      status         TEXT NOT NULL CHECK (status IN ('requested', 'pending', 'succeeded', 'failed')),
      provider_id    TEXT,
      failure        TEXT CHECK (length(failure) <= 64),
      requested_by   TEXT NOT NULL,
      started_at_ms  INTEGER NOT NULL CHECK (started_at_ms >= 0),
      updated_at_ms  INTEGER NOT NULL CHECK (updated_at_ms >= 0)
    ) STRICT;
    CREATE INDEX refunds_of_order ON refunds (order_id);
    CREATE INDEX refunds_unfinished ON refunds (status) WHERE status <> 'succeeded';

    CREATE TABLE order_returns (
      id            TEXT PRIMARY KEY CHECK (id GLOB 'rtn_*'),
      order_id      TEXT NOT NULL REFERENCES orders (id),
      items         TEXT NOT NULL CHECK (length(items) <= 65536),
      reason        TEXT NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
      gives         INTEGER NOT NULL CHECK (gives IN (0, 1)),
      requested_by  TEXT NOT NULL,
      status        TEXT NOT NULL CHECK (status IN ('requested', 'done', 'refused')),
      at_ms         INTEGER NOT NULL CHECK (at_ms >= 0)
    ) STRICT;
    CREATE INDEX returns_of_order ON order_returns (order_id);

    CREATE TABLE gateway_events (
      provider TEXT NOT NULL,
      event_id TEXT NOT NULL CHECK (length(event_id) BETWEEN 1 AND 255),
      at_ms    INTEGER NOT NULL CHECK (at_ms >= 0),
      PRIMARY KEY (provider, event_id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX gateway_events_by_age ON gateway_events (at_ms);

    CREATE TABLE counters (
      name  TEXT PRIMARY KEY,
      value INTEGER NOT NULL CHECK (value >= 0)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO counters (name, value) VALUES ('invoice', 0);
  `,
}
