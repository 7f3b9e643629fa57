/** autocannon ships no types: the part of it that the benches use. */
declare module 'autocannon' {
  import type { EventEmitter } from 'node:events'

  export type Request = {
    readonly method?: string
    readonly path?: string
    readonly body?: string
    readonly headers?: Readonly<Record<string, string>>
    /** Called before each sending, the first included; what it returns is sent. */
    readonly setupRequest?: (request: Request, context: object) => Request
    readonly onResponse?: (status: number, body: string, context: object) => void
  }

  export type Client = EventEmitter & {
    /** The requests this connection sends in turn, from the first again after the last. */
    setRequests(requests: readonly Request[]): void
  }

  export type Options = {
    readonly url: string
    readonly connections: number
    /** Seconds; not where there is an `amount`. */
    readonly duration?: number
    /** Requests in all, spread over the connections. */
    readonly amount?: number
    /** Seconds until a request counts as lost. */
    readonly timeout?: number
    readonly method?: string
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: string
    readonly requests?: readonly Request[]
    readonly setupClient?: (client: Client) => void
  }

  export type Result = {
    /** Seconds. */
    readonly duration: number
    readonly errors: number
    readonly timeouts: number
    readonly statusCodeStats: Readonly<Record<string, { readonly count: number }>>
    readonly requests: { readonly total: number }
    readonly throughput: { readonly total: number }
  }

  type Instance = EventEmitter & PromiseLike<Result> & { stop(): void }

  export default function autocannon(options: Options): Instance
}
