/** A request's body as it comes, for what is too large to be kept whole. */
import type { IncomingMessage } from 'node:http'
import { allowLongUpload } from './long-uploads.ts'
import { Problem } from './problems.ts'
import { type Call, headerOf } from './route.ts'

/** Refuses a body that says itself that it is too large, or that is encoded. Throws 413 and 415. */
export function checkLength(call: Call, bytesMax: number): void {
  const declared = headerOf(call.context, 'content-length')
  if (declared !== undefined && Number(declared) > bytesMax) {
    throw new Problem('body-too-large', `This body can have ${bytesMax} bytes.`)
  }
  const encoding = headerOf(call.context, 'content-encoding')
  if (encoding !== undefined && encoding !== 'identity') {
    throw new Problem('unsupported-media-type', 'The body must have no content encoding.')
  }
}

/** All of a body that is small enough. Throws 413, and 400 where it breaks off. */
export async function bytesWithin(call: Call, bytesMax: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of chunksOf(call)) {
    size += chunk.length
    if (size > bytesMax) throw new Problem('body-too-large', `This body can have ${bytesMax} bytes.`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Read no faster than whoever reads these. Whoever stops early leaves the rest to be thrown away. Throws 400 where it breaks off. */
export async function* chunksOf(call: Call): AsyncGenerator<Uint8Array> {
  const incoming = call.context.env?.incoming
  const { body } = call.context.req.raw
  if (incoming !== undefined) yield* chunksFrom(incoming)
  else if (body !== null) for await (const chunk of body) yield chunk
}

async function* chunksFrom(incoming: IncomingMessage): AsyncGenerator<Uint8Array> {
  allowLongUpload(incoming)
  try {
    // The socket is needed for the reply, however the reading ends.
    for await (const chunk of incoming.iterator({ destroyOnReturn: false })) yield chunk
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ECONNRESET') {
      throw new Problem('malformed-request', 'The connection closed amid the body.')
    }
    throw error
  } finally {
    incoming.resume()
  }
}
