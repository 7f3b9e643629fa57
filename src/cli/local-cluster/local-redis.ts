/** Six processes, or as many as replicas ask for, that are one Redis Cluster. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { ChildProgram, type Surroundings } from './child-program.ts'
import { formCluster, type RedisMember, untilHealthy, viewOf } from './redis-formation.ts'
import { clusteredRedis, durableRedis, redisArguments, replicatedRedis } from './redis-settings.ts'
import { until } from './until.ts'

export type LocalRedisOptions = {
  readonly file: string
  readonly root: string
  readonly logs: string
  readonly ports: readonly { readonly port: number; readonly busPort: number }[]
  readonly primaries: number
}

type Server = { readonly program: ChildProgram; readonly port: number; readonly busPort: number }

const host = '127.0.0.1'
const answersWithinMs = 15_000
const stopsWithinMs = 15_000

export class LocalRedis {
  readonly #servers: readonly Server[]
  readonly #primaries: number
  readonly #around: Surroundings

  constructor(options: LocalRedisOptions, around: Surroundings) {
    const { file, root, logs, ports, primaries } = options
    this.#primaries = primaries
    this.#around = around
    const isReplicated = ports.length > primaries
    this.#servers = ports.map(({ port, busPort }, index) => {
      const name = `redis-${index + 1}`
      const directory = join(root, name)
      mkdirSync(directory, { recursive: true })
      const settings = {
        bind: host,
        port,
        'cluster-port': busPort,
        dir: directory,
        ...durableRedis,
        ...clusteredRedis,
        ...(isReplicated ? replicatedRedis : {}),
      }
      const launch = {
        name,
        file,
        args: redisArguments(settings),
        directory,
        log: join(logs, `${name}.log`),
        signals: { stop: 'SIGTERM', kill: 'SIGKILL' },
      } as const
      return { program: new ChildProgram(launch, around), port, busPort }
    })
  }

  /** For REDIS_URL: every node, so that any may be away. */
  get url(): string {
    return this.#servers.map(({ port }) => `redis://${host}:${port}`).join(',')
  }

  get programs(): readonly ChildProgram[] {
    return this.#servers.map(({ program }) => program)
  }

  /** Resolves when all slots are served and each replica is linked to its primary. */
  async start(): Promise<void> {
    for (const { program } of this.#servers) program.start()
    const members = this.#servers.map(({ port, busPort }) => ({ host, port, busPort, client: connect(port) }))
    try {
      await Promise.all(members.map((member, index) => this.#untilAnswers(member, index)))
      const known = await Promise.all(members.map(({ client }) => viewOf(client)))
      // On a directory that it ran on before it is one already.
      if (known.every(({ length }) => length === 1)) await formCluster(members, this.#primaries, this.#around)
      await untilHealthy(() => members, { ...this.#around, count: members.length })
    } finally {
      for (const { client } of members) client.disconnect()
    }
  }

  /** Which of them serves slots at the moment, by its own word. */
  async roles(): Promise<
    readonly { readonly program: ChildProgram; readonly port: number; readonly role: string }[]
  > {
    return Promise.all(
      this.#servers.map(async ({ program, port }) => {
        const client = connect(port)
        const role = await client.role().catch(() => ['away'])
        client.disconnect()
        return {
          program,
          port,
          role: role[0] === 'master' ? 'primary' : role[0] === 'slave' ? 'replica' : 'away',
        }
      }),
    )
  }

  /** All at the same time: each keeps what it has, and none is to be promoted any more. */
  async stop(): Promise<void> {
    await Promise.all(this.programs.map((program) => program.stop(stopsWithinMs)))
  }

  async #untilAnswers({ client }: RedisMember, index: number): Promise<void> {
    const { program } = this.#servers[index] as Server
    const isOver = () => !program.isRunning
    await until(() => client.ping(), {
      ...this.#around,
      withinMs: answersWithinMs,
      what: `${program.name} does not answer`,
      isOver,
    }).catch((error: Error) => {
      throw new Error(`${error.message}\n${program.output}`, { cause: error })
    })
  }
}

function connect(port: number): Redis {
  const client = new Redis({
    host,
    port,
    retryStrategy: () => 50,
    maxRetriesPerRequest: 1,
    commandTimeout: 1_000,
  })
  // Whoever asks hears of it; a server that is away is no news.
  client.on('error', () => {})
  return client
}
