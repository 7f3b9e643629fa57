/** Why the history did not answer. Nothing ever happened: it is only read. */
export type HistoryErrorCode =
  /** Its thread is starting anew, or did not answer in time. */
  | 'unavailable'
  /** It has not come as far as was asked for, or is being filled anew. */
  | 'behind'
  /** As many wait as may. */
  | 'overloaded'
  | 'shutting-down'

export class HistoryError extends Error {
  override readonly name = 'HistoryError'
  readonly code: HistoryErrorCode

  constructor(code: HistoryErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
