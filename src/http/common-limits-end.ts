/** A listener's end of the limits that nodes count together. */
import { Counter, Gauge, type Registry } from 'prom-client'
import type { KeptConnection } from '../cluster/kept-connection.ts'
import { Announcer } from '../cluster/limits/announcer.ts'
import { CommonCounter } from '../cluster/limits/common-counter.ts'
import { type CommonLimitsSettings, keptConnection, type Seams } from './common-limits.ts'
import { CommonRateLimits } from './common-rate-limits.ts'
import type { SharedRateLimits } from './rate-limits.ts'

/** It has a connection of its own, so that what it tells and asks passes through no other thread. */
export class CommonRateLimitsEnd {
  readonly limits: CommonRateLimits
  readonly #connection: KeptConnection
  readonly #announcer: Announcer

  constructor(own: SharedRateLimits, settings: CommonLimitsSettings, seams: Seams) {
    this.#connection = keptConnection(settings, seams)
    const announcing = { connection: this.#connection, tag: settings.tag, timers: seams.timers }
    this.#announcer = new Announcer({ ...announcing, keepsWhileAway: false })
    const counter = new CommonCounter(this.#connection)
    this.limits = new CommonRateLimits(own, { announcer: this.#announcer, counter, clock: seams.clock })
  }

  start(): void {
    this.#connection.start()
  }

  /** Whether Redis is there. */
  get isOpen(): boolean {
    return this.#connection.current !== undefined
  }

  register(registry: Registry): void {
    const announcer = this.#announcer
    const { limits } = this
    const isOpen = () => this.isOpen
    new Gauge({
      name: 'holdfast_limits_common',
      help: '1 where listeners count callers’ requests together with other nodes, 0 where one of them counts alone.',
      aggregator: 'min',
      registers: [registry],
      collect() {
        this.set(isOpen() ? 1 : 0)
      },
    })
    new Counter({
      name: 'holdfast_limit_counts_total',
      help: 'Requests that other nodes were told of, or could not be told of.',
      labelNames: ['told'],
      registers: [registry],
      collect() {
        this.reset()
        this.inc({ told: 'yes' }, announcer.told)
        this.inc({ told: 'no' }, announcer.untold)
      },
    })
    new Counter({
      name: 'holdfast_limits_decided_alone_total',
      help: 'Logins and registrations counted on this node alone, as Redis did not answer.',
      registers: [registry],
      collect() {
        this.reset()
        this.inc(limits.decidedAlone)
      },
    })
  }

  close(): void {
    this.#connection.close()
  }
}
