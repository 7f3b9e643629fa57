/** The events' thread as main sees it: started beside everything else, and only where somebody is to be told. */
import { type MessagePort, Worker } from 'node:worker_threads'
import type { EventsConfig } from '../config/event-settings.ts'
import { KeptThread, type KeptThreadSeams } from '../kept-thread.ts'
import { eventsCloseMs } from '../limits/events.ts'
import { realDisk } from '../persistence/journal/disk.ts'
import { forgetTold } from '../persistence/journal/told.ts'
import { EventsBoard } from './events-board.ts'
import type { BrokerConfig, EventsData, LeadEvents } from './events-protocol.ts'
import type { RelayStatus } from './relay.ts'

export type EventsThreadOptions = KeptThreadSeams &
  Omit<EventsData, 'ends' | 'broker' | 'board'> & { readonly tables: { connect(): MessagePort } }

export class EventsThread extends KeptThread<RelayStatus, never, LeadEvents> {
  readonly board = new EventsBoard()
  #leads: boolean

  constructor(broker: BrokerConfig, { tables, timers, log, respawnDelayMs, ...data }: EventsThreadOptions) {
    super({
      timers,
      log,
      respawnDelayMs,
      name: 'events',
      begin: () => {
        const ends = { tables: tables.connect() }
        const workerData: EventsData = { ...data, broker, board: this.board.memory, ends }
        const thread = new Worker(new URL('./events-entry.ts', import.meta.url), {
          workerData,
          transferList: [ends.tables],
          name: 'events',
        })
        return { thread, onStart: () => this.lead(this.#leads), onEnd: () => {} }
      },
      onMessage: () => {},
      closeMs: eventsCloseMs,
    })
    this.#leads = !data.isShared
  }

  /** Whether it is this node that tells. */
  lead(leads: boolean): void {
    this.#leads = leads
    this.send({ type: 'lead', leads })
  }
}

/** Undefined where nobody is to be told, and whoever archives need not wait for it. */
export function openEvents(config: EventsConfig, options: EventsThreadOptions): EventsThread | undefined {
  if (config.type !== 'none') return new EventsThread(config, options)
  forgetTold(realDisk, options.journalDirectory)
  return undefined
}
