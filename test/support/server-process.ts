/**
 * The real server in a process of its own, and the data directory that one after another runs on.
 *
 * Nothing here outlives its test: a `Site` kills by id what it started, and removes its directory.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import type { Agent } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compiled } from './compiled.ts'
import { type Answer, type CallOutcome, callServer, keptConnections } from './http-call.ts'

export const adminKey = 'kD93hxW0qLz71VbnRcT52yPfGs84mJuE'
/** The least there can be, so that segments are used up while one watches. */
export const segmentBytes = 65_536

export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null }

export type StartOptions = {
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** Node's own arguments. */
  readonly nodeArguments?: readonly string[]
  /** Until what the start waits; where the process ends first it has failed. */
  readonly until?: 'ready' | 'started' | 'spawned'
  /** Runs as somebody else. */
  readonly owner?: { readonly uid: number; readonly gid: number }
}

const ROOT = join(import.meta.dirname, '..', '..')
const MAIN = join(ROOT, 'src', 'main.ts')
/** Long, because a machine that is busy with other tests starts slowly, and none of them measures a start. */
const START_LIMIT_MS = 60_000
const STOP_LIMIT_MS = 28_000
const OUTPUT_KEPT = 400_000
/** Of that, as much as an error shows. */
const SHOWN = 8_000
const POLL_MS = 10
/** Calls at a time that are a test's own, beside any load. */
const OWN_CONNECTIONS = 64

export class ServerProcess {
  readonly exited: Promise<Exit>
  readonly #child: ChildProcess
  readonly #agent: Agent = keptConnections(OWN_CONNECTIONS)
  #output = ''
  /** Lines of its log, but for requests; and the one that is not finished yet. */
  readonly #events: string[] = []
  #line = ''
  #port: number | undefined
  #exit: Exit | undefined

  constructor(directory: string, options: StartOptions) {
    const { environment = {}, nodeArguments = [], owner } = options
    const variables: Record<string, string | undefined> = {
      PATH: process.env.PATH,
      PORT: '0',
      DATA_DIR: directory,
      ADMIN_KEY: adminKey,
      SEGMENT_BYTES: String(segmentBytes),
      UV_THREADPOOL_SIZE: '8',
      ...compiled,
      ...environment,
    }
    const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined))
    this.#child = spawn(process.execPath, [...nodeArguments, MAIN], {
      cwd: tmpdir(),
      env: given,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...owner,
    })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => this.#hear(text))
    }
    this.exited = new Promise((resolve) => {
      // 'close' and not 'exit': by then its last words have been read.
      this.#child.once('close', (code, signal) => {
        this.#exit = { code, signal }
        this.#agent.destroy()
        resolve(this.#exit)
      })
    })
  }

  get pid(): number {
    const { pid } = this.#child
    if (pid === undefined) throw new Error('the process could not be started')
    return pid
  }

  get port(): number {
    if (this.#port === undefined) throw new Error(`the server has not said its port yet:\n${this.#output}`)
    return this.#port
  }

  get hasExited(): boolean {
    return this.#exit !== undefined
  }

  /** What it printed, both ways. */
  get output(): string {
    return this.#output
  }

  /** Its log's lines with this message, other than requests, oldest first. */
  logged(message: string): readonly Readonly<Record<string, unknown>>[] {
    return this.#events
      .filter((line) => line.includes(`"msg":"${message}"`))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  }

  /** Of what it printed, all that is no ordinary line of its log. */
  get troubles(): string {
    return linesBut(/^\{"level":"info"|"msg":"http\.request"/, this.#output)
  }

  /** Without requests, among which whoever waits and asks again and again hides all else. */
  get #said(): string {
    return [...this.#events, linesBut(/^\{/, this.#output)].join('\n')
  }

  /** Calls as the administrator, or as `token` says; rejects where the answer did not come. */
  async request(
    method: string,
    path: string,
    body?: unknown,
    options: { readonly token?: string | undefined; readonly patienceMs?: number } = {},
  ): Promise<Answer> {
    const outcome = await this.attempt(method, path, body, options)
    if (outcome.type === 'answered') return outcome
    throw new Error(`${method} ${path} was not answered: ${outcome.why}\n${this.#output.slice(-4_000)}`)
  }

  /** The same where no answer is an outcome too. */
  attempt(
    method: string,
    path: string,
    body?: unknown,
    options: { readonly token?: string | undefined; readonly patienceMs?: number } = {},
  ): Promise<CallOutcome> {
    const token = 'token' in options ? options.token : adminKey
    const { patienceMs } = options
    return callServer(this.port, [method, path], {
      agent: this.#agent,
      token,
      body,
      ...(patienceMs !== undefined && { patienceMs }),
    })
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** As a power cut would, as far as the process can tell. */
  kill(): Promise<Exit> {
    this.#child.kill('SIGKILL')
    return this.exited
  }

  /** Orderly; resolves with how it ended. */
  async stop(): Promise<Exit> {
    this.#child.kill('SIGTERM')
    return await within(STOP_LIMIT_MS, this.exited, () => `it did not stop:\n${this.#output}`)
  }

  /** Waits until something is so, asking again and again; rejects where the process ends before. */
  async until(isSo: () => boolean | Promise<boolean>, what: string, limitMs = START_LIMIT_MS): Promise<void> {
    const endsAt = performance.now() + limitMs
    for (;;) {
      if (await isSo()) return
      if (this.#exit !== undefined) {
        throw new Error(`it ended (${shownExit(this.#exit)}) before ${what}:\n${this.#said.slice(-SHOWN)}`)
      }
      if (performance.now() > endsAt)
        throw new Error(`not within ${limitMs} ms: ${what}\n${this.#said.slice(-SHOWN)}`)
      await pause(POLL_MS)
    }
  }

  hasStarted(): boolean {
    return this.#port !== undefined
  }

  async isReady(): Promise<boolean> {
    if (this.#port === undefined) return false
    const outcome = await this.attempt('GET', '/readyz')
    return outcome.type === 'answered' && outcome.status === 200
  }

  #hear(text: string): void {
    this.#output = (this.#output + text).slice(-OUTPUT_KEPT)
    const lines = (this.#line + text).split('\n')
    this.#line = lines.pop() ?? ''
    // Requests are many, and would push what is rare out of any bound.
    this.#events.push(
      ...lines.filter((line) => line.startsWith('{') && !line.includes('"msg":"http.request"')),
    )
    if (this.#port !== undefined) return
    const started = /^\{.*"port":(\d+).*"msg":"started"\}$/m.exec(this.#output)
    if (started !== null) this.#port = Number(started[1])
  }
}

/** A data directory, and the servers that run on it one after another. */
export class Site {
  readonly directory: string
  /** What is removed at the end, if it was made here. */
  readonly #made: string | undefined
  readonly #servers: ServerProcess[] = []

  /** `at` is an existing directory to be used instead of a new one; it is then not removed. */
  constructor(at?: string) {
    this.#made = at === undefined ? mkdtempSync(join(tmpdir(), 'holdfast-process-')) : undefined
    this.directory = join(at ?? (this.#made as string), 'data')
  }

  /** A new site with a copy of another one's data, which nobody may be writing. */
  static copyOf(template: Site): Site {
    const site = new Site()
    cpSync(template.directory, site.directory, { recursive: true, preserveTimestamps: true })
    return site
  }

  async start(options: StartOptions = {}): Promise<ServerProcess> {
    const server = new ServerProcess(this.directory, options)
    this.#servers.push(server)
    const { until = 'ready' } = options
    if (until !== 'spawned') await server.until(() => server.hasStarted(), 'it says that it has started')
    if (until === 'ready') await server.until(() => server.isReady(), 'it is ready')
    return server
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#servers.filter(({ hasExited }) => !hasExited).map((server) => server.kill()))
    if (this.#made !== undefined) rmSync(this.#made, { recursive: true, force: true })
  }
}

function linesBut(pattern: RegExp, text: string): string {
  return text
    .split('\n')
    .filter((line) => !pattern.test(line))
    .join('\n')
}

export function shownExit({ code, signal }: Exit): string {
  return signal === null ? `status ${code}` : signal
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** The promise's value, or a rejection once the time is over. */
export async function within<T>(ms: number, promise: Promise<T>, why: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${why()}`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
