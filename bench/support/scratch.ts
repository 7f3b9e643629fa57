/**
 * A directory for one run, on the disk the repository is on: the machine's temporary directory may be memory, where a
 * sync costs nothing. It is removed when the process ends, however it ends short of SIGKILL.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const OUT = join(import.meta.dirname, '..', 'out')
/** Of this process. */
const made: string[] = []

export function makeScratch(name: string): string {
  mkdirSync(OUT, { recursive: true })
  const path = mkdtempSync(join(OUT, `${name}-`))
  if (made.length === 0) process.on('exit', removeAll)
  made.push(path)
  return path
}

function removeAll(): void {
  for (const path of made) rmSync(path, { recursive: true, force: true })
}

/** Makes signals end the process by `exit`, so that what is tidied up then is tidied up. */
export function exitOnSignals(): void {
  process.once('SIGINT', () => process.exit(130))
  process.once('SIGTERM', () => process.exit(143))
}
