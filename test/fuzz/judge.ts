/**
 * Whether a reply is one that the document promises. Reads the document alone: of what the app knows about itself it is
 * told only which failures the circumstances excuse.
 */
import { PROBLEMS } from '../../src/http/problems.ts'
import { type ApiDocument, type DocumentedReply, type Place, placesAt } from './document.ts'
import { mistakeIn } from './schema-reader.ts'
import type { Sent } from './world.ts'

/** 503 where nothing is broken: somebody asked for a position that no journal has reached. */
const PLANNED: ReadonlySet<string> = new Set(['history-behind'])
/** Before a path is looked at: what any request can be told. */
const ANYWHERE: ReadonlySet<string> = new Set(['unauthenticated', 'rate-limited', 'malformed-request'])
const REQUEST_ID = /^[A-Za-z0-9._:-]{1,128}$/

export class Judge {
  readonly #document: ApiDocument
  /** How often each operation was answered with each status, and with each problem. */
  readonly seen = new Map<string, number>()

  constructor(document: ApiDocument) {
    this.#document = document
  }

  /** Replies judged. */
  get judged(): number {
    return [...this.seen.values()].reduce((sum, count) => sum + count, 0)
  }

  /** All that is wrong with a reply, in sentences; `excused` are failures that the circumstances explain. */
  faultsIn(sent: Sent, excused: ReadonlySet<string>): readonly string[] {
    const { request, reply } = sent
    const { pathname } = new URL(`http://localhost${request.target}`)
    const places = placesAt(this.#document, pathname)
    const method = request.method.toUpperCase()
    const place = places.find((each) => each.method === (method === 'HEAD' ? 'GET' : method))
    this.#count(place, sent)
    const faults = place === undefined ? this.#strayFaults(sent, places) : this.#faultsAt(place, sent)
    if (reply.status >= 400 && method !== 'HEAD') faults.push(...this.#problemFaults(sent, excused))
    const id = reply.headers.get('x-request-id') ?? ''
    if (!REQUEST_ID.test(id)) faults.push(`X-Request-Id is ${id}`)
    if (method === 'HEAD' && reply.text !== '') faults.push('a reply to HEAD has a body')
    return faults
  }

  #faultsAt(place: Place, { request, reply }: Sent): string[] {
    const documented = place.operation.responses[reply.status]
    if (documented === undefined) return [`${reply.status} ${codeOf(reply.json)} is not documented`]
    const isHead = request.method.toUpperCase() === 'HEAD'
    const type = reply.headers.get('content-type')?.split(';')[0]
    const content = type === undefined ? undefined : documented.content?.[type]
    if (content === undefined) {
      return documented.content === undefined && type === undefined && reply.text === ''
        ? []
        : [`${reply.status} comes as ${type}, which is not documented`]
    }
    if (isHead) return []
    return [
      ...this.#bodyFaults(type === 'application/json' ? content : undefined, reply.json),
      ...codeFaults(documented, reply.json),
    ]
  }

  #bodyFaults(content: NonNullable<DocumentedReply['content']>[string] | undefined, json: unknown): string[] {
    if (content === undefined) return []
    const mistake = mistakeIn(json, content.schema, this.#document.components.schemas)
    return mistake === undefined ? [] : [`the body is not as documented: ${mistake}`]
  }

  /** What is at no documented place, or at one that does not have the method. */
  #strayFaults({ request, reply }: Sent, places: readonly Place[]): string[] {
    const { status, headers } = reply
    const code = codeOf(reply.json)
    if (ANYWHERE.has(code) || (request.method === 'HEAD' && [400, 401, 404, 405, 429].includes(status)))
      return []
    if (places.length === 0) return code === 'not-found' ? [] : [`${status} ${code} where nothing is`]
    const allowed = new Set(places.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))
    const said = new Set(headers.get('allow')?.split(', '))
    const faults = [...allowed, 'OPTIONS']
      .filter((method) => !said.has(method))
      .map((method) => `Allow lacks ${method}`)
    const isRight = request.method === 'OPTIONS' ? status === 204 : code === 'method-not-allowed'
    return isRight ? faults : [...faults, `${status} ${code} where the method is not allowed`]
  }

  /** RFC 9457, and this API's own word on what a problem has. */
  #problemFaults({ reply: { status, headers, json } }: Sent, excused: ReadonlySet<string>): string[] {
    const code = codeOf(json)
    const faults: string[] = []
    if (headers.get('content-type') !== 'application/problem+json') faults.push(`${status} is no problem`)
    if (!Object.hasOwn(PROBLEMS, code)) return [...faults, `${code} is no known code`]
    const mistake = mistakeIn(
      json,
      this.#document.components.schemas.Problem ?? {},
      this.#document.components.schemas,
    )
    if (mistake !== undefined) faults.push(`the problem is not as documented: ${mistake}`)
    const { type, status: said, requestId } = json as Record<string, unknown>
    if (type !== `/problems/${code}` || said !== status) faults.push(`${code} came as ${type}, ${said}`)
    if (requestId !== headers.get('x-request-id')) faults.push('requestId is not X-Request-Id')
    if (status >= 500 && !PLANNED.has(code) && !excused.has(code))
      faults.push(`${status} ${code} was not planned`)
    if ([429, 503].includes(status) && !/^[1-9]\d*$/.test(headers.get('retry-after') ?? ''))
      faults.push(`${code} has no Retry-After`)
    return faults
  }

  #count(place: Place | undefined, { reply }: Sent): void {
    const answer = `${place?.operation.operationId ?? 'none'}: ${reply.status} ${codeOf(reply.json)}`.trim()
    this.seen.set(answer, (this.seen.get(answer) ?? 0) + 1)
  }
}

/** Each problem an operation can answer is an example of its reply. */
function codeFaults({ content }: DocumentedReply, json: unknown): string[] {
  const examples = content?.['application/problem+json']?.examples
  const code = codeOf(json)
  return examples === undefined || Object.hasOwn(examples, code)
    ? []
    : [`${code} is not among the problems documented`]
}

function codeOf(json: unknown): string {
  return typeof json === 'object' && json !== null && 'code' in json ? String(json.code) : ''
}
