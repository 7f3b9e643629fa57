/** The settings of where product images are, and of the store that takes archived journals too. */
import { choice, text, withoutEndSlashes } from '../setting.ts'
import { isLoopback } from './database-target.ts'
import { parseS3Url, type S3Target } from './s3-target.ts'
import { looksTyped, type SettingsReader } from './secret.ts'

export type S3Access = { readonly target: S3Target; readonly accessKey: string; readonly secretKey: string }

/** How whoever shows an image comes to its bytes. */
export type ImageReads =
  /** Through this server, which alone reaches the store. */
  | { readonly type: 'through' }
  /** From the store itself, by a URL that is good for a while. */
  | { readonly type: 'signed' }
  /** From a public place in front of the store; without a slash at its end. */
  | { readonly type: 'public'; readonly url: string }

export type ImagesConfig =
  /** `images` of the data directory. */
  | { readonly type: 'directory' }
  | { readonly type: 's3'; readonly access: S3Access; readonly reads: ImageReads }

const SECRET_KEY = /^[\x21-\x7e]{1,500}$/

export const s3Settings = {
  s3Url: {
    ...text('S3_URL', /^https?:\/\/[\x21-\x7e]{1,2000}$/, undefined, {
      expected:
        'https://host/bucket, with a prefix behind it and ?region=… or &style=path or virtual where they are needed, and without keys in it',
      meaning: 'Bucket of an S3-compatible store that keeps product images, and takes archived journals',
      example: 'https://s3.eu-central-1.amazonaws.com/shop-images',
      fallbackText: 'none: images are in the data directory',
    }),
    // Somebody may have put the keys into it.
    secret: true,
  },
  s3AccessKey: {
    ...text('S3_ACCESS_KEY', /^[\x21-\x2b\x2d-\x7e]{1,200}$/, undefined, {
      expected: 'up to 200 visible ASCII characters without a comma',
      meaning: 'Name of the key to it, which may read, write, delete and list in that bucket',
      example: 'AKIA…',
      fallbackText: 'none; required where `S3_URL` is set',
    }),
    secret: true,
  },
  s3SecretKey: {
    ...text('S3_SECRET_KEY', SECRET_KEY, undefined, {
      expected: 'up to 500 visible ASCII characters',
      meaning: 'The key itself',
      example: '"$(cat s3-secret)"',
      fallbackText: 'none; required where `S3_URL` is set',
    }),
    secret: true,
  },
  s3SecretKeyFile: text('S3_SECRET_KEY_FILE', /^[^\0]{1,4000}$/, undefined, {
    expected: 'a path',
    meaning: 'File that holds it, instead',
    example: '/run/secrets/s3_secret_key',
    fallbackText: 'none',
  }),
  s3Reads: choice('S3_READS', ['through', 'signed', 'public'], 'through', {
    meaning:
      'How images are read: `through` this server, `signed`, sent on to a URL of the store that is good for a while, or `public`, sent on to `S3_PUBLIC_URL`',
    example: 'public',
  }),
  s3PublicUrl: text('S3_PUBLIC_URL', /^https?:\/\/[^?#@\s]{1,1000}$/, undefined, {
    expected: 'a URL without a query',
    meaning:
      'Where everybody may read what is in `images/` of the store: a CDN, or the bucket where it is public',
    example: 'https://cdn.shop.example/images',
    fallbackText: 'none; required where `S3_READS` is `public`',
  }),
}

export function readS3(
  { take, isGiven, secret, report }: SettingsReader,
  mode: 'development' | 'test' | 'production',
  warnings: string[],
): ImagesConfig {
  const { s3Url, s3AccessKey, s3SecretKey: value, s3SecretKeyFile: file, s3Reads, s3PublicUrl } = s3Settings
  const url = take(s3Url)
  const accessKey = take(s3AccessKey)
  const key = secret({ value, file })
  const wantedReads = take(s3Reads)
  const givenUrl = take(s3PublicUrl)
  const publicUrl = givenUrl === undefined ? undefined : withoutEndSlashes(givenUrl)
  const secretKey = key.type === 'given' ? key.text : ''
  const hidden = (text: string) => `${text.length} characters, not shown`
  if (key.type === 'given' && !SECRET_KEY.test(secretKey))
    report(key.source, hidden(secretKey), value.expected)
  if (url === undefined) {
    const alone = [s3AccessKey, value, file, s3Reads, s3PublicUrl].filter(isGiven)
    if (!isGiven(s3Url) && alone.length > 0) {
      const names = alone.map(({ variable }) => variable).join(', ')
      warnings.push(`${names} without S3_URL: images are in the data directory.`)
    }
    return { type: 'directory' }
  }
  const target = parseS3Url(url)
  if (target === undefined) report(s3Url, hidden(url))
  if (accessKey === undefined && !isGiven(s3AccessKey))
    report(s3AccessKey, 'nothing', 'set where S3_URL is set')
  if (key.type === 'absent') report(value, 'nothing', 'set where S3_URL is set, or its file named')
  if (wantedReads === 'public' && publicUrl === undefined && !isGiven(s3PublicUrl))
    report(s3PublicUrl, 'nothing', 'set where S3_READS is public')
  if (wantedReads !== 'public' && publicUrl !== undefined)
    warnings.push(
      `S3_PUBLIC_URL without S3_READS=public: images are read ${wantedReads === 'signed' ? 'by signed URLs' : 'through this server'}.`,
    )
  if (target === undefined) return { type: 'directory' }
  if (mode === 'production' && !isLoopback(target)) {
    if (!target.tls) report(s3Url, hidden(url), 'in production https://, unless it is on this machine')
    if (key.type === 'given' && looksTyped(secretKey))
      report(
        key.source,
        hidden(secretKey),
        'in production a key drawn by chance; this one reads like a default',
      )
  }
  const reads: ImageReads =
    wantedReads === 'public' ? { type: 'public', url: publicUrl ?? '' } : { type: wantedReads }
  return { type: 's3', access: { target, accessKey: accessKey ?? '', secretKey }, reads }
}
