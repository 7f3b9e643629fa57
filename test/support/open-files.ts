/** The limit on the files that a running server may have open, which is one on its sockets too. */
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import type { ServerProcess } from './server-process.ts'

/** More than any server of a test opens. */
export const filesEnough = 4_096

/** What is open stays open, however few are allowed. */
export function allowFiles({ pid }: ServerProcess, files: number): void {
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${files}:${filesEnough}`])
}

export function openFilesOf({ pid }: ServerProcess): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

/** Whether this machine has what it takes: prlimit of util-linux. */
export function canLimitFiles(): boolean {
  try {
    return execFileSync('prlimit', ['--version']).length > 0
  } catch {
    return false
  }
}
