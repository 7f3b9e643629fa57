/** Servers under load: the real one and its echoes, each pinned to a core of its own with all its threads. */
import type { ChildProcess } from 'node:child_process'
import type { Sample } from '../rivals/echo-server.ts'
import { endChild, messageFrom, type Server, startChild, startHoldfast } from './children.ts'
import { stockAll } from './client.ts'
import type { HttpLoad, HttpPlayed } from './http-player.ts'
import { cpuMsOf } from './report.ts'

export const SERVER_CORE = 0
export const CLIENT_CORE = 1
/** Of every target. */
export const ADMIN_KEY = 'bench-7f0c2d91a4e85b36'
const STOCK = 1_000_000_000
/** A shard's sequence after some seconds of load. */
const GROWN = 12_345
/** What Node's server adds by itself, or counts. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'date',
  'content-length',
  'transfer-encoding',
])

export type Target = { readonly url: string; readonly child: ChildProcess }

/** Holdfast as `npm start` runs it, with stock of these products. */
export async function startStocked(
  dataDirectory: string,
  products: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Server> {
  const server = await startHoldfast({ dataDirectory, adminKey: ADMIN_KEY, core: SERVER_CORE, environment })
  await stockAll({ url: server.url, key: ADMIN_KEY }, new Map(products.map((id) => [id, STOCK])))
  return server
}

/** A server that answers with the bytes of this one's replies and does nothing for them. */
export async function startEcho(kind: 'hono' | 'bare', like: Server, productId: string): Promise<Target> {
  const child = startChild({ file: 'bench/rivals/echo-server.ts', args: [kind], core: SERVER_CORE })
  child.send(await sampleOf(like, productId))
  const { port } = await messageFrom<{ port: number }>(child)
  return { url: `http://127.0.0.1:${port}`, child }
}

async function sampleOf({ url }: Server, productId: string): Promise<Sample> {
  const response = await fetch(`${url}/v1/reservations`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ items: [{ productId, quantity: 1 }], customerId: 'sample-000000' }),
  })
  if (response.status !== 201) throw new Error(`no reservation to copy: ${await response.text()}`)
  const fields = [...response.headers].filter(([name]) => !OWN_FIELDS.has(name))
  const headers = Object.fromEntries(fields.map(([name, value]) => [name, grown(value)]))
  return { headers, body: { ...((await response.json()) as Sample['body']), sequence: GROWN } }
}

/** A position as long as most under load are, where this is one. */
function grown(value: string): string {
  return value.replace(/^(s\d+\.)\d+$/, `$1${GROWN}`)
}

/** The crowd of clients on its own core. */
export class HttpClients {
  readonly #child = startChild({ file: 'bench/support/http-player.ts', core: CLIENT_CORE })
  #loads = 0

  /** Plays one load; with the CPU time it cost the server, in µs a held reservation. */
  async play(
    { url, child }: Target,
    load: Omit<HttpLoad, 'url' | 'key' | 'name'>,
  ): Promise<HttpPlayed & { readonly cpuMicros: number }> {
    const name = `c${String(++this.#loads).padStart(4, '0')}`
    const pid = child.pid as number
    const before = cpuMsOf(pid)
    this.#child.send({ ...load, url, key: ADMIN_KEY, name } satisfies HttpLoad)
    const played = await messageFrom<HttpPlayed>(this.#child)
    const { unexpected, held } = played
    if (unexpected > 0) throw new Error(`${unexpected} answers of ${url} were neither 201 nor 503`)
    return { ...played, cpuMicros: ((cpuMsOf(pid) - before) * 1_000) / held }
  }

  close(): void {
    this.#child.disconnect()
  }
}

export async function endTargets(targets: readonly Target[]): Promise<void> {
  await Promise.all(targets.map(({ child }) => endChild(child)))
}
