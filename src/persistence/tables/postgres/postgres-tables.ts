/**
 * Serves the tables to every listener of this node from PostgreSQL, which other nodes use at the same time. To its ports it is
 * what `TablesServer` is; knows nothing of threads.
 *
 * T2 of it holds here, too: no outcome leaves before what it rests on is durable, and none before what everybody has to hear.
 */

import type { DatabaseTarget } from '../../../config/database-target.ts'
import type { Clock, Port, Random, Timers } from '../../../seams.ts'
import type { Notice } from '../operation.ts'
import { type OperationName, operations } from '../operations.ts'
import type { RevocationCount } from '../revocation-count.ts'
import type { TablesErrorCode } from '../tables-error.ts'
import type { TablesLog } from '../tables-place.ts'
import {
  type FromTables,
  type Outcome,
  type TablesRequest,
  type ToTables,
  tablesQueueMax,
} from '../tables-protocol.ts'
import { openClient } from './connect.ts'
import { NoticeLine } from './notice-line.ts'
import type { PoolBoard } from './pool-board.ts'
import { type AnyRead, type AnyWrite, Transactions, toldAfter } from './transactions.ts'

export type TablesPort = Port<ToTables, FromTables>

export type PostgresTablesParts = {
  readonly target: DatabaseTarget
  readonly connections: number
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly revocations: RevocationCount
  readonly board: PoolBoard
  /** Another one for each start of each node. */
  readonly sender: string
  readonly log: TablesLog
}

/** Of the line: one that says nothing for so long is down. */
const lineAnswersMs = 3_000

const OPERATIONS: Readonly<Record<OperationName, AnyRead | AnyWrite>> = operations as object as Readonly<
  Record<OperationName, AnyRead | AnyWrite>
>

export class PostgresTables {
  readonly #parts: PostgresTablesParts
  readonly #transactions: Transactions
  readonly #line: NoticeLine
  readonly #ports = new Set<TablesPort>()
  /** Hashes of the idempotency keys that are under way in this node. */
  readonly #running = new Set<string>()
  readonly #underWay = new Set<Promise<void>>()
  /** Of the `RevocationCount`, as of the last that ports were told of; behind it while the line is down. */
  #heard = 0
  #isClosed = false

  /** The database must be migrated. */
  constructor(parts: PostgresTablesParts) {
    const { timers, revocations, board, sender } = parts
    this.#parts = parts
    this.#transactions = new Transactions(parts)
    this.#line = new NoticeLine({
      open: () => openClient(parts.target, { query_timeout: lineAnswersMs }),
      timers,
      sender,
      onNotices: (notices) => this.#broadcast(notices),
      onLost: () => {
        board.set('isListening', 0)
        parts.log('warn', 'tables.deaf', {})
        // Nobody is told of this one: whoever remembers something knows that it may be over, and asks.
        revocations.count([{ type: 'missed' }])
      },
      onMissed: () => {
        board.set('isListening', 1)
        parts.log('info', 'tables.listening', {})
        this.#broadcast([{ type: 'missed' }])
      },
    })
  }

  /** Begins to hear of other nodes. */
  async start(): Promise<void> {
    await this.#line.start()
    if (!this.#line.isUp) this.#parts.revocations.count([{ type: 'missed' }])
  }

  connect(port: TablesPort): void {
    if (this.#isClosed) {
      end(port)
      return
    }
    this.#ports.add(port)
    // What was revoked before it came, it remembers nothing of.
    if (this.#heard !== 0)
      port.send({ type: 'outcomes', notices: [], revocations: this.#heard, outcomes: [] })
    port.receive((message) => this.#receive(port, message))
  }

  /** Forgets a port whose other end is gone. What it asked is done all the same. */
  disconnect(port: TablesPort): void {
    this.#ports.delete(port)
  }

  /** Answers all that is under way, then lets go of PostgreSQL. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
    await Promise.all([this.#line.close(), this.#transactions.close()])
    for (const port of this.#ports) end(port)
    this.#ports.clear()
  }

  #receive(port: TablesPort, { requests }: ToTables): void {
    if (this.#isClosed) return
    for (const { call, request } of requests) {
      const refused = this.#begin(port, call, request)
      if (refused !== undefined) this.#answer(port, call, refused)
    }
  }

  /** Why it is not taken in, if so. */
  #begin(port: TablesPort, call: number, request: TablesRequest): Outcome | undefined {
    if (this.#underWay.size >= tablesQueueMax)
      return failed('overloaded', `${tablesQueueMax} requests wait for the tables already.`)
    const { key } = request
    if (key !== undefined && this.#running.has(key.hash))
      return failed('idempotency-in-flight', 'The first request with this key is still waiting.')
    if (key !== undefined) this.#running.add(key.hash)
    const work = this.#run(request)
      .then((outcome) => {
        if (key !== undefined) this.#running.delete(key.hash)
        this.#answer(port, call, outcome)
      })
      .finally(() => this.#underWay.delete(work))
    this.#underWay.add(work)
    return undefined
  }

  async #run({ name, args, key }: TablesRequest): Promise<Outcome> {
    const operation = OPERATIONS[name]
    if (operation.kind === 'read') return await this.#transactions.read(operation, args)
    const { sender } = this.#parts
    const { outcome, notices } = await this.#transactions.write(operation, args, { key, sender })
    if (notices.length > 0) {
      this.#broadcast(notices)
      this.#line.tell(toldAfter(notices))
    }
    return outcome
  }

  #broadcast(notices: readonly Notice[]): void {
    const told = this.#parts.revocations.count(notices)
    if (this.#line.isUp) this.#heard = told
    for (const port of this.#ports)
      port.send({ type: 'outcomes', notices, revocations: this.#heard, outcomes: [] })
  }

  /** A message an answer: each comes when PostgreSQL has it. */
  #answer(port: TablesPort, call: number, outcome: Outcome): void {
    port.send({
      type: 'outcomes',
      notices: [],
      revocations: this.#heard,
      outcomes: [{ call, outcome }],
    })
  }
}

function end(port: TablesPort): void {
  port.send({ type: 'ended', code: 'shutting-down', message: 'The tables are closed.' })
  port.close()
}

function failed(code: TablesErrorCode, message: string): Outcome {
  return { type: 'failed', code, message }
}
