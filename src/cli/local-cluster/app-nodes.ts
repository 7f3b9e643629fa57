/** Nodes of this program on one machine, that share Redis, and PostgreSQL where there is one. */
import { existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Target } from './balancer.ts'
import { ChildProgram, type Surroundings } from './child-program.ts'
import { until } from './until.ts'

export type AppNodesOptions = {
  readonly root: string
  readonly logs: string
  readonly ports: readonly number[]
  readonly adminKey: string
  /** What is the same for all. */
  readonly environment: Readonly<Record<string, string>>
}

const main = join(import.meta.dirname, '..', '..', 'main.ts')
const readyWithinMs = 60_000
/** A node gives itself 25 seconds. */
const stopsWithinMs = 28_000

export class AppNodes {
  readonly programs: readonly ChildProgram[]
  readonly targets: readonly Target[]
  readonly #adminKey: string
  readonly #around: Surroundings

  constructor({ root, logs, ports, adminKey, environment }: AppNodesOptions, around: Surroundings) {
    this.#adminKey = adminKey
    this.#around = around
    const images = join(root, 'images')
    mkdirSync(images, { recursive: true })
    this.targets = ports.map((port, index) => ({ name: `node-${index + 1}`, port }))
    this.programs = this.targets.map(({ name, port }) => {
      const directory = join(root, name)
      mkdirSync(directory, { recursive: true })
      // All nodes have the same: one may be asked for what another was given.
      if (!existsSync(join(directory, 'images'))) symlinkSync(images, join(directory, 'images'))
      const launch = {
        name,
        file: process.execPath,
        args: [main],
        directory,
        log: join(logs, `${name}.log`),
        environment: { ...environment, ADMIN_KEY: adminKey, PORT: String(port), DATA_DIR: directory },
        signals: { stop: 'SIGTERM', kill: 'SIGKILL' },
      } as const
      return new ChildProgram(launch, around)
    })
  }

  /** Resolves when each says that all its parts are ready: a node takes requests before it reaches every shard. */
  async start(): Promise<void> {
    for (const program of this.programs) program.start()
    await Promise.all(this.targets.map((target, index) => this.#untilReady(target, this.programs[index])))
  }

  /** One after another: each hands its shards to those that are left. */
  async stop(): Promise<void> {
    for (const program of this.programs) await program.stop(stopsWithinMs)
  }

  async #untilReady({ name, port }: Target, program: ChildProgram | undefined): Promise<void> {
    await until(
      async () => {
        const headers = { authorization: `Bearer ${this.#adminKey}` }
        const answer = await fetch(`http://127.0.0.1:${port}/readyz`, { headers })
        const text = await answer.text()
        if (!answer.ok || text.includes('"ready":false')) throw new Error(text)
      },
      {
        ...this.#around,
        withinMs: readyWithinMs,
        what: `${name} is not ready`,
        isOver: () => program?.isRunning !== true,
      },
    ).catch((error: Error) => {
      throw new Error(`${error.message}\n${program?.output}`, { cause: error })
    })
  }
}
