/**
 * The log: one JSON object a line on standard output, for machines to read and for people to filter.
 *
 * - No line holds a secret: members with a telling name are dropped at any depth, keys and e-mail addresses are taken
 *   out of any text, and no line holds a character that a terminal or a line reader would obey.
 * - No thread waits for whoever reads the log. Lines are written in the background and dropped where the reader is a
 *   mebibyte behind; the next line that passes says how many were.
 */
import pino, { type DestinationStream, type Logger as PinoLogger } from 'pino'

export type Logger = PinoLogger

export type Log = {
  readonly logger: Logger
  /** Writes what is waiting before it returns; for the last moments of a thread. */
  flush(): void
}

const linesWaitingBytesMax = 1_024 * 1_024
/** POSIX's PIPE_BUF on Linux: what a pipe takes at once, so that lines of several threads never mix. */
const writeBytesMax = 4_096
const depthMax = 6
const REDACTED = '[redacted]'

/** Names of members that are never logged, in lower case and without `-` and `_`. */
const SECRET_NAMES: ReadonlySet<string> = new Set([
  'authorization',
  'proxyauthorization',
  'cookie',
  'cookies',
  'setcookie',
  'key',
  'apikey',
  'xapikey',
  'adminkey',
  'password',
  'secret',
  'secretkey',
  'webhooksecret',
  'smtpurl',
  'token',
  'accesstoken',
  'refreshtoken',
  'paymenttoken',
  'email',
  'card',
  'carddetails',
  'cardnumber',
  'cvc',
  'cvv',
])
/**
 * Within any text: our keys, bearer and access tokens, secrets of webhooks, Stripe's keys, who signs in by a URL, e-mail
 * addresses. Bounded repeats: no input makes it slow.
 */
const SECRET_TEXT = new RegExp(
  [
    /\bhf_(?:admin_)?[A-Za-z0-9]{8,}/,
    /\bbearer\s+[\w.~+/-]{8,}=*/,
    /\beyJ[\w-]{8,2000}\.[\w-]{8,4000}\.[\w-]{8,1000}/,
    /\bwhsec_[A-Za-z0-9+/=_-]{8,256}/,
    /\b[sr]k_(?:live|test)_[A-Za-z0-9]{8,256}/,
    /(?<=:\/\/)[^\s/@"\\]{1,256}@/,
    /(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[a-z]{2,24}\b/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'gi',
)
/** What JSON lets stand and terminals obey: DEL and C1, line separators, marks that turn the direction of writing. */
const UNSAFE = /[\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/** Makes a thread's log; `destination` is standard output unless a test looks at what is written. */
export function openLog(options: { readonly level: string; readonly destination?: DestinationStream }): Log {
  const destination = options.destination ?? standardOutput()
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: redactMembers,
      },
      serializers: { err: serializeError },
      hooks: { streamWrite: makeSafe },
    },
    destination,
  )
  redactBindings(logger)
  return { logger, flush: () => flush(destination) }
}

type Destination = ReturnType<typeof pino.destination>

function standardOutput(): Destination {
  const destination = pino.destination({
    dest: 1,
    sync: false,
    maxLength: linesWaitingBytesMax,
    maxWrite: writeBytesMax,
  })
  let droppedCount = 0
  destination.on('drop', () => {
    droppedCount += 1
  })
  destination.on('drain', () => {
    if (droppedCount === 0) return
    const count = droppedCount
    droppedCount = 0
    const time = pino.stdTimeFunctions.isoTime().slice(1)
    destination.write(`{"level":"warn",${time},"dropped":${count},"msg":"log lines dropped"}\n`)
  })
  // A full disk behind the log is no reason to stop selling, and there is nowhere left to say it.
  destination.on('error', () => {})
  return destination
}

function flush(destination: DestinationStream): void {
  if (!('flushSync' in destination) || typeof destination.flushSync !== 'function') return
  try {
    destination.flushSync()
  } catch (error) {
    // Nobody reads any more, or no room is left; a shutdown goes on without its last lines.
    if (!(error instanceof Error && 'code' in error)) throw error
  }
}

/** pino passes what a child is bound to through no formatter of its parent's. Children inherit this method. */
function redactBindings(logger: Logger): void {
  const inherited = logger.child
  logger.child = function child<Levels extends string = never>(
    this: Logger,
    bindings: pino.Bindings,
    options?: pino.ChildLoggerOptions<Levels>,
  ) {
    return inherited.call<Logger, [pino.Bindings, pino.ChildLoggerOptions<Levels>?], PinoLogger<Levels>>(
      this,
      redactMembers(bindings),
      options,
    )
  }
}

function redactMembers(members: Record<string, unknown>): Record<string, unknown> {
  return redactObject(members, 0)
}

function redact(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Error) return redact(pino.stdSerializers.err(value), depth)
  if (depth > depthMax) return '[deep]'
  if (Array.isArray(value)) return value.map((each) => redact(each, depth + 1))
  if (value instanceof Map) return redactObject(Object.fromEntries(value), depth)
  if (value instanceof Headers) return redactObject(Object.fromEntries(value), depth)
  if ('toJSON' in value && typeof value.toJSON === 'function') return redact(value.toJSON(), depth + 1)
  return redactObject(value, depth)
}

function redactObject(value: object, depth: number): Record<string, unknown> {
  const kept: [string, unknown][] = Object.entries(value).map(([name, member]) => {
    // What is absent stays absent: that no key came is worth knowing.
    const secret = member !== undefined && SECRET_NAMES.has(name.toLowerCase().replace(/[-_]/g, ''))
    return [name, secret ? REDACTED : redact(member, depth + 1)]
  })
  return Object.fromEntries(kept)
}

function serializeError(error: unknown): unknown {
  return redact(error, 0)
}

/** On the finished line, so that no way into it is forgotten. Neither replacement can break a JSON string. */
function makeSafe(line: string): string {
  return line
    .replace(SECRET_TEXT, REDACTED)
    .replace(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
