import type { Migration } from '../migrations.ts'

/**
 * People, where they live, and how they have signed in. Nothing here signs anybody in by itself but the private keys: of
 * passwords and refresh tokens there are hashes alone.
 */
export const accountsSchema: Migration = {
  name: 'accounts',
  sql: `
    CREATE TABLE users (
      id            TEXT PRIMARY KEY CHECK (id GLOB 'usr_*'),
      email         TEXT NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
      email_key     TEXT NOT NULL UNIQUE CHECK (length(email_key) BETWEEN 3 AND 254),
      name          TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
      role          TEXT NOT NULL CHECK (role IN ('customer', 'staff', 'admin')),
      password_hash TEXT NOT NULL CHECK (length(password_hash) BETWEEN 60 AND 256),
      created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE addresses (
      id            TEXT PRIMARY KEY CHECK (id GLOB 'adr_*'),
      user_id       TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
      name          TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
      line1         TEXT NOT NULL CHECK (length(line1) BETWEEN 1 AND 256),
      line2         TEXT CHECK (length(line2) BETWEEN 1 AND 256),
      city          TEXT NOT NULL CHECK (length(city) BETWEEN 1 AND 128),
      region        TEXT CHECK (length(region) BETWEEN 1 AND 128),
      postal_code   TEXT NOT NULL CHECK (length(postal_code) BETWEEN 1 AND 32),
      country       TEXT NOT NULL CHECK (length(country) = 2),
      phone         TEXT CHECK (length(phone) BETWEEN 1 AND 32),
      created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX addresses_by_user ON addresses (user_id, created_at_ms);

    CREATE TABLE sessions (
      id            TEXT PRIMARY KEY CHECK (id GLOB 'ses_*'),
      user_id       TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
      created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0),
      expires_at_ms INTEGER NOT NULL CHECK (expires_at_ms >= created_at_ms)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sessions_by_user ON sessions (user_id, created_at_ms);
    CREATE INDEX sessions_by_expiry ON sessions (expires_at_ms);

    CREATE TABLE refresh_tokens (
      hash       TEXT PRIMARY KEY CHECK (length(hash) = 64),
      session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
      generation INTEGER NOT NULL CHECK (generation >= 1),
      used_at_ms INTEGER CHECK (used_at_ms >= 0)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX refresh_tokens_by_session ON refresh_tokens (session_id, generation);

    CREATE TABLE signing_keys (
      id            TEXT PRIMARY KEY CHECK (id GLOB 'sig_*'),
      private_jwk   TEXT NOT NULL CHECK (length(private_jwk) BETWEEN 32 AND 4096),
      created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0)
    ) STRICT, WITHOUT ROWID;
  `,
}
