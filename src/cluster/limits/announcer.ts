/**
 * Tells the other nodes what one thread of this one has counted, by sharded publish/subscribe: nothing is kept in Redis, so
 * nothing is written to its disk. What is said while Redis is away is lost, or kept for its return where the thread
 * asks for that: an expiry counts for an hour, a request for a second.
 */
import {
  announceAgainMs,
  announcedMax,
  announceEveryMs,
  announcementsUnderWayMax,
} from '../../limits/common-limits.ts'
import type { Timers } from '../../seams.ts'
import type { KeptConnection } from '../kept-connection.ts'
import { limitsChannel } from '../key-names.ts'
import { AnnouncementWriter, type HashedIdentity, type NodeTag } from './announcement.ts'

export type AnnouncerOptions = {
  readonly connection: KeptConnection
  readonly tag: NodeTag
  readonly timers: Timers
  readonly keepsWhileAway: boolean
}

export class Announcer {
  readonly #options: AnnouncerOptions
  readonly #writer: AnnouncementWriter
  #isTimed = false
  #isSoon = false
  #underWay = 0
  /** Counts that were sent, and those that nobody will hear of. */
  told = 0
  untold = 0

  constructor(options: AnnouncerOptions) {
    this.#options = options
    this.#writer = new AnnouncementWriter(options.tag, announcedMax)
  }

  /** Within `announceEveryMs`; at the end of this turn where it is urgent. */
  note(kind: number, identity: HashedIdentity, isUrgent: boolean): void {
    if (!this.#writer.add(kind, identity)) {
      this.#send()
      if (!this.#writer.add(kind, identity)) {
        this.untold += 1
        return
      }
    }
    const { timers } = this.#options
    if (isUrgent && !this.#isSoon) {
      this.#isSoon = true
      timers.soon(() => {
        this.#isSoon = false
        this.#send()
      })
    }
    this.#sendAfter(announceEveryMs)
  }

  #sendAfter(delayMs: number): void {
    if (this.#isTimed) return
    this.#isTimed = true
    this.#options.timers.after(delayMs, () => {
      this.#isTimed = false
      this.#send()
    })
  }

  #send(): void {
    const { connection, keepsWhileAway } = this.#options
    const { count } = this.#writer
    if (count === 0) return
    const { current } = connection
    if (current === undefined || this.#underWay === announcementsUnderWayMax) {
      if (keepsWhileAway) return this.#sendAfter(announceAgainMs)
      this.#writer.take()
      this.untold += count
      return
    }
    this.#underWay += 1
    current
      .spublish(limitsChannel, this.#writer.take())
      .then(
        () => {
          this.told += count
          connection.worked()
        },
        (error: unknown) => {
          this.untold += count
          connection.failed(current, error)
        },
      )
      .finally(() => {
        this.#underWay -= 1
      })
  }
}
