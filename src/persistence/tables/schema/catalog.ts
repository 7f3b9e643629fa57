/**
 * What is sold, and what buyers say of it. A product's row also holds what its reviews add up to, changed in the
 * transaction of the review; its `version` counts what staff changed, and nothing else.
 */
import type { Migration } from '../migrations.ts'

export const catalogSchema: Migration = {
  name: 'catalog',
  sql: `
    CREATE TABLE products (
      id             TEXT PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 64),
      title          TEXT NOT NULL CHECK (length(title) BETWEEN 1 AND 300),
      description    TEXT NOT NULL CHECK (length(description) <= 10000),
      brand          TEXT CHECK (length(brand) BETWEEN 1 AND 100),
      category       TEXT CHECK (length(category) BETWEEN 1 AND 300),
      price_minor    INTEGER NOT NULL CHECK (price_minor BETWEEN 1 AND 1000000000000),
      currency       TEXT NOT NULL CHECK (length(currency) = 3),
      images         TEXT NOT NULL CHECK (length(images) BETWEEN 2 AND 50000),
      specifications TEXT NOT NULL CHECK (length(specifications) BETWEEN 2 AND 50000),
      version        INTEGER NOT NULL CHECK (version >= 1),
      created_at_ms  INTEGER NOT NULL CHECK (created_at_ms >= 0),
      updated_at_ms  INTEGER NOT NULL CHECK (updated_at_ms >= 0),
      retired_at_ms  INTEGER CHECK (retired_at_ms >= 0),
      rating_sum     INTEGER NOT NULL DEFAULT 0 CHECK (rating_sum BETWEEN review_count AND 5 * review_count),
      review_count   INTEGER NOT NULL DEFAULT 0 CHECK (review_count >= 0)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX products_by_brand ON products (brand, id);

    CREATE TABLE product_categories (
      path       TEXT NOT NULL CHECK (length(path) BETWEEN 1 AND 300),
      product_id TEXT NOT NULL REFERENCES products (id),
      PRIMARY KEY (path, product_id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX product_categories_by_product ON product_categories (product_id);

    CREATE TABLE purchases (
      customer_id TEXT NOT NULL CHECK (length(customer_id) BETWEEN 1 AND 128),
      product_id  TEXT NOT NULL CHECK (length(product_id) BETWEEN 1 AND 64),
      order_id    TEXT NOT NULL CHECK (length(order_id) BETWEEN 1 AND 128),
      at_ms       INTEGER NOT NULL CHECK (at_ms >= 0),
      PRIMARY KEY (customer_id, product_id)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE reviews (
      id            TEXT PRIMARY KEY CHECK (id GLOB 'rev_*'),
      product_id    TEXT NOT NULL REFERENCES products (id),
      customer_id   TEXT NOT NULL CHECK (length(customer_id) BETWEEN 1 AND 128),
      rating        INTEGER NOT NULL CHECK (rating BETWEEN 1 AND 5),
      title         TEXT CHECK (length(title) BETWEEN 1 AND 150),
      text          TEXT CHECK (length(text) BETWEEN 1 AND 5000),
      created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0),
      UNIQUE (product_id, customer_id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX reviews_by_product ON reviews (product_id, id);
  `,
}
