/** Relays over a journal, an outbox and a broker in memory, by a clock that the test moves. */
import type { EventFeedParts } from '../../src/events/event-feed.ts'
import { Relay, type RelayParts } from '../../src/events/relay.ts'
import { outboxOperations } from '../../src/persistence/tables/outbox.ts'
import { SqliteSession } from '../../src/persistence/tables/sqlite-session.ts'
import { InProcessTables } from '../support/in-process-tables.ts'
import { ManualClock, ManualTimers } from '../support/manual-time.ts'
import { MemoryBroker } from './memory-sink.ts'

export const SOURCE = '/shop'
const STEP_MS = 20

export class RelayWorld {
  readonly timers: ManualTimers
  readonly tables: InProcessTables
  readonly broker = new MemoryBroker()
  readonly logged: string[] = []
  readonly troubles: (string | undefined)[] = []
  readonly #place: EventFeedParts['place']
  readonly #shards: number
  /** What the next read of the outbox fails with, if it does. */
  fault: Error | undefined

  constructor(
    place: EventFeedParts['place'],
    shards: number,
    timers = new ManualTimers(new ManualClock(Date.UTC(2026, 0, 1))),
  ) {
    this.#place = place
    this.#shards = shards
    this.timers = timers
    this.tables = new InProcessTables(timers.clock)
  }

  relay(parts: Partial<RelayParts> = {}): Relay {
    const session = new SqliteSession(this.tables.database)
    return new Relay({
      place: this.#place,
      shards: this.#shards,
      outbox: {
        read: (_, args) => {
          if (this.fault !== undefined) throw this.fault
          return session.run(outboxOperations['outbox.after'].run(args))
        },
      },
      source: SOURCE,
      sink: this.broker.sink(),
      clock: this.timers.clock,
      timers: this.timers.session(),
      log: (level, event) => void this.logged.push(`${level} ${event}`),
      leads: true,
      onTrouble: (trouble) => void this.troubles.push(trouble),
      ...parts,
    })
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      await new Promise<void>((resolve) => void setImmediate(resolve))
      await this.timers.advance(STEP_MS)
    }
  }

  /** Lets time pass until it holds. */
  async until(holds: () => boolean, what: string): Promise<void> {
    for (let tries = 0; tries < 3_000; tries++) {
      if (holds()) return
      await this.pass(STEP_MS)
    }
    throw new Error(`${what} did not come about`)
  }

  close(): void {
    this.tables.close()
  }
}
