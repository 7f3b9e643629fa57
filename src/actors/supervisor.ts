/**
 * Keeps the workers of a process alive and its listeners connected to them. Runs in the main thread.
 *
 * Owns which epoch each worker writes, when a dead one is replaced, and which commands are refused because they ended
 * their worker again and again. On one machine all workers are here; in a cluster each is here, at another node, or
 * nowhere, as `serve`, `retire`, `fence` and `follow` say. Knows nothing of what workers decide.
 *
 * V1  A successor starts only after its predecessor's thread has ended: one stream of a shard is written at a time.
 * V2  Every new worker gets an epoch above all before it.
 */
import type { MessagePort } from 'node:worker_threads'
import { assert } from '../domain/assert.ts'
import type { CustomerId, ShardId } from '../domain/ids.ts'
import { parkedMsMax, shutdownDeadlineMs, spareWorkersMax } from '../limits.ts'
import type { StreamId } from '../persistence/journal/frame.ts'
import { type Port, portOf, type Timers } from '../seams.ts'
import { controlChannel } from './control-channel.ts'
import { FollowedShards } from './followed-shards.ts'
import { type Member, nameOf, newMember } from './member.ts'
import { PoisonList } from './poison-list.ts'
import type { FromWorker, ToEngine, ToWorker, WorkerState, WorkerStatus } from './protocol.ts'
import type { RemoteShards, ServedShard, ShardLife } from './remote-shards.ts'
import { respawnDelayMs } from './respawn-delay.ts'
import { beginShared, type SharedJournals } from './shared-journals.ts'
import { SnapshotKeeper } from './snapshot-keeper.ts'
import { StatusCalls } from './status-calls.ts'
import { Switchboard, type WorkerReadiness } from './switchboard.ts'
import type { WorkerData } from './worker-entry.ts'
import type { WorkerSettings } from './worker-parts.ts'
import { type WorkersConfig, workerSettings } from './worker-settings.ts'
import { WorkerThreads } from './worker-threads.ts'

/** Structured events of the supervisor, for the log. */
export type SupervisorLog = (level: 'info' | 'warn' | 'error', event: string, detail: object) => void

export type SupervisorOptions = WorkersConfig & {
  readonly timers: Timers
  readonly log: SupervisorLog
  readonly crashPoint: string | undefined
  /** The first epoch that no file of this journal has. */
  readonly nextEpoch: number
  /** Where nodes share journals: how a worker is to begin. */
  readonly journals?: SharedJournals
  /** In a cluster: the way to other nodes. Every worker is then nowhere at first, and calls wait while it moves. */
  readonly remotes?: RemoteShards
  /** Hears whose reservations have expired, at any worker; who is named twice had two. */
  readonly onExpired?: (customerIds: readonly CustomerId[]) => void
  /** Frames of a stream up to this ordinal survive power loss. */
  readonly onDurable?: (stream: StreamId, ordinal: number) => void
}

export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #members: readonly Member[]
  readonly #switchboard: Switchboard
  readonly #threads: WorkerThreads
  readonly #poison = new PoisonList()
  readonly #statusCalls: StatusCalls
  /** What other nodes serve. */
  readonly followed: FollowedShards | undefined
  #epoch: number
  #isClosing = false

  constructor(options: SupervisorOptions) {
    const { workers, remotes } = options
    this.#options = options
    this.#epoch = options.nextEpoch - 1
    this.#switchboard = new Switchboard(workers)
    this.#statusCalls = new StatusCalls(options.timers)
    this.#threads = new WorkerThreads({
      timers: options.timers,
      heapMb: options.workerHeapMb,
      isShared: options.journals !== undefined,
      spares: remotes === undefined ? 0 : Math.min(workers, spareWorkersMax),
    })
    this.followed =
      remotes === undefined ? undefined : new FollowedShards(this.#switchboard, remotes, options.timers)
    const isHere = remotes === undefined
    this.#members = Array.from({ length: workers }, (_, index) =>
      newMember(index, isHere, this.#snapshotsOf(index)),
    )
  }

  /** Starts all workers that are to be here; resolves when each is ready, or needs somebody to act. */
  async start(): Promise<void> {
    const members = this.#members.filter(({ isHere }) => isHere)
    for (const member of members) this.#begin(member)
    await this.#until(() =>
      members.every(({ index }) => this.#switchboard.stateOf(index).type !== 'starting'),
    )
  }

  /** From now on this shard is served here. Not while a thread of it is: `retire` or `fence` has to have resolved. */
  serve(shard: number): void {
    const member = this.#memberOf(shard)
    assert(!member.isHere && member.thread === undefined, 'a shard has one worker (V1)')
    this.forget(shard)
    member.isHere = true
    member.failures = 0
    this.#begin(member)
  }

  /**
   * Ends the shard's worker here in order: what it has accepted is decided, durable and answered, and nothing more is taken.
   * Resolves when its thread has ended; with false where that was in some other way.
   */
  async retire(shard: number): Promise<boolean> {
    const member = this.#memberOf(shard)
    member.isHere = false
    member.attempt += 1
    this.#followIfFree(member)
    if (member.thread === undefined) return true
    member.port?.send({ type: 'shutdown' })
    member.snapshots.stop()
    const late = this.#options.timers.after(shutdownDeadlineMs, () => void member.thread?.terminate())
    await member.ended
    late.cancel()
    return member.closed
  }

  /** Ends the shard's worker here at once; resolves when nothing of it can leave any more. */
  async fence(shard: number): Promise<void> {
    const member = this.#memberOf(shard)
    member.isHere = false
    member.attempt += 1
    member.snapshots.stop()
    this.#followIfFree(member)
    void member.thread?.terminate()
    await member.ended
  }

  /** From now on this shard is where that node serves it, as soon as it does, and as nothing of it is here any more. */
  follow(shard: number, nodeId: string): void {
    const member = this.#memberOf(shard)
    member.follows = nodeId
    this.#followIfFree(member)
  }

  /** From now on no other node is known to serve this shard. */
  forget(shard: number): void {
    this.#memberOf(shard).follows = undefined
    this.followed?.forget(shard)
  }

  /** What this node serves, for others. */
  get served(): readonly ServedShard[] {
    const living = this.#members.filter(({ thread }) => thread !== undefined)
    return living.map(({ index: shard, life, state }) => ({ shard, life, state }))
  }

  /** Commands that are refused, for other nodes too. */
  get quarantined(): readonly string[] {
    return this.#poison.quarantined
  }

  /** Another node has refused this command because it ended its workers. */
  noteRemotePoison(fingerprint: string): void {
    this.#poison.add(fingerprint)
    this.#switchboard.tell({ type: 'quarantine', fingerprint })
  }

  /** Gives this life of a shard's worker the port of another node's engine, or of what shows its board to others. */
  connect({ shard, life }: ShardLife, as: 'connect' | 'feed', port: MessagePort): void {
    const member = this.#members[shard]
    if (member?.port === undefined || member.life !== life) return port.close()
    member.port.send({ type: as, port }, [port])
  }

  /**
   * A stream has begun this segment in this node's files, whoever writes it, and those before it are whole. Each is worth a
   * snapshot: whoever has to take a shard over has no time to replay much.
   */
  noteMirrored(stream: StreamId, segment: number): void {
    if (segment > 1)
      this.#members[stream.worker]?.snapshots.take(workerSettings(this.#options, stream), segment)
  }

  /** Connects a listener's engine, now and with every worker to come. */
  attach(engine: Port<never, ToEngine>): void {
    if (this.#options.remotes !== undefined) engine.send({ type: 'park', forMs: parkedMsMax })
    this.#switchboard.attach(engine)
    for (const fingerprint of this.#poison.quarantined) engine.send({ type: 'quarantine', fingerprint })
  }

  /** Forgets an engine that is gone. */
  detach(engine: Port<never, ToEngine>): void {
    this.#switchboard.detach(engine)
  }

  readiness(): readonly WorkerReadiness[] {
    return this.#switchboard.readiness
  }

  /** What each living worker of this process says of itself; those that do not answer in time are left out. */
  async status(withinMs: number): Promise<readonly WorkerStatus[]> {
    const asked = this.#members.map(({ port }) => this.#statusCalls.ask(port, withinMs))
    return (await Promise.all(asked)).filter((status) => status !== undefined)
  }

  /**
   * Ends every worker in order: what they have accepted is decided, durable and answered. Rejects where one ended some
   * other way. A worker that has ended before has nothing more to lose: whoever waited for it was told.
   */
  async shutDown(): Promise<void> {
    this.#isClosing = true
    this.#threads.close()
    const living = this.#members.filter(({ thread }) => thread !== undefined)
    for (const { port, snapshots } of this.#members) {
      port?.send({ type: 'shutdown' })
      snapshots.stop()
    }
    const deadline = this.#options.timers.after(shutdownDeadlineMs, () => {
      for (const { thread } of this.#members) void thread?.terminate()
    })
    await this.#until(() => this.#members.every(({ thread }) => thread === undefined))
    deadline.cancel()
    const lost = living.filter(({ closed }) => !closed)
    if (lost.length > 0)
      throw new Error(`${lost.length} workers did not close in order; the next start replays`)
  }

  /** Starts a worker, once it is known where its journal ends; until then it is tried again. */
  #begin(member: Member): void {
    const { journals, timers, log } = this.#options
    member.attempt += 1
    const { attempt, index } = member
    if (journals === undefined) return this.#spawn(member, this.#settingsOf(member))
    beginShared(journals, index as ShardId, {
      timers,
      isWanted: () => attempt === member.attempt && !this.#isClosing,
      begin: (shared) => {
        const stream = { epoch: shared.epoch, worker: index }
        this.#spawn(member, { ...workerSettings(this.#options, stream), shared })
      },
      onFailure: (why, isLost) => {
        log('warn', 'worker.cannotStart', { worker: index, why })
        if (isLost) this.#become(member, { type: 'stopped', why })
      },
    })
  }

  #settingsOf({ index }: Member): WorkerSettings {
    this.#epoch += 1
    return workerSettings(this.#options, { epoch: this.#epoch, worker: index })
  }

  #spawn(member: Member, settings: WorkerSettings): void {
    const { workers } = this.#options
    const { engineEnd, supervisorEnd } = controlChannel()
    const { crashPoint } = this.#options
    const data: WorkerData = { settings, workers, engine: engineEnd, crashPoint }
    const thread = this.#threads.begin(data, [engineEnd])
    const { promise, resolve } = Promise.withResolvers<void>()
    const port: Port<FromWorker, ToWorker> = portOf(thread)
    member.settings = settings
    member.thread = thread
    member.ended = promise
    member.port = port
    member.life += 1
    member.closed = false
    port.receive((message) => this.#hear(member, message))
    thread.on('error', (error) => {
      this.#options.log('error', 'worker.error', { worker: member.index, why: String(error) })
    })
    thread.on('exit', (code) => {
      this.#bury(member, code)
      resolve()
    })
    member.engine = supervisorEnd
    this.#become(member, { type: 'starting' })
    this.#switchboard.begin(member.index, {
      name: nameOf(member),
      state: member.state,
      connect: (end) => port.send({ type: 'connect', port: end }, [end]),
    })
    this.attach(supervisorEnd)
  }

  #hear(member: Member, message: FromWorker): void {
    switch (message.type) {
      case 'state':
        if (message.state.type === 'ready') member.failures = 0
        else if (message.state.type !== 'starting') {
          this.#options.log('error', `worker.${message.state.type}`, {
            worker: member.index,
            why: message.state.why,
          })
        }
        return this.#become(member, message.state)
      case 'log':
        return this.#options.log(message.level, message.event, { worker: member.index, ...message.detail })
      case 'status':
        return this.#statusCalls.answer(message)
      case 'rolled':
        if (member.settings !== undefined) member.snapshots.noteRoll(member.settings, message.segment)
        return
      case 'checksums':
        return member.snapshots.note(message.check)
      case 'expired':
        this.#options.onExpired?.(message.customerIds)
        return
      case 'durable':
        if (member.settings !== undefined) this.#options.onDurable?.(member.settings.stream, message.ordinal)
        return
      case 'failed':
        this.#options.log('error', 'worker.failed', { worker: member.index, why: message.why })
        if (message.poison !== undefined) this.#notePoison(message.poison)
        return
      case 'closed':
        member.closed = true
        return
    }
  }

  /** The thread has ended. Where it is still to be here and not all is closing, a successor replays what it left (V1). */
  #bury(member: Member, code: number): void {
    const { index: worker, life } = member
    member.thread = undefined
    member.port = undefined
    member.snapshots.noteEnd()
    if (member.engine !== undefined) this.detach(member.engine)
    member.engine = undefined
    this.#options.remotes?.noteEnded({ shard: worker, life })
    this.#switchboard.end(worker, nameOf(member))
    this.#followIfFree(member)
    if (this.#isClosing || !member.isHere) return
    member.failures += 1
    const delayMs = respawnDelayMs(member.failures)
    this.#options.log('warn', 'worker.respawn', { worker, code, delayMs })
    this.#options.timers.after(delayMs, () => {
      // It may have been given up meanwhile, and taken again.
      if (!this.#isClosing && member.isHere && member.thread === undefined) this.#begin(member)
    })
  }

  #become(member: Member, state: WorkerState): void {
    const { index, life } = member
    member.state = state
    this.#switchboard.become(index, nameOf(member), state)
    this.#options.remotes?.noteServed({ shard: index, life, state })
  }

  /** A command that has ended its worker too often is not let through any more. */
  #notePoison(fingerprint: string): void {
    if (!this.#poison.note(fingerprint)) return
    this.#options.log('error', 'command.quarantined', { command: fingerprint })
    this.#switchboard.tell({ type: 'quarantine', fingerprint })
    this.#options.remotes?.noteQuarantined(fingerprint)
  }

  #snapshotsOf(worker: number): SnapshotKeeper {
    const { log, crashPoint } = this.#options
    return new SnapshotKeeper({
      log: (level, event, detail) => log(level, event, { worker, ...detail }),
      crashPoint,
      onDifference: (why) => this.#members[worker]?.port?.send({ type: 'end', why }),
    })
  }

  #followIfFree({ index, isHere, thread, follows }: Member): void {
    if (!isHere && thread === undefined && follows !== undefined) this.followed?.follow(index, follows)
  }

  #memberOf(shard: number): Member {
    const member = this.#members[shard]
    assert(member !== undefined, 'whoever deals out shards knows how many there are')
    return member
  }

  #until(isSo: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (isSo()) resolve()
      }
      this.#switchboard.onChange = look
      look()
    })
  }
}
