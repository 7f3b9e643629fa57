/** The tables in the test's own thread, over the messages that travel between threads, by a clock that the test moves. */
import Database from 'better-sqlite3'
import type { Replayable } from '../../src/persistence/tables/idempotency-records.ts'
import { migrate } from '../../src/persistence/tables/migrations.ts'
import type { Notice } from '../../src/persistence/tables/operation.ts'
import type {
  AnswerOf,
  ArgsOf,
  ReadName,
  Tables,
  WriteName,
} from '../../src/persistence/tables/operations.ts'
import { schema } from '../../src/persistence/tables/schema.ts'
import type { TableKey } from '../../src/persistence/tables/table-key.ts'
import { TablesClient } from '../../src/persistence/tables/tables-client.ts'
import type { FromTables, ToTables } from '../../src/persistence/tables/tables-protocol.ts'
import { TablesServer } from '../../src/persistence/tables/tables-server.ts'
import { type Clock, realRandom, realTimers } from '../../src/seams.ts'
import { Wire } from './wire.ts'

export class InProcessTables implements Tables {
  readonly database = new Database(':memory:')
  readonly notices: Notice[] = []
  /** Hears of each, as whoever remembers something of the tables does. */
  onNotice: (notice: Notice) => void = () => {}
  readonly #server: TablesServer
  readonly #client: TablesClient

  constructor(clock: Clock) {
    this.database.pragma('foreign_keys = ON')
    migrate(this.database, schema, clock.wallMs())
    this.#server = new TablesServer(this.database, { clock, timers: realTimers, random: realRandom() })
    this.#client = new TablesClient({
      timers: realTimers,
      onNotice: (notice) => {
        this.notices.push(notice)
        this.onNotice(notice)
      },
    })
    const wire = new Wire<ToTables, FromTables>()
    wire.there.copies = true
    wire.back.copies = true
    this.#server.connect(wire.far)
    this.#client.connect(wire.near)
  }

  read<N extends ReadName>(name: N, args: ArgsOf<N>): Promise<AnswerOf<N>> {
    return this.#client.read(name, args)
  }

  write<N extends WriteName>(name: N, args: ArgsOf<N>, key?: TableKey): Promise<AnswerOf<N> & Replayable> {
    return this.#client.write(name, args, key)
  }

  /** Every value of every table as text, for whoever looks for what must not be there. */
  everything(): string {
    const tables = this.database
      .prepare<[], { readonly name: string }>(`SELECT name FROM sqlite_schema WHERE type = 'table'`)
      .all()
    return tables
      .map(({ name }) => JSON.stringify(this.database.prepare(`SELECT * FROM "${name}"`).all()))
      .join('\n')
  }

  close(): void {
    this.#client.close()
    this.#server.close()
  }
}
