/** A real Typesense server on a loopback port of its own, with an empty temporary directory. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../src/cli/local-cluster/free-ports.ts'
import { findBinary } from './binaries.ts'

const READY_WITHIN_MS = 30_000
const TRY_EVERY_MS = 25
const ENDS_WITHIN_MS = 5_000
const OUTPUT_SHOWN = 2_000
const LOG = 'output.log'

export class TypesenseServerProcess {
  readonly url: string
  readonly apiKey = 'key-of-a-test'
  readonly #child: ChildProcess
  readonly #directory: string

  private constructor(url: string, child: ChildProcess, directory: string) {
    this.url = url
    this.#child = child
    this.#directory = directory
    process.once('exit', this.#end)
  }

  /** Resolves when it is ready, on this port or any. Only for tests that say that they need `typesense-server`. */
  static async start(apiPort?: number): Promise<TypesenseServerProcess> {
    const binary = findBinary('typesense-server')
    if (binary === undefined) throw new Error('typesense-server is not installed: see README.md')
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-typesense-'))
    const [port, peeringPort] = [apiPort ?? (await freePort()), await freePort()]
    const url = `http://127.0.0.1:${port}`
    const settings = {
      'data-dir': directory,
      'api-key': 'key-of-a-test',
      'api-address': '127.0.0.1',
      'api-port': port,
      'peering-address': '127.0.0.1',
      'peering-port': peeringPort,
      'thread-pool-size': 4,
    }
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
    const log = openSync(join(directory, LOG), 'w')
    // In the test's own process group, so that it ends with it whatever happens; it keeps nobody from ending.
    const child = spawn(binary, args, { cwd: directory, stdio: ['ignore', log, log] })
    closeSync(log)
    child.unref()
    const server = new TypesenseServerProcess(url, child, directory)
    await server.#untilReady()
    return server
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exit = once(this.#child, 'exit')
      this.#child.kill('SIGTERM')
      const killed = setTimeout(() => this.#child.kill('SIGKILL'), ENDS_WITHIN_MS)
      await exit
      clearTimeout(killed)
    }
    process.off('exit', this.#end)
    this.#end()
  }

  readonly #end = (): void => {
    this.#child.kill('SIGKILL')
    rmSync(this.#directory, { recursive: true, force: true })
  }

  async #untilReady(): Promise<void> {
    const givenUpMs = performance.now() + READY_WITHIN_MS
    while (!(await isHealthy(this.url))) {
      const hasEnded = this.#child.exitCode !== null || this.#child.signalCode !== null
      if (hasEnded || performance.now() > givenUpMs) {
        const output = readFileSync(join(this.#directory, LOG), 'utf8').slice(-OUTPUT_SHOWN)
        await this.stop()
        throw new Error(`Typesense is not ready: ${output}`)
      }
      await new Promise((resolve) => setTimeout(resolve, TRY_EVERY_MS))
    }
  }
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    // It answers before it is ready, and then says that it is not.
    const health: unknown = await (await fetch(`${url}/health`)).json()
    return JSON.stringify(health) === '{"ok":true}'
  } catch {
    return false
  }
}
