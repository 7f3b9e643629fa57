/** Why a store did not do what it was asked. */

export type S3ErrorCode =
  /** It does not answer, or says that it cannot at the moment: another try may find it well. */
  | 'unreachable'
  /** It knows who asks, or does not, and will not: keys, rights or clocks are wrong. */
  | 'denied'
  /** There is no bucket of this name. */
  | 'no-bucket'
  /** It has no room. */
  | 'full'
  /** What was sent or read is not what it should be, on each try. */
  | 'damaged'
  /** Anything else, which the message has. */
  | 'refused'

export class S3Error extends Error {
  override readonly name = 'S3Error'
  readonly code: S3ErrorCode

  constructor(code: S3ErrorCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}
