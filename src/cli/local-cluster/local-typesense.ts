/** Three processes that are one Typesense. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ChildProgram, type Surroundings } from './child-program.ts'
import { until } from './until.ts'

export type LocalTypesenseOptions = {
  readonly file: string
  readonly root: string
  readonly logs: string
  readonly ports: readonly { readonly port: number; readonly peeringPort: number }[]
  readonly apiKey: string
}

const host = '127.0.0.1'
const healthyWithinMs = 60_000
const stopsWithinMs = 10_000

export class LocalTypesense {
  readonly programs: readonly ChildProgram[]
  readonly urls: readonly string[]
  readonly #around: Surroundings

  constructor({ file, root, logs, ports, apiKey }: LocalTypesenseOptions, around: Surroundings) {
    this.#around = around
    this.urls = ports.map(({ port }) => `http://${host}:${port}`)
    const nodes = ports.map(({ port, peeringPort }) => `${host}:${peeringPort}:${port}`).join(',')
    this.programs = ports.map(({ port, peeringPort }, index) => {
      const name = `typesense-${index + 1}`
      const directory = join(root, name)
      mkdirSync(join(directory, 'data'), { recursive: true })
      const nodesFile = join(directory, 'nodes')
      writeFileSync(nodesFile, nodes)
      const settings = {
        'data-dir': join(directory, 'data'),
        'api-key': apiKey,
        'api-address': host,
        'api-port': port,
        'peering-address': host,
        'peering-port': peeringPort,
        nodes: nodesFile,
        'thread-pool-size': 4,
      }
      const args = Object.entries(settings).flatMap(([setting, value]) => [`--${setting}`, String(value)])
      const log = join(logs, `${name}.log`)
      return new ChildProgram(
        { name, file, args, directory, log, signals: { stop: 'SIGTERM', kill: 'SIGKILL' } },
        around,
      )
    })
  }

  /** Resolves when each of them says that it is healthy: they have a leader then, and have caught up with it. */
  async start(): Promise<void> {
    for (const program of this.programs) program.start()
    await Promise.all(this.urls.map((url, index) => this.#untilHealthy(url, this.programs[index])))
  }

  async stop(): Promise<void> {
    await Promise.all(this.programs.map((program) => program.stop(stopsWithinMs)))
  }

  async #untilHealthy(url: string, program: ChildProgram | undefined): Promise<void> {
    await until(
      async () => {
        // It answers before it is ready, and then says that it is not.
        const health = await (await fetch(`${url}/health`)).text()
        if (!/"ok":\s*true/.test(health)) throw new Error(health)
      },
      {
        ...this.#around,
        withinMs: healthyWithinMs,
        what: `${program?.name} is not healthy`,
        isOver: () => program?.isRunning !== true,
      },
    ).catch((error: Error) => {
      throw new Error(`${error.message}\n${program?.output}`, { cause: error })
    })
  }
}
