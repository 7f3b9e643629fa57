/**
 * A bug that somebody could write into the engine, and the test that would notice. Without bugs that are found, tests that
 * pass mean little (FAULTS.md, "How the harness is built", 7).
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const ROOT = join(import.meta.dirname, '..', '..')

export type Mutant = {
  /** What the engine does wrong with it. */
  readonly name: string
  readonly file: string
  /** Occurs there exactly once. */
  readonly find: string
  readonly replace: string
  readonly test: string
  /** The whole name of the test in that file that fails: one of several, perhaps. */
  readonly caughtBy: string
}

/** The source with the bug in it. Throws where the text to replace is not there, or not only once. */
export function plant(source: string, { name, file, find, replace }: Mutant): string {
  const [before, after, ...more] = source.split(find)
  if (before === undefined || after === undefined || more.length > 0) {
    const times = source.split(find).length - 1
    throw new Error(`"${name}": its text occurs ${times} times in ${file}, and must once:\n${find}`)
  }
  return before + replace + after
}

/** The mutant's file as it is now, with the bug in it. */
export function planted(mutant: Mutant): string {
  return plant(readFileSync(join(ROOT, mutant.file), 'utf8'), mutant)
}
