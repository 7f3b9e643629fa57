/** What a listener and the tables' thread say to each other, and the bounds of it. */
import type { Notice } from './operation.ts'
import { type OperationName, operations } from './operations.ts'
import type { TableKey } from './table-key.ts'
import type { TablesErrorCode } from './tables-error.ts'

/** Calls one listener waits for. Beyond it a call is refused at once. */
export const tablesCallsInFlightMax = 1_024
/** Requests that wait in the thread, from all listeners. */
export const tablesQueueMax = 16_384
/** Requests that share a transaction, so that its first caller does not wait for thousands. */
export const tablesBatchMax = 512
/** How long a caller waits. Longer than the writer waits for another process to let go of the file. */
export const tablesTimeoutMs = 8_000

export type TablesRequest = {
  readonly name: OperationName
  /** What the operation of this name takes. */
  readonly args: object
  /** Of a change that is made once, and answered as before whenever it comes again. */
  readonly key?: TableKey | undefined
}

/** From a listener: what its callers asked in one tick. */
export type ToTables = {
  readonly requests: readonly { readonly call: number; readonly request: TablesRequest }[]
}

export type Outcome =
  /** What the operation of the request's name answers. */
  | { readonly type: 'answered'; readonly reply: unknown }
  | { readonly type: 'failed'; readonly code: TablesErrorCode; readonly message: string }

/** To a listener: the outcomes of one turn. */
export type FromTables =
  | {
      readonly type: 'outcomes'
      /** What was changed in this turn, whoever asked. To be heeded before the outcomes. */
      readonly notices: readonly Notice[]
      /** Of `RevocationCount`: whoever has read this message has heard of so many. */
      readonly revocations: number
      readonly outcomes: readonly { readonly call: number; readonly outcome: Outcome }[]
    }
  /** The last message. Calls without an outcome will have none. */
  | { readonly type: 'ended'; readonly code: 'shutting-down' | 'unavailable'; readonly message: string }

/** Whether a request changes nothing, whatever becomes of it. */
export function isRead({ name }: TablesRequest): boolean {
  return operations[name].kind === 'read'
}
