/**
 * AWS Signature Version 4, as S3 takes it. Pure. Paths and queries come as they are sent, so that what is signed and what
 * is sent cannot differ.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
 */
import { createHash, createHmac } from 'node:crypto'

export type Signer = {
  readonly accessKey: string
  readonly secretKey: string
  readonly region: string
  readonly service?: string
}

export type Signable = {
  readonly method: string
  /** Encoded, as it is sent. */
  readonly path: string
  readonly query: readonly QueryField[]
  /** By names in lower case; every one of them is signed, and `host` must be among them. */
  readonly headers: Readonly<Record<string, string>>
  /** SHA-256 of the body in hexadecimal. */
  readonly bodySha256: string
}

export type QueryField = readonly [name: string, value: string]

const ALGORITHM = 'AWS4-HMAC-SHA256'
/** Of a URL that is given away: who uses it has no body to sign. */
const UNSIGNED_BODY = 'UNSIGNED-PAYLOAD'
export const emptySha256 = createHash('sha256').digest('hex')

/** The `Authorization` field. The headers must have `x-amz-date` of the same time, from `dateOf`. */
export function authorizationOf(request: Signable, signer: Signer, atMs: number): string {
  const scope = scopeOf(signer, atMs)
  const names = signedNames(request.headers)
  const signature = signatureOf(request, { signer, atMs, names })
  return `${ALGORITHM} Credential=${signer.accessKey}/${scope},SignedHeaders=${names.join(';')},Signature=${signature}`
}

/** The query of a URL by which anybody can do this, for so many seconds from that time on. */
export function signedQuery(
  request: Omit<Signable, 'bodySha256'>,
  signer: Signer,
  { atMs, seconds }: { readonly atMs: number; readonly seconds: number },
): readonly QueryField[] {
  const names = signedNames(request.headers)
  const query: readonly QueryField[] = [
    ...request.query,
    ['X-Amz-Algorithm', ALGORITHM],
    ['X-Amz-Credential', `${signer.accessKey}/${scopeOf(signer, atMs)}`],
    ['X-Amz-Date', dateOf(atMs)],
    ['X-Amz-Expires', String(seconds)],
    ['X-Amz-SignedHeaders', names.join(';')],
  ]
  const signature = signatureOf({ ...request, query, bodySha256: UNSIGNED_BODY }, { signer, atMs, names })
  return [...query, ['X-Amz-Signature', signature]]
}

/** As `x-amz-date` has it: 20130524T000000Z. */
export function dateOf(atMs: number): string {
  return new Date(atMs).toISOString().replace(/[-:]|\.\d{3}/g, '')
}

/** As it is signed and sent: sorted, and encoded as RFC 3986 has it. */
export function queryText(query: readonly QueryField[]): string {
  return query
    .map(([name, value]) => [encoded(name), encoded(value)] as const)
    .sort(([name, value], [otherName, otherValue]) => {
      if (name === otherName) return value < otherValue ? -1 : 1
      return name < otherName ? -1 : 1
    })
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

/** A key as a path, each part of it encoded once. */
export function pathOf(key: string): string {
  return `/${key.split('/').map(encoded).join('/')}`
}

function signatureOf(
  { method, path, query, headers, bodySha256 }: Signable,
  {
    signer,
    atMs,
    names,
  }: { readonly signer: Signer; readonly atMs: number; readonly names: readonly string[] },
): string {
  const fields = names.map((name) => `${name}:${(headers[name] ?? '').trim().replace(/ +/g, ' ')}\n`).join('')
  const canonical = [method, path, queryText(query), fields, names.join(';'), bodySha256].join('\n')
  const toSign = [ALGORITHM, dateOf(atMs), scopeOf(signer, atMs), sha256(canonical)].join('\n')
  return hmac(signingKey(signer, atMs), toSign).toString('hex')
}

function signingKey({ secretKey, region, service = 's3' }: Signer, atMs: number): Buffer {
  const parts = [dayOf(atMs), region, service, 'aws4_request']
  return parts.reduce<Buffer>((key, part) => hmac(key, part), Buffer.from(`AWS4${secretKey}`))
}

function scopeOf({ region, service = 's3' }: Signer, atMs: number): string {
  return `${dayOf(atMs)}/${region}/${service}/aws4_request`
}

function dayOf(atMs: number): string {
  return dateOf(atMs).slice(0, 8)
}

function signedNames(headers: Signable['headers']): string[] {
  return Object.keys(headers).sort()
}

/** `encodeURIComponent` leaves five characters as they are that S3 encodes. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
