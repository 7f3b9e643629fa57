/** Versity's S3 gateway over a temporary directory, on a loopback port of its own, which can be killed and started again. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../src/cli/local-cluster/free-ports.ts'
import type { S3Access } from '../../src/config/s3-settings.ts'
import { findBinary } from './binaries.ts'

const READY_WITHIN_MS = 30_000
const TRY_EVERY_MS = 50
const KEYS = { accessKey: 'AKIDVERSITY', secretKey: 'secret/of+a-test' }
const REGION = 'eu-test-1'

export class VersityServerProcess {
  readonly #port: number
  readonly #directory: string
  #child: ChildProcess | undefined

  private constructor(port: number, directory: string) {
    this.#port = port
    this.#directory = directory
    process.once('exit', this.#end)
  }

  /** Resolves when it is ready. Only for tests that need `versitygw`. */
  static async start(buckets: readonly string[]): Promise<VersityServerProcess> {
    const directory = mkdtempSync(join(tmpdir(), 'holdfast-versity-'))
    // A folder is a bucket.
    for (const bucket of buckets) mkdirSync(join(directory, 'buckets', bucket), { recursive: true })
    const server = new VersityServerProcess(await freePort(), directory)
    await server.resume()
    return server
  }

  access(bucket: string, prefix = ''): S3Access {
    const place = { tls: false, host: '127.0.0.1', port: this.#port, style: 'path', region: REGION } as const
    return { ...KEYS, target: { ...place, bucket, prefix } }
  }

  /** Where it keeps an object. */
  pathOf(bucket: string, key: string): string {
    return join(this.#directory, 'buckets', bucket, key)
  }

  /** Starts it again where it was killed. */
  async resume(): Promise<void> {
    const binary = findBinary('versitygw')
    if (binary === undefined) throw new Error('versitygw is not installed: see docs/decisions/s3.md')
    const { accessKey, secretKey } = KEYS
    const own = ['--access', accessKey, '--secret', secretKey, '--region', REGION, '--quiet']
    const args = [...own, '--port', `127.0.0.1:${this.#port}`, 'posix', join(this.#directory, 'buckets')]
    const child = spawn(binary, args, { cwd: this.#directory, stdio: 'ignore' })
    child.unref()
    this.#child = child
    const givenUpMs = performance.now() + READY_WITHIN_MS
    for (;;) {
      const isThere = await fetch(`http://127.0.0.1:${this.#port}/`).then(
        () => true,
        () => false,
      )
      if (isThere) return
      if (child.exitCode !== null || performance.now() > givenUpMs) throw new Error('versitygw is not ready')
      await new Promise((resolve) => setTimeout(resolve, TRY_EVERY_MS))
    }
  }

  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.ref()
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }

  async stop(): Promise<void> {
    await this.kill()
    process.off('exit', this.#end)
    this.#end()
  }

  readonly #end = (): void => {
    this.#child?.kill('SIGKILL')
    rmSync(this.#directory, { recursive: true, force: true })
  }
}
