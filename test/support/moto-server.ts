/**
 * Moto, a server of Amazon's interfaces for tests, on a loopback port of its own, with a user who may do all with S3. It
 * checks signatures with Amazon's own code.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { freePort } from '../../src/cli/local-cluster/free-ports.ts'
import type { S3Access } from '../../src/config/s3-settings.ts'
import { findBinary } from './binaries.ts'

const READY_WITHIN_MS = 60_000
const TRY_EVERY_MS = 50
const REGION = 'us-east-1'
const AS_ANYBODY = `AWS4-HMAC-SHA256 Credential=x/20260101/${REGION}/iam/aws4_request, SignedHeaders=host, Signature=x`
const EVERYTHING = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }],
})

export class MotoServerProcess {
  readonly #port: number
  readonly #child: ChildProcess
  #keys: { readonly accessKey: string; readonly secretKey: string } | undefined

  private constructor(port: number, child: ChildProcess) {
    this.#port = port
    this.#child = child
    process.once('exit', this.#end)
  }

  /** Resolves when it is ready and lets nobody in without a signature. Only for tests that need `moto_server`. */
  static async start(buckets: readonly string[]): Promise<MotoServerProcess> {
    const binary = findBinary('moto_server')
    if (binary === undefined) throw new Error('moto_server is not installed: see README.md')
    const port = await freePort()
    const child = spawn(binary, ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
    child.unref()
    const server = new MotoServerProcess(port, child)
    await server.#prepare(buckets)
    return server
  }

  access(bucket: string, prefix = ''): S3Access {
    if (this.#keys === undefined) throw new Error('there are no keys yet')
    const place = { tls: false, host: '127.0.0.1', port: this.#port, style: 'path', region: REGION } as const
    return { ...this.#keys, target: { ...place, bucket, prefix } }
  }

  /** Does something that it would take for wrongly signed although it is not. */
  async unguarded<T>(work: () => Promise<T>): Promise<T> {
    await this.#passUnchecked('inf')
    try {
      return await work()
    } finally {
      await this.#passUnchecked('0')
    }
  }

  async stop(): Promise<void> {
    process.off('exit', this.#end)
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.ref()
    const exit = once(this.#child, 'exit')
    this.#end()
    await exit
  }

  readonly #end = (): void => {
    this.#child.kill('SIGKILL')
  }

  async #prepare(buckets: readonly string[]): Promise<void> {
    await this.#untilReady()
    for (const bucket of buckets) await this.#ask(bucket, { method: 'PUT' })
    await this.#administer({ Action: 'CreateUser', UserName: 'shop' })
    const made = await this.#administer({ Action: 'CreateAccessKey', UserName: 'shop' })
    const policy = { PolicyName: 'all', PolicyDocument: EVERYTHING }
    await this.#administer({ Action: 'PutUserPolicy', UserName: 'shop', ...policy })
    const [, accessKey = ''] = /<AccessKeyId>([^<]+)/.exec(made) ?? []
    const [, secretKey = ''] = /<SecretAccessKey>([^<]+)/.exec(made) ?? []
    this.#keys = { accessKey, secretKey }
    await this.#passUnchecked('0')
  }

  /** Of the requests to come. */
  async #passUnchecked(count: '0' | 'inf'): Promise<void> {
    const headers = { 'content-type': 'text/plain' }
    await this.#ask('moto-api/reset-auth', { method: 'POST', headers, body: count })
  }

  async #administer(fields: Readonly<Record<string, string>>): Promise<string> {
    const headers = { authorization: AS_ANYBODY }
    return await this.#ask('', { method: 'POST', headers, body: new URLSearchParams(fields) })
  }

  async #ask(path: string, request: RequestInit): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${this.#port}/${path}`, request)
    const text = await response.text()
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text.slice(0, 500)}`)
    return text
  }

  async #untilReady(): Promise<void> {
    const givenUpMs = performance.now() + READY_WITHIN_MS
    for (;;) {
      const isThere = await fetch(`http://127.0.0.1:${this.#port}/moto-api/`).then(
        () => true,
        () => false,
      )
      if (isThere) return
      const hasEnded = this.#child.exitCode !== null || this.#child.signalCode !== null
      if (hasEnded || performance.now() > givenUpMs) {
        await this.stop()
        throw new Error('moto_server is not ready')
      }
      await new Promise((resolve) => setTimeout(resolve, TRY_EVERY_MS))
    }
  }
}
