/**
 * All listeners of a process as main sees them: started together, drained together, counted together.
 *
 * A thread that dies takes its connections with it and nothing else: the kernel gives new ones to the others until it is
 * replaced (FAULTS.md, 49). The only listener lives in main, and with it.
 */
import { MessageChannel, Worker } from 'node:worker_threads'
import { AggregatorRegistry } from 'prom-client'
import { controlChannel } from '../actors/control-channel.ts'
import type { ToEngine } from '../actors/protocol.ts'
import { respawnDelayMs } from '../actors/respawn-delay.ts'
import type { Supervisor } from '../actors/supervisor.ts'
import type { ClusterNode } from '../cluster/cluster-node.ts'
import type { EventsThread } from '../events/events-thread.ts'
import type { HistoryThread } from '../history/history-thread.ts'
import { metricsTimeoutMs } from '../limits.ts'
import { linkChannel, type ToLinkedClient } from '../linked-thread.ts'
import type { Logger } from '../log.ts'
import { DamageBoard } from '../persistence/tables/seals/damage-board.ts'
import type { TablesThread } from '../persistence/tables/tables-thread.ts'
import { type Port, portOf, realClock, type Timers } from '../seams.ts'
import type { SearchThread } from '../search/search-thread.ts'
import type { PasswordThreads } from '../shop/accounts/password-threads.ts'
import type { DeskThread } from '../shop/desk/desk-thread.ts'
import { RestorationBoard } from '../shop/restoration/restoration-board.ts'
import { clusterRegistry } from './cluster-metrics.ts'
import { SharedCooldowns } from './cooldowns.ts'
import { damageRegistry } from './damage-metrics.ts'
import { deskRegistry } from './desk-metrics.ts'
import { engineRegistry } from './engine-metrics.ts'
import { eventsRegistry } from './events-metrics.ts'
import { historyRegistry } from './history-metrics.ts'
import { limitsRegistry } from './limits-metrics.ts'
import { type ListenerEnds, type ListenerSettings, runListener } from './listener.ts'
import type { ListenerData } from './listener-entry.ts'
import type { FromListener, RegistryValues, ToListener } from './listener-protocol.ts'
import { passwordsRegistry } from './passwords-metrics.ts'
import { SharedRateLimits } from './rate-limits.ts'
import { restorationRegistry } from './restoration-metrics.ts'
import { searchRegistry } from './search-metrics.ts'
import { tablesRegistry } from './tables-metrics.ts'

export type ListenersOptions = {
  readonly count: number
  readonly settings: ListenerSettings
  readonly supervisor: Supervisor
  readonly tables: TablesThread
  readonly passwords: Pick<PasswordThreads, 'connect' | 'status'>
  readonly history: HistoryThread
  readonly search: SearchThread
  /** Absent where nobody is to be told. */
  readonly events: Pick<EventsThread, 'status' | 'restarts'> | undefined
  readonly desk: Pick<DeskThread, 'status' | 'restarts'>
  /** Absent on one machine. */
  readonly cluster: Pick<ClusterNode, 'view'> | undefined
  readonly timers: Timers
  readonly log: Logger
  readonly logLevel: string
  readonly crashPoint: string | undefined
}

type Member = {
  readonly index: number
  readonly main: Port<FromListener, ToListener>
  /** Where its engine hears of the workers. */
  readonly engine: Port<never, ToEngine>
  /** Where its history's end hears of the thread. */
  readonly history: Port<never, ToLinkedClient>
  /** The same of its search's end. */
  readonly search: Port<never, ToLinkedClient>
  /** Who waits for its port; nobody once it is open, nor for a replacement's. */
  opening: PromiseWithResolvers<number> | undefined
  readonly closed: PromiseWithResolvers<void>
  /** Scrapes that wait for its numbers, by id. */
  readonly collections: Map<number, (values: RegistryValues) => void>
  /** Ends in a row, its predecessors' too, before the port was open. */
  failures: number
  /** What its thread died of. */
  error: unknown
}

export class Listeners {
  readonly #options: ListenersOptions
  readonly #members = new Set<Member>()
  #settings: ListenerSettings
  #lastCollectId = 0
  #mode: 'serving' | 'draining' | 'closing' = 'serving'

  constructor(options: ListenersOptions) {
    this.#options = options
    this.#settings = { ...options.settings, reusePort: options.count > 1 }
  }

  /** Opens the port; resolves with its number. Rejects with the first listener's reason. */
  async start(): Promise<number> {
    // Where any free port will do, the first listener finds one and the others share it.
    const port = await this.#open(0)
    this.#settings = { ...this.#settings, port }
    for (let index = 1; index < this.#options.count && this.#mode !== 'closing'; index++)
      await this.#open(index)
    return port
  }

  /** From now on `GET /readyz` says no. */
  drain(): void {
    this.#mode = 'draining'
    for (const { main } of this.#members) main.send({ type: 'drain' })
  }

  /** Stops accepting and waits for what is in flight. */
  async close(deadlineMs: number): Promise<void> {
    this.#mode = 'closing'
    const members = [...this.#members]
    for (const { main } of members) main.send({ type: 'close', deadlineMs })
    await Promise.all(members.map(({ closed }) => closed.promise))
  }

  #open(index: number): Promise<number> {
    const opening = Promise.withResolvers<number>()
    this.#add({ index, opening, failures: 0 })
    return opening.promise
  }

  #add(place: Pick<Member, 'index' | 'opening' | 'failures'>): void {
    const { supervisor, tables, passwords, history, search, count } = this.#options
    const { engineEnd, supervisorEnd: engine } = controlChannel()
    const past = linkChannel()
    const finds = linkChannel()
    const ends: ListenerEnds = {
      engine: engineEnd,
      tables: tables.connect(),
      passwords: passwords.connect(),
      history: past.clientEnd,
      search: finds.clientEnd,
    }
    const thread = count > 1 ? this.#startThread(ends) : undefined
    const member: Member = {
      ...place,
      main: thread === undefined ? this.#runHere(ends) : portOf(thread),
      engine,
      history: past.threadEnd,
      search: finds.threadEnd,
      closed: Promise.withResolvers(),
      collections: new Map(),
      error: undefined,
    }
    this.#members.add(member)
    member.main.receive((message) => this.#hear(member, message))
    thread?.on('error', (error) => {
      member.error = error
      this.#options.log.error({ listener: member.index, err: error }, 'listener.error')
    })
    thread?.on('exit', (code) => this.#bury(member, code))
    supervisor.attach(engine)
    history.attach(past.threadEnd)
    search.attach(finds.threadEnd)
    if (this.#mode === 'draining') member.main.send({ type: 'drain' })
  }

  #startThread(ends: ListenerEnds): Worker {
    const { logLevel, crashPoint } = this.#options
    const workerData: ListenerData = { settings: this.#settings, ends, logLevel, crashPoint }
    const transferList = Object.values(ends)
    return new Worker(new URL('./listener-entry.ts', import.meta.url), { workerData, transferList })
  }

  #runHere(ends: ListenerEnds): Port<FromListener, ToListener> {
    const { port1, port2 } = new MessageChannel()
    void runListener(this.#settings, ends, { main: portOf(port2), log: this.#options.log })
    return portOf(port1)
  }

  /** The thread has ended. Nobody waits for it any more, and unless all is closing another takes its place. */
  #bury(member: Member, code: number): void {
    const { supervisor, history, search, log, timers } = this.#options
    const { index, opening, error } = member
    this.#members.delete(member)
    supervisor.detach(member.engine)
    history.detach(member.history)
    search.detach(member.search)
    for (const answer of member.collections.values()) answer([])
    member.closed.resolve()
    if (opening !== undefined) {
      const why = `a listener's thread ended before it had opened its port, with status ${code}`
      return opening.reject(new Error(why, { cause: error }))
    }
    if (this.#mode === 'closing') return
    const failures = member.failures + 1
    const delayMs = respawnDelayMs(failures)
    log.warn({ listener: index, code, delayMs }, 'listener.respawn')
    timers.after(delayMs, () => {
      if (this.#mode !== 'closing') this.#add({ index, opening: undefined, failures })
    })
  }

  #hear(member: Member, message: FromListener): void {
    switch (message.type) {
      case 'listening':
        this.#options.log.info({ listener: member.index, port: message.port }, 'listener.ready')
        member.failures = 0
        member.opening?.resolve(message.port)
        member.opening = undefined
        return
      case 'failed':
        return this.#cannotOpen(member, Object.assign(new Error(message.message), { code: message.code }))
      case 'closed':
        return member.closed.resolve()
      case 'collected':
        return member.collections.get(message.id)?.(message.values)
      case 'metricsWanted':
        void this.#metricsText().then((text) => member.main.send({ type: 'metrics', id: message.id, text }))
        return
    }
  }

  /** Its thread ends by itself now, and is replaced then where nobody waits for it. */
  #cannotOpen(member: Member, error: Error): void {
    if (member.opening !== undefined) return member.opening.reject(error)
    this.#options.log.error({ listener: member.index, err: error }, 'listener.failed')
  }

  /** The metrics of every listener and worker, summed where they count the same thing. */
  async #metricsText(): Promise<string> {
    const { supervisor, settings, history, search, events, passwords, desk, tables, cluster } = this.#options
    const [statuses, historyStatus, searchStatus, eventsStatus, deskStatus, ...listeners] = await Promise.all(
      [
        supervisor.status(metricsTimeoutMs),
        history.status(metricsTimeoutMs),
        search.status(metricsTimeoutMs),
        events?.status(metricsTimeoutMs),
        desk.status(metricsTimeoutMs),
        ...[...this.#members].map((member) => this.#collect(member)),
      ],
    )
    const engine = await engineRegistry(statuses, supervisor.readiness()).getMetricsAsJSON()
    const rateLimits = new SharedRateLimits(settings.rateMemory, realClock)
    const cooldowns = new SharedCooldowns(settings.cooldownMemory, realClock)
    const limits = await limitsRegistry(rateLimits, cooldowns).getMetricsAsJSON()
    const past = await historyRegistry(historyStatus, history.restarts).getMetricsAsJSON()
    const finding = await searchRegistry(searchStatus, search.restarts).getMetricsAsJSON()
    const telling =
      events === undefined ? [] : await eventsRegistry(eventsStatus, events.restarts).getMetricsAsJSON()
    const hashing = await passwordsRegistry(passwords.status()).getMetricsAsJSON()
    const orders = await deskRegistry(deskStatus, desk.restarts).getMetricsAsJSON()
    const damage = await damageRegistry(new DamageBoard(settings.damage)).getMetricsAsJSON()
    const board = new RestorationBoard(settings.restoration)
    const restoring = await restorationRegistry(board).getMetricsAsJSON()
    const isOnServer = settings.tablesPath === undefined
    const connections = await tablesRegistry(tables.pool, isOnServer).getMetricsAsJSON()
    const view = cluster?.view()
    const leases = view === undefined ? [] : await clusterRegistry(view).getMetricsAsJSON()
    const shop = [finding, telling, hashing, orders, damage, restoring]
    const own = [engine, limits, past, ...shop, connections, leases]
    const values = [...listeners, ...own].map((registry) => [...registry])
    return AggregatorRegistry.aggregate(values).metrics()
  }

  #collect({ main, collections }: Member): Promise<RegistryValues> {
    return new Promise((resolve) => {
      const id = ++this.#lastCollectId
      const answer = (values: RegistryValues) => {
        collections.delete(id)
        timer.cancel()
        resolve(values)
      }
      const timer = this.#options.timers.after(metricsTimeoutMs, () => answer([]))
      collections.set(id, answer)
      main.send({ type: 'collect', id })
    })
  }
}
