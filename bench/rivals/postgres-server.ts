/**
 * PostgreSQL in a directory of its own: durable as it comes (`fsync`, `synchronous_commit`, full pages), given memory and
 * room in its log, and with what costs time and serves nobody here turned off.
 */
import { chownSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { insteadOfRoot } from '../../src/cli/local-cluster/find-program.ts'
import { freePort } from '../../src/cli/local-cluster/free-ports.ts'
import type { ProductId } from '../../src/domain/ids.ts'
import { endChild } from '../support/children.ts'
import { findProgram, type Presence, Started } from '../support/programs.ts'

const SCHEMA = readFileSync(join(import.meta.dirname, 'reserve.sql'), 'utf8')
/** Where Debian and others keep what is not on the path; the newest version first. */
const PLACES = ['/usr/lib/postgresql/*/bin', '/usr/pgsql-*/bin', '/usr/local/pgsql/bin']
const ROLE = 'bench'

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  max_connections: '128',
  shared_buffers: '512MB',
  wal_buffers: '64MB',
  max_wal_size: '8GB',
  checkpoint_timeout: '30min',
  jit: 'off',
  track_activities: 'off',
} as const

export class PostgresServer {
  readonly #started: Started
  readonly #port: number

  private constructor(started: Started, port: number) {
    this.#started = started
    this.#port = port
  }

  /** In an existing, empty directory, which becomes another user's where this process is root. */
  static async start(directory: string): Promise<Presence<PostgresServer>> {
    const [initdb, file] = ['initdb', 'postgres'].map((name) => findProgram(name, PLACES))
    if (initdb === undefined || file === undefined) return { type: 'absent', why: 'postgres is not present' }
    const user = insteadOfRoot(['postgres', 'nobody'])
    const data = join(directory, 'data')
    mkdirSync(data, { mode: 0o700 })
    if (user !== undefined) for (const path of [directory, data]) chownSync(path, user.uid, user.gid)
    const making = ['-D', data, '-U', ROLE, '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync']
    const made = new Started({ file: initdb, args: making, directory, user })
    const status = await new Promise((resolve) => void made.child.once('close', resolve))
    if (status !== 0) return { type: 'absent', why: `initdb failed: ${made.output}` }

    const port = await freePort()
    const settings = Object.entries({ ...SETTINGS, port }).flatMap(([name, value]) => [
      '-c',
      `${name}=${value}`,
    ])
    const started = new Started({ file, args: ['-D', data, ...settings], directory, user })
    const server = new PostgresServer(started, port)
    await server.#ask(async (client) => {
      for (const name of ['fsync', 'synchronous_commit', 'full_page_writes']) {
        const { rows } = await client.query(`SHOW ${name}`)
        if (rows[0]?.[name] !== 'on') throw new Error(`its ${name} is ${rows[0]?.[name]}`)
      }
      await client.query(SCHEMA)
    })
    return { type: 'present', server }
  }

  /** Connections on which a query need not wait for the answer to the one before. */
  connect(count: number): Promise<readonly Client[]> {
    const open = async () => {
      const client = new Client({
        host: '127.0.0.1',
        port: this.#port,
        user: ROLE,
        database: 'postgres',
        pipeline: true,
      })
      await client.connect()
      return client
    }
    return this.#started.until(() => Promise.all(Array.from({ length: count }, open)))
  }

  /** Gives each product its units, as a row of `stock`; and one of them, as so many rows of `unit`. */
  async stock(
    products: readonly ProductId[],
    units: number,
    rows: { of: ProductId; count: number },
  ): Promise<void> {
    await this.#ask(async (client) => {
      await client.query('INSERT INTO stock SELECT unnest($1::text[]), $2', [products, units])
      await client.query('INSERT INTO unit SELECT i, $1 FROM generate_series(1, $2::integer) AS i', [
        rows.of,
        rows.count,
      ])
      for (const table of ['stock', 'unit', 'reservation']) await client.query(`VACUUM ANALYZE ${table}`)
    })
  }

  /** Units that can be taken and rows that are free, and the reservations there are. */
  async totals(): Promise<{ readonly free: number; readonly reservations: number }> {
    return this.#ask(async (client) => {
      const { rows } = await client.query(`
        SELECT (SELECT sum(available) FROM stock)::float8 AS units,
          (SELECT count(*) FROM unit WHERE reservation_id IS NULL)::float8 AS free,
          (SELECT count(*) FROM reservation)::float8 AS reservations`)
      const { units, free, reservations } = rows[0]
      return { free: units + free, reservations }
    })
  }

  async stop(): Promise<void> {
    await endChild(this.#started.child)
  }

  async #ask<T>(ask: (client: Client) => Promise<T>): Promise<T> {
    const [client] = (await this.connect(1)) as [Client]
    try {
      return await ask(client)
    } finally {
      await client.end()
    }
  }
}
