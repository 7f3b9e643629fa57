/**
 * How Stryker runs the tests of the domain: all of them in one process, in which a mutant is switched on, the tests that
 * come by it run up to the first that fails, and the mutant is switched off. A process for each of some thousand mutants
 * would take a night.
 *
 * Stryker loads this file from the project; the tests and what they test it has copied elsewhere, and works there.
 */
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { INSTRUMENTER_CONSTANTS, type InstrumenterContext } from '@stryker-mutator/api/core'
import { declareClassPlugin, PluginKind, tokens } from '@stryker-mutator/api/plugin'
import {
  type DryRunOptions,
  type DryRunResult,
  DryRunStatus,
  determineHitLimitReached,
  type MutantRunOptions,
  type MutantRunResult,
  type TestResult,
  type TestRunner,
  type TestRunnerCapabilities,
  TestStatus,
  toMutantRunResult,
} from '@stryker-mutator/api/test-runner'
import { configureGlobal } from 'fast-check'
import type { Report } from '../support/protocol.ts'
import type { Recorder, SuiteRecord } from '../support/recorder.ts'

const TESTS = 'test/domain/*.test.ts'
/** By chance and at length: they come last, for those that fail sooner have failed by then. */
const AT_LENGTH = /model|table|map/
/** Properties are tried a few times each, and always the same ones: a mutant that survives does so again. */
const RUNS = '10'
const SEED = '1'

type Loaded = { readonly suite: SuiteRecord; readonly run: () => Promise<unknown> }
type Choice = { readonly only: ReadonlySet<string> | undefined; readonly bails: boolean }

class UvuRunner implements TestRunner {
  static readonly inject = tokens()
  readonly #root = process.cwd()
  readonly #files = new Map<SuiteRecord, string>()
  #loaded: readonly Loaded[] | undefined
  #choice: Choice = { only: undefined, bails: false }
  #results: TestResult[] = []
  #startedAtMs = 0

  /** What a process has loaded it cannot load again. */
  capabilities(): TestRunnerCapabilities {
    return { reloadEnvironment: false }
  }

  async dryRun({ disableBail }: DryRunOptions): Promise<DryRunResult> {
    const tests = await this.#run({ only: undefined, bails: !disableBail })
    const { mutantCoverage } = instrumented()
    return { status: DryRunStatus.Complete, tests, ...(mutantCoverage !== undefined && { mutantCoverage }) }
  }

  async mutantRun(options: MutantRunOptions): Promise<MutantRunResult> {
    const { activeMutant, mutantActivation, hitLimit, testFilter, disableBail } = options
    const context = instrumented()
    if (mutantActivation === 'runtime') await this.#load()
    context.activeMutant = activeMutant.id
    Object.assign(context, { hitLimit, hitCount: hitLimit === undefined ? undefined : 0 })
    const only = testFilter === undefined ? undefined : new Set(testFilter)
    const tests = await this.#run({ only, bails: !disableBail })
    delete context.activeMutant
    const endless = determineHitLimitReached(context.hitCount, context.hitLimit)
    return toMutantRunResult(endless ?? { status: DryRunStatus.Complete, tests })
  }

  async #run(choice: Choice): Promise<TestResult[]> {
    this.#choice = choice
    this.#results = []
    for (const { suite, run } of await this.#load()) {
      if (suite.tests.some(({ id }) => this.#isWanted(id))) await run()
    }
    return this.#results
  }

  /** Reads the tests, once; what runs meanwhile belongs to all of them. */
  async #load(): Promise<readonly Loaded[]> {
    if (this.#loaded !== undefined) return this.#loaded
    globalThis.UVU_DEFER = 1
    globalThis.UVU_QUEUE = [[null]]
    process.env.TEST_RUNS ??= RUNS
    process.env.TEST_SEED ??= SEED
    // That it fails is enough; with how little, nobody asks.
    configureGlobal({ endOnFailure: true })
    const { recorder } = await this.#import<{ readonly recorder: Recorder }>('test/support/recorder.ts')
    const order: SuiteRecord[] = []
    const declareRun = recorder.declareRun.bind(recorder)
    recorder.declareRun = (suite) => {
      order.push(suite)
      declareRun(suite)
    }
    recorder.report = (report) => this.#hear(report, order)
    const files = globSync(TESTS, { cwd: this.#root }).sort()
    const [short = [], long = []] = [false, true].map((is) =>
      files.filter((file) => AT_LENGTH.test(file) === is),
    )
    for (const file of [...short, ...long]) {
      await this.#import(file)
      for (const suite of order) if (!this.#files.has(suite)) this.#files.set(suite, file)
    }
    const [, ...runs] = globalThis.UVU_QUEUE[0] as [unknown, ...Loaded['run'][]]
    this.#loaded = order.map((suite, n) => ({ suite, run: runs[n] as Loaded['run'] }))
    return this.#loaded
  }

  #import<T>(file: string): Promise<T> {
    return import(pathToFileURL(join(this.#root, file)).href)
  }

  #isWanted(id: number): boolean {
    return this.#choice.only?.has(String(id)) ?? true
  }

  /** What suite.ts says of each test. A throw keeps a test from beginning. */
  #hear(report: Report, suites: readonly SuiteRecord[]): void {
    const context = instrumented()
    if (report.type === 'ended') delete context.currentTestId
    if (!('test' in report) || report.test === undefined) return
    const id = String(report.test)
    if (report.type === 'started') {
      const isOver = this.#choice.bails && this.#results.some(({ status }) => status === TestStatus.Failed)
      if (isOver || !this.#isWanted(report.test)) throw new Error('left out')
      context.currentTestId = id
      this.#startedAtMs = performance.now()
      return
    }
    const suite = suites.find(({ tests }) => tests.some((test) => test.id === report.test))
    const about = {
      id,
      name: suite?.tests.find((test) => test.id === report.test)?.name ?? id,
      fileName: join(this.#root, (suite && this.#files.get(suite)) ?? ''),
      timeSpentMs: performance.now() - this.#startedAtMs,
    }
    if (report.type === 'passed') this.#results.push({ ...about, status: TestStatus.Success })
    else if (report.type === 'failed') {
      this.#results.push({ ...about, status: TestStatus.Failed, failureMessage: report.error })
    }
  }
}

/** What the mutated source and this runner share. */
function instrumented(): InstrumenterContext {
  const shared = globalThis as { [INSTRUMENTER_CONSTANTS.NAMESPACE]?: InstrumenterContext }
  const context = shared[INSTRUMENTER_CONSTANTS.NAMESPACE] ?? {}
  shared[INSTRUMENTER_CONSTANTS.NAMESPACE] = context
  return context
}

export const strykerPlugins = [declareClassPlugin(PluginKind.TestRunner, 'uvu', UvuRunner)]
