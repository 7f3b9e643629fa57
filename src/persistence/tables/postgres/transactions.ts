/**
 * Runs operations on a pool of connections, each in a transaction of its own.
 *
 * X1  Writes are READ COMMITTED: an operation is safe there by its conditional statements, and by `alone` where it reads and
 *     then writes. What another transaction is in the way of begins anew, a few times.
 * X2  Reads see one moment: REPEATABLE READ, which never has to begin anew.
 * X3  Where the connection is lost while a transaction ends, nobody knows whether it did: `outcome-unknown`. Before that
 *     nothing has happened: a server that loses its client undoes what was not ended.
 */
import pg, { type ClientBase, type Pool, type PoolClient } from 'pg'
import type { DatabaseTarget } from '../../../config/database-target.ts'
import type { Clock, Random, Timers } from '../../../seams.ts'
import { once } from '../idempotency-records.ts'
import { type Moment, type Notice, type ReadOperation, Undone, type WriteOperation } from '../operation.ts'
import type { TableKey } from '../table-key.ts'
import { TablesBootError, TablesError, type TablesErrorCode } from '../tables-error.ts'
import type { TablesLog } from '../tables-place.ts'
import type { Outcome } from '../tables-protocol.ts'
import { checkServer, clientConfigOf } from './connect.ts'
import { failureOf } from './failures.ts'
import type { PoolBoard } from './pool-board.ts'
import { runOn } from './postgres-session.ts'

export type TransactionsParts = {
  readonly target: DatabaseTarget
  /** At a time. */
  readonly connections: number
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly board: PoolBoard
  readonly log: TablesLog
}

export type Committed = { readonly outcome: Outcome; readonly notices: readonly Notice[] }
export type AnyWrite = WriteOperation<object, object>
export type AnyRead = ReadOperation<object, unknown>

const triesMax = 8
const firstPauseMs = 4
/** Channel of what is told to all nodes. */
export const channel = 'holdfast'
/** Those by which something ends that others remember: told within the transaction, so that none is ever without the other. */
const ENDS: readonly Notice['type'][] = ['keyRevoked', 'sessionsChanged', 'signingKeysChanged']

/** Nothing happened, or it is not known whether. */
class Failed extends Error {
  override readonly name = 'Failed'
  readonly code: TablesErrorCode

  constructor(code: TablesErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

export class Transactions {
  readonly #parts: TransactionsParts
  readonly #pool: Pool
  #isAway = false

  constructor(parts: TransactionsParts) {
    this.#parts = parts
    this.#pool = new pg.Pool({
      ...clientConfigOf(parts.target),
      max: parts.connections,
      idleTimeoutMillis: 0,
      // A statement can leave before the one ahead of it is answered: BEGIN costs no round trip of its own.
      pipeline: true,
      verify: (client: PoolClient, done: (error?: Error) => void) => {
        checkServer(client).then(() => done(), done)
      },
    })
    // Of connections that nobody uses; the pool makes others. Whoever uses one hears of it by what they asked.
    this.#pool.on('error', () => this.#note())
    this.#pool.on('connect', (client) => client.on('error', () => {}))
    for (const event of ['connect', 'acquire', 'release', 'remove'] as const)
      this.#pool.on(event, () => this.#note())
  }

  /** Never rejects. */
  async read(operation: AnyRead, args: object): Promise<Outcome> {
    return this.#guarded(async (client) => {
      const begun = begin(client, 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
      const reply = await runOn(client, operation.run(args))
      await begun
      // Nothing rests on it: whoever has the connection next is answered behind it.
      client.query('COMMIT').catch(() => {})
      return { type: 'answered', reply } as const
    })
  }

  /** Resolves when it is durable, with what everybody has to hear of it. Never rejects. `sender` is who tells other nodes. */
  async write(
    operation: AnyWrite,
    args: object,
    { key, sender }: { readonly key: TableKey | undefined; readonly sender: string },
  ): Promise<Committed> {
    let notices: Notice[] = []
    const outcome = await this.#guarded(async (client) => {
      notices = []
      const { clock, random } = this.#parts
      const moment: Moment = { nowMs: clock.wallMs(), random, notify: (notice) => void notices.push(notice) }
      const begun = begin(client, 'BEGIN ISOLATION LEVEL READ COMMITTED')
      const reply = await runOn(
        client,
        once({ key, moment }, () => operation.run(args, moment), operation.isKept),
      )
      await begun
      await tellWithin(client, notices, sender)
      await commit(client)
      return { type: 'answered', reply } as const
    })
    return outcome.type === 'answered' ? { outcome, notices } : { outcome, notices: [] }
  }

  /** Resolves when all that is under way has ended. */
  close(): Promise<void> {
    return this.#pool.end()
  }

  async #guarded(run: (client: PoolClient) => Promise<Outcome>): Promise<Outcome> {
    for (let tries = 1; ; tries++) {
      const outcome = await this.#try(run)
      if (outcome.type !== 'again') return outcome
      if (tries >= triesMax) return failed(outcome.after, outcome.message)
      this.#parts.board.add('retries', 1)
      await this.#pause(firstPauseMs * 2 ** tries * this.#parts.random.fraction())
    }
  }

  async #try(
    run: (client: PoolClient) => Promise<Outcome>,
  ): Promise<
    Outcome | { readonly type: 'again'; readonly after: TablesErrorCode; readonly message: string }
  > {
    let client: PoolClient
    try {
      client = await this.#connection()
    } catch (error) {
      return this.#away(error)
    }
    let isOver = false
    try {
      const outcome = await run(client)
      this.#back()
      return outcome
    } catch (error) {
      if (error instanceof Failed) {
        isOver = true
        return failed(error.code, error.message)
      }
      isOver = !(await undo(client))
      if (error instanceof Undone) return { type: 'answered', reply: error.reply }
      const failure = failureOf(error)
      if (failure.type === 'again') return failure
      if (failure.type === 'refused') return failed(failure.code, failure.message)
      isOver = true
      return this.#away(error)
    } finally {
      client.release(isOver)
      this.#note()
    }
  }

  async #connection(): Promise<PoolClient> {
    const { clock, board } = this.#parts
    const sinceMs = clock.monotonicMs()
    try {
      const connecting = this.#pool.connect()
      this.#note()
      return await connecting
    } finally {
      board.add('waits', 1)
      board.add('waitedMs', clock.monotonicMs() - sinceMs)
      this.#note()
    }
  }

  /** Said once, and that it is back. */
  #away(error: unknown): Outcome {
    const { board, log } = this.#parts
    const failure = failureOf(error)
    if (failure.type !== 'lost' && !(error instanceof TablesBootError)) {
      log('error', 'tables.fault', { err: error })
      return failed('unavailable', 'This operation has failed.')
    }
    const why = error instanceof Error ? error.message : String(error)
    board.add('lost', 1)
    if (!this.#isAway) log('warn', 'tables.away', { why })
    this.#isAway = true
    return failed('unavailable', `PostgreSQL is away: ${why}`)
  }

  #back(): void {
    if (!this.#isAway) return
    this.#isAway = false
    this.#parts.log('info', 'tables.back', {})
  }

  #note(): void {
    const { board } = this.#parts
    const { totalCount, idleCount, waitingCount } = this.#pool
    board.set('size', totalCount)
    board.set('inUse', totalCount - idleCount)
    board.set('waiting', waitingCount)
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#parts.timers.after(ms, resolve))
  }
}

/** What goes wrong with it the first statement says as well, which nobody needs to hear twice. */
function begin(client: ClientBase, sql: string): Promise<void> {
  const begun = client.query(sql).then(() => {})
  begun.catch(() => {})
  return begun
}

async function commit(client: ClientBase): Promise<void> {
  let command: string
  try {
    ;({ command } = await client.query('COMMIT'))
  } catch (error) {
    const failure = failureOf(error)
    if (failure.type !== 'lost' && failure.type !== 'fault') throw error
    throw new Failed(
      'outcome-unknown',
      `The connection was lost while the transaction ended: ${String(error)}`,
    )
  }
  // A transaction in which a statement failed ends so.
  if (command !== 'COMMIT') throw new TablesError('unavailable', `The transaction ended with ${command}.`)
}

/** Whether the connection is as good as new. */
async function undo(client: ClientBase): Promise<boolean> {
  try {
    await client.query('ROLLBACK')
    return true
  } catch {
    return false
  }
}

async function tellWithin(client: ClientBase, notices: readonly Notice[], sender: string): Promise<void> {
  const ends = notices.filter(({ type }) => ENDS.includes(type))
  for (const notice of ends) await tell(client, [notice], sender)
}

/** Tells all nodes that listen, once what it is told within has ended. */
export async function tell(client: ClientBase, notices: readonly Notice[], sender: string): Promise<void> {
  await client.query('SELECT pg_notify($1, $2)', [channel, JSON.stringify({ sender, notices })])
}

/** What is not told within the transaction, and is told once it has ended. */
export function toldAfter(notices: readonly Notice[]): readonly Notice[] {
  return notices.filter(({ type }) => !ENDS.includes(type))
}

function failed(code: TablesErrorCode, message: string): Outcome {
  return { type: 'failed', code, message }
}
