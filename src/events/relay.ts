/**
 * Tells a broker what happens, behind everybody else: reads the journal and the outbox, and keeps nothing of its own.
 *
 * ER1 What was told is what the broker says it was told: with every opening the position is read from it, and the journal
 *     from there on. So a relay, a node or a broker may die at any moment and nothing is left out; what is told twice has
 *     the same id twice.
 * ER2 One batch is under way at a time. What the broker has not taken stays in the journal, and no more of it in memory.
 * ER3 Of several nodes one tells (`lead`). Two that believe they do would tell some things twice, and leave out none.
 * ER4 What is missing in the journal is never passed over: it is said, and waited for.
 */
import type { ThreadLog } from '../kept-thread.ts'
import {
  eventsConfirmMs,
  eventsPollMs,
  eventsRetryMsMax,
  eventsRetryMsMin,
  eventsSendBytesMax,
  eventsSendMax,
  eventsStandbyMs,
} from '../limits/events.ts'
import { Pause } from '../pause.ts'
import { OtherHistory } from '../persistence/journal/cursors.ts'
import { isJournalTrouble } from '../persistence/journal/journal-trouble.ts'
import { TablesError } from '../persistence/tables/tables-error.ts'
import type { Clock, Timers } from '../seams.ts'
import type { OutgoingEvent } from './cloud-event.ts'
import { EventFeed, type EventFeedParts, type Taken } from './event-feed.ts'
import { BrokerUnavailable, type EventSink, PositionMoved } from './event-sink.ts'
import type { RelayPosition } from './relay-position.ts'

export type RelayParts = EventFeedParts & {
  readonly sink: EventSink
  readonly clock: Clock
  readonly timers: Timers
  readonly log: ThreadLog
  /** Whether it tells from the start; else only once it is told to. */
  readonly leads: boolean
  /** What keeps it from telling, whenever that changes. */
  readonly onTrouble?: (trouble: RelayTrouble | undefined) => void
  /** All up to here has been told, by this node or another; undefined: nothing has. */
  readonly onTold?: (position: RelayPosition | undefined) => void
}

/** Who is to be looked after: the broker does not take events, or they cannot be read. */
export type RelayTrouble = 'broker' | 'journal' | 'tables'

export type RelayStatus = {
  /** Whether it is this node that tells. */
  readonly leads: boolean
  readonly trouble: RelayTrouble | undefined
  /** Events of the journal that are known to be there and were not told; there may be more. */
  readonly behindEvents: number
  /** Since all that had happened was last told; 0 while it is. */
  readonly behindMs: number
  /** Events told since the thread started; some of them twice, perhaps. */
  readonly told: number
  /** Tries that came to nothing. */
  readonly failures: number
  /** How often it went on from what the broker said. */
  readonly openings: number
}

export class Relay {
  readonly #parts: RelayParts
  readonly #pause: Pause
  #feed: EventFeed | undefined
  #mode: 'stopped' | 'running' | 'closing' = 'stopped'
  #round: Promise<void> = Promise.resolve()
  #leads: boolean
  #trouble: RelayTrouble | undefined
  /** In a row. */
  #failuresNow = 0
  /** What the broker was told of is not what this journal begins with. */
  #isOtherHistory = false
  /** Something was read since, of which nobody is told but that it was read. */
  #owesPosition = false
  #confirmAtMs = 0
  #standByAtMs = 0
  #caughtUpAtMs: number
  /** Since it leads. */
  #hasCaughtUp = false
  #told = 0
  #failures = 0
  #openings = 0

  constructor(parts: RelayParts) {
    this.#parts = parts
    this.#leads = parts.leads
    this.#pause = new Pause(parts.timers)
    this.#caughtUpAtMs = parts.clock.monotonicMs()
  }

  get status(): RelayStatus {
    const lateMs = this.#parts.clock.monotonicMs() - this.#caughtUpAtMs
    return {
      leads: this.#leads,
      trouble: this.#trouble,
      behindEvents: this.#feed?.behindBy ?? 0,
      behindMs: !this.#leads || (this.#hasCaughtUp && lateMs <= 2 * eventsPollMs) ? 0 : Math.max(1, lateMs),
      told: this.#told,
      failures: this.#failures,
      openings: this.#openings,
    }
  }

  start(): void {
    if (this.#mode !== 'stopped') return
    this.#mode = 'running'
    this.#round = this.#run()
  }

  /** ER3 */
  lead(leads: boolean): void {
    if (this.#leads === leads) return
    this.#leads = leads
    this.#caughtUpAtMs = this.#parts.clock.monotonicMs()
    this.#pause.end()
  }

  /** Something has happened: there is no need to wait for the next look. */
  wake(): void {
    if (this.#failuresNow === 0) this.#pause.end()
  }

  /** Resolves when what there is has been told, or cannot be. */
  async close(): Promise<void> {
    this.#mode = 'closing'
    this.#pause.end()
    await this.#round
  }

  async #run(): Promise<void> {
    const { clock, timers } = this.#parts
    while (this.#mode === 'running') {
      const beganAtMs = clock.monotonicMs()
      const came = this.#leads ? await this.#turn() : await this.#standBy()
      if (came === 'idle') {
        this.#caughtUpAtMs = beganAtMs
        this.#hasCaughtUp = this.#leads
      }
      if (this.#mode !== 'running') break
      if (came === 'more') await new Promise<void>((resolve) => void timers.soon(resolve))
      else await this.#pause.rest(came === 'failed' ? retryMs(this.#failuresNow) : eventsPollMs)
    }
    // Whoever closes it has closed all that makes events: the last of them can go too.
    while (this.#leads && (await this.#turn()) === 'more');
    await this.#leave()
  }

  async #turn(): Promise<'more' | 'idle' | 'failed'> {
    try {
      this.#feed ??= await this.#open()
      const taken = await this.#feed.take()
      await this.#tell(taken)
      this.#succeeded()
      return taken.hasMore ? 'more' : 'idle'
    } catch (error) {
      await this.#fail(error)
      return 'failed'
    }
  }

  /** ER1 */
  async #open(): Promise<EventFeed> {
    const { sink, log } = this.#parts
    this.#openings += 1
    const position = await sink.open()
    if (position === undefined) log('info', 'events.fromTheOldest', {})
    this.#parts.onTold?.(position)
    return new EventFeed(this.#parts, this.#isOtherHistory ? undefined : position)
  }

  async #tell({ events, position, isMoved }: Taken): Promise<void> {
    const { clock, onTold } = this.#parts
    this.#owesPosition ||= isMoved
    const nowMs = clock.monotonicMs()
    if (events.length === 0 && nowMs < this.#confirmAtMs) return
    this.#confirmAtMs = nowMs + eventsConfirmMs
    const batches = batchesOf(events)
    const last = batches.pop() ?? []
    for (const batch of batches) await this.#hand(batch, undefined)
    await this.#hand(last, this.#owesPosition ? position : undefined)
    this.#isOtherHistory = false
    this.#owesPosition = false
    onTold?.(position)
  }

  async #hand(events: readonly OutgoingEvent[], position: RelayPosition | undefined): Promise<void> {
    await this.#parts.sink.tell(events, position)
    this.#told += events.length
  }

  #succeeded(): void {
    this.#failuresNow = 0
    if (this.#trouble === undefined) return
    this.#parts.log('info', 'events.goOn', {})
    this.#note(undefined)
  }

  async #fail(error: unknown): Promise<void> {
    await this.#leave()
    this.#failures += 1
    this.#failuresNow += 1
    const why = error instanceof Error ? error.message : String(error)
    if (error instanceof PositionMoved) this.#parts.log('warn', 'events.positionMoved', { why })
    else if (error instanceof OtherHistory) {
      // A repair cut off what had been told. What took its place has other ids, and the rest is known by its own.
      this.#parts.log('warn', 'events.otherHistory', { why })
      this.#isOtherHistory = true
    } else if (error instanceof BrokerUnavailable) this.#troubled('broker', why)
    else if (error instanceof TablesError) this.#troubled('tables', why)
    else if (isJournalTrouble(error)) this.#troubled('journal', why)
    else throw error
  }

  /** Said once: it may take long. */
  #troubled(trouble: RelayTrouble, why: string): void {
    if (this.#trouble === trouble) return
    this.#parts.log('error', LOGGED_AS[trouble], { why })
    this.#note(trouble)
  }

  #note(trouble: RelayTrouble | undefined): void {
    this.#trouble = trouble
    this.#parts.onTrouble?.(trouble)
  }

  /** Another one tells, and how far it has come is to be known here too. */
  async #standBy(): Promise<'idle'> {
    await this.#leave()
    if (this.#trouble !== undefined) this.#note(undefined)
    const { sink, clock, onTold } = this.#parts
    const nowMs = clock.monotonicMs()
    if (nowMs < this.#standByAtMs || onTold === undefined) return 'idle'
    this.#standByAtMs = nowMs + eventsStandbyMs
    try {
      onTold(await sink.open())
    } catch (error) {
      // Whoever tells says so.
      if (!(error instanceof BrokerUnavailable)) throw error
    }
    await sink.close()
    return 'idle'
  }

  async #leave(): Promise<void> {
    this.#feed?.close()
    this.#feed = undefined
    this.#owesPosition = false
    await this.#parts.sink.close()
  }
}

const LOGGED_AS: Readonly<Record<RelayTrouble, string>> = {
  broker: 'events.brokerTrouble',
  journal: 'events.journalTrouble',
  tables: 'events.tablesTrouble',
}

function batchesOf(events: readonly OutgoingEvent[]): OutgoingEvent[][] {
  const batches: OutgoingEvent[][] = []
  let batch: OutgoingEvent[] = []
  let bytes = 0
  for (const event of events) {
    const own = event.json.length
    if (batch.length === 0 || batch.length === eventsSendMax || bytes + own > eventsSendBytesMax) {
      batch = []
      bytes = 0
      batches.push(batch)
    }
    batch.push(event)
    bytes += own
  }
  return batches
}

function retryMs(failures: number): number {
  return Math.min(eventsRetryMsMax, eventsRetryMsMin * 2 ** Math.min(failures - 1, 20))
}
