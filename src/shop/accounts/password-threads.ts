/**
 * The passwords' threads as main sees them, and the one line in which all listeners' jobs wait for them.
 *
 * PW1  Hashing a password costs fifty milliseconds of a core and is asked for by strangers: it happens in threads of its own,
 *      of low priority, and never in libuv's pool, where journals wait for their syncs.
 * PW2  The line is bounded, in length and in time. Whoever does not fit in is told to come back, at no cost.
 * PW3  A thread that ends takes its one job with it, and is replaced.
 */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { assert } from '../../domain/assert.ts'
import { passwordsWaitingMax, passwordWaitMs } from '../../limits/account-limits.ts'
import { type Clock, type Port, portOf, type Timers } from '../../seams.ts'
import type {
  FromPasswords,
  FromPasswordThread,
  PasswordOutcome,
  ToPasswords,
  ToPasswordThread,
} from './password-protocol.ts'

export type PasswordThread = {
  readonly port: Port<FromPasswordThread, ToPasswordThread>
  /** Calls once, when the thread has ended, with why if it was by an error. */
  onEnd(handler: (error: Error | undefined) => void): void
  end(): void
}

export type PasswordThreadsOptions = {
  readonly count: number
  readonly clock: Clock
  readonly timers: Timers
  readonly log: (level: 'warn' | 'error', event: string, detail: Readonly<Record<string, unknown>>) => void
  /** Milliseconds until a replacement; `failures` counts ends in a row. */
  readonly respawnDelayMs: (failures: number) => number
  /** Starts a real thread unless a test has another one. */
  readonly spawn?: () => PasswordThread
}

/** Since the start, and now. */
export type PasswordsStatus = {
  readonly waiting: number
  readonly done: number
  readonly refused: number
  readonly restarts: number
}

type ListenerPort = Port<ToPasswords, FromPasswords>
type Waiting = ToPasswords & { readonly port: ListenerPort; readonly sinceMs: number }
type Member = { readonly thread: PasswordThread; job: Waiting | undefined }

export class PasswordThreads {
  readonly #options: PasswordThreadsOptions
  readonly #members = new Set<Member>()
  readonly #idle: Member[] = []
  readonly #ports = new Set<ListenerPort>()
  #waiting: Waiting[] = []
  #failures = 0
  #done = 0
  #refused = 0
  #restarts = 0
  #mode: 'running' | 'closed' = 'running'

  constructor(options: PasswordThreadsOptions) {
    this.#options = options
  }

  /** Resolves when the first thread can be used; rejects with why it cannot. */
  start(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    for (let i = 0; i < this.#options.count; i++) this.#spawn({ onReady: resolve, onFailure: reject })
    return promise
  }

  /** A listener's way here: transfer it there, for its `PasswordClient`. */
  connect(): MessagePort {
    const { port1, port2 } = new MessageChannel()
    this.attach(portOf<ToPasswords, FromPasswords>(port1))
    return port2
  }

  attach(port: ListenerPort): void {
    this.#ports.add(port)
    port.receive((message) => this.#take({ ...message, port, sinceMs: this.#options.clock.monotonicMs() }))
    port.onClose(() => {
      this.#ports.delete(port)
      this.#waiting = this.#waiting.filter((each) => each.port !== port)
    })
  }

  status(): PasswordsStatus {
    return {
      waiting: this.#waiting.length,
      done: this.#done,
      refused: this.#refused,
      restarts: this.#restarts,
    }
  }

  /** Ends all threads. Listeners must have ended before: whatever waits is refused. */
  close(): void {
    this.#mode = 'closed'
    for (const { thread } of this.#members) thread.end()
    for (const waiting of this.#waiting.splice(0)) this.#refuse(waiting, 'the server is shutting down')
    for (const port of this.#ports) port.close()
  }

  #take(waiting: Waiting): void {
    if (this.#mode === 'closed') return this.#refuse(waiting, 'the server is shutting down')
    if (this.#waiting.length >= passwordsWaitingMax) {
      return this.#refuse(waiting, `${passwordsWaitingMax} passwords wait to be hashed already`)
    }
    this.#waiting.push(waiting)
    this.#dispatch()
  }

  #dispatch(): void {
    while (this.#idle.length > 0) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      if (this.#options.clock.monotonicMs() - next.sinceMs > passwordWaitMs) {
        this.#refuse(next, `it has waited for ${passwordWaitMs} ms`)
        continue
      }
      const member = this.#idle.pop()
      assert(member !== undefined, 'a thread is idle')
      member.job = next
      member.thread.port.send(next.job)
    }
  }

  #spawn(first: { readonly onReady: () => void; readonly onFailure: (error: Error) => void }): void {
    const thread = (this.#options.spawn ?? realThread)()
    const member: Member = { thread, job: undefined }
    this.#members.add(member)
    thread.port.receive((message) => {
      if (message.type === 'ready') first.onReady()
      else this.#finish(member, message)
      this.#failures = 0
      this.#idle.push(member)
      this.#dispatch()
    })
    thread.onEnd((error) => {
      first.onFailure(error ?? new Error('a thread that hashes passwords ended by itself'))
      this.#bury(member, error)
    })
  }

  #finish(member: Member, outcome: PasswordOutcome): void {
    const { job } = member
    assert(job !== undefined, 'a thread answers what it was asked')
    member.job = undefined
    this.#done += 1
    job.port.send({ call: job.call, outcome })
  }

  #bury(member: Member, error: Error | undefined): void {
    this.#members.delete(member)
    const at = this.#idle.indexOf(member)
    if (at >= 0) this.#idle.splice(at, 1)
    if (member.job !== undefined) this.#refuse(member.job, 'the thread that hashed it has ended')
    if (this.#mode === 'closed') return
    this.#failures += 1
    this.#restarts += 1
    const delayMs = this.#options.respawnDelayMs(this.#failures)
    this.#options.log('error', 'passwords.respawn', { why: String(error), delayMs })
    this.#options.timers.after(delayMs, () => {
      if (this.#mode === 'running') this.#spawn({ onReady() {}, onFailure() {} })
    })
  }

  #refuse({ port, call }: Waiting, why: string): void {
    this.#refused += 1
    port.send({ call, outcome: { type: 'refused', why } })
  }
}

function realThread(): PasswordThread {
  const worker = new Worker(new URL('./password-entry.ts', import.meta.url), { name: 'passwords' })
  let why: Error | undefined
  worker.on('error', (error: Error) => {
    why = error
  })
  return {
    port: portOf(worker),
    onEnd: (handler) => void worker.once('exit', () => handler(why)),
    end: () => void worker.terminate(),
  }
}
