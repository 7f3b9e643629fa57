/**
 * What other nodes have changed, as this one hears of it.
 *
 * L1  What ends something that others remember is told by PostgreSQL, with the transaction that ends it. All else is told by
 *     the node that did it, some at a time, and where that one dies before it has, the outbox tells it a moment later.
 * L2  While the line is down nothing that is remembered can be trusted: `onLost` says so at once, `onMissed` once it is up
 *     again. The line is down where a look at the outbox has no answer in time, too.
 */
import type { Client } from 'pg'
import type { Timer, Timers } from '../../../seams.ts'
import type { Notice } from '../operation.ts'
import { statementIn } from './dialect.ts'
import { channel, tell } from './transactions.ts'

export type NoticeLineParts = {
  /** A connection of its own. */
  readonly open: () => Promise<Client>
  readonly timers: Timers
  /** Which node this is: what it told itself it does not hear. */
  readonly sender: string
  readonly onNotices: (notices: readonly Notice[]) => void
  readonly onLost: () => void
  /** Whatever happened while nobody listened. */
  readonly onMissed: () => void
}

const lookMs = 1_000
const retryMs = 250
/** Of one look at the outbox. */
const eventsMax = 256
/** PostgreSQL takes less than 8,000 bytes at a time. */
const noticesPerTelling = 64
/** What waits to be told while PostgreSQL is away; the outbox tells all that matters of it later. */
const untoldMax = 4_096

const LOOK = statementIn(
  `SELECT id, type, subject_id AS "subjectId" FROM outbox WHERE id > ? /* and settled */ ORDER BY id LIMIT ${eventsMax}`,
)

export class NoticeLine {
  readonly #parts: NoticeLineParts
  #client: Client | undefined
  #mode: 'down' | 'up' | 'closed' = 'down'
  #timer: Timer | undefined
  readonly #untold = new Map<string, Notice>()
  #isTelling = false
  #lastId = 0

  constructor(parts: NoticeLineParts) {
    this.#parts = parts
  }

  get isUp(): boolean {
    return this.#mode === 'up'
  }

  /** Resolves when it listens, or when the first try has failed; it goes on trying. */
  async start(): Promise<void> {
    try {
      const client = await this.#parts.open()
      if (this.#mode === 'closed') return void (await client.end())
      this.#client = client
      client.on('notification', ({ payload = '' }) => this.#hear(payload))
      client.on('end', () => this.#lose(client))
      await client.query(`LISTEN ${channel}`)
      const { rows } = await client.query('SELECT outbox_horizon() - 1 AS id')
      this.#lastId = rows[0].id
      this.#mode = 'up'
      this.#parts.onMissed()
      if (this.#untold.size > 0) void this.#tellAll()
      this.#schedule(lookMs, () => this.#look(client))
    } catch {
      this.#lose(this.#client)
    }
  }

  /** Tells other nodes, soon. */
  tell(notices: readonly Notice[]): void {
    for (const notice of notices) {
      if (this.#untold.size >= untoldMax) break
      // Of the outbox one is enough: whoever follows it reads on.
      const about = notice.type === 'outbox' ? '' : JSON.stringify(notice)
      this.#untold.set(`${notice.type} ${about}`, notice)
    }
    if (!this.#isTelling && this.#untold.size > 0) void this.#tellAll()
  }

  async close(): Promise<void> {
    const client = this.#client
    this.#mode = 'closed'
    this.#timer?.cancel()
    this.#client = undefined
    await client?.end().catch(() => {})
  }

  async #tellAll(): Promise<void> {
    this.#isTelling = true
    try {
      while (this.#untold.size > 0 && this.#client !== undefined && this.#mode === 'up') {
        const some = [...this.#untold].slice(0, noticesPerTelling)
        for (const [name] of some) this.#untold.delete(name)
        await tell(
          this.#client,
          some.map(([, notice]) => notice),
          this.#parts.sender,
        )
      }
    } catch {
      this.#lose(this.#client)
    } finally {
      this.#isTelling = false
    }
  }

  #hear(payload: string): void {
    const told = readTold(payload)
    // Somebody else writes to the channel, or another version: whatever that was meant to say.
    if (told === undefined) this.#parts.onNotices([{ type: 'missed' }])
    else if (told.sender !== this.#parts.sender) this.#parts.onNotices(told.notices)
  }

  async #look(client: Client): Promise<void> {
    try {
      const { rows } = await client.query<{
        readonly id: number
        readonly type: string
        readonly subjectId: string
      }>(LOOK, [this.#lastId])
      this.#lastId = rows.at(-1)?.id ?? this.#lastId
      const orders = rows.filter(({ type }) => type.startsWith('order.')).map(({ subjectId }) => subjectId)
      const notices: Notice[] = [...new Set(orders)].map((orderId) => ({ type: 'orderChanged', orderId }))
      if (rows.length > 0) this.#parts.onNotices([...notices, { type: 'outbox', id: this.#lastId }])
      this.#schedule(rows.length === eventsMax ? 0 : lookMs, () => this.#look(client))
    } catch {
      this.#lose(client)
    }
  }

  #lose(client: Client | undefined): void {
    if (this.#mode === 'closed' || client !== this.#client) return
    this.#client = undefined
    this.#timer?.cancel()
    client?.end().catch(() => {})
    if (this.#mode === 'up') this.#parts.onLost()
    this.#mode = 'down'
    this.#schedule(retryMs, () => this.start())
  }

  #schedule(delayMs: number, call: () => Promise<void>): void {
    if (this.#mode === 'closed') return
    this.#timer = this.#parts.timers.after(delayMs, () => void call())
  }
}

type Told = { readonly sender: string; readonly notices: readonly Notice[] }

/** Undefined where it is nothing that `tell` has said. */
function readTold(payload: string): Told | undefined {
  try {
    const told: unknown = JSON.parse(payload)
    const isTold =
      typeof told === 'object' &&
      told !== null &&
      'sender' in told &&
      'notices' in told &&
      Array.isArray(told.notices)
    return isTold ? (told as Told) : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
