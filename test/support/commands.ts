/** A command of `src/cli` as a person runs it: another process, with an environment of its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { compiled } from './compiled.ts'

export type CommandEnded = { readonly code: number | null; readonly out: string; readonly err: string }

const COMMANDS = join(import.meta.dirname, '../../src/cli')

export async function command(
  name: 'restore' | 'reconcile' | 'journal' | 'move',
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<CommandEnded> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined))
  const child = spawn(process.execPath, [join(COMMANDS, `${name}.ts`), ...args], {
    env: { ...compiled, ...given },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, err] = [child.stdout, child.stderr].map((stream) => Array.fromAsync(stream.setEncoding('utf8')))
  await once(child, 'close')
  return { code: child.exitCode, out: (await out)?.join('') ?? '', err: (await err)?.join('') ?? '' }
}
