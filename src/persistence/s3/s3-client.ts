/**
 * A bucket of an S3-compatible store: whole objects in and out, each request signed, bounded, and tried again where that
 * may help. All that is asked can be asked twice.
 *
 * The SHA-256 of what is sent is signed with it, so that a store takes no part of it for the whole, nor anything else.
 */
import type { S3Access } from '../../config/s3-settings.ts'
import {
  s3IdleMs,
  s3PageMax,
  s3PatienceMs,
  s3ReplyBytesMax,
  s3RetryMs,
  s3RetryMsMax,
  s3TriesMax,
} from '../../limits/s3.ts'
import type { Clock, Random, Timers } from '../../seams.ts'
import { S3Error } from './s3-error.ts'
import { type Answer, type Ask, ReplyTooLong, S3Exchange } from './s3-exchange.ts'
import { type ListedObject, listPageOf, type Verdict, verdictOf } from './s3-reply.ts'
import {
  authorizationOf,
  dateOf,
  emptySha256,
  pathOf,
  type QueryField,
  queryText,
  type Signer,
  signedQuery,
} from './signature.ts'

export type S3Seams = { readonly clock: Clock; readonly timers: Timers; readonly random: Random }

export type S3Bounds = { readonly patienceMs: number; readonly idleMs: number; readonly retryMs: number }

export type PutOptions = {
  /** Of the bytes, in hexadecimal. */
  readonly sha256: string
  readonly type: string
  /** What whoever reads it from the store itself is told. */
  readonly cacheControl?: string
  /** Nothing is put where there is an object of this key. */
  readonly onlyIfAbsent?: boolean
}

export type StoredObject = { readonly bytes: number; readonly modifiedMs: number }

type Request = {
  readonly method: Ask['method']
  /** Without the prefix; undefined of the bucket itself. */
  readonly key?: string
  readonly query?: readonly QueryField[]
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  readonly sha256?: string
  readonly bytesMax?: number
}

export class S3Client {
  readonly #access: S3Access
  readonly #signer: Signer
  readonly #seams: S3Seams
  readonly #bounds: S3Bounds
  readonly #exchange: S3Exchange
  /** What the store's clock is ahead of ours, once it has refused us for it. */
  #skewMs = 0

  constructor(access: S3Access, seams: S3Seams, bounds: Partial<S3Bounds> = {}) {
    const { target, accessKey, secretKey } = access
    this.#access = access
    this.#signer = { accessKey, secretKey, region: target.region }
    this.#seams = seams
    this.#bounds = { patienceMs: s3PatienceMs, idleMs: s3IdleMs, retryMs: s3RetryMs, ...bounds }
    this.#exchange = new S3Exchange({ tls: target.tls, idleMs: this.#bounds.idleMs, timers: seams.timers })
  }

  /** For people: where objects of this key are. */
  placeOf(key: string): string {
    const { bucket, prefix } = this.#access.target
    return `s3://${bucket}/${prefix}${key}`
  }

  /** When it resolves the store has it whole. */
  async put(key: string, body: Uint8Array, options: PutOptions): Promise<'put' | 'exists'> {
    const { sha256, type, cacheControl, onlyIfAbsent = false } = options
    const headers = {
      'content-type': type,
      ...(cacheControl === undefined ? {} : { 'cache-control': cacheControl }),
      ...(onlyIfAbsent ? { 'if-none-match': '*' } : {}),
    }
    const { verdict } = await this.#ask({ method: 'PUT', key, headers, body, sha256 })
    if (verdict.type === 'exists') return 'exists'
    // Nobody answers a put that way, unless something between here and the store does.
    if (verdict.type === 'missing') throw new S3Error('refused', `PUT ${this.placeOf(key)}: not found`)
    return 'put'
  }

  /** The whole object; undefined where there is none. What is longer than `bytesMax` is damaged. */
  async get(key: string, bytesMax: number): Promise<Buffer | undefined> {
    const { verdict, answer } = await this.#ask({ method: 'GET', key, bytesMax })
    return verdict.type === 'missing' ? undefined : answer.body
  }

  /** What is known of an object without reading it; undefined where there is none, or no bucket. */
  async head(key: string): Promise<StoredObject | undefined> {
    const { verdict, answer } = await this.#ask({ method: 'HEAD', key })
    if (verdict.type === 'missing') return undefined
    const { 'content-length': length, 'last-modified': modified = '' } = answer.headers
    return { bytes: Number(length), modifiedMs: Date.parse(modified) }
  }

  /** When it resolves there is none. */
  async remove(key: string): Promise<void> {
    await this.#ask({ method: 'DELETE', key })
  }

  /** All objects whose keys begin so, page by page, in order of their keys. */
  async *list(begins: string): AsyncGenerator<ListedObject, void, void> {
    const { prefix } = this.#access.target
    let next: string | undefined
    do {
      const query: readonly QueryField[] = [
        ['list-type', '2'],
        ['max-keys', String(s3PageMax)],
        ['prefix', prefix + begins],
        ...(next === undefined ? [] : ([['continuation-token', next]] as const)),
      ]
      const { verdict, answer } = await this.#ask({ method: 'GET', query })
      if (verdict.type === 'missing') throw new S3Error('no-bucket', 'the store has no such bucket')
      const page = listPageOf(answer.body.toString('utf8'))
      for (const object of page.objects) yield { ...object, key: object.key.slice(prefix.length) }
      if (page.next === next && next !== undefined)
        throw new S3Error('refused', 'the store answered a list that goes round in a circle')
      next = page.next
    } while (next !== undefined)
  }

  /** Asks for one object's name: rejects where the store cannot be reached, or does not let us. */
  async check(): Promise<void> {
    const query: readonly QueryField[] = [
      ['list-type', '2'],
      ['max-keys', '1'],
    ]
    const { verdict } = await this.#ask({ method: 'GET', query })
    if (verdict.type === 'missing') throw new S3Error('no-bucket', 'the store has no such bucket')
  }

  /** By which anybody can read an object, for so many seconds from that time on. */
  signedUrl(key: string, { atMs, seconds }: { readonly atMs: number; readonly seconds: number }): string {
    const { tls } = this.#access.target
    const { hostField, path } = this.#placed(key)
    const request = { method: 'GET', path, query: [], headers: { host: hostField } }
    const query = signedQuery(request, this.#signer, { atMs: atMs + this.#skewMs, seconds })
    return `${tls ? 'https' : 'http'}://${hostField}${path}?${queryText(query)}`
  }

  close(): void {
    this.#exchange.close()
  }

  /** Tries until there is an answer that another try would not change. */
  async #ask(request: Request): Promise<{ readonly verdict: Verdict; readonly answer: Answer }> {
    const { clock, random } = this.#seams
    const what = `${request.method} ${this.placeOf(request.key ?? '')}`
    const givenUpMs = clock.monotonicMs() + this.#bounds.patienceMs
    let hasAdjusted = false
    for (let tries = 1; ; tries++) {
      const leftMs = givenUpMs - clock.monotonicMs()
      const { verdict, answer } = await this.#try(request, what, leftMs)
      if (verdict.type === 'bad') throw verdict.error
      if (verdict.type === 'skewed') {
        if (hasAdjusted || !this.#adjustClock(answer)) throw verdict.error
        hasAdjusted = true
        continue
      }
      if (verdict.type !== 'again') return { verdict, answer: answer ?? NOTHING }
      const mostMs = this.#bounds.retryMs * 2 ** (tries - 1)
      const waitMs = Math.min(s3RetryMsMax, askedMs(verdict.retryAfter) ?? mostMs * (0.5 + random.fraction()))
      if (tries === s3TriesMax || clock.monotonicMs() + waitMs >= givenUpMs) throw verdict.error
      await new Promise<void>((resolve) => void this.#seams.timers.after(waitMs, resolve))
    }
  }

  async #try(
    request: Request,
    what: string,
    withinMs: number,
  ): Promise<{ readonly verdict: Verdict; readonly answer?: Answer }> {
    try {
      const answer = await this.#exchange.ask(this.#signed(request), withinMs)
      return { verdict: verdictOf(answer, what), answer }
    } catch (error) {
      if (!(error instanceof Error)) throw error
      if (error instanceof ReplyTooLong) throw new S3Error('damaged', `${what}: ${error.message}`, error)
      const why = 'code' in error ? `${error.code}` : error.message
      const failure = new S3Error('unreachable', `${what}: ${why}`, error)
      return { verdict: { type: 'again', error: failure, retryAfter: undefined } }
    }
  }

  #signed({ method, key, query = [], headers: more = {}, body, sha256, bytesMax }: Request): Ask {
    const atMs = this.#seams.clock.wallMs() + this.#skewMs
    const { host, port, hostField, path } = this.#placed(key)
    const bodySha256 = sha256 ?? emptySha256
    const headers = {
      host: hostField,
      'x-amz-date': dateOf(atMs),
      'x-amz-content-sha256': bodySha256,
      ...more,
    }
    const authorization = authorizationOf({ method, path, query, headers, bodySha256 }, this.#signer, atMs)
    const asked = query.length === 0 ? path : `${path}?${queryText(query)}`
    return {
      method,
      host,
      port,
      path: asked,
      headers: {
        ...headers,
        authorization,
        // Undecided, a PUT or DELETE without a body would come without its length.
        ...(method === 'PUT' || method === 'DELETE' ? { 'content-length': String(body?.length ?? 0) } : {}),
      },
      ...(body === undefined ? {} : { body }),
      bytesMax: bytesMax ?? s3ReplyBytesMax,
    }
  }

  #placed(key: string | undefined) {
    const { target } = this.#access
    const host = target.style === 'virtual' ? `${target.bucket}.${target.host}` : target.host
    const inBucket = key === undefined ? '' : target.prefix + key
    const path =
      target.style === 'virtual'
        ? pathOf(inBucket)
        : pathOf(key === undefined ? target.bucket : `${target.bucket}/${inBucket}`)
    const hostField = target.port === undefined ? host : `${host}:${target.port}`
    return { host: host.replace(/^\[(.*)\]$/, '$1'), port: target.port, hostField, path }
  }

  /** Whether the store said what time it is. */
  #adjustClock(answer: Answer | undefined): boolean {
    const storeMs = Date.parse(answer?.headers.date ?? '')
    if (Number.isNaN(storeMs)) return false
    this.#skewMs = storeMs - this.#seams.clock.wallMs()
    return true
  }
}

const NOTHING: Answer = { status: 0, headers: {}, body: Buffer.alloc(0) }

/** Seconds; a date is for caches and people. */
function askedMs(retryAfter: string | undefined): number | undefined {
  return retryAfter !== undefined && /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) * 1_000 : undefined
}
