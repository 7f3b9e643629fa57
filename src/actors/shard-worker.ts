/**
 * What runs in a worker: its shards, their mailbox, their journal, and the replies on their way out.
 *
 * S2  No reply leaves before everything it rests on is durable: each waits for the newest frame that held events, or was
 *     going to, when it was decided. That covers refusals and reads.
 * S3  Where an append or a sync fails, or a rule breaks, memory is ahead of the journal: the worker ends, and its
 *     successor replays. What waited is never answered from here.
 */
import { dayMs } from '../domain/bounds.ts'
import type { ShardId } from '../domain/ids.ts'
import {
  batchCommandsMax,
  commandDeadlineMs,
  dutiesPerTurnMax,
  expiriesPerBatchMax,
  fencedLookMs,
  snapshotEventsMin,
  syncStuckMs,
} from '../limits.ts'
import type { Recovery } from '../persistence/journal/recovery.ts'
import { JournalDamaged } from '../persistence/journal/streams.ts'
import type { JournalWriter } from '../persistence/journal/writer.ts'
import type { Port } from '../seams.ts'
import { Alarm } from './alarm.ts'
import { BoardDesk } from './board-desk.ts'
import { DurableNotice } from './durable-notice.ts'
import { DutyDesk } from './duty-desk.ts'
import { openJournal } from './journal-opening.ts'
import { Mailbox } from './mailbox.ts'
import { MemoryBudget, mailboxMaxOf, recordBytesMax } from './memory-budget.ts'
import { MemoryChecks } from './memory-checks.ts'
import {
  type CallsMessage,
  fingerprintOf,
  type RepliesMessage,
  readCalls,
  type WorkerState,
  type WorkerStatus,
  writeReply,
} from './protocol.ts'
import { type Connection, Replies } from './replies.ts'
import { isRead, type Request } from './requests.ts'
import { shardOfRequest } from './routing.ts'
import { type EventSink, Shard, type Undecided } from './shard.ts'
import { type ShardClock, startShardClock } from './shard-clock.ts'
import { writeLastSnapshots } from './shard-end.ts'
import { NO_JOURNAL, recoverShards } from './shard-start.ts'
import { SyncWatch } from './sync-watch.ts'
import { Tenancy } from './tenancy.ts'
import { undecided } from './undecided.ts'
import type { WorkerParts, WorkerSettings } from './worker-parts.ts'
import { workerStatusOf } from './worker-status.ts'

const STUCK = `the disk has made nothing durable for ${syncStuckMs / 1_000} s`

export class ShardWorker {
  readonly #settings: WorkerSettings
  readonly #parts: WorkerParts
  readonly #mailbox: Mailbox<Connection>
  readonly #replies: Replies
  readonly #alarm: Alarm
  readonly #desk: DutyDesk
  readonly #board: BoardDesk
  readonly #notice: DurableNotice
  readonly #syncs: SyncWatch
  /** Made anew with its shards, which count into it. */
  #memory: MemoryBudget
  #shards: readonly Shard[] = []
  #checks: MemoryChecks
  readonly #tenancy: Tenancy
  #journal: JournalWriter | undefined
  #clock: ShardClock | undefined
  #state: WorkerState = { type: 'starting' }
  #isClosing = false
  #hasEnded = false
  #turnIsDue = false
  /** A turn found the journal's frame full: it comes with the next durable frame. */
  #turnWaits = false
  #deciding: Request | undefined
  #shed = 0
  #hasNextSegment = true
  /** Of each shard at start: what a snapshot at shutdown would spare the next one from replaying. */
  readonly #snapshotSequences = new Map<ShardId, number>()

  constructor(settings: WorkerSettings, parts: WorkerParts) {
    this.#settings = settings
    this.#tenancy = new Tenancy(settings, parts.clock)
    this.#parts = parts
    this.#memory = new MemoryBudget(recordBytesMax(settings.heapMb))
    this.#checks = new MemoryChecks([], settings.segmentBytes)
    this.#mailbox = new Mailbox(settings.shards, mailboxMaxOf(settings.heapMb))
    this.#replies = new Replies(parts.timers)
    this.#board = new BoardDesk((memory) => this.#replies.announce(memory))
    this.#desk = new DutyDesk(parts.engine, { ...parts, shards: settings.shardsOfData })
    this.#alarm = new Alarm(parts.timers, () => this.#scheduleTurn())
    this.#syncs = new SyncWatch(parts.timers, () => this.#become({ type: 'stopped', why: STUCK }))
    this.#notice = new DurableNotice(parts.timers, (ordinal) =>
      parts.supervisor.send({ type: 'durable', ordinal }),
    )
    parts.supervisor.receive((message) => {
      if (message.type === 'connect') this.#connect(parts.portOf(message.port))
      else if (message.type === 'feed') this.#board.feed(parts.feedOf(message.port))
      else if (message.type === 'status') {
        parts.supervisor.send({ type: 'status', id: message.id, status: this.#status() })
      } else if (message.type === 'end') this.#end(new Error(message.why))
      else void this.#shutDown()
    })
  }

  /** Recovers and begins to serve. Ends the worker where it cannot, unless somebody must act first. */
  async start(): Promise<void> {
    try {
      const recovered = recoverShards(this.#settings, this.#parts)
      if (recovered.type === 'doubtful') return this.#become({ type: 'stopped', why: recovered.why })
      const { recovery } = recovered
      for (const note of recovery.notes) this.#log('warn', 'recovery.note', { note })
      this.#clock = startShardClock(this.#parts.clock, recovery.lastTimeMs)
      await this.#open(recovery)
    } catch (error) {
      if (error instanceof JournalDamaged) this.#become({ type: 'stopped', why: error.message })
      else this.#end(error)
    }
  }

  async #open(recovery: Recovery): Promise<void> {
    const journal = await openJournal(recovery, {
      settings: this.#settings,
      parts: this.#parts,
      tenancy: this.#tenancy,
      nowMs: (this.#clock as ShardClock).nowMs,
      isClosing: () => this.#isClosing,
      onDurable: (ordinal) => this.#onDurable(ordinal),
      onFailure: (error) => this.#end(error),
      onStorage: (error) => this.#noteStorage(error),
      onNoRoom: (why, mayServe) => this.#noteNoRoom(recovery, why, mayServe),
      log: (level, event, detail) => this.#log(level, event, detail),
    })
    if (journal === undefined) return
    this.#journal = journal
    this.#serve(recovery, journal)
    this.#log('info', 'worker.ready', { events: recovery.eventsReplayed, carried: recovery.carry.length })
    this.#become({ type: 'ready', room: journal.room })
    this.#notice.note(journal.durableOrdinal)
    // Who is killed often would replay ever more.
    if (recovery.eventsReplayed >= snapshotEventsMin)
      this.#parts.supervisor.send({ type: 'rolled', segment: 1 })
    this.#scheduleTurn()
  }

  #noteNoRoom(recovery: Recovery, why: string, mayServe: boolean): void {
    if (!mayServe) return this.#become({ type: 'stopped', why })
    if (this.#state.type === 'readOnly') return
    this.#serve(recovery, NO_JOURNAL)
    this.#become({ type: 'readOnly', why })
  }

  #serve(recovery: Recovery, journal: EventSink): void {
    const readyAtMs = (this.#clock as ShardClock).nowMs()
    const { returnDays, heapMb, segmentBytes } = this.#settings
    const returnWindowMs = returnDays * dayMs
    const memory = new MemoryBudget(recordBytesMax(heapMb))
    this.#memory = memory
    this.#shards = [...recovery.shards.values()].map((recovered) => {
      this.#snapshotSequences.set(recovered.shard, recovered.snapshotSequence)
      return new Shard({ ...recovered, readyAtMs, returnWindowMs, memory }, journal)
    })
    this.#checks = new MemoryChecks(this.#shards, segmentBytes)
    this.#board.fill(this.#shards)
  }

  #connect(port: Port<CallsMessage, RepliesMessage>): void {
    const connection = this.#replies.connect(port)
    const { memory } = this.#board
    port.send(memory === undefined ? { cells: [] } : { cells: [], board: memory })
    port.receive((message) => this.#receive(connection, message))
  }

  #receive(connection: Connection, { sentAtMs, cells }: CallsMessage): void {
    const deadlineMs = sentAtMs + commandDeadlineMs
    const refusal = this.#refusal()
    readCalls(cells, (callId, request) => {
      // A listener's call ids only grow: what is not above the last has been here (FAULTS.md, 50).
      if (callId <= connection.lastCallId) return
      connection.lastCallId = callId
      if (refusal !== undefined && !(this.#state.type === 'readOnly' && isRead(request))) {
        return writeReply(connection.cells, callId, refusal)
      }
      const shard = shardOfRequest(request, this.#settings.shardsOfData)
      if (request.type === 'findStock') {
        return writeReply(connection.cells, callId, this.#board.placeOf(shard, request.productId))
      }
      if (this.#mailbox.put(shard, { from: connection, callId, request, deadlineMs })) return
      this.#shed += 1
      writeReply(connection.cells, callId, undecided('overloaded', 'the mailbox is full'))
    })
    // What rests on no state, or on what is durable alone, need not wait for anything.
    this.#replies.sendNow(connection)
    this.#scheduleTurn()
  }

  /** Why nothing can be decided now, if so. */
  #refusal(): Undecided | undefined {
    if (this.#isClosing) return undecided('shutting-down', 'the engine is shutting down')
    const why = this.#tenancy.doubt()
    if (why !== undefined) return undecided('shard-unavailable', why)
    const state = this.#state
    if (state.type === 'readOnly') return undecided('read-only', state.why)
    if (state.type === 'starting') return undecided('shard-unavailable', 'the shard is recovering')
    if (state.type === 'stopped')
      return undecided('shard-unavailable', 'the shard is stopped until somebody acts')
    return undefined
  }

  /** Tells those who wait that nothing happened. */
  #refuseWaiting(why: string): void {
    this.#mailbox.empty(({ from, callId }) => {
      writeReply(from.cells, callId, undecided('shard-unavailable', why))
      this.#replies.sendNow(from)
    })
  }

  #scheduleTurn(): void {
    if (this.#turnIsDue || this.#hasEnded) return
    this.#turnIsDue = true
    this.#parts.timers.soon(() => {
      this.#turnIsDue = false
      if (this.#hasEnded || this.#shards.length === 0) return
      try {
        this.#turn()
      } catch (error) {
        this.#end(error)
      }
    })
  }

  /** Decides what waits, hands the events to the journal, and lets the replies go as far as they may (S1, S2). */
  #turn(): void {
    const journal = this.#journal
    if (journal?.isFull() === true) {
      this.#turnWaits = true
      return
    }
    this.#turnWaits = false
    const nowMs = (this.#clock as ShardClock).nowMs()
    const doubt = this.#tenancy.doubt()
    if (doubt !== undefined) {
      this.#refuseWaiting(doubt)
      return this.#setAlarm(nowMs + fencedLookMs, nowMs)
    }
    const monotonicMs = this.#parts.clock.monotonicMs()
    const share = Math.ceil(batchCommandsMax / this.#shards.length)
    for (const shard of this.#shards) {
      const letters = this.#mailbox.take(shard.id, share)
      shard.beginTurn(nowMs)
      let answered = 0
      for (const { from, callId, request, deadlineMs } of letters) {
        if (journal?.isFull() === true) break
        answered += 1
        if (monotonicMs > deadlineMs) {
          this.#shed += 1
          writeReply(from.cells, callId, undecided('overloaded', 'the command waited past its deadline'))
          continue
        }
        this.#deciding = request
        writeReply(from.cells, callId, shard.answer(request), request)
      }
      this.#deciding = undefined
      // A journal that closes takes no events but those of what was accepted before.
      const isAtWork = journal !== undefined && !this.#isClosing
      if (isAtWork) shard.doWhatIsDue(expiriesPerBatchMax)
      shard.endTurn()
      if (journal !== undefined) this.#board.gather(journal.restsOn, shard)
      if (isAtWork) this.#desk.gather(journal.restsOn, shard, shard.takeDuties(dutiesPerTurnMax))
      if (answered < letters.length) this.#mailbox.putBack(shard.id, letters.slice(answered))
    }
    const restsOn = journal?.restsOn ?? 0
    this.#replies.gather(restsOn)
    journal?.flush()
    if (journal !== undefined) this.#syncs.watch(journal)
    this.#releaseTo(journal?.durableOrdinal ?? 0)
    this.#noteRoom()
    if (this.#mailbox.size > 0) this.#scheduleTurn()
    // Only now: what a later shard did may have made memory short for the earlier ones too.
    this.#setAlarm(Math.min(...this.#shards.map(({ nextDueMs }) => nextDueMs)), nowMs)
    // Last, while the frame is on its way to the disk.
    const check = this.#checks.takeIfDue(journal?.counters.bytes ?? 0)
    if (check !== undefined) this.#parts.supervisor.send({ type: 'checksums', check })
  }

  #releaseTo(durableOrdinal: number): void {
    // Before any reply, so that whoever has one finds no older count there (B1).
    this.#board.release(durableOrdinal)
    this.#replies.release(durableOrdinal)
    this.#desk.release(durableOrdinal)
  }

  /** Everything up to this ordinal is durable: what rests on it may leave, and there is room to decide more. */
  #onDurable(ordinal: number): void {
    this.#releaseTo(ordinal)
    this.#notice.note(ordinal)
    if (this.#state.type === 'stopped' && this.#journal !== undefined) this.#goOn(this.#journal)
    if (this.#turnWaits || this.#mailbox.size > 0) this.#scheduleTurn()
  }

  /** The disk that was given up has answered after all. */
  #goOn({ room }: JournalWriter): void {
    this.#log('info', 'storage.recovered', {})
    this.#become({ type: 'ready', room })
  }

  /** Wakes when the first of the shards has something due; without a journal they can do nothing. */
  #setAlarm(atMs: number, nowMs: number): void {
    if (atMs === Number.POSITIVE_INFINITY || this.#isClosing || this.#journal === undefined) return
    this.#alarm.set(atMs, nowMs)
  }

  /** Decides all that waits, makes it durable, answers it, and leaves snapshots for a quick start. */
  async #shutDown(): Promise<void> {
    if (this.#isClosing || this.#hasEnded) return
    this.#isClosing = true
    this.#alarm.cancel()
    this.#syncs.cancel()
    try {
      while (this.#mailbox.size > 0 && this.#shards.length > 0 && !this.#hasEnded) {
        this.#scheduleTurn()
        await new Promise<void>((resolve) => this.#parts.timers.soon(resolve))
      }
      if (this.#journal !== undefined && !this.#hasEnded) {
        await this.#journal.close()
        // Who takes a shared one over has snapshots of its own, and waits.
        if (this.#settings.shared === undefined) this.#writeSnapshots()
      }
    } catch (error) {
      return this.#end(error)
    }
    this.#hasEnded = true
    this.#replies.end()
    this.#parts.supervisor.send({ type: 'closed' })
    this.#parts.exit(0)
  }

  #writeSnapshots(): void {
    const { snapshotDirectory, shardsOfData } = this.#settings
    const journal = this.#journal as JournalWriter
    const nowMs = (this.#clock as ShardClock).nowMs()
    const options = { disk: this.#parts.disk, snapshotDirectory, shardsOfData, journal, nowMs }
    const missing = writeLastSnapshots(this.#shards, { ...options, taken: this.#snapshotSequences })
    for (const shard of missing) this.#log('warn', 'snapshot.noRoom', { shard })
  }

  #noteStorage(error: unknown): void {
    this.#noteRoom()
    if ((error === undefined) === this.#hasNextSegment) return
    this.#hasNextSegment = error === undefined
    if (error === undefined) this.#log('info', 'storage.recovered', {})
    else this.#log('error', 'storage.full', { why: error instanceof Error ? error.message : String(error) })
  }

  /** Says so where other things than before have room. */
  #noteRoom(): void {
    const room = this.#journal?.room
    if (this.#state.type !== 'ready' || room === undefined || room === this.#state.room) return
    this.#become({ type: 'ready', room })
  }

  #become(state: WorkerState): void {
    this.#state = state
    this.#parts.supervisor.send({ type: 'state', state })
  }

  /** S3: the worker ends here and now. */
  #end(error: unknown): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#replies.drop()
    this.#alarm.cancel()
    this.#syncs.cancel()
    const poison = this.#deciding === undefined ? undefined : fingerprintOf(this.#deciding)
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#parts.supervisor.send({ type: 'failed', why, poison })
    this.#parts.exit(1)
  }

  #log(level: 'info' | 'warn' | 'error', event: string, detail: object): void {
    this.#parts.supervisor.send({ type: 'log', level, event, detail })
  }

  #status(): WorkerStatus {
    return workerStatusOf({
      stream: this.#settings.stream,
      shards: this.#shards,
      journal: this.#journal,
      hasNextSegment: this.#hasNextSegment,
      mailbox: this.#mailbox.size,
      shed: this.#shed,
      memory: this.#memory,
      clockSkewMs: this.#clock?.skewMs() ?? 0,
    })
  }
}
