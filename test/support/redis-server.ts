/** A real redis-server on a loopback port of its own, with a temporary directory that it keeps over restarts. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CommonRedisOptions, Redis } from 'ioredis'
import { freePort } from '../../src/cli/local-cluster/free-ports.ts'
import {
  durableRedis,
  type RedisSettings,
  redisArguments,
} from '../../src/cli/local-cluster/redis-settings.ts'
import { findBinary } from './binaries.ts'

export type ClientOptions = Pick<
  CommonRedisOptions,
  'commandTimeout' | 'maxRetriesPerRequest' | 'enableReadyCheck' | 'retryStrategy' | 'password'
>

const HOST = '127.0.0.1'
const READY_WITHIN_MS = 15_000
const TRY_EVERY_MS = 10
const ENDS_WITHIN_MS = 5_000
const OUTPUT_SHOWN = 2_000
const LOG = 'output.log'
/** A free port can be taken by another test between the look and the start. */
const PORTS_TRIED = 3

export class RedisServerProcess {
  readonly host = HOST
  readonly port: number
  readonly directory: string
  readonly #settings: RedisSettings
  readonly #clients = new Set<Redis>()
  #child: ChildProcess | undefined
  #isPaused = false

  private constructor(port: number, directory: string, settings: RedisSettings) {
    this.port = port
    this.directory = directory
    this.#settings = settings
    process.once('exit', this.#end)
  }

  /**
   * Resolves when it answers, on this port or any. The settings are lines of a redis.conf and stand before the defaults,
   * which keep every write. Only for tests that say that they need `redis-server`.
   */
  static async start(settings: RedisSettings = {}, port?: number): Promise<RedisServerProcess> {
    for (let tried = 1; ; tried++) {
      const directory = await mkdtemp(join(tmpdir(), 'holdfast-redis-'))
      const server = new RedisServerProcess(port ?? (await freePort()), directory, {
        ...durableRedis,
        ...settings,
      })
      try {
        await server.restart()
        return server
      } catch (error) {
        await server.close()
        if (tried === PORTS_TRIED || port !== undefined) throw error
      }
    }
  }

  get url(): string {
    return `redis://${HOST}:${this.port}`
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  get isAnswering(): boolean {
    return this.isRunning && !this.#isPaused
  }

  /** A connection that keeps trying; it ends with the server's `close`. */
  client(options: ClientOptions = {}): Redis {
    const client = new Redis({ host: HOST, port: this.port, retryStrategy: () => 50, ...options })
    // Tests look at what their commands answer; a server that is killed on purpose is no news.
    client.on('error', () => {})
    this.#clients.add(client)
    return client
  }

  /** Loses power: nothing is said, nothing is flushed. */
  async kill(): Promise<void> {
    await this.#signal('SIGKILL')
  }

  /** An orderly end; the directory stays for `restart`. */
  async stop(): Promise<void> {
    await this.#signal('SIGTERM')
  }

  /** Connections stay, nothing answers. */
  pause(): void {
    this.#isPaused = true
    this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    this.#isPaused = false
    this.#child?.kill('SIGCONT')
  }

  /** On the same directory and port, with other settings where they are given. Resolves when it answers. */
  async restart(settings: RedisSettings = {}): Promise<void> {
    if (this.isRunning) await this.stop()
    const binary = findBinary('redis-server')
    if (binary === undefined) throw new Error('redis-server is not installed: see README.md')
    const all = { bind: HOST, port: this.port, dir: this.directory, ...this.#settings, ...settings }
    const log = openSync(join(this.directory, LOG), 'a')
    // In the test's own process group, so that it ends with it whatever happens; it keeps nobody from ending.
    const child = spawn(binary, redisArguments(all), { cwd: this.directory, stdio: ['ignore', log, log] })
    closeSync(log)
    child.unref()
    this.#child = child
    this.#isPaused = false
    await this.#untilReady()
  }

  /** Ends the server and its clients, and removes the directory. */
  async close(): Promise<void> {
    for (const client of this.#clients) client.disconnect()
    this.#clients.clear()
    await this.kill()
    process.off('exit', this.#end)
    this.#end()
  }

  readonly #end = (): void => {
    this.#child?.kill('SIGKILL')
    rmSync(this.directory, { recursive: true, force: true })
  }

  async #signal(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child
    if (child === undefined || !this.isRunning) return
    const exit = once(child, 'exit')
    child.kill(signal)
    // One that is paused takes no other signal.
    const killed = setTimeout(() => child.kill('SIGKILL'), ENDS_WITHIN_MS)
    await exit
    clearTimeout(killed)
  }

  async #untilReady(): Promise<void> {
    const givenUpMs = performance.now() + READY_WITHIN_MS
    const client = this.client({ enableReadyCheck: false, retryStrategy: () => TRY_EVERY_MS })
    try {
      for (;;) {
        const answer = await client.ping().catch((error: Error) => error.message)
        if (answer === 'PONG' || answer.startsWith('NOAUTH')) return
        if (!this.isRunning || performance.now() > givenUpMs) {
          const output = readFileSync(join(this.directory, LOG), 'utf8').slice(-OUTPUT_SHOWN)
          await this.kill()
          throw new Error(`Redis is not ready (${answer}): ${output}`)
        }
        await new Promise((resolve) => setTimeout(resolve, TRY_EVERY_MS))
      }
    } finally {
      client.disconnect()
      this.#clients.delete(client)
    }
  }
}
