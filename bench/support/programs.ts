/** Programs of others that a bench starts: found or not, on a port of their own, ended by their own ids. */
import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, globSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { User } from '../../src/cli/local-cluster/find-program.ts'
import { onCore } from './children.ts'

export type Program = {
  readonly file: string
  readonly args: readonly string[]
  readonly directory: string
  /** Whom it runs as, where that is not who runs the bench. */
  readonly user?: User | undefined
  /** The one core for all its threads. */
  readonly core?: number | undefined
}

/** A rival that runs, or why there is none. */
export type Presence<Server> =
  | { readonly type: 'present'; readonly server: Server }
  | { readonly type: 'absent'; readonly why: string }

const READY_WITHIN_MS = 30_000
const TRY_EVERY_MS = 50
const OUTPUT_KEPT = 2_000

/** The whole path of an executable, from `PATH` and these other places, which may have wildcards. */
export function findProgram(name: string, elsewhere: readonly string[] = []): string | undefined {
  const path = (process.env.PATH ?? '').split(delimiter).filter((directory) => directory !== '')
  const others = elsewhere.flatMap((pattern) => globSync(pattern).toSorted().toReversed())
  return [...path, ...others].map((directory) => join(directory, name)).find(isExecutable)
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

export class Started {
  readonly child: ChildProcess
  #output = ''

  /** It ends with this process, by SIGQUIT: PostgreSQL then ends at once with all its processes, as others do. */
  constructor({ file, args, directory, user, core }: Program) {
    const [program, ...rest] = onCore(core, [file, ...args])
    this.child = spawn(program, rest, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'], ...user })
    const quit = () => void this.child.kill('SIGQUIT')
    process.on('exit', quit)
    this.child.once('exit', () => process.off('exit', quit))
    this.child.once('error', (error) => this.#hear(error.message))
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on('data', (text) => this.#hear(text))
  }

  /** The end of what it printed. */
  get output(): string {
    return this.#output.trim()
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null || this.child.pid === undefined
  }

  /** Resolves with what `attempt` does, as soon as it does. Rejects where the program ends before, or takes too long. */
  async until<T>(attempt: () => Promise<T>): Promise<T> {
    const givenUpMs = performance.now() + READY_WITHIN_MS
    for (;;) {
      try {
        return await attempt()
      } catch (error) {
        if (this.hasEnded) throw new Error(`it ended: ${this.output}`, { cause: error })
        if (performance.now() > givenUpMs)
          throw new Error(`it is not ready after ${READY_WITHIN_MS} ms: ${this.output}`, { cause: error })
      }
      await new Promise((resolve) => setTimeout(resolve, TRY_EVERY_MS))
    }
  }

  #hear(text: unknown): void {
    this.#output = (this.#output + String(text)).slice(-OUTPUT_KEPT)
  }
}
