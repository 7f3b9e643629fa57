import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'

/** This process's side of `undertaker.ts`: what is to be done when it is gone, whatever becomes of it. */
export class LastWill {
  readonly #undertaker: ChildProcess

  constructor() {
    this.#undertaker = spawn(process.execPath, [join(import.meta.dirname, 'undertaker.ts')], {
      detached: true,
      stdio: ['pipe', 'ignore', 'inherit'],
    })
    // Without it the cluster still ends in order; and this process need not wait for it.
    this.#undertaker.once('error', () => {})
    this.#undertaker.stdin?.on('error', () => {})
    this.#undertaker.unref()
  }

  /** `signal` ends it at once, with all its own processes. */
  started(pid: number, signal: NodeJS.Signals): void {
    this.#write(`+${pid} ${signal}`)
  }

  ended(pid: number): void {
    this.#write(`-${pid}`)
  }

  remove(directory: string): void {
    this.#write(`~${directory}`)
  }

  #write(line: string): void {
    this.#undertaker.stdin?.write(`${line}\n`)
  }
}
