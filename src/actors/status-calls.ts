/** Questions to workers how they are; who does not answer in time has said nothing. */
import type { Port, Timers } from '../seams.ts'
import type { FromWorker, ToWorker, WorkerStatus } from './protocol.ts'

export class StatusCalls {
  readonly #timers: Timers
  readonly #calls = new Map<number, (status: WorkerStatus) => void>()
  #lastId = 0

  constructor(timers: Timers) {
    this.#timers = timers
  }

  ask(port: Port<FromWorker, ToWorker> | undefined, withinMs: number): Promise<WorkerStatus | undefined> {
    return new Promise((resolve) => {
      if (port === undefined) return resolve(undefined)
      const id = ++this.#lastId
      const timer = this.#timers.after(withinMs, () => {
        this.#calls.delete(id)
        resolve(undefined)
      })
      this.#calls.set(id, (status) => {
        timer.cancel()
        resolve(status)
      })
      port.send({ type: 'status', id })
    })
  }

  answer({ id, status }: { readonly id: number; readonly status: WorkerStatus }): void {
    this.#calls.get(id)?.(status)
    this.#calls.delete(id)
  }
}
