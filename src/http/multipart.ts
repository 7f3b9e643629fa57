/**
 * The one file of a `multipart/form-data` body (RFC 7578), found without copying and without looking at anything else in it:
 * the general parsers take most of a second for five megabytes of tiny parts.
 */
import { Problem } from './problems.ts'
import { type Call, headerOf } from './route.ts'

const TYPE =
  /^multipart\/form-data[ \t]*;[ \t]*boundary=(?:"([^"\r\n]{1,70})"|([\w'()+,./:=?-]{1,70}))[ \t]*$/i
const HEADER_BYTES_MAX = 8 * 1_024
const LINE = Buffer.from('\r\n')
const BLANK = Buffer.from('\r\n\r\n')
const FILE = /^content-disposition:[ \t]*form-data\b.*;[ \t]*filename\*?=/im

/** What its content type names. Throws 415. */
export function boundaryOf(call: Call): string {
  const match = TYPE.exec(headerOf(call.context, 'content-type') ?? '')
  const boundary = match?.[1] ?? match?.[2]
  if (boundary !== undefined) return boundary
  throw new Problem('unsupported-media-type', 'Content-Type must be multipart/form-data with a boundary.')
}

/** Throws 400 unless the body is one part that is a file. */
export function onlyFileIn(body: Buffer, boundary: string): Buffer {
  const opening = Buffer.from(`--${boundary}\r\n`)
  if (body.indexOf(opening) !== 0) throw malformed('does not begin with its boundary')
  const headers = body.subarray(opening.length, opening.length + HEADER_BYTES_MAX)
  const headersEnd = headers.indexOf(BLANK)
  if (headersEnd === -1) throw malformed('has no part with an end to its header fields')
  if (!FILE.test(headers.toString('latin1', 0, headersEnd)))
    throw malformed('must have one part, which is a file')
  const from = opening.length + headersEnd + BLANK.length
  const closing = Buffer.from(`\r\n--${boundary}`)
  const to = body.indexOf(closing, from)
  if (to === -1) throw malformed('breaks off before its last boundary')
  const rest = body.subarray(to + closing.length)
  const isLast = rest.equals(Buffer.from('--')) || rest.equals(Buffer.concat([Buffer.from('--'), LINE]))
  if (!isLast) throw malformed('must have one part, which is a file, and nothing behind it')
  return body.subarray(from, to)
}

function malformed(what: string): Problem {
  return new Problem('malformed-request', `The multipart body ${what}.`)
}
