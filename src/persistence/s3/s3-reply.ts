/** What a store's reply means, and the little of XML that S3 speaks. */
import { S3Error } from './s3-error.ts'
import type { Answer } from './s3-exchange.ts'

export type Verdict =
  | { readonly type: 'good' }
  /** There is no such object. */
  | { readonly type: 'missing' }
  /** The condition of a conditional put: it is there already. */
  | { readonly type: 'exists' }
  /** Another try may go well; `retryAfter` as the store said it. */
  | { readonly type: 'again'; readonly error: S3Error; readonly retryAfter: string | undefined }
  /** Its clock and ours differ too much. */
  | { readonly type: 'skewed'; readonly error: S3Error }
  | { readonly type: 'bad'; readonly error: S3Error }

const GOOD = [200, 204]
const MISSING = 404
const EXISTS = 412
const CONFLICT = 409
const DENIED = [401, 403]
const AGAIN = [408, 425, 429, 500, 502, 503, 504]
/** A request that was cut on its way comes again whole. */
const CUT = [
  'RequestTimeout',
  'BadDigest',
  'InvalidDigest',
  'XAmzContentSHA256Mismatch',
  'XAmzContentChecksumMismatch',
  'IncompleteBody',
]
const FULL = ['XMinioStorageFull', 'QuotaExceeded', 'InsufficientStorage', 'XMinioAdminBucketQuotaExceeded']
const FULL_STATUS = 507

export function verdictOf({ status, headers, body }: Answer, what: string): Verdict {
  if (GOOD.includes(status)) return { type: 'good' }
  const text = body.toString('utf8')
  const code = elementOf(text, 'Code') ?? ''
  const said = code === '' ? `status ${status}` : `${status} ${code}: ${elementOf(text, 'Message') ?? ''}`
  const error = (kind: S3Error['code']) =>
    new S3Error(kind, `${what}: the store answered ${said.slice(0, 300)}`)
  if (code === 'NoSuchBucket') return { type: 'bad', error: error('no-bucket') }
  if (FULL.includes(code) || status === FULL_STATUS) return { type: 'bad', error: error('full') }
  if (status === MISSING) return { type: 'missing' }
  if (status === EXISTS) return { type: 'exists' }
  if (code === 'RequestTimeTooSkewed') return { type: 'skewed', error: error('denied') }
  const isAgain = AGAIN.includes(status) || CUT.includes(code) || (status === CONFLICT && code !== '')
  if (isAgain) {
    return { type: 'again', error: error('unreachable'), retryAfter: headers['retry-after'] }
  }
  return { type: 'bad', error: error(DENIED.includes(status) ? 'denied' : 'refused') }
}

export type ListedObject = { readonly key: string; readonly bytes: number; readonly modifiedMs: number }

export type ListPage = {
  readonly objects: readonly ListedObject[]
  /** What the next page begins with; undefined behind the last. */
  readonly next: string | undefined
}

/** One page of ListObjectsV2. Throws `S3Error` where it is none. */
export function listPageOf(xml: string): ListPage {
  if (!/<ListBucketResult[ >].*<\/ListBucketResult>/s.test(xml))
    throw new S3Error('refused', 'the store answered no list')
  const objects = [...xml.matchAll(/<Contents>(.*?)<\/Contents>/gs)].map(([, entry = '']) => {
    const key = elementOf(entry, 'Key')
    const bytes = Number(elementOf(entry, 'Size'))
    const modifiedMs = Date.parse(elementOf(entry, 'LastModified') ?? '')
    if (key === undefined || !Number.isSafeInteger(bytes) || Number.isNaN(modifiedMs))
      throw new S3Error('refused', 'the store answered a list that cannot be read')
    return { key, bytes, modifiedMs }
  })
  const isCut = elementOf(xml, 'IsTruncated') === 'true'
  const next = isCut ? elementOf(xml, 'NextContinuationToken') : undefined
  if (isCut && next === undefined) throw new S3Error('refused', 'the store answered a list without its end')
  return { objects, next }
}

function elementOf(xml: string, name: string): string | undefined {
  const open = xml.indexOf(`<${name}>`)
  const end = open < 0 ? -1 : xml.indexOf(`</${name}>`, open)
  return end < 0 ? undefined : unescaped(xml.slice(open + name.length + 2, end))
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }

function unescaped(text: string): string {
  return text.replace(/&(?:#(x?)([0-9a-fA-F]{1,6})|(\w{1,4}));/g, (whole, hex, digits, name) => {
    if (name !== undefined) return ENTITIES[name] ?? whole
    const code = Number.parseInt(digits, hex === 'x' ? 16 : 10)
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}
