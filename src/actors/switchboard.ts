/**
 * Keeps every engine of the process connected to the present life of every worker, wherever that runs, and tells them what it
 * can do and when it has ended.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { assert } from '../domain/assert.ts'
import type { Port } from '../seams.ts'
import type { ToEngine, WorkerState } from './protocol.ts'

export type WorkerReadiness = { readonly worker: number; readonly state: WorkerState }

/** Gives a life of a worker one end of a channel; an engine has the other. */
export type Connect = (end: MessagePort) => void

type Line = {
  readonly worker: number
  state: WorkerState
  /** Absent while no life of it can be talked to. */
  connect: Connect | undefined
}

const starting: WorkerState = { type: 'starting' }

export class Switchboard {
  readonly #lines: readonly Line[]
  readonly #engines = new Set<Port<never, ToEngine>>()
  /** Calls once after every change of a state. */
  onChange: () => void = () => {}

  constructor(workers: number) {
    this.#lines = Array.from({ length: workers }, (_, worker) => {
      return { worker, state: starting, connect: undefined }
    })
  }

  get readiness(): readonly WorkerReadiness[] {
    return this.#lines.map(({ worker, state }) => ({ worker, state }))
  }

  stateOf(worker: number): WorkerState {
    return this.#lineOf(worker).state
  }

  /** Connects an engine, now and with every life to come. */
  attach(engine: Port<never, ToEngine>): void {
    this.#engines.add(engine)
    for (const line of this.#lines) link(line, engine)
  }

  detach(engine: Port<never, ToEngine>): void {
    this.#engines.delete(engine)
  }

  /** Says something to all engines. */
  tell(message: ToEngine): void {
    for (const engine of this.#engines) engine.send(message)
  }

  /** A life of a worker can be talked to from now on. */
  begin(worker: number, state: WorkerState, connect: Connect): void {
    const line = this.#lineOf(worker)
    line.state = state
    line.connect = connect
    for (const engine of this.#engines) link(line, engine)
    this.onChange()
  }

  become(worker: number, state: WorkerState): void {
    this.#lineOf(worker).state = state
    this.tell({ type: 'state', worker, state })
    this.onChange()
  }

  /** Its life is over. What it was asked and did not answer may have happened. */
  end(worker: number): void {
    this.#lineOf(worker).connect = undefined
    this.tell({ type: 'down', worker })
    this.become(worker, starting)
  }

  #lineOf(worker: number): Line {
    const line = this.#lines[worker]
    assert(line !== undefined, 'whoever deals out workers knows how many there are')
    return line
  }
}

function link({ worker, state, connect }: Line, engine: Port<never, ToEngine>): void {
  if (connect === undefined) return
  const { port1, port2 } = new MessageChannel()
  engine.send({ type: 'link', worker, port: port1 }, [port1])
  engine.send({ type: 'state', worker, state })
  connect(port2)
}
