/** PostgreSQL in a directory of its own, durable as it comes; another user's where this process is root. */
import { spawnSync } from 'node:child_process'
import { chownSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type DatabaseTarget, parseDatabaseUrl } from '../../config/database-target.ts'
import { openClient } from '../../persistence/tables/postgres/connect.ts'
import { ChildProgram, type Surroundings } from './child-program.ts'
import { findProgram, insteadOfRoot, type User } from './find-program.ts'
import { until } from './until.ts'

const role = 'holdfast'
const answersWithinMs = 30_000
const stopsWithinMs = 15_000

export class LocalPostgres {
  readonly url: string
  readonly #program: ChildProgram
  readonly #around: Surroundings

  private constructor(program: ChildProgram, port: number, around: Surroundings) {
    this.#program = program
    this.url = `postgres://${role}@127.0.0.1:${port}/postgres`
    this.#around = around
  }

  get programs(): readonly ChildProgram[] {
    return [this.#program]
  }

  /** Makes the database where the directory has none yet. Throws where PostgreSQL is missing or cannot be used, saying why. */
  static prepare(
    { root, logs, port }: { readonly root: string; readonly logs: string; readonly port: number },
    around: Surroundings,
  ): LocalPostgres {
    const [initdb, file] = ['initdb', 'postgres'].map(findProgram)
    if (initdb === undefined || file === undefined) throw new Error('postgres is not installed')
    const user = insteadOfRoot(['postgres', 'nobody'])
    const directory = join(root, 'postgres')
    const data = join(directory, 'data')
    if (!existsSync(join(data, 'PG_VERSION'))) makeDatabase(initdb, { directory, data, user })
    const settings = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      port: String(port),
      max_connections: '100',
      fsync: 'on',
      synchronous_commit: 'on',
      full_page_writes: 'on',
    }
    const program = new ChildProgram(
      {
        name: 'postgres',
        file,
        args: [
          '-D',
          data,
          ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
        ],
        directory,
        log: join(logs, 'postgres.log'),
        user,
        // SIGINT: ends sessions, then in order. SIGQUIT: ends at once with all its processes, as `kill -9` of them all.
        signals: { stop: 'SIGINT', kill: 'SIGQUIT' },
      },
      around,
    )
    return new LocalPostgres(program, port, around)
  }

  /** Resolves when it takes connections. */
  async start(): Promise<void> {
    this.#program.start()
    const target = parseDatabaseUrl(this.url) as DatabaseTarget
    const isOver = () => !this.#program.isRunning
    const client = await until(() => openClient(target), {
      ...this.#around,
      withinMs: answersWithinMs,
      what: 'PostgreSQL does not answer',
      isOver,
    }).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.#program.output}`, { cause: error })
    })
    await client.end()
  }

  stop(): Promise<void> {
    return this.#program.stop(stopsWithinMs)
  }
}

function makeDatabase(
  initdb: string,
  {
    directory,
    data,
    user,
  }: { readonly directory: string; readonly data: string; readonly user: User | undefined },
): void {
  mkdirSync(data, { recursive: true, mode: 0o700 })
  if (user !== undefined) for (const path of [directory, data]) chownSync(path, user.uid, user.gid)
  const args = ['-D', data, '-U', role, '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync']
  const made = spawnSync(initdb, args, { cwd: directory, encoding: 'utf8', ...user })
  if (made.status !== 0) throw new Error(`initdb failed: ${made.error?.message ?? made.stderr.trim()}`)
}
