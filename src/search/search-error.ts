/** Why nothing was found out. Nothing ever happened: it is only read. */
export type SearchErrorCode =
  /** Its thread is starting anew or filling its index, or did not answer in time. */
  | 'unavailable'
  /** It has not come as far as was asked for. */
  | 'behind'
  /** As many wait as may. */
  | 'overloaded'
  | 'shutting-down'

export class SearchError extends Error {
  override readonly name = 'SearchError'
  readonly code: SearchErrorCode

  constructor(code: SearchErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
