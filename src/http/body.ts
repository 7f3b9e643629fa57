/** Takes a request's body off the wire and makes one JSON value of it, within bounds whatever the client does. */
import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import type { z } from 'zod'
import { bodyBytesMax, validationErrorsMax } from '../limits.ts'
import { type FieldError, invalid, Problem } from './problems.ts'
import { type Call, headerOf } from './route.ts'

const JSON_CONTENT = /^application\/json[ \t]*(?:;[ \t]*charset[ \t]*=[ \t]*"?utf-8"?[ \t]*)?;?$/i
const LABEL_LENGTH_MAX = 64
const QUOTE = 34
const COLON = 58
const BACKSLASH = 92
const NO_BYTES = Buffer.alloc(0)

export type JsonBody = {
  readonly value: unknown
  /** Members of all objects in the text, those that repeat a name included. */
  readonly members: number
}

/** The body as the schema reads it. Throws 400, 413 or 415 where it cannot be. */
export async function readBody<Schema extends z.ZodType>(
  call: Call,
  schema: Schema,
): Promise<z.output<Schema>> {
  return parseBody(await readJson(call), schema)
}

/** As `readBody`, where every field is optional and so the whole body is: none at all is `{}`. */
export async function readOptionalBody<Schema extends z.ZodType>(
  call: Call,
  schema: Schema,
): Promise<z.output<Schema>> {
  if (headerOf(call.context, 'content-type') !== undefined) return readBody(call, schema)
  const bytes = await readBytes(call)
  if (bytes.length > 0) throw unsupported('A body needs Content-Type: application/json.')
  return schema.parse({})
}

/** One JSON value. Throws 400, 413 or 415, some of it before there is a promise: for async callers that is the same. */
export function readJson(call: Call): Promise<JsonBody> {
  const { context } = call
  const type = headerOf(context, 'content-type')
  if (type !== 'application/json' && (type === undefined || !JSON_CONTENT.test(type))) {
    throw unsupported('Content-Type must be application/json, in UTF-8.')
  }
  const encoding = headerOf(context, 'content-encoding')
  if (encoding !== undefined && encoding !== 'identity') {
    throw unsupported('The body must have no content encoding.')
  }
  return readBytes(call).then(parseJson)
}

function unsupported(detail: string): Problem {
  return new Problem('unsupported-media-type', detail)
}

function parseJson(bytes: Buffer): JsonBody {
  if (bytes.length === 0) throw new Problem('malformed-json', 'The body is empty.')
  if (!isUtf8(bytes)) throw new Problem('malformed-json', 'The body is not UTF-8.')
  const text = bytes.toString('utf8')
  try {
    return { value: JSON.parse(text), members: countMembers(text) }
  } catch (error) {
    // A RangeError is nesting deeper than the stack.
    if (error instanceof SyntaxError) throw new Problem('malformed-json', error.message)
    if (error instanceof RangeError) throw new Problem('malformed-json', 'The body is nested too deeply.')
    throw error
  }
}

/** In valid JSON a colon outside a string stands after each member's name, and nowhere else. */
function countMembers(text: string): number {
  let members = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === COLON) members += 1
    if (code !== QUOTE) continue
    at += 1
    for (let inside = text.charCodeAt(at); inside !== QUOTE; inside = text.charCodeAt(at)) {
      at += inside === BACKSLASH ? 2 : 1
    }
  }
  return members
}

/** What the schema makes of a JSON value. Throws 400 with the mistakes. */
export function parseBody<Schema extends z.ZodType>(body: JsonBody, schema: Schema): z.output<Schema> {
  const parsed = schema.safeParse(body.value)
  if (!parsed.success) throw invalid(...fieldErrorsOf(parsed.error))
  // `JSON.parse` lets the last of two equal names win, which a proxy in front may read otherwise; and zod passes over
  // `__proto__`. Both leave fewer members than there were in the text.
  if (membersOf(parsed.data) !== body.members) {
    throw new Problem('malformed-json', 'The body names a field twice, or one that no request has.')
  }
  return parsed.data
}

/** Of a value that a schema has accepted, and so no deeper than the schema. */
function membersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  let members = 0
  if (Array.isArray(value)) {
    for (const element of value) members += membersOf(element)
    return members
  }
  for (const member of Object.values(value)) members += 1 + membersOf(member)
  return members
}

/** zod's issues as the API shows them: the first for each path, and each unknown field with its own. */
export function fieldErrorsOf(error: z.core.$ZodError): FieldError[] {
  const messages = new Map<string, string>()
  const add = (path: readonly PropertyKey[], message: string) => {
    const label = labelOf(path)
    if (messages.size < validationErrorsMax && !messages.has(label)) messages.set(label, message)
  }
  for (const issue of error.issues) {
    if (issue.code === 'unrecognized_keys') {
      // As many as are shown at most: a body can hold thousands.
      for (const key of issue.keys.slice(0, validationErrorsMax))
        add([...issue.path, key], 'is not known here')
    } else add(issue.path, issue.message)
  }
  return [...messages].map(([path, message]) => ({ path, message }))
}

function labelOf(path: readonly PropertyKey[]): string {
  return path.map((part) => String(part).slice(0, LABEL_LENGTH_MAX)).join('.')
}

/** All bytes of the body, at most `bodyBytesMax`. */
export function readBytes(call: Call): Promise<Buffer> {
  const { context } = call
  const declared = headerOf(context, 'content-length')
  if (declared !== undefined && Number(declared) > bodyBytesMax) throw tooLarge()
  const incoming = context.env?.incoming
  return incoming === undefined ? readStream(context.req.raw.body) : readIncoming(incoming)
}

function tooLarge(): Problem {
  return new Problem('body-too-large', `A body can have ${bodyBytesMax} bytes.`)
}

/** Straight from Node's request: as fast as `text()`, and bounded where no length was declared. */
function readIncoming(incoming: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let first: Buffer | undefined
    let rest: Buffer[] | undefined
    let size = 0
    const onData = (chunk: Buffer): void => {
      size += chunk.length
      if (size > bodyBytesMax) {
        // What still comes is dropped, not kept, until the server has answered and closes.
        stop()
        incoming.resume()
        reject(tooLarge())
      } else if (first === undefined) first = chunk
      else if (rest === undefined) rest = [first, chunk]
      else rest.push(chunk)
    }
    const onEnd = (): void => {
      stop()
      resolve(rest === undefined ? (first ?? NO_BYTES) : Buffer.concat(rest))
    }
    const onClose = (): void => {
      stop()
      reject(new Problem('malformed-request', 'The connection closed amid the body.'))
    }
    const stop = (): void => {
      incoming.off('data', onData)
      incoming.off('end', onEnd)
      incoming.off('close', onClose)
    }
    // A client that left while its caller was being looked up has emitted its last event already.
    if (incoming.destroyed) return onClose()
    incoming.on('data', onData)
    incoming.on('end', onEnd)
    incoming.on('close', onClose)
  })
}

async function readStream(stream: ReadableStream<Uint8Array> | null): Promise<Buffer> {
  if (stream === null) return NO_BYTES
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of stream) {
    size += chunk.length
    if (size > bodyBytesMax) throw tooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
