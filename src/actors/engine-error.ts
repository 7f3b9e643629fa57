/** Why the engine did not answer with a reply. Operational: somebody runs this machine, and the caller may retry. */
export type EngineErrorCode =
  /** A mailbox is full, or the command waited past its deadline. Nothing happened. */
  | 'overloaded'
  /** The shard's worker is recovering or stopped. Nothing happened. */
  | 'shard-unavailable'
  /** No room to write this, but some for what settles reservations that exist. Nothing happened. */
  | 'storage-full'
  /** No room to write anything; reads are answered. Nothing happened. */
  | 'read-only'
  /** No memory for another record; what exists can be settled. Nothing happened. */
  | 'memory-full'
  /** The engine is closing. Nothing happened. */
  | 'shutting-down'
  /** This very command ended its worker several times. Nothing happened, and will not. */
  | 'command-quarantined'
  /** The command may have happened: its worker ended, or did not answer in time. */
  | 'outcome-unknown'

export class EngineError extends Error {
  override readonly name = 'EngineError'
  readonly code: EngineErrorCode
  /** When it is worth trying again, in whole seconds. */
  readonly retryAfterSeconds: number

  constructor(
    code: EngineErrorCode,
    message: string,
    options?: { retryAfterSeconds?: number; cause?: unknown },
  ) {
    super(message, { cause: options?.cause })
    this.code = code
    this.retryAfterSeconds = options?.retryAfterSeconds ?? 1
  }
}
