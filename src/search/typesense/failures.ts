/** What went wrong in a call, by who must act (L3 of `server.ts`): neither key nor document is in what comes of it. */
import { IndexLost, IndexUnavailable } from '../search-index.ts'

/** The server understood the call and does not take it, now or later: a mistake of ours. */
export class CallRefused extends Error {
  override readonly name = 'CallRefused'
}

const SAID_LENGTH_MAX = 200
/** With one of these the server says that it has no memory or disk left, as if that were the request's fault. */
const OUT_OF_ROOM = /running out of resource|OUT_OF_(?:MEMORY|DISK)|Not Ready or Lagging/i

/** Of anything that was thrown on the way; an error of ours is left as it is. */
export function explained(what: string, error: unknown): Error {
  if (isOurs(error)) return error
  const status = statusOf(error)
  if (status === undefined)
    return new IndexUnavailable(`Typesense cannot be asked to "${what}": ${causeOf(error)}`)
  return failureOf(what, status, error instanceof Error ? error.message : '')
}

/** Of a reply that says what is wrong: of a whole call, one of several searches, or one line of an import. */
export function failureOf(what: string, status: number, said: string): Error {
  const answer = `Typesense answered ${status} to "${what}"`
  const words = said.length > SAID_LENGTH_MAX ? `${said.slice(0, SAID_LENGTH_MAX)}…` : said
  // A field that it does not know is a 404 as well: what it has is of another version of the schema.
  if (status === 404) return new IndexLost(`${answer}: ${words}`)
  if (status === 401 || status === 403) return new IndexUnavailable(`${answer}: is TYPESENSE_API_KEY right?`)
  if (status < 400) return new IndexUnavailable(`${answer}: is TYPESENSE_URL right?`)
  if (isPassing(status, said)) return new IndexUnavailable(`${answer}: ${words}`)
  return new CallRefused(`${answer}: ${words}`)
}

/** Whether the same may be taken a little later. */
export function isPassing(status: number, said: string): boolean {
  return status >= 500 || status === 408 || status === 429 || OUT_OF_ROOM.test(said)
}

/** Whether it is worth asking another node the same. */
export function canAnotherNodeDo(failure: Error): boolean {
  return failure instanceof IndexUnavailable
}

function isOurs(error: unknown): error is Error {
  return error instanceof IndexUnavailable || error instanceof IndexLost || error instanceof CallRefused
}

/** Where there was a reply. The client's errors have it as `httpStatus`; those of axios have none, as it is told to take any. */
function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('httpStatus' in error)) return undefined
  return typeof error.httpStatus === 'number' ? error.httpStatus : undefined
}

/** The code alone where there is one (`ECONNREFUSED`): an error of axios has the whole request in it. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no error was thrown'
  if ('code' in error && typeof error.code === 'string') return error.code
  return error instanceof SyntaxError ? 'its reply is no JSON' : error.message.slice(0, SAID_LENGTH_MAX)
}
