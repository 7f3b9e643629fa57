/** One call of the API: what it promises, which `openapi.ts` publishes, and the handler that keeps the promise. */
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import type { z } from 'zod'
import type { Drain, Principal, Role } from './parts.ts'
import type { ProblemCode } from './problems.ts'

/** Behind a socket there is Node's own request; `app.request()` has none, and no bindings at all. */
export type Env = { Bindings: Partial<HttpBindings> }

export type Tag =
  | 'Reservations'
  | 'Stock'
  | 'Sales'
  | 'Waitlist'
  | 'Accounts'
  | 'Catalog'
  | 'Cart and checkout'
  | 'Orders'
  | 'Discounts'
  | 'Webhooks'
  | 'API keys'
  | 'Reconciliation'
  | 'Operations'

export type Operation = {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** With parameters in braces: `/v1/reservations/{id}`. */
  readonly path: string
  readonly operationId: string
  readonly tag: Tag
  readonly summary: string
  readonly description?: string
  /**
   * The least role that may call; `anyone` needs no token, though a bad one is still refused, and `person` is whoever has
   * signed in, whatever their role.
   */
  readonly access: 'anyone' | 'person' | Role
  /** Whoever calls it has no good token yet, or no longer: one that comes along is not looked at. */
  readonly isSigningIn?: boolean
  /** Called so often that only a sample of its requests is logged. */
  readonly hot?: boolean
  /** Changes something: takes `Idempotency-Key`, and says so where it repeats an earlier reply. */
  readonly changes?: boolean
  /** Takes units, or a place in line for them: refused to customers whose reservations have expired too often. */
  readonly takesUnits?: boolean
  /** Sells, or begins to: refused while what this server has was restored from a backup and is not reconciled. */
  readonly sells?: boolean
  /** Counts against no limit where no token comes with it: what load balancers ask must not fail for what others ask. */
  readonly unlimited?: boolean
  readonly query?: { readonly schema: z.ZodObject; readonly example: Readonly<Record<string, string>> }
  /** Conditions that it heeds: a change is refused with 412, a read is answered with 304 where the reader has it already. */
  readonly conditions?: readonly ('If-Match' | 'If-None-Match')[]
  readonly body?: { readonly schema: z.ZodType; readonly example: unknown; readonly optional?: boolean }
  /** A body that is not JSON: one of these types. */
  readonly upload?: { readonly contentTypes: readonly string[]; readonly example?: string }
  readonly success: Success
  /** The reply of a server that should not be sent requests: no problem, since it answers what was asked. */
  readonly unready?: Pick<Success, 'status' | 'description' | 'schema' | 'example'>
  readonly problems: readonly ProblemCode[]
}

export type Success = {
  readonly status: number
  readonly description: string
  /** JSON, unless `contentType` says otherwise; none where the reply has no body. */
  readonly schema?: z.ZodType
  readonly example?: unknown
  readonly contentType?: string
  /** Of the same schema. */
  readonly otherTypes?: readonly string[]
  /** Comes as HTML instead where `Accept` names that. */
  readonly hasPage?: boolean
  /** The same of a call that may also make what it changes. */
  readonly created?: Pick<Success, 'status' | 'description' | 'headers'>
  /** The same where it is read elsewhere. */
  readonly sentOn?: Pick<Success, 'status' | 'description' | 'headers'>
  /** Header fields beyond those of every reply. */
  readonly headers?: readonly ('Location' | 'Holdfast-Position' | 'ETag')[]
}

/** One request on its way through a handler. */
export type Call = {
  readonly context: Context<Env>
  readonly requestId: string
  readonly principal: Principal | undefined
  /** Of a request that changes something; without the quotes it may have come in. */
  readonly idempotencyKey: string | undefined
  /** Header fields about the caller's limits. Absent where they have none. */
  readonly limitFields: Readonly<Record<string, string>> | undefined
  /** Header fields about which origins may read the reply. Absent where that is no question. */
  readonly originFields: Readonly<Record<string, string>> | undefined
  /** Looked at when the reply is written: the server may begin to close while a request is under way. */
  readonly drain: Drain
}

export type Route = {
  readonly operation: Operation
  readonly handle: (call: Call) => Response | Promise<Response>
}

/** A header field's value, repeated ones joined by commas; `name` in lower case. */
export function headerOf(context: Context<Env>, name: string): string | undefined {
  // Node has parsed the fields already; the Fetch `Headers` on top of them cost a microsecond a request.
  const incoming = context.env?.incoming
  if (incoming === undefined) return context.req.raw.headers.get(name) ?? undefined
  const value = incoming.headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}

/** The request's target as it came, still encoded. */
export function targetOf(context: Context<Env>): string {
  return context.env?.incoming?.url ?? context.req.raw.url
}
