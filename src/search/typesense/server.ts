/**
 * A Typesense server, or several that hold the same, called by its own client on a short leash. What of the client's
 * manners is kept from everybody else, read in its source (3.1.0):
 *
 * L1  It has a time limit for each call, and none for an import. Here each call has one, and ends with it: one signal for
 *     whatever it sends with. An agent's socket time-out would not do, as axios takes it off where there is no limit.
 * L2  It tries again by itself, writes too, and picks a node that has failed before it has asked the others. Here each
 *     node is asked once in a call at most, and whoever wants to try again waits first (`breaker.ts`).
 * L3  What it throws has the API key in it (axios), or documents. Here only words of ours and of the server leave.
 * L4  It takes a reply of any length, follows a redirect with the API key, and breaks on one that is no JSON.
 *
 * Hence a client for each attempt: it is twenty small objects, and made in 5 µs.
 */
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import axios from 'axios'
import { Client } from 'typesense'
import type { z } from 'zod'
import type { Timers } from '../../seams.ts'
import { IndexUnavailable } from '../search-index.ts'
import { canAnotherNodeDo, explained } from './failures.ts'

export type ServerOptions = {
  /** Of its nodes; one at least. */
  readonly urls: readonly string[]
  readonly apiKey: string
  /** For one call, whatever it does and however many nodes it asks. */
  readonly callMs: number
  /** For an import, and between two pieces of an export. */
  readonly bulkMs: number
}

type Logger = NonNullable<ConstructorParameters<typeof Client>[0]['logger']>

const replyBytesMax = 64 * 1_024 * 1_024
const SOCKETS_MAX = 64

export class TypesenseServer {
  readonly #options: ServerOptions
  readonly #timers: Timers
  readonly #httpAgent = new HttpAgent({ keepAlive: true, maxSockets: SOCKETS_MAX })
  readonly #httpsAgent = new HttpsAgent({ keepAlive: true, maxSockets: SOCKETS_MAX })
  readonly #send = axios.getAdapter('http')
  /** The node that answered last; the one behind it where it did not. */
  #node = 0
  #isClosed = false

  constructor(options: ServerOptions, timers: Timers) {
    this.#options = options
    this.#timers = timers
  }

  /** `what` names the call in errors. Rejects with `IndexUnavailable`, `IndexLost`, or `CallRefused`. */
  async call<T>(what: string, schema: z.ZodType<T>, ask: (client: Client) => Promise<unknown>): Promise<T> {
    return await this.#within(what, this.#options.callMs, async (limit) => {
      const known = schema.safeParse(await this.#askNodes(what, ask, limit))
      if (known.success) return known.data
      throw new IndexUnavailable(`Typesense answered something else to "${what}"`)
    })
  }

  /** Sends documents, each a line of JSON, and answers the server's lines. */
  async import(collection: string, lines: string, action: 'upsert' | 'update'): Promise<string> {
    const what = `${action} documents`
    return await this.#within(what, this.#options.bulkMs, async (limit) => {
      const reply: unknown = await this.#askNodes(
        what,
        // `throwOnFail` concerns arrays only; the server is told of it and does not mind.
        (client) => client.collections(collection).documents().import(lines, { action, throwOnFail: false }),
        limit,
      )
      if (typeof reply === 'string') return reply
      throw new IndexUnavailable(`Typesense answered no lines to "${what}"`)
    })
  }

  /** Lines as they come; memory does not grow with their number. */
  async *export(collection: string, fields: readonly string[]): AsyncGenerator<string> {
    const what = 'export documents'
    const limit = new TimeLimit(this.#timers, this.#options.bulkMs)
    try {
      const stream: AsyncIterable<Uint8Array> = await this.#askNodes(
        what,
        (client) =>
          client.collections(collection).documents().exportStream({ include_fields: fields.join() }),
        limit,
      )
      const decoder = new TextDecoder()
      let begun = ''
      for await (const bytes of stream) {
        const lines = (begun + decoder.decode(bytes, { stream: true })).split('\n')
        begun = lines.pop() ?? ''
        // It runs for the server alone, not for whoever takes the lines.
        limit.stop()
        yield* lines
        limit.start()
      }
      if (begun !== '') yield begun
    } catch (error) {
      throw explained(what, limit.signal.aborted ? limit.signal.reason : error)
    } finally {
      limit.end()
    }
  }

  /** Breaks off what is under way, which rejects, as do later calls. */
  close(): void {
    this.#isClosed = true
    this.#httpAgent.destroy()
    this.#httpsAgent.destroy()
  }

  async #within<T>(what: string, ms: number, work: (limit: TimeLimit) => Promise<T>): Promise<T> {
    const limit = new TimeLimit(this.#timers, ms)
    try {
      return await work(limit)
    } catch (error) {
      throw explained(what, error)
    } finally {
      limit.end()
    }
  }

  /** Each node once, from the one that answered last; another one only where that may help. */
  async #askNodes<T>(what: string, ask: (client: Client) => Promise<T>, limit: TimeLimit): Promise<T> {
    const { urls } = this.#options
    for (let asked = 1; ; asked++) {
      const node = this.#node
      if (this.#isClosed) throw new IndexUnavailable('the connection to Typesense is closed')
      try {
        // The race is for a socket that does not even end when it is told to.
        return await Promise.race([ask(this.#clientOf(urls[node] ?? '', limit.signal)), limit.passed])
      } catch (error) {
        const failure = explained(what, error)
        if (!canAnotherNodeDo(failure)) throw failure
        // Unless a call beside this one has moved on already.
        if (this.#node === node) this.#node = (node + 1) % urls.length
        if (asked >= urls.length || limit.signal.aborted) throw failure
      }
    }
  }

  #clientOf(url: string, signal: AbortSignal): Client {
    const ours = { signal, timeout: 0, maxRedirects: 0 }
    return new Client({
      nodes: [{ url }],
      apiKey: this.#options.apiKey,
      numRetries: 0,
      logger: SILENT,
      httpAgent: this.#httpAgent,
      httpsAgent: this.#httpsAgent,
      axiosAdapter: (config) => {
        const maxContentLength = config.responseType === 'stream' ? -1 : replyBytesMax
        return this.#send({ ...config, ...ours, maxContentLength })
      },
    })
  }
}

/** Time that something may take, and the signal that ends it. */
class TimeLimit {
  readonly #timers: Timers
  readonly #ms: number
  readonly #controller = new AbortController()
  readonly #passed = Promise.withResolvers<never>()
  #timer: ReturnType<Timers['after']> | undefined

  constructor(timers: Timers, ms: number) {
    this.#timers = timers
    this.#ms = ms
    // Nobody need be waiting for it.
    this.#passed.promise.catch(() => {})
    this.start()
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Rejects when it has. */
  get passed(): Promise<never> {
    return this.#passed.promise
  }

  start(): void {
    this.#timer = this.#timers.after(this.#ms, () => {
      const error = new IndexUnavailable(`Typesense did not answer within ${this.#ms} ms`)
      this.#passed.reject(error)
      this.#controller.abort(error)
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** What it was for is over; what is still under way is broken off, such as a reply that nobody reads. */
  end(): void {
    this.stop()
    this.#controller.abort()
  }
}

/** It logs failures with the server's whole reply; whoever calls knows of them anyway. */
const nothing = () => {}
const SILENT = {
  setLevel: nothing,
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  // All that the client uses of a logger.
} as Partial<Logger> as Logger
