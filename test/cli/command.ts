/** The journal's commands as a person runs them: another process. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { compiled } from '../support/compiled.ts'

export type Ended = { readonly code: number | null; readonly out: string; readonly err: string }

const ENTRY = join(import.meta.dirname, '../../src/cli/journal.ts')

export async function journal(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const running = startJournal(args, env)
  await running.ended
  return { code: running.child.exitCode, out: running.out(), err: running.err() }
}

export function startJournal(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): {
  readonly child: ChildProcess
  readonly ended: Promise<unknown>
  out(): string
  err(): string
  /** Resolves when standard output has this many lines. */
  lines(count: number): Promise<string[]>
} {
  const child = spawn(process.execPath, [ENTRY, ...args], {
    env: { ...compiled, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  let wake = () => {}
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
    wake()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
  })
  const ended = once(child, 'close')
  return {
    child,
    ended,
    out: () => out,
    err: () => err,
    async lines(count) {
      const have = () => out.split('\n').slice(0, -1)
      while (have().length < count) {
        if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${err}`)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      return have()
    },
  }
}
