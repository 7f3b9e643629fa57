/**
 * A bucket in memory behind a loopback socket, that does what a store does when it is not well. It believes nothing: who
 * asks is checked by the signature, and what comes by its SHA-256.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { S3Access } from '../../src/config/s3-settings.ts'
import { authorizationOf, type QueryField, signedQuery } from '../../src/persistence/s3/signature.ts'

export type FakeObject = {
  bytes: Buffer
  readonly type: string
  readonly cacheControl: string | undefined
  modifiedMs: number
}

/** What goes wrong with a request, before or instead of what it asks for. */
export type Fault =
  | { readonly type: 'answer'; readonly status: number; readonly code: string; readonly retryAfter?: string }
  /** The connection ends when so many bytes of the body have come. */
  | { readonly type: 'cut'; readonly afterBytes: number }
  /** The reply ends half-way. */
  | { readonly type: 'cutReply' }
  /** It is done, and nobody hears of it. */
  | { readonly type: 'cutAnswer' }
  | { readonly type: 'silence' }
  /** A byte now and then. */
  | { readonly type: 'trickle'; readonly everyMs: number }

const SIGNER = { accessKey: 'AKIDFAKE', secretKey: 'secret-of-a-fake/+', region: 'eu-test-1' }
const BUCKET = 'shop-images'
const SKEW_MAX_MS = 900_000
const PAGE = 2

export class FakeS3 {
  readonly objects = new Map<string, FakeObject>()
  /** Method and key of each request that came whole. */
  readonly asked: string[] = []
  /** Of the requests to come, the first by the first. */
  readonly faults: Fault[] = []
  /** Of every request, until it is taken away. */
  fault: Fault | undefined
  /** As a store that does not know its own tokens would. */
  repeatsPages = false
  /** When a request has begun to be counted, before anything is done. */
  onAsked = (): void => {}
  /** As a bad disk would. */
  onPut = (_: FakeObject, _key: string): void => {}
  /** Ahead of ours. */
  clockMs = 0
  readonly #server: Server
  readonly #port: number

  private constructor(server: Server, port: number) {
    this.#server = server
    this.#port = port
    server.on('request', (request, reply) => void this.#take(request, reply))
  }

  static async start(): Promise<FakeS3> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    return new FakeS3(server, address.port)
  }

  access({ bucket = BUCKET, prefix = 'eu/' } = {}): S3Access {
    const { accessKey, secretKey, region } = SIGNER
    const place = { tls: false, host: '127.0.0.1', port: this.#port, style: 'path' } as const
    return { accessKey, secretKey, target: { ...place, bucket, prefix, region } }
  }

  get settings(): Readonly<Record<string, string>> {
    return {
      S3_URL: `http://127.0.0.1:${this.#port}/${BUCKET}/eu?region=${SIGNER.region}`,
      S3_ACCESS_KEY: SIGNER.accessKey,
      S3_SECRET_KEY: SIGNER.secretKey,
    }
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #take(request: IncomingMessage, reply: ServerResponse): Promise<void> {
    this.onAsked()
    const fault = this.faults.shift() ?? this.fault
    const url = new URL(request.url ?? '', `http://${request.headers.host}`)
    const chunks: Buffer[] = []
    let bytes = 0
    request.on('error', () => {})
    try {
      for await (const chunk of request) {
        chunks.push(chunk)
        bytes += chunk.length
        if (fault?.type === 'cut' && bytes > fault.afterBytes) return void request.destroy()
      }
    } catch {
      // Whoever sent it is gone.
      return
    }
    if (fault?.type === 'silence') return
    if (fault?.type === 'cut') return void request.destroy()
    const body = Buffer.concat(chunks)
    const key = decodeURIComponent(url.pathname.slice(1)).replace(`${BUCKET}/`, '')
    this.asked.push(`${request.method} ${key}`)
    if (fault?.type === 'answer') {
      const headers = fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter }
      return refuse(reply, fault.status, fault.code, headers)
    }
    if (fault?.type === 'trickle') {
      reply.writeHead(200, { 'content-length': 1_000_000 })
      const trickle = setInterval(() => void reply.write('x'), fault.everyMs)
      reply.on('close', () => clearInterval(trickle))
      return
    }
    const refusal = this.#whyNot(request, url, body)
    if (refusal !== undefined) return refuse(reply, ...refusal)
    if (fault?.type === 'cutAnswer') {
      const unheard = Object.create(reply, {
        writeHead: { value: () => unheard },
        end: { value: () => unheard },
      })
      this.#do(request, url, { key, body }, unheard)
      return void request.destroy()
    }
    if (fault?.type === 'cutReply') {
      const { bytes: all = Buffer.alloc(0) } = this.objects.get(key) ?? {}
      reply.writeHead(200, { 'content-length': all.length })
      reply.write(all.subarray(0, all.length >> 1), () => reply.destroy())
      return
    }
    this.#do(request, url, { key, body }, reply)
  }

  #whyNot(
    request: IncomingMessage,
    url: URL,
    body: Buffer,
  ): [status: number, code: string, headers?: Record<string, string>] | undefined {
    const { headers, method = '' } = request
    const path = url.pathname
    if (!path.startsWith(`/${BUCKET}/`) && path !== `/${BUCKET}`) return [404, 'NoSuchBucket']
    const nowMs = Date.now() + this.clockMs
    const query = [...url.searchParams].map(([name, value]): QueryField => [name, value])
    const signedAt = url.searchParams.get('X-Amz-Date') ?? String(headers['x-amz-date'])
    const atMs = Date.parse(
      signedAt.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'),
    )
    const host = { host: headers.host ?? '' }
    if (url.searchParams.has('X-Amz-Signature')) {
      const seconds = Number(url.searchParams.get('X-Amz-Expires'))
      const own = query.filter(([name]) => !name.startsWith('X-Amz-'))
      const expected = signedQuery({ method, path, query: own, headers: host }, SIGNER, { atMs, seconds })
      const signature = expected.find(([name]) => name === 'X-Amz-Signature')?.[1]
      if (signature !== url.searchParams.get('X-Amz-Signature')) return [403, 'SignatureDoesNotMatch']
      return nowMs > atMs + seconds * 1_000 ? [403, 'AccessDenied'] : undefined
    }
    if (!(Math.abs(nowMs - atMs) <= SKEW_MAX_MS)) {
      return [403, 'RequestTimeTooSkewed', { date: new Date(nowMs).toUTCString() }]
    }
    const { authorization = '', 'x-amz-content-sha256': bodySha256 = '' } = headers
    const names = (/SignedHeaders=([^,]*)/.exec(authorization)?.[1] ?? '').split(';')
    const signed = Object.fromEntries(names.map((name) => [name, String(headers[name])]))
    const asked = { method, path, query, headers: signed, bodySha256: String(bodySha256) }
    if (!authorization.includes(`Credential=${SIGNER.accessKey}/`)) return [403, 'InvalidAccessKeyId']
    if (authorization !== authorizationOf(asked, SIGNER, atMs)) return [403, 'SignatureDoesNotMatch']
    const isBody = createHash('sha256').update(body).digest('hex') === bodySha256
    return isBody ? undefined : [400, 'XAmzContentSHA256Mismatch']
  }

  #do(
    { method, headers }: IncomingMessage,
    url: URL,
    { key, body }: { readonly key: string; readonly body: Buffer },
    reply: ServerResponse,
  ): void {
    if (method === 'GET' && url.searchParams.has('list-type')) return this.#list(url.searchParams, reply)
    const object = this.objects.get(key)
    if (method === 'PUT') {
      if (object !== undefined && headers['if-none-match'] === '*')
        return refuse(reply, 412, 'PreconditionFailed')
      const { 'content-type': type = '', 'cache-control': cacheControl } = headers
      const kept = { bytes: body, type, cacheControl, modifiedMs: Date.now() }
      this.objects.set(key, kept)
      this.onPut(kept, key)
      reply.writeHead(200, { 'content-length': 0 }).end()
      return
    }
    if (method === 'DELETE') {
      this.objects.delete(key)
      reply.writeHead(204).end()
      return
    }
    if (object === undefined) return refuse(reply, 404, 'NoSuchKey')
    const { bytes, type, cacheControl, modifiedMs } = object
    reply.writeHead(200, {
      'content-length': bytes.length,
      'content-type': type,
      'last-modified': new Date(modifiedMs).toUTCString(),
      ...(cacheControl === undefined ? {} : { 'cache-control': cacheControl }),
    })
    reply.end(method === 'HEAD' ? undefined : bytes)
  }

  /** Two a page, so that there are pages. */
  #list(query: URLSearchParams, reply: ServerResponse): void {
    const prefix = query.get('prefix') ?? ''
    const after = this.repeatsPages ? '' : (query.get('continuation-token') ?? '')
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort()
    const page = keys.slice(0, PAGE)
    const entries = page.map((key) => {
      const { bytes, modifiedMs } = this.objects.get(key) as FakeObject
      const modified = new Date(modifiedMs).toISOString()
      return `<Contents><Key>${escaped(key)}</Key><LastModified>${modified}</LastModified><Size>${bytes.length}</Size></Contents>`
    })
    const next =
      keys.length > PAGE ? `<NextContinuationToken>${escaped(page.at(-1) ?? '')}</NextContinuationToken>` : ''
    const text = `<?xml version="1.0"?>\n<ListBucketResult><IsTruncated>${keys.length > PAGE}</IsTruncated>${next}${entries.join('')}</ListBucketResult>`
    reply.writeHead(200, { 'content-type': 'application/xml' }).end(text)
  }
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll("'", '&#39;')
}

function refuse(
  reply: ServerResponse,
  status: number,
  code: string,
  headers: Record<string, string> = {},
): void {
  const text = `<?xml version="1.0"?>\n<Error><Code>${code}</Code><Message>planted &amp; meant</Message></Error>`
  reply.writeHead(status, { 'content-type': 'application/xml', ...headers }).end(text)
}
