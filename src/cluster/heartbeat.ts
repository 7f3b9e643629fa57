/** Says every so often that this node lives, and hears who else does. Who comes or goes is heard of at once. */
import type { Random, Timer, Timers } from '../seams.ts'
import type { Members, MemberText } from './members.ts'
import type { OwnershipLog } from './ownership-log.ts'
import { retryDelayMs } from './retry-delay.ts'
import { renewalMs } from './tenure.ts'

export type HeartbeatOptions = {
  readonly members: Members
  readonly timers: Timers
  readonly random: Random
  readonly leaseMs: number
  readonly log: OwnershipLog
  /** What is to be said. */
  readonly text: () => MemberText
  /** The list of members is new. */
  readonly heard: () => void
}

export class Heartbeat {
  readonly #options: HeartbeatOptions
  #timer: Timer | undefined
  #failures = 0
  #isUnderWay = false
  #isClosed = false

  constructor(options: HeartbeatOptions) {
    this.#options = options
  }

  start(): void {
    if (this.#isClosed) return
    const { timers, random, leaseMs } = this.#options
    const delayMs =
      this.#failures === 0 ? renewalMs(leaseMs) : retryDelayMs(this.#failures, random.fraction())
    this.#timer = timers.after(delayMs, () => this.now())
  }

  /** Does not wait for its time: somebody has come or gone. */
  now(): void {
    if (this.#isUnderWay || this.#isClosed) return
    this.#timer?.cancel()
    this.#isUnderWay = true
    void this.#beat().finally(() => {
      this.#isUnderWay = false
      this.start()
    })
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
  }

  async #beat(): Promise<void> {
    const { members, log, text, heard } = this.#options
    try {
      await members.beat(text())
    } catch (error) {
      this.#failures += 1
      return log('warn', 'cluster.beatFailed', { failures: this.#failures, err: error })
    }
    this.#failures = 0
    if (!this.#isClosed) heard()
  }
}
