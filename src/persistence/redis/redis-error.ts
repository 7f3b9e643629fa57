/** Why a Redis cannot be used: for the moment, or as it is set up. */

/** Nobody answers for a slot now; another attempt may go well. */
export class RedisUnavailable extends Error {
  override readonly name: string = 'RedisUnavailable'
}

/** Servers that do not belong together answer: for the moment, as while one is replaced by hand, or as they are set up. */
export class RedisMismatch extends RedisUnavailable {
  override readonly name = 'RedisMismatch'
}

export type RedisBootErrorCode =
  /** A setting under which acknowledged data could be lost. */
  | 'unsafe-settings'
  /** Too old, or servers that are not one Redis. */
  | 'unsupported'
  /** It did not answer, or was not ready, within the time that a start waits. */
  | 'unavailable'
  /** User or password are wrong, or do not allow what is needed. */
  | 'forbidden'

/** Why this Redis must not hold a journal. Somebody has to change it. */
export class RedisBootError extends Error {
  override readonly name = 'RedisBootError'
  readonly code: RedisBootErrorCode

  constructor(code: RedisBootErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
