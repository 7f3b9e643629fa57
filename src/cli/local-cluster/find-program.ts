/** Programs of others: where they are and whom they run as. */
import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export type User = { readonly uid: number; readonly gid: number }

/** Debian keeps PostgreSQL's servers off the path, one folder a version. */
const ELSEWHERE = ['/usr/lib/postgresql/*/bin', '/usr/pgsql-*/bin', '/usr/local/pgsql/bin', '/usr/sbin']

/** What to start it by, found by asking for its version; undefined where it is not installed. */
export function findProgram(name: string): string | undefined {
  const others = ELSEWHERE.flatMap((pattern) => globSync(pattern).toSorted().toReversed())
  return [name, ...others.map((folder) => join(folder, name))].find((file) => {
    const { error } = spawnSync(file, ['--version'], { stdio: 'ignore' })
    return error === undefined
  })
}

/** Whoever of these exists first, for programs that refuse to run as root; undefined where this process is not root. */
export function insteadOfRoot(names: readonly string[]): User | undefined {
  if (process.getuid?.() !== 0) return undefined
  const entries = readFileSync('/etc/passwd', 'utf8').split('\n')
  for (const name of names) {
    const fields = entries.find((entry) => entry.startsWith(`${name}:`))?.split(':')
    if (fields !== undefined) return { uid: Number(fields[2]), gid: Number(fields[3]) }
  }
  throw new Error(`this runs as root, and none of ${names.join(', ')} is a user here`)
}
