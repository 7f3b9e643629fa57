/** Where an S3-compatible store is: what `S3_URL` says. */

export type S3Target = {
  readonly tls: boolean
  readonly host: string
  /** Undefined: that of the scheme, which then is in no Host field. */
  readonly port: number | undefined
  readonly bucket: string
  /** What the key of each object begins with: empty, or with a slash at its end. */
  readonly prefix: string
  readonly region: string
  /** The bucket in the path, or before the host's name. */
  readonly style: 'path' | 'virtual'
}

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/
const REGION = /^[a-z0-9-]{1,64}$/
const PREFIX = /^(?:[A-Za-z0-9_.-]{1,100}\/){0,8}$/
/** S3 of Amazon names its region in the host. */
const AMAZON = /^s3[.-](?:dualstack\.)?([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/
const REGION_DEFAULT = 'us-east-1'

/** Reads `https://host[:port]/bucket[/prefix][?region=…&style=path|virtual]`; undefined where it is none. */
export function parseS3Url(text: string): S3Target | undefined {
  if (!/^https?:\/\/[\x21-\x7e]+$/.test(text) || !URL.canParse(text)) return undefined
  const url = new URL(text)
  if (url.hostname === '' || url.username !== '' || url.password !== '' || url.hash !== '') return undefined
  if ([...url.searchParams.keys()].some((name) => name !== 'region' && name !== 'style')) return undefined
  const [bucket = '', ...folders] = url.pathname.slice(1).replace(/\/$/, '').split('/')
  const prefix = folders.map((folder) => `${folder}/`).join('')
  const isAmazon = url.hostname === 's3.amazonaws.com' || AMAZON.test(url.hostname)
  const region = url.searchParams.get('region') ?? AMAZON.exec(url.hostname)?.[1] ?? REGION_DEFAULT
  // A certificate for *.host does not hold for a bucket with a dot.
  const style = url.searchParams.get('style') ?? (isAmazon && !bucket.includes('.') ? 'virtual' : 'path')
  if (!BUCKET.test(bucket) || bucket.includes('..') || !REGION.test(region)) return undefined
  if (!PREFIX.test(prefix) || folders.some((folder) => /^\.+$/.test(folder))) return undefined
  if (style !== 'path' && style !== 'virtual') return undefined
  return {
    tls: url.protocol === 'https:',
    host: url.hostname,
    port: url.port === '' ? undefined : Number(url.port),
    bucket,
    prefix,
    region,
    style,
  }
}
