/** One keep-alive connection that asks for JSON, one request at a time: as light as Node's own client can be had. */
import { Agent, request } from 'node:http'

export type Heard = { readonly status: number; readonly body: Record<string, unknown> }

export class JsonClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })
  readonly #hostname: string
  readonly #port: number

  constructor(url: string) {
    const { hostname, port } = new URL(url)
    this.#hostname = hostname
    this.#port = Number(port)
  }

  call(method: string, path: string, token: string | undefined, body?: unknown): Promise<Heard> {
    const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          agent: this.#agent,
          hostname: this.#hostname,
          port: this.#port,
          method,
          path,
          headers: {
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
            ...(bytes === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': bytes.length }),
          },
        },
        (reply) => {
          const chunks: Buffer[] = []
          reply.on('data', (chunk: Buffer) => void chunks.push(chunk))
          reply.on('end', () => {
            resolve({ status: reply.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString()) })
          })
          reply.on('error', reject)
        },
      )
      sent.on('error', reject)
      sent.end(bytes)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}
