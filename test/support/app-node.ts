/** One of several servers on one Redis: its data directory, its place among the others, and its network. */

import { freePort } from '../../src/cli/local-cluster/free-ports.ts'
import { OwnNetwork } from './own-network.ts'
import { type Exit, type ServerProcess, Site, type StartOptions } from './server-process.ts'

export type AppNodeOptions = {
  readonly name: string
  /** Of every start, before what a start says itself. */
  readonly environment: Readonly<Record<string, string>>
  readonly nodeArguments: readonly string[]
}

export class AppNode {
  readonly name: string
  /** Where the other nodes reach it, at every start. */
  readonly nodePort: number
  readonly #options: AppNodeOptions
  readonly #site = new Site()
  #network: OwnNetwork | undefined
  #server: ServerProcess | undefined
  #isPaused = false

  private constructor(nodePort: number, options: AppNodeOptions) {
    this.name = options.name
    this.nodePort = nodePort
    this.#options = options
  }

  static async create(options: AppNodeOptions): Promise<AppNode> {
    return new AppNode(await freePort(), options)
  }

  get directory(): string {
    return this.#site.directory
  }

  get server(): ServerProcess {
    if (this.#server === undefined) throw new Error(`${this.name} was never started`)
    return this.#server
  }

  /** Its ways to others; only where it was given a network. */
  get network(): OwnNetwork {
    if (this.#network === undefined) throw new Error(`${this.name} has no network of its own`)
    return this.#network
  }

  get isRunning(): boolean {
    return this.#server !== undefined && !this.#server.hasExited
  }

  /** Whether its process runs and is not stopped. */
  get isAwake(): boolean {
    return this.isRunning && !this.#isPaused
  }

  /** From the next start on it reaches these ports through proxies of its own. */
  async routeThrough(ports: Parameters<typeof OwnNetwork.start>[0]): Promise<void> {
    this.#network = await OwnNetwork.start(ports)
  }

  async start(options: StartOptions = {}): Promise<ServerProcess> {
    const { environment, nodeArguments } = this.#options
    this.#isPaused = false
    this.#server = await this.#site.start({
      ...options,
      environment: { ...environment, NODE_PORT: String(this.nodePort), ...options.environment },
      nodeArguments: [
        ...(this.#network?.nodeArguments ?? []),
        ...nodeArguments,
        ...(options.nodeArguments ?? []),
      ],
    })
    return this.#server
  }

  kill(): Promise<Exit> {
    return this.server.kill()
  }

  stop(): Promise<Exit> {
    return this.server.stop()
  }

  pause(): void {
    this.#isPaused = true
    this.server.signal('SIGSTOP')
  }

  resume(): void {
    this.#isPaused = false
    this.server.signal('SIGCONT')
  }

  async close(): Promise<void> {
    await this.#site[Symbol.asyncDispose]()
    await this.#network?.close()
  }
}
