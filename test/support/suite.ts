/**
 * uvu's `suite()` as test files see it. uvu keeps the order of hooks and tests; everything that happens is
 * reported from here, because uvu itself swallows a throw in a hook and a rejection that is no Error.
 * There is no `.only`: it leaves the rest of a file silently unrun.
 */
import { suite as uvuSuite } from 'uvu'
import { STEP_LIMIT_MS } from './protocol.ts'
import { recorder, type SuiteRecord, type TestOptions, type TestRecord, willRun } from './recorder.ts'

type HookKind = 'before' | 'before.each' | 'after.each' | 'after'
type Thunk = () => void | Promise<void>
type Body<Context> = (context: Context) => void | Promise<void>

type Hook<Context> = {
  (body: Body<Context>): void
  /** Around every test instead of once around the suite. */
  each(body: Body<Context>): void
}

export type Suite<Context> = {
  (name: string, body: Body<Context>, options?: TestOptions): void
  /** Counted and printed as skipped. The name should say why. */
  skip(name: string, body?: Body<Context>): void
  readonly before: Hook<Context>
  readonly after: Hook<Context>
  /** Ends the suite's declaration. A file that forgets it fails. */
  run(): void
}

/** Options hold for every test of the suite; `context` is what hooks and tests are given. */
export function suite<Context extends object = Record<string, unknown>>(
  name: string,
  options: TestOptions & { readonly context?: Context } = {},
): Suite<Context> {
  if (!('UVU_DEFER' in globalThis)) throw new Error('Tests run through the runner: npm test -- <file>')
  const { context, ...defaults } = options
  const record = recorder.declareSuite(name)
  const inner = uvuSuite<Context>(name, context)

  const declare = (testName: string, body: Body<Context>, testOptions: TestOptions = {}): void => {
    const test = recorder.declareTest(record, testName, { ...defaults, ...testOptions })
    if (test === undefined || !willRun(test)) return
    inner(testName, (given) => runTest(record, test, () => body(given)))
  }
  const hook = (register: (body: Body<Context>) => void, kind: HookKind) => (body: Body<Context>) => {
    register((given) => runHook(record, kind, () => body(given)))
  }

  return Object.assign(declare, {
    skip: (testName: string) => {
      recorder.declareTest(record, testName, { skip: 'marked as skipped' })
    },
    only: () => {
      throw new Error(`suite "${name}" uses .only, which leaves its other tests unrun: use --grep`)
    },
    before: Object.assign(hook(inner.before, 'before'), { each: hook(inner.before.each, 'before.each') }),
    after: Object.assign(hook(inner.after, 'after'), { each: hook(inner.after.each, 'after.each') }),
    run: () => {
      recorder.declareRun(record)
      inner.run()
    },
  })
}

/** Prints a line under the file's own even where everything passes; what is written to stdout is then dropped. */
export function note(text: string): void {
  recorder.report({ type: 'note', text })
}

async function runTest(suite: SuiteRecord, test: TestRecord, body: Thunk): Promise<void> {
  if (suite.broken !== undefined) throw new Error('not run')
  recorder.report({ type: 'started', step: test.name, limitMs: test.limitMs, test: test.id })
  try {
    await body()
  } catch (thrown) {
    recorder.failed(test, thrown)
    // uvu only has to know that it failed; given anything but an Error it would lose the rest of the suite.
    throw new Error('reported')
  } finally {
    recorder.report({ type: 'ended' })
  }
  recorder.passed(test)
}

/** Never throws, as uvu would swallow it and go on or stop depending on the hook: a failed hook ends its suite. */
async function runHook(suite: SuiteRecord, kind: HookKind, body: Thunk): Promise<void> {
  if (!suite.tests.some(willRun)) return
  // The after hooks still run in a broken suite: they close what the before hooks opened.
  if (suite.broken !== undefined && kind !== 'after') return
  const step = `${suite.name} › ${kind} hook`
  recorder.report({ type: 'started', step, limitMs: STEP_LIMIT_MS })
  try {
    await body()
  } catch (thrown) {
    suite.broken ??= `${kind} hook`
    recorder.fault(step, thrown)
  } finally {
    recorder.report({ type: 'ended' })
  }
}
