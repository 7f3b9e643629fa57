/**
 * One log line a request, without tokens, bodies or paths as they were asked for. On hot routes only a sample: writing a
 * line costs as much as a reservation. Failures are logged with every request, up to a rate.
 */
import type { Logger } from 'pino'
import { requestLogFailuresPerSecondMax, requestLogOneIn } from '../limits.ts'
import type { Clock } from '../seams.ts'

const SECOND_MS = 1_000
/** Statuses from here on say that this server is at fault. */
const FAILURE = 500

export type RequestEntry = {
  readonly requestId: string
  /** A template, such as `/v1/reservations/{id}`. */
  readonly route: string
  readonly method: string
  readonly status: number
  readonly durationMs: number
  readonly callerId: string | undefined
}

export class RequestLog {
  readonly #log: Logger
  readonly #clock: Clock
  #passed = 0
  #secondEndsMs = 0
  #failuresThisSecond = 0
  #failuresUnsaid = 0

  constructor(log: Logger, clock: Clock) {
    this.#log = log
    this.#clock = clock
  }

  /** `hot` routes are sampled. */
  write(entry: RequestEntry, hot: boolean): void {
    if (entry.status >= FAILURE) this.#writeFailure(entry, hot)
    else if (!hot) this.#log.info(fieldsOf(entry), 'http.request')
    else if (++this.#passed % requestLogOneIn === 0) {
      this.#log.info({ ...fieldsOf(entry), one_in: requestLogOneIn }, 'http.request')
    }
  }

  /** What nobody expected, with its stack; callers are told the id only. */
  unexpected(entry: Pick<RequestEntry, 'requestId' | 'route' | 'method'>, thrown: unknown): void {
    const err = thrown instanceof Error ? thrown : new Error('a handler threw something that is no Error')
    this.#log.error(
      { err, request_id: entry.requestId, route: entry.route, method: entry.method },
      'http.failed',
    )
  }

  #writeFailure(entry: RequestEntry, hot: boolean): void {
    if (hot && !this.#mayWriteFailure()) {
      this.#failuresUnsaid += 1
      return
    }
    const unsaid = this.#failuresUnsaid === 0 ? undefined : this.#failuresUnsaid
    this.#failuresUnsaid = 0
    this.#log.warn({ ...fieldsOf(entry), failures_not_logged: unsaid }, 'http.request')
  }

  #mayWriteFailure(): boolean {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs >= this.#secondEndsMs) {
      this.#secondEndsMs = nowMs + SECOND_MS
      this.#failuresThisSecond = 0
    }
    this.#failuresThisSecond += 1
    return this.#failuresThisSecond <= requestLogFailuresPerSecondMax
  }
}

function fieldsOf({ requestId, route, method, status, durationMs, callerId }: RequestEntry) {
  return {
    request_id: requestId,
    route,
    method,
    status,
    duration_ms: Math.round(durationMs * SECOND_MS) / SECOND_MS,
    caller: callerId,
  }
}
