/** What an error of PostgreSQL or of the way to it means for who asked. */
import { DatabaseError } from 'pg'
import { TablesError, type TablesErrorCode } from '../tables-error.ts'

export type Failure =
  /** Another transaction was in the way. Nothing happened, and the same again may well do. */
  | { readonly type: 'again'; readonly after: TablesErrorCode; readonly message: string }
  /** Nothing happened. */
  | { readonly type: 'refused'; readonly code: TablesErrorCode; readonly message: string }
  /** The connection is of no use any more; unless the end of a transaction was asked for on it, nothing happened. */
  | { readonly type: 'lost'; readonly message: string }
  /** A fault of this program. */
  | { readonly type: 'fault'; readonly error: unknown }

/** By SQLSTATE. A unique value that somebody else was first to take, or a row that somebody took away, is seen by a second look. */
const AGAIN: Readonly<Record<string, TablesErrorCode>> = {
  '40001': 'overloaded',
  '40P01': 'overloaded',
  '23505': 'invalid',
  '23503': 'invalid',
}
const REFUSED: Readonly<Record<string, TablesErrorCode>> = {
  // Of `lock_timeout` and `statement_timeout`.
  '55P03': 'overloaded',
  '57014': 'unavailable',
  '53100': 'storage-full',
  '53200': 'unavailable',
  XX001: 'damaged',
  XX002: 'damaged',
}
/** A standby that was asked to write; one transaction or connection too long; a server that ends or begins. */
const LOST = /^(?:25006|25P03|57P0[1-5]|08...|53300|28...|3D000)$/
/** What the other end never says: the socket's, and those of `pg` itself. */
const OF_THE_WAY =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|not queryable|Query read timeout|Client was closed/

export function failureOf(error: unknown): Failure {
  if (error instanceof TablesError) return { type: 'refused', code: error.code, message: error.message }
  if (!(error instanceof Error)) return { type: 'fault', error }
  const { message } = error
  if (!(error instanceof DatabaseError)) {
    const isOfTheWay =
      OF_THE_WAY.test(message) || ('syscall' in error && 'code' in error) || 'errors' in error
    return isOfTheWay ? { type: 'lost', message: message || String(error) } : { type: 'fault', error }
  }
  const { code = '' } = error
  const again = AGAIN[code]
  if (again !== undefined) return { type: 'again', after: again, message }
  const refused = REFUSED[code]
  if (refused !== undefined) return { type: 'refused', code: refused, message }
  if (LOST.test(code)) return { type: 'lost', message }
  // Checks of the table's own, and values that no column takes.
  if (code.startsWith('23') || code.startsWith('22')) return { type: 'refused', code: 'invalid', message }
  return { type: 'fault', error }
}
