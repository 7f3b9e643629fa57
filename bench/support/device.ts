/** The disk under the bench, by itself: how long a sync takes, and how many flushes it has really made. */
import { closeSync, fdatasyncSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const PROBE_BYTES = 4_096

/** Milliseconds of one `fdatasync` each, of a page of a file that is all there. */
export function probeSyncs(directory: string, count: number): Float64Array {
  const path = join(directory, 'syncs')
  const page = Buffer.alloc(PROBE_BYTES, 1)
  writeFileSync(path, Buffer.alloc(count * PROBE_BYTES), { flush: true })
  const file = openSync(path, 'r+')
  const samples = Float64Array.from({ length: count }, (_, i) => {
    writeSync(file, page, 0, page.length, i * page.length)
    const startedMs = performance.now()
    fdatasyncSync(file)
    return performance.now() - startedMs
  })
  closeSync(file)
  return samples
}

/** Flushes the whole device has completed, everybody's; undefined where the kernel does not tell. */
export function deviceFlushes(directory: string): number | undefined {
  const { dev } = statSync(directory)
  // glibc's makedev: 12 bits of major above 8 of minor, the rest of minor above both.
  const major = (dev >> 8) & 0xfff
  const minor = (dev & 0xff) | ((dev >> 12) & 0xfff00)
  try {
    const fields = readFileSync(`/sys/dev/block/${major}:${minor}/stat`, 'utf8').trim().split(/\s+/)
    return fields.length > 15 ? Number(fields[15]) : undefined
  } catch {
    return undefined
  }
}
