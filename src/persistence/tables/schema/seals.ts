import type { Migration } from '../migrations.ts'

/** A sum over all of a row's values, beside them (docs/decisions/row-seals.md). Whoever migrates fills it in. */
export const sealsSchema: Migration = {
  name: 'seals',
  // PostgreSQL has sums of its own over its pages (docs/decisions/postgresql.md).
  postgresql: '',
  sql: `
    ALTER TABLE api_keys ADD COLUMN seal INTEGER;
    ALTER TABLE users ADD COLUMN seal INTEGER;
    ALTER TABLE sessions ADD COLUMN seal INTEGER;
    ALTER TABLE refresh_tokens ADD COLUMN seal INTEGER;
    ALTER TABLE signing_keys ADD COLUMN seal INTEGER;
    ALTER TABLE addresses ADD COLUMN seal INTEGER;
    ALTER TABLE products ADD COLUMN seal INTEGER;
    ALTER TABLE discounts ADD COLUMN seal INTEGER;
    ALTER TABLE orders ADD COLUMN seal INTEGER;
    ALTER TABLE order_lines ADD COLUMN seal INTEGER;
    ALTER TABLE payment_attempts ADD COLUMN seal INTEGER;
    ALTER TABLE refunds ADD COLUMN seal INTEGER;
    ALTER TABLE order_returns ADD COLUMN seal INTEGER;
    ALTER TABLE counters ADD COLUMN seal INTEGER;
  `,
}
