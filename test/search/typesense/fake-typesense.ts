/** A server that speaks as Typesense does, keeps nothing, and misbehaves on command. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { fields } from '../../../src/search/typesense/schema.ts'

export type FakeRequest = {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly apiKey: string | undefined
  readonly body: string
}

export type FakeReply =
  | {
      readonly status: number
      readonly body: string
      readonly type?: string
      readonly headers?: Readonly<Record<string, string>>
    }
  /** Takes the request and says nothing. */
  | 'hang'
  /** Says that a reply begins, and no more. */
  | 'hang-midway'
  /** Breaks the connection off. */
  | 'reset'
  /** Goes on for ever. */
  | 'endless'

/** What to answer instead of what a healthy server does; undefined: that. */
export type Misbehaviour = (request: FakeRequest) => FakeReply | undefined

const COLLECTION = 'holdfast_products_1767268800000_000000'
const FOUND = { found: 0, hits: [], facet_counts: [], request_params: { collection_name: COLLECTION } }

export class FakeTypesense {
  readonly requests: FakeRequest[] = []
  /** Of connections that clients have broken off while they waited. */
  abandonedCount = 0
  misbehaviour: Misbehaviour = () => undefined
  readonly #server = createServer((incoming, response) => void this.#answer(incoming, response))

  static async start(): Promise<FakeTypesense> {
    const fake = new FakeTypesense()
    fake.#server.listen(0, '127.0.0.1')
    await once(fake.#server, 'listening')
    return fake
  }

  get url(): string {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('it is not listening')
    return `http://127.0.0.1:${address.port}`
  }

  /** Everything is answered so from now on. */
  alwaysAnswers(reply: FakeReply): void {
    this.misbehaviour = () => reply
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? '/', 'http://fake')
    const header = incoming.headers['x-typesense-api-key']
    const request: FakeRequest = {
      method: incoming.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      apiKey: typeof header === 'string' ? header : undefined,
      body: (await Array.fromAsync(incoming.setEncoding('utf8'))).join(''),
    }
    this.requests.push(request)
    response.once('close', () => {
      if (!response.writableFinished) this.abandonedCount += 1
    })
    const reply = this.misbehaviour(request) ?? healthyReply(request)
    if (reply === 'hang') return
    if (reply === 'reset') return void incoming.socket.destroy()
    if (reply === 'hang-midway' || reply === 'endless') {
      response.writeHead(200, { 'content-type': 'application/octet-stream' })
      response.write('{"id":"p1","revision":"1.0","in_stock":true}\n{"id":')
      if (reply === 'endless') pour(response)
      return
    }
    response.writeHead(reply.status, { 'content-type': reply.type ?? 'application/json', ...reply.headers })
    response.end(reply.body)
  }
}

/** Parameters that it does not know it ignores, as the real one does. */
function healthyReply({ method, path, body }: FakeRequest): FakeReply {
  if (path.endsWith('/documents/import')) {
    return {
      status: 200,
      type: 'text/plain',
      body: linesOf(body)
        .map(() => '{"success":true}')
        .join('\n'),
    }
  }
  if (path.endsWith('/documents/export')) {
    return {
      status: 200,
      type: 'application/octet-stream',
      body: '{"id":"p1","revision":"1.0","in_stock":true}',
    }
  }
  return { status: method === 'POST' ? 201 : 200, body: JSON.stringify(healthyObject(method, path, body)) }
}

function healthyObject(method: string, path: string, body: string): unknown {
  if (path === '/multi_search') {
    const { searches } = JSON.parse(body) as { readonly searches: readonly unknown[] }
    return { results: searches.map(() => FOUND) }
  }
  if (path.startsWith('/aliases/')) return { name: path, collection_name: COLLECTION }
  if (path.endsWith('/documents')) return { num_deleted: 0 }
  const collection = { name: COLLECTION, fields }
  return path === '/collections' && method === 'GET' ? [collection] : collection
}

export function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '')
}

function pour(response: ServerResponse): void {
  const piece = 'x'.repeat(1_024 * 1_024)
  const more = () => {
    while (!response.destroyed && response.write(piece));
    if (!response.destroyed) response.once('drain', more)
  }
  more()
}
