/**
 * One test file in one process of its own. Owns the process, its clocks and the verdict: whatever the process
 * says or fails to say, each declared test ends as passed, failed or skipped, and everything else that is
 * wrong with the file ends as one more failure.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { compiled } from './compiled.ts'
import { killGroup, survivorsOf } from './process-group.ts'
import { type DeclaredTest, REPORT_FD, type Report, STEP_LIMIT_MS } from './protocol.ts'

export type FileLimits = {
  /** The whole file, beside what its tests asked for with `limitMs`. */
  readonly fileMs: number
  /** From the end of the last test to the end of the process. */
  readonly exitMs: number
}

export type FileOptions = {
  readonly root: string
  readonly grep?: string | undefined
  readonly limits: FileLimits
  /** Beside what this process has. */
  readonly env?: Readonly<Record<string, string>> | undefined
}

export type FileResult = {
  readonly file: string
  readonly passedCount: number
  readonly failures: readonly { readonly name: string; readonly error: string }[]
  readonly skips: readonly { readonly name: string; readonly reason: string }[]
  readonly notes: readonly string[]
  readonly ms: number
  /** What the process printed; only its end where that is much. */
  readonly output: string
}

/** Characters of a file's output that are kept: enough for what led to a failure. */
const OUTPUT_KEPT = 200_000
/** Processes a file started may take this long to end after it. */
const SURVIVOR_PATIENCE_MS = 1_000
/** How long pipes may stay open after the process, held by what it started. */
const PIPE_PATIENCE_MS = 1_000

export async function runFile(file: string, options: FileOptions): Promise<FileResult> {
  const startedAt = performance.now()
  const child = spawn(process.execPath, [join(import.meta.dirname, 'child.ts'), file, options.grep ?? ''], {
    cwd: options.root,
    env: { ...process.env, ...compiled, ...options.env },
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
  })
  const groupId = child.pid
  if (groupId === undefined) throw new Error(`could not start a process for ${file}`)
  const killAtExit = () => killGroup(groupId)
  process.on('exit', killAtExit)
  const run = new FileRun(groupId, options.limits)
  const output = collectOutput(child)
  const reports = child.stdio[REPORT_FD] as Readable
  createInterface({ input: reports }).on('line', (line) => {
    // Only the last line can be cut short, by a kill; what it would have said counts as not said.
    if (line.endsWith('}')) run.on(JSON.parse(line) as Report)
  })

  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  run.exited()
  const survivors = await survivorsOf(groupId, SURVIVOR_PATIENCE_MS)
  if (survivors.length > 0) killGroup(groupId)
  await closed(child)
  process.off('exit', killAtExit)
  run.end(code === null ? `signal ${signal}` : `exit code ${code}`, survivors)
  return { file, ...run.verdict(), ms: performance.now() - startedAt, output: output() }
}

class FileRun {
  readonly #groupId: number
  readonly #limits: FileLimits
  #tests: readonly DeclaredTest[] = []
  readonly #passed = new Set<number>()
  readonly #failed = new Map<number, string>()
  readonly #skipped = new Map<number, string>()
  readonly #faults: { name: string; error: string }[] = []
  readonly #notes: string[] = []
  /** What is running now; there is always something until the process ends. */
  #step: { readonly name: string; readonly test?: number | undefined } = { name: 'loading the file' }
  #stepTimer: NodeJS.Timeout
  #fileTimer: NodeJS.Timeout
  #finished = false
  #killed = false
  #exited = false
  #openResources: readonly string[] = []

  constructor(groupId: number, limits: FileLimits) {
    this.#groupId = groupId
    this.#limits = limits
    this.#stepTimer = this.#killAfter(STEP_LIMIT_MS, () => `took longer than ${STEP_LIMIT_MS} ms`)
    this.#fileTimer = this.#killFileAfter(limits.fileMs)
  }

  on(report: Report): void {
    switch (report.type) {
      case 'declared':
        this.#declare(report.tests)
        break
      case 'started':
        this.#start(report.step, report.limitMs, report.test)
        break
      case 'ended':
        this.#start('between its tests', STEP_LIMIT_MS)
        break
      case 'passed':
        this.#passed.add(report.test)
        break
      case 'failed':
        this.#failed.set(report.test, report.error)
        break
      case 'skipped':
        this.#skipped.set(report.test, report.reason)
        break
      case 'note':
        this.#notes.push(report.text)
        break
      case 'fault':
        this.#faults.push({ name: report.where, error: this.#located(report) })
        break
      case 'finished':
        this.#finish()
        break
      case 'still-open':
        this.#openResources = report.resources
        break
    }
  }

  /** Stops the clocks: reports may still arrive, but there is nothing left to kill. */
  exited(): void {
    this.#exited = true
    clearTimeout(this.#stepTimer)
    clearTimeout(this.#fileTimer)
  }

  /** Everything the process said has arrived: whatever has no verdict yet gets one. */
  end(how: string, survivors: readonly string[]): void {
    clearTimeout(this.#stepTimer)
    clearTimeout(this.#fileTimer)
    if (!this.#killed && !this.#finished) this.#blame(`the process ended before its tests did (${how})`)
    if (!this.#killed && this.#finished && how !== 'exit code 0') this.#blame(`the process ended with ${how}`)
    if (!this.#killed && survivors.length > 0) {
      this.#faults.push({ name: 'processes left running', error: survivors.join('\n') })
    }
    for (const { id } of this.#tests) {
      if (!this.#passed.has(id) && !this.#failed.has(id) && !this.#skipped.has(id)) {
        this.#failed.set(id, 'not run: the process had ended')
      }
    }
  }

  verdict(): Pick<FileResult, 'passedCount' | 'failures' | 'skips' | 'notes'> {
    const named = (ids: ReadonlyMap<number, string>) =>
      this.#tests.flatMap(({ id, name }) => {
        const text = ids.get(id)
        return text === undefined ? [] : [{ name, text }]
      })
    return {
      passedCount: this.#passed.size,
      failures: [...this.#faults, ...named(this.#failed).map(({ name, text }) => ({ name, error: text }))],
      skips: named(this.#skipped).map(({ name, text }) => ({ name, reason: text })),
      notes: this.#notes,
    }
  }

  #declare(tests: readonly DeclaredTest[]): void {
    this.#tests = tests
    const askedMs = tests.reduce((sum, test) => sum + Math.max(0, test.limitMs - STEP_LIMIT_MS), 0)
    clearTimeout(this.#fileTimer)
    this.#fileTimer = this.#killFileAfter(this.#limits.fileMs + askedMs)
    this.#start('between its tests', STEP_LIMIT_MS)
  }

  #start(name: string, limitMs: number, test?: number): void {
    clearTimeout(this.#stepTimer)
    this.#step = { name, test }
    this.#stepTimer = this.#killAfter(limitMs, () => `took longer than ${limitMs} ms`)
  }

  #finish(): void {
    this.#finished = true
    clearTimeout(this.#stepTimer)
    this.#step = { name: 'ending the process' }
    this.#stepTimer = this.#killAfter(this.#limits.exitMs, () => {
      const open = this.#openResources.join(', ') || 'unknown: its event loop is blocked'
      return `did not end within ${this.#limits.exitMs} ms of its last test; still open: ${open}`
    })
  }

  #killFileAfter(ms: number): NodeJS.Timeout {
    return this.#killAfter(ms, () => `the file took longer than ${ms} ms`)
  }

  #killAfter(ms: number, reason: () => string): NodeJS.Timeout {
    return setTimeout(() => {
      if (this.#exited) return
      this.#killed = true
      this.#blame(reason())
      killGroup(this.#groupId)
    }, ms)
  }

  /** An exception nobody caught says little about where it came from; what was running says more. */
  #located({ where, error }: { readonly where: string; readonly error: string }): string {
    return where === this.#step.name ? error : `${error}\n(during: ${this.#step.name})`
  }

  /** A failure of what is running now: the test if it is one. */
  #blame(error: string): void {
    const { name, test } = this.#step
    if (test === undefined) this.#faults.push({ name, error })
    else this.#failed.set(test, error)
  }
}

function collectOutput(child: ChildProcess): () => string {
  let kept = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      kept = (kept + text).slice(-OUTPUT_KEPT)
    })
  }
  return () => kept
}

/** Resolves when all that the process wrote has been read. A process in a group of its own may hold a pipe open. */
async function closed(child: ChildProcess): Promise<void> {
  const streams = child.stdio.filter((stream) => stream !== null && stream !== undefined)
  const timer = setTimeout(() => streams.forEach((stream) => void stream.destroy()), PIPE_PATIENCE_MS)
  await Promise.all(streams.map((stream) => (stream.closed ? undefined : once(stream, 'close'))))
  clearTimeout(timer)
}
