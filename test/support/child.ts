/**
 * The process of one test file: loads it, lets uvu run its suites and reports. Started by the runner as
 * `node child.ts <file> [grep]` in a process group of its own. To debug a file by hand:
 * `node --inspect-brk test/support/child.ts test/some.test.ts 3>&1`.
 */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { recorder, willRun } from './recorder.ts'

declare global {
  // uvu's own protocol with its command line: with DEFER set, suites wait in QUEUE until somebody runs them.
  var UVU_DEFER: number
  var UVU_QUEUE: [unknown, ...UvuRun[]][]
}
type UvuRun = () => Promise<[errors: string | true, passed: number, skipped: number, total: number]>

/** How long after the last test the process is asked what keeps it alive. */
const STILL_OPEN_AFTER_MS = 200

globalThis.UVU_DEFER = 1
const { suites } = recorder
const [, , file = '', grep = ''] = process.argv

// Unhandled rejections arrive here too: without a handler of their own Node raises them as exceptions.
process.on('uncaughtException', (thrown, origin) => recorder.fault(origin, thrown))
endWithRunner()
const openFromStart = openResources()

if (grep !== '') recorder.grep = new RegExp(grep)
await load()
reportWhatCannotRun()
await runSuites()
reportWhatDidNotRun()
recorder.report({ type: 'finished' })
setTimeout(reportWhatIsOpen, STILL_OPEN_AFTER_MS).unref()

async function load(): Promise<void> {
  await import('uvu')
  globalThis.UVU_QUEUE.push([null])
  try {
    await import(pathToFileURL(resolve(file)).href)
  } catch (thrown) {
    recorder.fault('loading the file', thrown)
    recorder.report({ type: 'finished' })
    process.exit()
  }
  recorder.endLoading()
}

function reportWhatCannotRun(): void {
  if (suites.length === 0) recorder.fault('counting', new Error('the file declares no suite'))
  for (const suite of suites) {
    const declaredCount = suite.tests.length + suite.filteredCount
    if (declaredCount === 0) recorder.fault('counting', new Error(`suite "${suite.name}" declares no test`))
    for (const test of suite.tests) {
      if (!suite.run) recorder.failed(test, new Error(`suite "${suite.name}" never calls run()`))
      else if (test.skip !== undefined) recorder.skipped(test, test.skip)
      else if (test.missing !== undefined) {
        recorder.failed(test, new Error(`${test.missing.join(', ')} is not installed, and CI skips nothing`))
      }
    }
  }
}

/** What uvu counted must be what was reported; another number means that a test escaped the reports. */
async function runSuites(): Promise<void> {
  const runs = globalThis.UVU_QUEUE[0]?.slice(1) as UvuRun[]
  const ran = { suites: runs.length, tests: 0, passed: 0 }
  for (const run of runs) {
    const [, passed, , total] = await run()
    ran.tests += total
    ran.passed += passed
  }
  const ready = suites.filter((suite) => suite.run)
  const reported = {
    suites: ready.length,
    tests: ready.flatMap((suite) => suite.tests.filter(willRun)).length,
    passed: recorder.passedCount,
  }
  if (JSON.stringify(ran) === JSON.stringify(reported)) return
  const numbers = `uvu ran ${JSON.stringify(ran)}, reported were ${JSON.stringify(reported)}`
  recorder.fault('counting', new Error(`${numbers}; suites must come from test/support/suite.ts`))
}

function reportWhatDidNotRun(): void {
  for (const suite of suites) {
    for (const test of suite.tests) {
      if (!test.reported)
        recorder.failed(test, new Error(`not run: the ${suite.broken ?? 'suite'} failed before`))
    }
  }
}

function openResources(): string[] {
  // Both exist only once they are asked for, and must not look like something the tests opened.
  for (const stream of [process.stdout, process.stderr]) stream.write('')
  return process.getActiveResourcesInfo()
}

function reportWhatIsOpen(): void {
  const resources = openResources()
  for (const resource of openFromStart) {
    const index = resources.indexOf(resource)
    if (index !== -1) resources.splice(index, 1)
  }
  recorder.report({ type: 'still-open', resources })
}

/** Standard input is a pipe that ends when the runner does, however it ends; then nothing here may outlive it. */
function endWithRunner(): void {
  process.stdin.on('end', () => process.kill(-process.pid, 'SIGKILL')).resume()
  process.stdin.unref()
}
