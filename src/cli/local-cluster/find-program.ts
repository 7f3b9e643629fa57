/** Programs of others: where they are, whom they run as, and a port for them. */
import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
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

/** So many different loopback ports that nobody has at the moment. */
export async function freePorts(count: number): Promise<readonly number[]> {
  // All are held until all are drawn, or the same could come twice.
  const probes = await Promise.all(Array.from({ length: count }, openProbe))
  await Promise.all(probes.map(({ close }) => close()))
  return probes.map(({ port }) => port)
}

function openProbe(): Promise<{ readonly port: number; readonly close: () => Promise<void> }> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      if (address === null || typeof address === 'string') return reject(new Error('no port'))
      const close = () => new Promise<void>((closed) => void server.close(() => closed()))
      resolve({ port: address.port, close })
    })
  })
}
