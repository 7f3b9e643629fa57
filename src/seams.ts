/**
 * Where the world enters: time, chance and messages between threads. Everything else takes these as parameters, so that
 * a simulation can own them. The real ones are here, and only here.
 */
import { randomFillSync } from 'node:crypto'
import { setPriority } from 'node:os'
import { type MessagePort, receiveMessageOnPort, type Worker } from 'node:worker_threads'

export type Clock = {
  /** Milliseconds since 1970 by the machine's clock, which may jump. */
  wallMs(): number
  /** Milliseconds since some moment, the same for all threads of this machine; never goes back. */
  monotonicMs(): number
}

export type Timer = { cancel(): void }

export type Timers = {
  /** Calls once, not before `delayMs` have passed. Does not keep the process alive. */
  after(delayMs: number, call: () => void): Timer
  /** Calls once, after the input and output that is ready now. */
  soon(call: () => void): void
}

export type Random = {
  /** A number in [0, 1) that nobody can guess. */
  fraction(): number
}

/** One end of a channel between two threads; what is sent arrives in order, or never if the other end is gone. */
export type Port<Incoming, Outgoing> = {
  /** `transfer` names the ports within the message, which the other thread takes over. */
  send(message: Outgoing, transfer?: readonly MessagePort[]): void
  receive(handler: (message: Incoming) => void): void
  /** Calls once, behind the last message, when either end was closed or its thread has ended. */
  onClose(handler: () => void): void
  close(): void
}

/** A port that need not wait for its turn. */
export type PromptPort<Incoming, Outgoing> = Port<Incoming, Outgoing> & {
  /** Hands over, now and in order, whatever has been sent. */
  receiveNow(): void
}

export const realClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => {
    const [seconds, nanoseconds] = process.hrtime()
    return seconds * 1_000 + nanoseconds / 1e6
  },
}

export const realTimers: Timers = {
  after(delayMs, call) {
    const timeout = setTimeout(call, delayMs)
    timeout.unref()
    return { cancel: () => clearTimeout(timeout) }
  },
  soon(call) {
    setImmediate(call)
  },
}

/** The same for commands, which must not end while they wait. */
export const heldTimers: Timers = {
  after(delayMs, call) {
    const timeout = setTimeout(call, delayMs)
    return { cancel: () => clearTimeout(timeout) }
  },
  soon: realTimers.soon,
}

/** Draws from the kernel 4 KiB at a time: one call for each number would cost more than all else an id needs. */
export function realRandom(): Random {
  const pool = new Uint32Array(1_024)
  let next = pool.length
  return {
    fraction() {
      if (next === pool.length) {
        randomFillSync(pool)
        next = 0
      }
      const drawn = pool[next] as number
      // A number used is a number gone, so that memory never holds an id that was handed out.
      pool[next++] = 0
      return drawn / 0x1_0000_0000
    },
  }
}

/** One end between threads as a `Port`: a `MessagePort`, or the `Worker` that is a thread's other end. */
export function portOf<Incoming, Outgoing>(end: MessagePort): PromptPort<Incoming, Outgoing>
export function portOf<Incoming, Outgoing>(end: MessagePort | Worker): Port<Incoming, Outgoing>
export function portOf<Incoming, Outgoing>(end: MessagePort | Worker): Port<Incoming, Outgoing> {
  let hear: (message: Incoming) => void = () => {}
  const port: Port<Incoming, Outgoing> = {
    send: (message, transfer) => end.postMessage(message, transfer === undefined ? [] : [...transfer]),
    receive: (handler) => {
      hear = handler
      end.on('message', handler)
    },
    onClose: (handler) => void end.once('close' in end ? 'close' : 'exit', handler),
    close: () => {
      if ('close' in end) end.close()
    },
  }
  if (!('close' in end)) return port
  const prompt: PromptPort<Incoming, Outgoing> = {
    ...port,
    receiveNow: () => {
      for (let next = receiveMessageOnPort(end); next !== undefined; next = receiveMessageOnPort(end))
        hear(next.message)
    },
  }
  return prompt
}

/** Where a core is short, this thread comes after others. On Linux a thread has a priority of its own; elsewhere nothing changes. */
export function yieldToOthers(niceness: number): void {
  if (process.platform === 'linux') setPriority(0, niceness)
}
