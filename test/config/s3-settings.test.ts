import * as assert from 'uvu/assert'
import { explain } from '../../src/config/explain.ts'
import { parseS3Url } from '../../src/config/s3-target.ts'
import { type ConfigResult, readConfig } from '../../src/config.ts'
import { suite } from '../support/suite.ts'

const ADMIN_KEY = 'kD93hxW0qLz71VbnRcT52yPfGs84mJuE'
const KEYS = { S3_ACCESS_KEY: 'AKIAQ3X', S3_SECRET_KEY: 'wJalr/XUtnFEMI+K7MDENG' }
const S3_URL = 'https://s3.example:9000/shop-images/eu'

const test = suite('the settings of the store of images')

function read(environment: Readonly<Record<string, string>>, files: Readonly<Record<string, string>> = {}) {
  return readConfig(environment, {
    cores: 2,
    memoryBytes: 8 * 1_024 ** 3,
    readFile: (path) => {
      const text = files[path]
      if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
      return text
    },
  })
}

function imagesOf(result: ConfigResult) {
  if (result.type === 'invalid') throw new Error(explain(result.problems))
  return result.config.images
}

function wrongOf(result: ConfigResult): readonly string[] {
  return result.type === 'valid' ? [] : result.problems.map(({ variable }) => variable)
}

test('without a URL images are in the data directory', () => {
  assert.equal(imagesOf(read({})), { type: 'directory' })
  const alone = read({ ...KEYS, S3_READS: 'signed' })
  assert.equal(imagesOf(alone), { type: 'directory' })
  assert.match(alone.warnings.join('\n'), 'S3_ACCESS_KEY, S3_SECRET_KEY, S3_READS without S3_URL')
  assert.not.match(alone.warnings.join('\n'), KEYS.S3_SECRET_KEY)
})

test('a URL says where the bucket is, and keys who we are', () => {
  const target = {
    tls: true,
    host: 's3.example',
    port: 9_000,
    bucket: 'shop-images',
    prefix: 'eu/',
    region: 'us-east-1',
    style: 'path',
  }
  const access = { target, accessKey: KEYS.S3_ACCESS_KEY, secretKey: KEYS.S3_SECRET_KEY }
  assert.equal(imagesOf(read({ S3_URL, ...KEYS })), { type: 's3', access, reads: { type: 'through' } })
  const { S3_ACCESS_KEY } = KEYS
  const filed = read(
    { S3_URL, S3_ACCESS_KEY, S3_SECRET_KEY_FILE: '/run/s3' },
    { '/run/s3': `${KEYS.S3_SECRET_KEY}\n` },
  )
  assert.equal(imagesOf(filed), { type: 's3', access, reads: { type: 'through' } })
})

test('the region and the place of the bucket follow from the host, or are said', () => {
  const of = (text: string) => {
    const target = parseS3Url(text)
    return target && [target.host, target.bucket, target.prefix, target.region, target.style].join(' ')
  }
  assert.is(
    of('https://s3.eu-central-1.amazonaws.com/shop'),
    's3.eu-central-1.amazonaws.com shop  eu-central-1 virtual',
  )
  assert.is(of('https://s3.amazonaws.com/shop/'), 's3.amazonaws.com shop  us-east-1 virtual')
  assert.is(
    of('https://s3.eu-west-1.amazonaws.com/shop.images'),
    's3.eu-west-1.amazonaws.com shop.images  eu-west-1 path',
  )
  assert.is(
    of('https://x.r2.cloudflarestorage.com/shop?region=auto'),
    'x.r2.cloudflarestorage.com shop  auto path',
  )
  assert.is(of('http://minio:9000/shop/a/b/?style=virtual'), 'minio shop a/b/ us-east-1 virtual')
  assert.is(of('http://[::1]:9000/shop'), '[::1] shop  us-east-1 path')
})

test('images are read through the server, by signed URLs or from a public place', () => {
  const readsOf = (more: Readonly<Record<string, string>>) => {
    const images = imagesOf(read({ S3_URL, ...KEYS, ...more }))
    return images.type === 's3' ? images.reads : undefined
  }
  assert.equal(readsOf({ S3_READS: 'signed' }), { type: 'signed' })
  const S3_PUBLIC_URL = 'https://cdn.example/images/'
  assert.equal(readsOf({ S3_READS: 'public', S3_PUBLIC_URL }), {
    type: 'public',
    url: 'https://cdn.example/images',
  })
  const unused = read({ S3_URL, ...KEYS, S3_PUBLIC_URL })
  assert.match(unused.warnings.join('\n'), 'S3_PUBLIC_URL without S3_READS=public')
  assert.equal(wrongOf(read({ S3_URL, ...KEYS, S3_READS: 'public' })), ['S3_PUBLIC_URL'])
  assert.equal(wrongOf(read({ S3_URL, ...KEYS, S3_READS: 'proxy' })), ['S3_READS'])
})

test('what is no bucket is refused, and neither it nor a key is shown', () => {
  for (const url of [
    'shop-images',
    's3://hunter2/shop',
    'https://key:hunter2@s3.example/shop',
    'https://s3.example',
    'https://s3.example/',
    'https://s3.example/Hunter2',
    'https://s3.example/a..b',
    'https://s3.example/shop/../hunter2//x',
    'https://s3.example/shop//hunter2',
    'https://s3.example/shop/hünter2',
    'https://s3.example/shop#hunter2',
    'https://s3.example/shop?token=hunter2',
    'https://s3.example/shop?style=hunter2',
    'https://s3.example/shop?region=Hunter2!',
  ]) {
    const result = read({ S3_URL: url, ...KEYS })
    assert.equal(wrongOf(result), ['S3_URL'], url)
    assert.not.match(result.type === 'invalid' ? explain(result.problems) : '', /[Hh]unter2|wJalr/)
  }
  const spaced = read({ S3_URL, ...KEYS, S3_SECRET_KEY: 'hunter2 hunter2' })
  assert.equal(wrongOf(spaced), ['S3_SECRET_KEY'])
  assert.not.match(spaced.type === 'invalid' ? explain(spaced.problems) : '', 'hunter2')
})

test('a bucket needs both halves of its key', () => {
  assert.equal(wrongOf(read({ S3_URL })), ['S3_ACCESS_KEY', 'S3_SECRET_KEY'])
})

test('in production it is remote by TLS alone, with a key that nobody made up', () => {
  const production = { NODE_ENV: 'production', ADMIN_KEY, PAYMENT_GATEWAY: 'none' }
  assert.equal(wrongOf(read({ ...production, ...KEYS, S3_URL })), [])
  assert.equal(wrongOf(read({ ...production, ...KEYS, S3_URL: 'http://minio:9000/shop' })), ['S3_URL'])
  assert.equal(wrongOf(read({ ...production, ...KEYS, S3_URL: 'http://127.0.0.1:9000/shop' })), [])
  const typed = read({ ...production, ...KEYS, S3_URL, S3_SECRET_KEY: 'my-default-password' })
  assert.equal(wrongOf(typed), ['S3_SECRET_KEY'])
})

test.run()
