/**
 * The test runner: `npm test -- [--long] [--grep <pattern>] [path or part of a path …]`.
 *
 * Its parts: here files are chosen and results printed; `file-run.ts` runs one file in one process and gives
 * the verdict; `child.ts`, `recorder.ts` and `suite.ts` live in that process; `protocol.ts` is between them.
 *
 * Traps of uvu, and what closes each. `run.test.ts` proves every one.
 * R1  A suite without `run()` passes silently: every declared suite and test must have an outcome.
 * R2  A throw in a hook can end with exit 0: hooks are wrapped, and a failed hook fails its suite.
 * R3  A rejection without an Error is dropped: what a test throws is reported before uvu sees it.
 * R4  All files share a process: each has its own, in its own process group, killed as a whole.
 * R5  No test has a time limit: tests, hooks, files and the end of the process have one, kept out here, where
 *     a blocked event loop cannot stop the clock.
 * R6  `process.exit(0)` passes: a process that ends without saying that it finished has failed.
 */
import { existsSync, globSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs, styleText } from 'node:util'
import { type FileLimits, type FileResult, runFile } from './file-run.ts'

type Request = {
  readonly files: readonly string[]
  readonly grep: string | undefined
  readonly limits: Partial<FileLimits>
}

const ROOT = join(import.meta.dirname, '..', '..')
/** Files at a time. Two keeps a small machine busy without making its time limits a lottery. */
const PARALLEL = 2
const FILE_LIMIT_MS = 120_000
const LONG_FILE_LIMIT_MS = 3_600_000
const EXIT_LIMIT_MS = 5_000

// Ending by these would skip the exit handlers that kill the process groups of running files.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1))

try {
  const results = await runAll(parseRequest(process.argv.slice(2)))
  process.exitCode = summarise(results)
} catch (error) {
  console.error(error instanceof TypeError || error instanceof SyntaxError ? error.message : error)
  console.log('0 passed, 1 failed, 0 skipped')
  process.exitCode = 2
}

function parseRequest(args: string[]): Request {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      long: { type: 'boolean', default: false },
      grep: { type: 'string' },
      'file-limit-ms': { type: 'string' },
      'exit-limit-ms': { type: 'string' },
    },
  })
  if (values.grep !== undefined) new RegExp(values.grep) // Throws here, not in every file.
  return {
    files: chooseFiles(positionals, values.long),
    grep: values.grep,
    limits: {
      ...(values['file-limit-ms'] !== undefined && { fileMs: Number(values['file-limit-ms']) }),
      ...(values['exit-limit-ms'] !== undefined && { exitMs: Number(values['exit-limit-ms']) }),
    },
  }
}

/** A whole path is taken as it is, so that a long file or a fixture can be run alone. */
function chooseFiles(wanted: readonly string[], long: boolean): string[] {
  const patterns = long ? ['test/**/*.test.ts', 'test/**/*.long.ts'] : ['test/**/*.test.ts']
  const known = globSync(patterns, { cwd: ROOT }).sort()
  if (wanted.length === 0) return known
  const chosen = wanted.flatMap((name) => {
    const isFile = name.endsWith('.ts') && existsSync(join(ROOT, name))
    return isFile ? [name] : known.filter((file) => file.includes(name))
  })
  return [...new Set(chosen)]
}

async function runAll({ files, grep, limits }: Request): Promise<FileResult[]> {
  const waiting = [...files]
  const results: FileResult[] = []
  const work = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const fileMs = file.endsWith('.long.ts') ? LONG_FILE_LIMIT_MS : FILE_LIMIT_MS
      const result = await runFile(file, {
        root: ROOT,
        grep,
        limits: { fileMs, exitMs: EXIT_LIMIT_MS, ...limits },
      })
      results.push(result)
      print(result)
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, work))
  return results
}

function print({ file, passedCount, failures, skips, notes, ms, output }: FileResult): void {
  const verdict = failures.length === 0 ? styleText('green', 'ok  ') : styleText('red', 'FAIL')
  const counts = [
    `${passedCount} passed`,
    ...(failures.length > 0 ? [`${failures.length} failed`] : []),
    ...(skips.length > 0 ? [`${skips.length} skipped`] : []),
  ]
  console.log(`${verdict} ${file}  ${counts.join(', ')}  ${(ms / 1000).toFixed(2)} s`)
  for (const { name, reason } of skips) console.log(styleText('yellow', `     SKIPPED ${name}: ${reason}`))
  for (const text of notes) console.log(`     ${text}`)
  if (failures.length === 0) return
  for (const { name, error } of failures) {
    console.log(`\n     ${styleText('red', `✘ ${name}`)}\n${indent(error)}`)
  }
  if (output.trim() !== '') console.log(`\n     It printed:\n${indent(output.trim())}`)
  console.log()
}

/** Prints what must not be overlooked and, last, the plain line that machines read. */
function summarise(results: readonly FileResult[]): number {
  if (results.length === 0) console.log('No test file matches.')
  const failures = results.flatMap(({ file, failures }) => failures.map(({ name }) => `${file}: ${name}`))
  if (failures.length > 0) console.log(`\nFailed:\n${indent(failures.join('\n'))}`)
  const passedCount = results.reduce((sum, result) => sum + result.passedCount, 0)
  const skippedCount = results.reduce((sum, result) => sum + result.skips.length, 0)
  console.log(`\n${passedCount} passed, ${failures.length} failed, ${skippedCount} skipped`)
  return failures.length === 0 && passedCount > 0 ? 0 : 1
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '       ')
}
