import { accessSync, constants, globSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Debian keeps PostgreSQL's servers off the PATH, one folder a version. */
const PLACES_BEYOND_PATH = ['/usr/lib/postgresql/*/bin', '/usr/sbin']

/** Path of a server's binary, or undefined where it is not installed. */
export function findBinary(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  const others = PLACES_BEYOND_PATH.flatMap((pattern) => globSync(pattern).sort().reverse())
  return [...folders, ...others].map((folder) => join(folder, name)).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
