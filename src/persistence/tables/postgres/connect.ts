/** How connections to PostgreSQL are made, and what each must be before anything is asked of it. */
import { readFileSync } from 'node:fs'
import { Client, type ClientBase, type ClientConfig, types } from 'pg'
import type { DatabaseTarget } from '../../../config/database-target.ts'
import { TablesBootError } from '../tables-error.ts'

/** How long a connection may take to be made, and an operation may wait for one. */
export const connectMs = 3_000
/** Of one statement. Shorter than a caller waits (`tablesTimeoutMs`), so that the end of it is known. */
const statementMs = 5_000
/** How long an operation waits for another one that is at the same order, cart or key. */
const lockMs = 3_000
/** A node that stands still in the midst of a transaction keeps others from what it has locked no longer than that. */
const idleInTransactionMs = 5_000
/** The first with all that is used here, and still looked after by its makers. */
const versionMin = 140_000

const INT8 = 20
const NUMERIC = 1_700

/** Whole numbers of this program all fit into a number; PostgreSQL's driver would give them as text. */
function parserOf(oid: number, format?: 'text' | 'binary') {
  return oid === INT8 || oid === NUMERIC ? Number : types.getTypeParser(oid, format as 'text')
}

export function clientConfigOf(target: DatabaseTarget): ClientConfig {
  const { host, port, user, password, database, tls } = target
  return {
    host,
    port,
    user,
    password,
    database,
    ssl: sslOf(tls),
    application_name: 'holdfast',
    types: { getTypeParser: parserOf as never },
    connectionTimeoutMillis: connectMs,
    statement_timeout: statementMs,
    lock_timeout: lockMs,
    idle_in_transaction_session_timeout: idleInTransactionMs,
    // What the other end says within the time it has; a server that says nothing at all is gone.
    query_timeout: statementMs + 1_000,
    keepAlive: true,
  }
}

function sslOf(tls: DatabaseTarget['tls']): ClientConfig['ssl'] {
  if (tls.mode === 'off') return false
  const ca = tls.rootCertificate === undefined ? {} : { ca: readFileSync(tls.rootCertificate, 'utf8') }
  return { ...ca, rejectUnauthorized: tls.mode === 'verified' }
}

/** A connection of its own, beside the pool's. Rejects with what `pg` does. */
export async function openClient(target: DatabaseTarget, more: ClientConfig = {}): Promise<Client> {
  const client = new Client({ ...clientConfigOf(target), ...more })
  // Whoever uses it hears of it by what they asked.
  client.on('error', () => {})
  try {
    await client.connect()
    await checkServer(client)
    return client
  } catch (error) {
    client.end().catch(() => {})
    throw error
  }
}

type Settings = {
  readonly version: number
  readonly fsync: string
  readonly fullPageWrites: string
  readonly synchronousCommit: string
  readonly standbys: string
  readonly encoding: string
  readonly isReadOnly: string
}

/** Throws `TablesBootError` where the server could lose what it has acknowledged, or is none that can be written to. */
export async function checkServer(client: ClientBase): Promise<void> {
  const { rows } = await client.query<Settings>(
    `SELECT current_setting('server_version_num')::integer AS version, current_setting('fsync') AS fsync,
            current_setting('full_page_writes') AS "fullPageWrites",
            current_setting('synchronous_commit') AS "synchronousCommit",
            current_setting('synchronous_standby_names') AS standbys, current_setting('server_encoding') AS encoding,
            current_setting('transaction_read_only') AS "isReadOnly"`,
  )
  const found = rows[0] as Settings
  const { version, fsync, fullPageWrites, synchronousCommit, standbys, encoding, isReadOnly } = found
  if (version < versionMin) {
    throw new TablesBootError(
      'unsupported-server',
      `PostgreSQL ${Math.floor(version / 10_000)} at DATABASE_URL is too old: ${versionMin / 10_000} or later is needed.`,
    )
  }
  if (encoding !== 'UTF8') {
    throw new TablesBootError(
      'unsupported-server',
      `The database at DATABASE_URL has the encoding ${encoding}: make one with ENCODING 'UTF8'.`,
    )
  }
  refuseUnless(fsync === 'on', 'fsync', fsync, 'on')
  refuseUnless(fullPageWrites === 'on', 'full_page_writes', fullPageWrites, 'on')
  refuseUnless(synchronousCommit !== 'off', 'synchronous_commit', synchronousCommit, 'on')
  const isOnlyLocal = standbys !== '' && synchronousCommit === 'local'
  refuseUnless(
    !isOnlyLocal,
    'synchronous_commit',
    synchronousCommit,
    'on, since there are synchronous standbys',
  )
  if (isReadOnly === 'on') {
    throw new TablesBootError('read-only', 'The server at DATABASE_URL is a standby, or takes no changes.')
  }
}

function refuseUnless(isGood: boolean, setting: string, found: string, wanted: string): void {
  if (isGood) return
  throw new TablesBootError(
    'unsafe-settings',
    `PostgreSQL at DATABASE_URL has ${setting} = ${found}: it could lose what it has acknowledged. Set ${setting} to ${wanted}.`,
  )
}
