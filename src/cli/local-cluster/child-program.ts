import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import type { User } from './find-program.ts'
import type { LastWill } from './last-will.ts'
import type { Seams } from './until.ts'

export type Launch = {
  /** As people are told of it. */
  readonly name: string
  readonly file: string
  readonly args: readonly string[]
  readonly directory: string
  /** File that takes what it prints. */
  readonly log: string
  /** All that it is to have; this process's own where absent. */
  readonly environment?: Readonly<Record<string, string>>
  /** Whom it runs as, where that is not who runs this. */
  readonly user?: User | undefined
  /** Asks it to end in order, and ends it at once. */
  readonly signals: { readonly stop: NodeJS.Signals; readonly kill: NodeJS.Signals }
}

/** What is around all programs of one cluster. */
export type Surroundings = Seams & {
  readonly will: LastWill
  /** One ended that nobody had asked to. */
  readonly onLost: (program: ChildProgram, how: string) => void
}

const outputShown = 1_500

/** One program of a local cluster, started as often as it takes, and ended by its own id. */
export class ChildProgram {
  readonly name: string
  readonly #launch: Launch
  readonly #around: Surroundings
  #child: ChildProcess | undefined
  #ended: Promise<void> = Promise.resolve()
  #isWanted = false

  constructor(launch: Launch, around: Surroundings) {
    this.name = launch.name
    this.#launch = launch
    this.#around = around
  }

  get pid(): number | undefined {
    return this.isRunning ? this.#child?.pid : undefined
  }

  get isRunning(): boolean {
    const child = this.#child
    return child?.pid !== undefined && child.exitCode === null && child.signalCode === null
  }

  /** The end of what it printed. */
  get output(): string {
    return readFileSync(this.#launch.log, 'utf8').slice(-outputShown).trim()
  }

  /** In a process group of its own: Ctrl-C is for whoever ends all of them in order. */
  start(): void {
    const { file, args, directory, log, environment, user, signals } = this.#launch
    const output = openSync(log, 'a')
    const child = spawn(file, args, {
      cwd: directory,
      detached: true,
      stdio: ['ignore', output, output],
      ...(environment === undefined ? {} : { env: environment }),
      ...user,
    })
    closeSync(output)
    this.#child = child
    this.#isWanted = true
    if (child.pid !== undefined) this.#around.will.started(child.pid, signals.kill)
    this.#ended = new Promise((resolve) => {
      const end = (how: string) => {
        if (child.pid !== undefined) this.#around.will.ended(child.pid)
        resolve()
        if (this.#isWanted) this.#around.onLost(this, how)
      }
      child.once('error', (error) => end(error.message))
      child.once('exit', (code, signal) => end(signal ?? `status ${code}`))
    })
  }

  /** In order, or at once where that takes longer; resolves when it is gone. */
  async stop(withinMs: number): Promise<void> {
    this.#isWanted = false
    if (!this.isRunning) return
    const { stop, kill } = this.#launch.signals
    this.#child?.kill(stop)
    const late = this.#around.timers.after(withinMs, () => void this.#child?.kill(kill))
    // One that is paused takes no other signal.
    this.#child?.kill('SIGCONT')
    await this.#ended
    late.cancel()
  }
}
