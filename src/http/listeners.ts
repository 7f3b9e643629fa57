/** All listeners of a process as main sees them: started together, drained together, counted together. */
import { MessageChannel, Worker } from 'node:worker_threads'
import { AggregatorRegistry } from 'prom-client'
import { controlChannel, type Supervisor } from '../actors/supervisor.ts'
import { metricsTimeoutMs } from '../limits.ts'
import type { Logger } from '../log.ts'
import type { TablesThread } from '../persistence/tables/tables-thread.ts'
import { type Port, portOf, type Timers } from '../seams.ts'
import { engineRegistry } from './engine-metrics.ts'
import { type ListenerSettings, runListener } from './listener.ts'
import type { ListenerData } from './listener-entry.ts'
import type { FromListener, RegistryValues, ToListener } from './listener-protocol.ts'

export type ListenersOptions = {
  readonly count: number
  readonly settings: ListenerSettings
  readonly supervisor: Supervisor
  readonly tables: TablesThread
  readonly timers: Timers
  readonly log: Logger
  readonly logLevel: string
  readonly crashPoint: string | undefined
}

type Member = {
  readonly main: Port<FromListener, ToListener>
  readonly listening: PromiseWithResolvers<number>
  readonly closed: PromiseWithResolvers<void>
}

export class Listeners {
  readonly #options: ListenersOptions
  readonly #members: Member[] = []
  readonly #collections = new Map<number, (values: RegistryValues) => void>()
  #lastCollectId = 0

  constructor(options: ListenersOptions) {
    this.#options = options
  }

  /** Opens the port; resolves with its number. Rejects with the first listener's reason. */
  async start(): Promise<number> {
    const { count, settings } = this.#options
    // Where any free port will do, the first listener finds one and the others share it.
    const port = await this.#add({ ...settings, reusePort: count > 1 })
    for (let i = 1; i < count; i++) await this.#add({ ...settings, port, reusePort: true })
    return port
  }

  /** From now on `GET /readyz` says no. */
  drain(): void {
    for (const { main } of this.#members) main.send({ type: 'drain' })
  }

  /** Stops accepting and waits for what is in flight. */
  async close(deadlineMs: number): Promise<void> {
    for (const { main } of this.#members) main.send({ type: 'close', deadlineMs })
    await Promise.all(this.#members.map(({ closed }) => closed.promise))
    for (const { main } of this.#members) main.close()
  }

  #add(settings: ListenerSettings): Promise<number> {
    const { supervisor, tables, count, log, logLevel, crashPoint } = this.#options
    const { engineEnd, supervisorEnd } = controlChannel()
    const ends = { engine: engineEnd, tables: tables.connect() }
    let main: Port<FromListener, ToListener>
    if (count === 1) {
      const { port1, port2 } = new MessageChannel()
      main = portOf(port1)
      void runListener(settings, ends, { main: portOf(port2), log })
    } else {
      const workerData: ListenerData = { settings, ends, logLevel, crashPoint }
      const transferList = [ends.engine, ends.tables]
      main = portOf(new Worker(new URL('./listener-entry.ts', import.meta.url), { workerData, transferList }))
    }
    const member: Member = { main, listening: Promise.withResolvers(), closed: Promise.withResolvers() }
    this.#members.push(member)
    main.receive((message) => this.#hear(member, message))
    supervisor.attach(supervisorEnd)
    return member.listening.promise
  }

  #hear(member: Member, message: FromListener): void {
    switch (message.type) {
      case 'listening':
        return member.listening.resolve(message.port)
      case 'failed':
        return member.listening.reject(Object.assign(new Error(message.message), { code: message.code }))
      case 'closed':
        return member.closed.resolve()
      case 'collected':
        this.#collections.get(message.id)?.(message.values)
        this.#collections.delete(message.id)
        return
      case 'metricsWanted':
        void this.#metricsText().then((text) => member.main.send({ type: 'metrics', id: message.id, text }))
        return
    }
  }

  /** The metrics of every listener and worker, summed where they count the same thing. */
  async #metricsText(): Promise<string> {
    const { supervisor } = this.#options
    const [statuses, ...listeners] = await Promise.all([
      supervisor.status(metricsTimeoutMs),
      ...this.#members.map((member) => this.#collect(member)),
    ])
    const engine = await engineRegistry(statuses, supervisor.readiness()).getMetricsAsJSON()
    const values = [...listeners, engine].map((registry) => [...registry])
    return AggregatorRegistry.aggregate(values).metrics()
  }

  #collect({ main }: Member): Promise<RegistryValues> {
    return new Promise((resolve) => {
      const id = ++this.#lastCollectId
      const timer = this.#options.timers.after(metricsTimeoutMs, () => {
        this.#collections.delete(id)
        resolve([])
      })
      this.#collections.set(id, (values) => {
        timer.cancel()
        resolve(values)
      })
      main.send({ type: 'collect', id })
    })
  }
}
