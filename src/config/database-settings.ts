/** The settings of where the tables are. */

import { text, whole } from '../setting.ts'
import { type DatabaseTarget, isLoopback, parseDatabaseUrl } from './database-target.ts'
import type { SettingsReader } from './secret.ts'

export type DatabaseConfig =
  /** A file in the data directory. */
  | { readonly type: 'sqlite' }
  /** `connections` at a time, of this node. */
  | { readonly type: 'postgresql'; readonly target: DatabaseTarget; readonly connections: number }

const connectionsDefault = 10
const connectionsMax = 200

export const databaseSettings = {
  databaseUrl: {
    ...text('DATABASE_URL', /^postgres(?:ql)?:\/\/[\x21-\x7e]{1,2000}$/, undefined, {
      expected:
        'postgres://user:password@host:port/database, with ?sslmode=verify-full (or require, or disable) and &sslrootcert=file where they are needed',
      meaning: 'PostgreSQL that keeps all of the shop: keys, accounts, catalog, carts, orders, payments',
      example: '"postgres://holdfast:$PASSWORD@10.0.0.6:5432/holdfast?sslmode=verify-full"',
      fallbackText: 'none: a file in the data directory',
    }),
    secret: true,
  },
  databaseUrlFile: text('DATABASE_URL_FILE', /^[^\0]{1,4000}$/, undefined, {
    expected: 'a path',
    meaning: 'File that holds it, instead',
    example: '/run/secrets/database_url',
    fallbackText: 'none',
  }),
  databaseConnections: whole('DATABASE_CONNECTIONS', [1, connectionsMax], connectionsDefault, {
    meaning: 'Connections to PostgreSQL at a time, of this node; one more listens',
    example: '20',
  }),
}

export function readDatabase(
  { take, secret, report }: SettingsReader,
  mode: 'development' | 'test' | 'production',
  warnings: string[],
): DatabaseConfig {
  const { databaseUrl: value, databaseUrlFile: file, databaseConnections } = databaseSettings
  const connections = take(databaseConnections)
  const url = secret({ value, file })
  if (url.type !== 'given') return { type: 'sqlite' }
  const wrong = (expected: string) => report(url.source, `${url.text.length} characters, not shown`, expected)
  const target = parseDatabaseUrl(url.text)
  if (target === undefined || !value.schema.safeParse(url.text).success) {
    wrong(value.expected)
    return { type: 'sqlite' }
  }
  if (!isLoopback(target)) {
    const isProduction = mode === 'production'
    if (isProduction && target.tls.mode === 'off')
      wrong('in production a remote server by TLS: add ?sslmode=verify-full')
    if (isProduction && target.password === undefined) wrong('in production a remote server with a password')
    if (target.tls.mode === 'unverified')
      warnings.push('DATABASE_URL has sslmode=require: whoever answers there is believed to be the server.')
  }
  return { type: 'postgresql', target, connections }
}
