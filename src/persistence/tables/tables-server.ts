/**
 * Serves the tables to every listener: the one writer of the SQLite file. Knows nothing of threads.
 *
 * T1  Group commit: all requests that wait when the server turns to them share one transaction and so one sync. Within
 *     it each write has a savepoint, so that one that fails takes no other with it.
 * T2  No outcome leaves before the transaction it was computed in has committed; that covers reads and broadcasts.
 * T3  If SQLite fails in a way that leaves open what is on disk, the server ends: it tells every listener and throws.
 *     Nothing is retried.
 */
import Database from 'better-sqlite3'
import type { Clock, Port, Random, Timers } from '../../seams.ts'
import { once } from './idempotency-records.ts'
import { type Moment, type Notice, type ReadOperation, Undone, type WriteOperation } from './operation.ts'
import { type OperationName, operations } from './operations.ts'
import { RevocationCount } from './revocation-count.ts'
import { SqliteSession } from './sqlite-session.ts'
import { TablesError } from './tables-error.ts'
import {
  type FromTables,
  isRead,
  type Outcome,
  type TablesRequest,
  type ToTables,
  tablesBatchMax,
  tablesQueueMax,
} from './tables-protocol.ts'

export type TablesPort = Port<ToTables, FromTables>

export type TablesSeams = { readonly clock: Clock; readonly timers: Timers; readonly random: Random }

type Waiting = { readonly port: TablesPort; readonly call: number; readonly request: TablesRequest }
type Turn = { readonly outcomes: readonly Outcome[]; readonly notices: readonly Notice[] }
/** As the server sees them: which names take and answer what, the client's types say. */
type AnyOperation = ReadOperation<object, unknown> | WriteOperation<object, object>
const OPERATIONS: Readonly<Record<OperationName, AnyOperation>> = operations as object as Readonly<
  Record<OperationName, AnyOperation>
>

export class TablesServer {
  readonly #database: Database.Database
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #random: Random
  readonly #session: SqliteSession
  readonly #revocations: RevocationCount
  readonly #ports = new Set<TablesPort>()
  #queue: Waiting[] = []
  /** Hashes of the idempotency keys in the queue. */
  readonly #running = new Set<string>()
  #mode: 'idle' | 'turn-scheduled' | 'ended' = 'idle'
  #commitsCount = 0

  /** Owns the database, which must be open and migrated, until it is closed. */
  constructor(database: Database.Database, seams: TablesSeams, revocations = new RevocationCount()) {
    this.#database = database
    this.#revocations = revocations
    this.#clock = seams.clock
    this.#timers = seams.timers
    this.#random = seams.random
    this.#session = new SqliteSession(database)
  }

  /** Transactions that changed something and are on disk. */
  get commitsCount(): number {
    return this.#commitsCount
  }

  connect(port: TablesPort): void {
    if (this.#mode === 'ended') {
      end(port, 'shutting-down', 'The tables are closed.')
      return
    }
    this.#ports.add(port)
    const { told: revocations } = this.#revocations
    // What was revoked before it came, it remembers nothing of.
    if (revocations !== 0) port.send({ type: 'outcomes', notices: [], revocations, outcomes: [] })
    port.receive((message) => this.#receive(port, message))
  }

  /** Forgets a port whose other end is gone. What it asked is done all the same. */
  disconnect(port: TablesPort): void {
    this.#ports.delete(port)
  }

  /** Answers all that waits, moves the write-ahead log into the file and closes it. */
  close(): void {
    if (this.#mode === 'ended') return
    while (this.#queue.length > 0) this.#takeTurn()
    this.#mode = 'ended'
    try {
      this.#database.pragma('wal_checkpoint(TRUNCATE)')
    } catch (error) {
      // Without room the log stays beside the file, as durable as it was, and the next start takes it in.
      if (!isSqliteError(error, 'SQLITE_FULL')) throw error
    }
    this.#database.close()
    this.#endPorts('shutting-down', 'The tables are closed.')
  }

  #receive(port: TablesPort, { requests }: ToTables): void {
    if (this.#mode === 'ended') return
    const refused: { readonly call: number; readonly outcome: Outcome }[] = []
    for (const { call, request } of requests) {
      const outcome = this.#enqueue({ port, call, request })
      if (outcome !== undefined) refused.push({ call, outcome })
    }
    const { told: revocations } = this.#revocations
    if (refused.length > 0) port.send({ type: 'outcomes', notices: [], revocations, outcomes: refused })
    this.#scheduleTurn()
  }

  /** Why it is not taken in, if so. */
  #enqueue(waiting: Waiting): Outcome | undefined {
    if (this.#queue.length >= tablesQueueMax) {
      return failed('overloaded', `${tablesQueueMax} requests wait for the tables already.`)
    }
    const { key } = waiting.request
    if (key !== undefined && this.#running.has(key.hash)) {
      return failed('idempotency-in-flight', 'The first request with this key is still waiting.')
    }
    if (key !== undefined) this.#running.add(key.hash)
    this.#queue.push(waiting)
    return undefined
  }

  /** After the input that is ready now: while one transaction syncs, the next one's requests gather in the ports. */
  #scheduleTurn(): void {
    if (this.#mode !== 'idle' || this.#queue.length === 0) return
    this.#mode = 'turn-scheduled'
    this.#timers.soon(() => {
      if (this.#mode === 'ended') return
      this.#mode = 'idle'
      this.#takeTurn()
      this.#scheduleTurn()
    })
  }

  #takeTurn(): void {
    const batch = this.#queue.slice(0, tablesBatchMax)
    this.#queue = this.#queue.slice(tablesBatchMax)
    for (const { request } of batch) {
      const { key } = request
      if (key !== undefined) this.#running.delete(key.hash)
    }
    let turn: Turn
    try {
      turn = this.#answer(batch)
    } catch (error) {
      this.#fail(error)
      throw error
    }
    this.#send(batch, turn)
  }

  #answer(batch: readonly Waiting[]): Turn {
    if (batch.every(({ request }) => isRead(request))) return this.#runAll(batch)
    try {
      return this.#commit(batch)
    } catch (error) {
      const refusal = nothingHappened(error)
      if (refusal === undefined) throw error
      // The reads saw writes that are not there any more, so they look again.
      const reads = this.#runAll(batch.filter(({ request }) => isRead(request))).outcomes.values()
      const outcomes = batch.map(({ request }) =>
        isRead(request) ? (reads.next().value ?? refusal) : refusal,
      )
      return { outcomes, notices: [] }
    }
  }

  #commit(batch: readonly Waiting[]): Turn {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      const turn = this.#runAll(batch)
      this.#database.exec('COMMIT')
      this.#commitsCount += 1
      return turn
    } catch (error) {
      // Where the disk is full SQLite may have rolled back itself.
      if (this.#database.inTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }

  #runAll(batch: readonly Waiting[]): Turn {
    const nowMs = this.#clock.wallMs()
    const notices: Notice[] = []
    const outcomes = batch.map(({ request }) => this.#outcomeOf(request, nowMs, notices))
    return { outcomes, notices }
  }

  #outcomeOf({ name, args, key }: TablesRequest, nowMs: number, notices: Notice[]): Outcome {
    const operation = OPERATIONS[name]
    if (operation.kind === 'read') return settled(() => this.#session.run(operation.run(args)))
    const own: Notice[] = []
    const moment: Moment = { nowMs, random: this.#random, notify: (notice) => void own.push(notice) }
    const { run, isKept } = operation
    const outcome = this.#attempt(() =>
      this.#session.run(once({ key, moment }, () => run(args, moment), isKept)),
    )
    if (outcome.type === 'answered') notices.push(...own)
    return outcome
  }

  /** Runs one write under its own savepoint. */
  #attempt(write: () => object): Outcome {
    try {
      return settled(this.#database.transaction(write))
    } catch (error) {
      if (error instanceof Undone) return answered(error.reply)
      if (isSqliteError(error, 'SQLITE_CONSTRAINT')) return failed('invalid', error.message)
      throw error
    }
  }

  /** One message a port: its outcomes, and what everybody must hear. */
  #send(batch: readonly Waiting[], { outcomes, notices }: Turn): void {
    const byPort = new Map<TablesPort, { call: number; outcome: Outcome }[]>()
    for (const [index, { port, call }] of batch.entries()) {
      const outcome = outcomes[index]
      if (outcome === undefined) continue
      const entries = byPort.get(port)
      if (entries === undefined) byPort.set(port, [{ call, outcome }])
      else entries.push({ call, outcome })
    }
    const revocations = this.#revocations.count(notices)
    for (const port of this.#ports) {
      const own = byPort.get(port)
      if (own !== undefined || notices.length > 0)
        port.send({ type: 'outcomes', notices, revocations, outcomes: own ?? [] })
    }
  }

  #fail(error: unknown): void {
    this.#mode = 'ended'
    this.#queue = []
    const reason = error instanceof Error ? error.message : String(error)
    this.#endPorts('unavailable', `The tables have failed: ${reason}`)
  }

  #endPorts(code: 'shutting-down' | 'unavailable', message: string): void {
    for (const port of this.#ports) end(port, code, message)
    this.#ports.clear()
  }
}

function end(port: TablesPort, code: 'shutting-down' | 'unavailable', message: string): void {
  port.send({ type: 'ended', code, message })
  port.close()
}

/** What to tell the writers of a transaction that is known to have left nothing on disk; else `undefined`. */
function nothingHappened(error: unknown): Outcome | undefined {
  if (isSqliteError(error, 'SQLITE_FULL')) return failed('storage-full', 'The disk with the tables is full.')
  if (isSqliteError(error, 'SQLITE_BUSY'))
    return failed('unavailable', 'Another process is writing to the tables.')
  return undefined
}

function isSqliteError(error: unknown, code: string): error is InstanceType<typeof Database.SqliteError> {
  return error instanceof Database.SqliteError && error.code.startsWith(code)
}

/** What came of it, also where the tables say why not. */
function settled(run: () => unknown): Outcome {
  try {
    return answered(run())
  } catch (error) {
    if (error instanceof TablesError) return failed(error.code, error.message)
    throw error
  }
}

function answered(reply: unknown): Outcome {
  return { type: 'answered', reply }
}

function failed(code: TablesError['code'], message: string): Outcome {
  return { type: 'failed', code, message }
}
