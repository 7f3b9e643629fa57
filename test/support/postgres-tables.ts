/** The tables on a real PostgreSQL in the test's own thread, over the messages that travel between threads: one node. */

import type { DatabaseTarget } from '../../src/config/database-target.ts'
import type { Replayable } from '../../src/persistence/tables/idempotency-records.ts'
import type { Notice } from '../../src/persistence/tables/operation.ts'
import type {
  AnswerOf,
  ArgsOf,
  ReadName,
  Tables,
  WriteName,
} from '../../src/persistence/tables/operations.ts'
import { openPostgresTables } from '../../src/persistence/tables/postgres/open-postgres.ts'
import { PoolBoard } from '../../src/persistence/tables/postgres/pool-board.ts'
import type { PostgresTables } from '../../src/persistence/tables/postgres/postgres-tables.ts'
import { RevocationCount } from '../../src/persistence/tables/revocation-count.ts'
import type { TableKey } from '../../src/persistence/tables/table-key.ts'
import { TablesClient } from '../../src/persistence/tables/tables-client.ts'
import type { FromTables, ToTables } from '../../src/persistence/tables/tables-protocol.ts'
import { type Clock, realClock, realRandom, realTimers } from '../../src/seams.ts'
import { Wire } from './wire.ts'

let lastNode = 0

export class PostgresNode implements Tables {
  readonly notices: Notice[] = []
  /** What its log told of, and in it what nobody expects. */
  readonly logged: readonly string[]
  readonly faults: readonly unknown[]
  onNotice: (notice: Notice) => void = () => {}
  readonly board: PoolBoard
  readonly #server: PostgresTables
  readonly #client: TablesClient

  private constructor(
    server: PostgresTables,
    own: {
      readonly board: PoolBoard
      readonly revocations: RevocationCount
      readonly faults: readonly unknown[]
      readonly logged: readonly string[]
    },
  ) {
    this.#server = server
    this.board = own.board
    this.faults = own.faults
    this.logged = own.logged
    const { revocations } = own
    this.#client = new TablesClient({
      timers: realTimers,
      revocations,
      onNotice: (notice) => {
        this.notices.push(notice)
        this.onNotice(notice)
      },
    })
    const wire = new Wire<ToTables, FromTables>()
    wire.there.copies = true
    wire.back.copies = true
    server.connect(wire.far)
    this.#client.connect(wire.near)
  }

  static async start(
    target: DatabaseTarget,
    {
      clock = realClock,
      connections = 4,
      patienceMs,
    }: { readonly clock?: Clock; readonly connections?: number; readonly patienceMs?: number } = {},
  ): Promise<PostgresNode> {
    const board = new PoolBoard()
    const revocations = new RevocationCount()
    const faults: unknown[] = []
    const logged: string[] = []
    const server = await openPostgresTables(
      {
        target,
        connections,
        clock: { wallMs: () => clock.wallMs(), monotonicMs: () => realClock.monotonicMs() },
        timers: realTimers,
        random: realRandom(),
        revocations,
        board,
        sender: `node_${++lastNode}`,
        log: (level, event, detail) => {
          logged.push(event)
          if (level === 'error') faults.push(detail)
        },
      },
      patienceMs,
    )
    return new PostgresNode(server, { board, revocations, faults, logged })
  }

  get isBehind(): boolean {
    return this.#client.isBehind
  }

  read<N extends ReadName>(name: N, args: ArgsOf<N>): Promise<AnswerOf<N>> {
    return this.#client.read(name, args)
  }

  write<N extends WriteName>(name: N, args: ArgsOf<N>, key?: TableKey): Promise<AnswerOf<N> & Replayable> {
    return this.#client.write(name, args, key)
  }

  async close(): Promise<void> {
    this.#client.close()
    await this.#server.close()
  }
}
