/**
 * A disk that a test can fill: a small tmpfs where the machine lets us mount one. It is unmounted, whatever happens, and
 * goes with the machine at the latest.
 */
import { execFileSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const PAGE_BYTES = 4_096

export class SmallDisk {
  readonly directory: string
  readonly #filler: string

  private constructor(directory: string) {
    this.directory = directory
    this.#filler = join(directory, 'filler')
  }

  /** Undefined where this user may not mount. */
  static make(bytes: number): SmallDisk | undefined {
    const directory = mkdtempSync(join(tmpdir(), 'holdfast-disk-'))
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', directory], { stdio: 'ignore' })
    } catch {
      rmSync(directory, { recursive: true })
      return undefined
    }
    mkdirSync(join(directory, 'data'))
    return new SmallDisk(directory)
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.directory)
    return bavail * bsize
  }

  /** Takes all room but this much. What others free meanwhile stays free until it is called again. */
  fill(leavingBytes = 0): void {
    const file = openSync(this.#filler, 'a')
    const page = Buffer.alloc(PAGE_BYTES, 1)
    try {
      while (this.freeBytes >= leavingBytes + PAGE_BYTES) writeSync(file, page)
      fsyncSync(file)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
    } finally {
      closeSync(file)
    }
  }

  /** Gives back all that `fill` took. */
  free(): void {
    if (!existsSync(this.#filler)) return
    truncateSync(this.#filler)
    rmSync(this.#filler)
  }

  [Symbol.dispose](): void {
    // Lazily: a process that is only just dying may still hold a file.
    execFileSync('umount', ['-l', this.directory], { stdio: 'ignore' })
    rmSync(this.directory, { recursive: true, force: true })
  }
}
