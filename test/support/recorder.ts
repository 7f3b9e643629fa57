/**
 * Owns what one test file declared and what became of it, inside that file's process. `suite.ts` writes
 * here while the file loads and runs; `child.ts` reads it to find what was declared but never ran.
 */
import { writeSync } from 'node:fs'
import { inspect } from 'node:util'
import { findBinary } from './binaries.ts'
import { REPORT_FD, type Report, STEP_LIMIT_MS } from './protocol.ts'

export type TestOptions = {
  /** The test is failed, and its process killed, after this long; 30 s unless said otherwise. */
  readonly limitMs?: number
  /** Server binaries without which the test is skipped, or failed where `CI=true`. */
  readonly needs?: readonly string[]
}

export type TestRecord = {
  readonly id: number
  readonly name: string
  readonly limitMs: number
  /** Why it will not run. */
  readonly skip?: string
  /** Binaries that CI should have had. */
  readonly missing?: readonly string[]
  reported: boolean
}

export type SuiteRecord = {
  readonly name: string
  readonly tests: TestRecord[]
  /** Tests `--grep` left out. */
  filteredCount: number
  run: boolean
  /** The hook that failed: nothing after it can be trusted, so nothing after it runs. */
  broken?: string
}

export class Recorder {
  readonly suites: SuiteRecord[] = []
  passedCount = 0
  grep: RegExp | undefined
  #nextId = 1
  #loading = true

  declareSuite(name: string): SuiteRecord {
    this.#assertLoading(`suite "${name}"`)
    const suite: SuiteRecord = { name, tests: [], filteredCount: 0, run: false }
    this.suites.push(suite)
    return suite
  }

  /** Undefined where `--grep` leaves the test out. */
  declareTest(
    suite: SuiteRecord,
    name: string,
    options: TestOptions & { skip?: string },
  ): TestRecord | undefined {
    this.#assertLoading(`test "${name}"`)
    if (suite.run) throw new Error(`test "${name}" is declared after its suite's run()`)
    const fullName = `${suite.name} › ${name}`
    if (this.grep !== undefined && !this.grep.test(fullName)) {
      suite.filteredCount++
      return undefined
    }
    const missing = (options.needs ?? []).filter((binary) => findBinary(binary) === undefined)
    const test: TestRecord = {
      id: this.#nextId++,
      name: fullName,
      limitMs: options.limitMs ?? STEP_LIMIT_MS,
      reported: false,
      ...whyNotRun(options.skip, missing),
    }
    suite.tests.push(test)
    return test
  }

  declareRun(suite: SuiteRecord): void {
    if (suite.run) throw new Error(`suite "${suite.name}" calls run() twice: the second would run nothing`)
    suite.run = true
  }

  /** From here on a new suite or test would never run, so declaring one throws. */
  endLoading(): void {
    this.#loading = false
    const tests = this.suites.flatMap((suite) => suite.tests)
    this.report({ type: 'declared', tests: tests.map(({ id, name, limitMs }) => ({ id, name, limitMs })) })
  }

  passed(test: TestRecord): void {
    test.reported = true
    this.passedCount++
    this.report({ type: 'passed', test: test.id })
  }

  failed(test: TestRecord, thrown: unknown): void {
    test.reported = true
    this.report({ type: 'failed', test: test.id, error: describe(thrown) })
  }

  skipped(test: TestRecord, reason: string): void {
    test.reported = true
    this.report({ type: 'skipped', test: test.id, reason })
  }

  fault(where: string, thrown: unknown): void {
    this.report({ type: 'fault', where, error: describe(thrown) })
  }

  report(report: Report): void {
    writeSync(REPORT_FD, `${JSON.stringify(report)}\n`)
  }

  #assertLoading(what: string): void {
    if (!this.#loading)
      throw new Error(`${what} is declared after the file was loaded, so it would never run`)
  }
}

/** The one recorder of this process. */
export const recorder = new Recorder()

export function willRun(test: TestRecord): boolean {
  return test.skip === undefined && test.missing === undefined
}

function whyNotRun(skip: string | undefined, missing: string[]): Pick<TestRecord, 'skip' | 'missing'> {
  if (skip !== undefined) return { skip }
  if (missing.length === 0) return {}
  if (process.env.CI === 'true') return { missing }
  return { skip: `${missing.join(', ')} is not installed` }
}

/** uvu drops what is no Error and prints only part of what is; this keeps message, diff, causes and stack. */
function describe(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `threw a value that is no Error: ${inspect(thrown)}`
  if (!('details' in thrown && 'operator' in thrown)) return withoutRunnerFrames(inspect(thrown))
  const details = typeof thrown.details === 'string' ? `${thrown.details}\n` : ''
  const frames = (thrown.stack ?? '').split('\n').filter((line) => line.startsWith('    at '))
  return withoutRunnerFrames(`${thrown.message} (${thrown.operator})\n${details}${frames.join('\n')}`)
}

function withoutRunnerFrames(text: string): string {
  const noise = /^ {4}at .*(node:internal|node_modules\/uvu|test\/support\/(suite|child|recorder)\.ts)/
  return text
    .split('\n')
    .filter((line) => !noise.test(line))
    .join('\n')
}
