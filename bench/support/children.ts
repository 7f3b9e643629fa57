/** Processes a bench starts: each ends with the bench, or before, and always by its own id. */
import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const ROOT = join(import.meta.dirname, '..', '..')
const READY_WITHIN_MS = 120_000
const ENDED_WITHIN_MS = 40_000
const TASKSET = '/usr/bin/taskset'

export type ChildOptions = {
  /** From the repository's root. */
  readonly file: string
  readonly args?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  /** The one core for all its threads, where the machine has `taskset`. */
  readonly core?: number | undefined
}

/** A program and its arguments. */
type Command = readonly [string, ...string[]]

/** Whether a process can be kept on one core here. */
export function canPin(): boolean {
  try {
    accessSync(TASKSET)
    return true
  } catch {
    return false
  }
}

/** The same command with all its threads on one core, where that can be. taskset becomes what it runs: the id is that one's. */
export function onCore(core: number | undefined, command: Command): Command {
  return core !== undefined && canPin() ? [TASKSET, '--cpu-list', String(core), ...command] : command
}

/** Starts a file with this very Node; it inherits standard error, and messages can be sent to it. */
export function startChild({ file, args = [], environment = {}, core }: ChildOptions): ChildProcess {
  const [program, ...rest] = onCore(core, [process.execPath, join(ROOT, file), ...args])
  const child = spawn(program, rest, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    serialization: 'advanced',
  })
  const kill = () => void child.kill('SIGKILL')
  process.on('exit', kill)
  child.once('exit', () => process.off('exit', kill))
  return child
}

/** Measures one figure. It is not killed at this process's exit but ends itself, so that it can end what it started. */
export function startFigure(name: string, scale: string): ChildProcess {
  const args = [join(ROOT, 'bench/figure-entry.ts'), name, scale]
  return spawn(process.execPath, args, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
  })
}

/** The first message a child sends, or a rejection if it ends before. */
export function messageFrom<Message>(child: ChildProcess): Promise<Message> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) => reject(new Error(`a child ended with ${code} before it answered`))
    child.once('exit', onExit)
    child.once('message', (message) => {
      child.off('exit', onExit)
      resolve(message as Message)
    })
  })
}

/** Asks it to end in order, and resolves with its exit status. Rejects where it takes too long; then it is killed. */
export function endChild(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    if (child.exitCode !== null) return resolve(child.exitCode)
    const timeout = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`process ${child.pid} did not end within ${ENDED_WITHIN_MS} ms of SIGTERM`))
    }, ENDED_WITHIN_MS)
    child.once('exit', (code) => {
      clearTimeout(timeout)
      resolve(code)
    })
    child.kill('SIGTERM')
  })
}

/** Ends it where it stands, as a crash does; resolves when it is gone. */
export function killChild(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })
}

export type Server = { readonly url: string; readonly pid: number; readonly child: ChildProcess }

/** The real server on a free loopback port, once it says that it has started. */
export async function startHoldfast(options: {
  readonly dataDirectory: string
  readonly adminKey: string
  readonly core?: number | undefined
  /** Beside what all figures set. */
  readonly environment?: Readonly<Record<string, string>>
  /** Where trouble is brought about on purpose, it is no news that the server tells of it. */
  readonly isTroubled?: boolean
}): Promise<Server> {
  const child = startChild({
    file: 'src/main.ts',
    environment: {
      PORT: '0',
      HOST: '127.0.0.1',
      DATA_DIR: options.dataDirectory,
      ADMIN_KEY: options.adminKey,
      NODE_ENV: 'development',
      LOG_LEVEL: 'info',
      // As `npm start` sets it.
      UV_THREADPOOL_SIZE: '16',
      ...options.environment,
    },
    core: options.core,
  })
  const port = await portFrom(child, options.isTroubled === true)
  return { url: `http://127.0.0.1:${port}`, pid: child.pid as number, child }
}

/** The port of the log line `started`. What else is logged is read and dropped, unless it tells of trouble. */
function portFrom(child: ChildProcess, isTroubled: boolean): Promise<number> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('the server did not start in time')), READY_WITHIN_MS)
    child.once('exit', (code) => {
      clearTimeout(late)
      reject(new Error(`the server ended with ${code}`))
    })
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const entry = JSON.parse(line) as { level: string; msg: string; port?: number }
      if (entry.level !== 'info' && !isTroubled) process.stderr.write(`${line}\n`)
      if (entry.msg !== 'started' || entry.port === undefined) return
      clearTimeout(late)
      resolve(entry.port)
    })
  })
}
