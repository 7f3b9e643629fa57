/** One mutant before the test that should catch it. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { runFile } from '../support/file-run.ts'
import { type Mutant, ROOT } from './mutant.ts'

export type Verdict =
  | { readonly type: 'caught'; readonly error: string }
  | { readonly type: 'survived' }
  /** The run says nothing about the bug. */
  | { readonly type: 'void'; readonly why: string }

const LIMITS = { fileMs: 120_000, exitMs: 5_000 }
const PRELOAD = pathToFileURL(join(import.meta.dirname, 'preload.ts')).href
/** Of code that makes no sense, not of code that does the wrong thing; and of a clock, which a busy machine can stop. */
export const saysNothing: RegExp = /\b(?:Syntax|Reference|Type)Error\b|took longer than|^not run: /

/** Runs the test with the bug, and without it: what fails anyhow catches nothing. */
export async function tryMutant(mutant: Mutant): Promise<Verdict> {
  const [withBug, without] = await Promise.all([run(mutant, envOf(mutant)), run(mutant, {})])
  if (without.failures.length > 0 || without.passedCount !== 1) {
    return { type: 'void', why: `without the bug it does not pass alone:\n${told(without)}` }
  }
  const [failure] = withBug.failures
  if (failure === undefined) return { type: 'survived' }
  const { name, error } = failure
  if (withBug.failures.length === 1 && name === mutant.caughtBy && !saysNothing.test(error)) {
    return { type: 'caught', error }
  }
  return { type: 'void', why: `it fails, and not by what it finds:\n${told(withBug)}` }
}

type Run = Awaited<ReturnType<typeof runFile>>

function run({ test, caughtBy }: Mutant, env: Readonly<Record<string, string>>): Promise<Run> {
  return runFile(test, { root: ROOT, grep: `^${RegExp.escape(caughtBy)}$`, limits: LIMITS, env })
}

/** What a test's process needs to have the bug. */
export function envOf(mutant: Mutant): Readonly<Record<string, string>> {
  const options = process.env.NODE_OPTIONS ?? ''
  return { TEST_MUTANT: JSON.stringify(mutant), NODE_OPTIONS: `${options} --import=${PRELOAD}` }
}

function told({ passedCount, failures, output }: Run): string {
  return [`${passedCount} passed`, ...failures.map(({ name, error }) => `${name}: ${error}`), output].join(
    '\n',
  )
}
