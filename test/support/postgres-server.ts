/** A real PostgreSQL on a loopback port of its own, with an empty temporary directory. */
import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { Started } from '../../bench/support/programs.ts'
import { insteadOfRoot, type User } from '../../src/cli/local-cluster/find-program.ts'
import { freePort } from '../../src/cli/local-cluster/free-ports.ts'
import { type DatabaseTarget, parseDatabaseUrl } from '../../src/config/database-target.ts'
import { findBinary } from './binaries.ts'

const ROLE = 'holdfast'
/** What a test needs of time, and a shop never has: its log and its checkpoints reach the disk all the same when it asks. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '100',
  shared_buffers: '32MB',
  max_wal_size: '256MB',
} as const

export class PostgresServerProcess {
  readonly port: number
  readonly #directory: string
  readonly #settings: Readonly<Record<string, string>>
  readonly #user: User | undefined
  #started: Started | undefined
  #databases = 0

  private constructor(place: {
    readonly port: number
    readonly directory: string
    readonly settings: Readonly<Record<string, string>>
    readonly user: User | undefined
  }) {
    this.port = place.port
    this.#directory = place.directory
    this.#settings = place.settings
    this.#user = place.user
    process.once('exit', this.#clear)
  }

  /** Resolves when it takes connections. Only for tests that say that they need `postgres`. */
  static async start(settings: Readonly<Record<string, string>> = {}): Promise<PostgresServerProcess> {
    const initdb = findBinary('initdb')
    if (initdb === undefined) throw new Error('postgres is not installed: see README.md')
    const user = insteadOfRoot(['postgres', 'nobody'])
    const directory = mkdtempSync(join(tmpdir(), 'holdfast-postgres-'))
    const data = join(directory, 'data')
    mkdirSync(data, { mode: 0o700 })
    if (user !== undefined) for (const path of [directory, data]) chownSync(path, user.uid, user.gid)
    const server = new PostgresServerProcess({ port: await freePort(), directory, settings, user })
    const args = ['-D', data, '-U', ROLE, '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync', '-k']
    const made = new Started({ file: initdb, args, directory, user })
    const status = await new Promise((resolve) => void made.child.once('close', resolve))
    if (status !== 0) throw new Error(`initdb failed: ${made.output}`)
    await server.resume()
    return server
  }

  /** Starts it again where it was killed. */
  async resume(): Promise<void> {
    const file = findBinary('postgres')
    if (file === undefined) throw new Error('postgres is not installed: see README.md')
    const settings = Object.entries({ ...SETTINGS, port: String(this.port), ...this.#settings })
    const args = [
      '-D',
      join(this.#directory, 'data'),
      ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ]
    this.#started = new Started({ file, args, directory: this.#directory, user: this.#user })
    const client = await this.#started.until(() => this.#connect('postgres'))
    await client.end()
  }

  /** All its processes at once, without a word to anybody: as `kill -9` of them all. */
  async kill(): Promise<void> {
    const { child } = this.#started as Started
    const ended = new Promise((resolve) => void child.once('exit', resolve))
    child.kill('SIGQUIT')
    await ended
  }

  /** Changes a bit of a file of its data, while it does not run. */
  flip(file: string, offset: number): void {
    const path = join(this.#directory, 'data', file)
    const bytes = readFileSync(path)
    bytes[offset] = (bytes[offset] ?? 0) ^ 1
    writeFileSync(path, bytes)
  }

  /** URL of a new and empty database. */
  async newDatabase(): Promise<string> {
    const name = `shop_${++this.#databases}`
    await this.ask('postgres', `CREATE DATABASE ${name}`)
    return this.urlOf(name)
  }

  urlOf(database: string): string {
    return `postgres://${ROLE}@127.0.0.1:${this.port}/${database}`
  }

  /** Of a new and empty database. */
  async newTarget(): Promise<DatabaseTarget> {
    return parseDatabaseUrl(await this.newDatabase()) as DatabaseTarget
  }

  async ask(database: string, sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const client = await this.#connect(database)
    try {
      return (await client.query(sql)).rows
    } finally {
      await client.end()
    }
  }

  async stop(): Promise<void> {
    if (this.#started?.hasEnded === false) await this.kill()
    process.off('exit', this.#clear)
    this.#clear()
  }

  async #connect(database: string): Promise<Client> {
    const client = new Client({ host: '127.0.0.1', port: this.port, user: ROLE, database })
    client.on('error', () => {})
    await client.connect()
    return client
  }

  readonly #clear = (): void => rmSync(this.#directory, { recursive: true, force: true })
}
