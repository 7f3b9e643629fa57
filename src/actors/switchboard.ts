/**
 * Keeps every engine of the process connected to the present life of every worker, wherever that runs, and tells them what it
 * can do and when it has ended.
 *
 * An engine is connected to one life at a time: where a worker moves, its next life waits until the last one has had its last
 * word, so that nobody is told of what it answered that nothing is known.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { assert } from '../domain/assert.ts'
import type { Port } from '../seams.ts'
import type { ToEngine, WorkerState } from './protocol.ts'

export type WorkerReadiness = { readonly worker: number; readonly state: WorkerState }

/** Gives a life of a worker one end of a channel; an engine has the other. */
export type Connect = (end: MessagePort) => void

type Life = {
  /** Which of all lives of the worker it is. */
  readonly name: string
  readonly connect: Connect
  state: WorkerState
}

type Line = {
  readonly worker: number
  /** Engines are connected to it; absent while no life of it can be talked to. */
  present: Life | undefined
  next: Life | undefined
  /** While there is none. */
  state: WorkerState
}

const starting: WorkerState = { type: 'starting' }

export class Switchboard {
  readonly #lines: readonly Line[]
  readonly #engines = new Set<Port<never, ToEngine>>()
  /** Calls once after every change of a state. */
  onChange: () => void = () => {}

  constructor(workers: number) {
    this.#lines = Array.from({ length: workers }, (_, worker) => {
      return { worker, present: undefined, next: undefined, state: starting }
    })
  }

  get readiness(): readonly WorkerReadiness[] {
    return this.#lines.map(({ worker }) => ({ worker, state: this.stateOf(worker) }))
  }

  /** As engines have been told. */
  stateOf(worker: number): WorkerState {
    const { present, state } = this.#lineOf(worker)
    return present?.state ?? state
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
  begin(worker: number, life: Life): void {
    const line = this.#lineOf(worker)
    if (line.present === undefined) this.#connect(line, life)
    else line.next = life
  }

  /** What a life of a worker can do now; of one that has not begun, why not. */
  become(worker: number, name: string, state: WorkerState): void {
    const line = this.#lineOf(worker)
    if (line.next?.name === name) {
      line.next.state = state
      return
    }
    if (line.present?.name === name) line.present.state = state
    else if (line.present === undefined) line.state = state
    else return
    this.#say(worker, state)
  }

  /** A life of a worker is over. What it was asked and did not answer may have happened. */
  end(worker: number, name: string): void {
    const line = this.#lineOf(worker)
    if (line.next?.name === name) line.next = undefined
    if (line.present?.name !== name) return
    line.present = undefined
    line.state = starting
    this.tell({ type: 'down', worker })
    this.#say(worker, starting)
    const { next } = line
    line.next = undefined
    if (next !== undefined) this.#connect(line, next)
  }

  #connect(line: Line, life: Life): void {
    line.present = life
    for (const engine of this.#engines) link(line, engine)
    this.onChange()
  }

  #say(worker: number, state: WorkerState): void {
    this.tell({ type: 'state', worker, state })
    this.onChange()
  }

  #lineOf(worker: number): Line {
    const line = this.#lines[worker]
    assert(line !== undefined, 'whoever deals out workers knows how many there are')
    return line
  }
}

function link({ worker, present }: Line, engine: Port<never, ToEngine>): void {
  if (present === undefined) return
  const { port1, port2 } = new MessageChannel()
  engine.send({ type: 'link', worker, port: port1 }, [port1])
  engine.send({ type: 'state', worker, state: present.state })
  present.connect(port2)
}
