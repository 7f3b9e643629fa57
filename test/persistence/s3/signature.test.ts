/** The examples of the S3 reference, and those of the published suite that are about requests as S3 knows them. */
import { createHash } from 'node:crypto'
import * as assert from 'uvu/assert'
import {
  authorizationOf,
  dateOf,
  emptySha256,
  pathOf,
  type QueryField,
  queryText,
  type Signer,
  signedQuery,
} from '../../../src/persistence/s3/signature.ts'
import { suite } from '../../support/suite.ts'

const test = suite('a signature for S3')

const S3: Signer = {
  accessKey: 'AKIAIOSFODNN7EXAMPLE',
  secretKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  region: 'us-east-1',
}
const BOTOCORE: Signer = {
  accessKey: 'AKIDEXAMPLE',
  secretKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  region: 'eu-central-1',
}
const S3_AT_MS = Date.UTC(2013, 4, 24)
const HOST = 'examplebucket.s3.amazonaws.com'

type Example = {
  readonly method?: string
  readonly key?: string
  readonly query?: readonly QueryField[]
  readonly more?: Readonly<Record<string, string>>
  readonly body?: string
}

function signatureOfS3({ method = 'GET', key = '', query = [], more = {}, body = '' }: Example): string {
  const bodySha256 = body === '' ? emptySha256 : createHash('sha256').update(body).digest('hex')
  const dates = { 'x-amz-content-sha256': bodySha256, 'x-amz-date': dateOf(S3_AT_MS) }
  const headers = { host: HOST, ...dates, ...more }
  const text = authorizationOf({ method, path: pathOf(key), query, headers, bodySha256 }, S3, S3_AT_MS)
  assert.match(text, `Credential=${S3.accessKey}/20130524/us-east-1/s3/aws4_request,SignedHeaders=`)
  return text.slice(text.lastIndexOf('=') + 1)
}

test('is that of the examples of the S3 reference', () => {
  const examples: readonly (readonly [signature: string, Example])[] = [
    [
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
      { key: 'test.txt', more: { range: 'bytes=0-9' } },
    ],
    [
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
      {
        method: 'PUT',
        key: 'test$file.text',
        more: { date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' },
        body: 'Welcome to Amazon S3.',
      },
    ],
    ['fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543', { query: [['lifecycle', '']] }],
    [
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
      {
        query: [
          ['prefix', 'J'],
          ['max-keys', '2'],
        ],
      },
    ],
  ]
  for (const [signature, example] of examples) assert.is(signatureOfS3(example), signature)
})

test('of a URL is that of the example of the S3 reference', () => {
  const query = signedQuery(
    { method: 'GET', path: pathOf('test.txt'), query: [], headers: { host: HOST } },
    S3,
    { atMs: S3_AT_MS, seconds: 86_400 },
  )
  assert.match(
    queryText(query),
    'X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404&X-Amz-SignedHeaders=host',
  )
})

test('of a URL is that of botocore 1.44.8, whatever the key and wherever the bucket', () => {
  const atMs = Date.UTC(2026, 10, 29, 3, 15)
  for (const [host, key, signature] of [
    [
      '127.0.0.1:9000',
      'shop-images/eu/images/a b(ü)*.png',
      '7d9cc0e7113a48133f879183ef685c2cf505db34d91bfeb99fe4c97819c2310a',
    ],
    [
      'shop.s3.eu-central-1.amazonaws.com',
      'images/x.webp',
      '7bc849886937e914b58900e3af25cbaa69f8ad9f6f8044e7cc231c0aa131f638',
    ],
  ] as const) {
    const request = { method: 'GET', path: pathOf(key), query: [], headers: { host } }
    assert.equal(signedQuery(request, BOTOCORE, { atMs, seconds: 3_600 }).at(-1), [
      'X-Amz-Signature',
      signature,
    ])
  }
})

test('of a list is that of botocore 1.44.8, slashes and all', () => {
  const atMs = Date.UTC(2026, 10, 29, 3, 15)
  const headers = {
    host: '127.0.0.1:9000',
    'x-amz-content-sha256': emptySha256,
    'x-amz-date': dateOf(atMs),
  }
  const query: readonly QueryField[] = [
    ['list-type', '2'],
    ['max-keys', '1000'],
    ['prefix', 'eu/images/'],
    ['continuation-token', 'a+b=='],
  ]
  const request = { method: 'GET', path: pathOf('shop-images'), query, headers, bodySha256: emptySha256 }
  assert.match(
    authorizationOf(request, BOTOCORE, atMs),
    /Signature=9ff286f4a3687bfb058caa8f64d0585e7b806eebec92ddb9f074dc7bf83cbd4e$/,
  )
})

test('is that of the published suite', () => {
  const signer: Signer = {
    accessKey: 'AKIDEXAMPLE',
    secretKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
    region: 'us-east-1',
    service: 'service',
  }
  const atMs = Date.UTC(2015, 7, 30, 12, 36)
  const signed = (method: string, query: readonly QueryField[], more: Readonly<Record<string, string>>) => {
    const headers = { host: 'example.amazonaws.com', 'x-amz-date': dateOf(atMs), ...more }
    const text = authorizationOf({ method, path: '/', query, headers, bodySha256: emptySha256 }, signer, atMs)
    return text.slice(text.lastIndexOf('=') + 1)
  }
  const cases: readonly (readonly [name: string, signature: string, got: string])[] = [
    [
      'get-vanilla',
      '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
      signed('GET', [], {}),
    ],
    [
      'post-vanilla',
      '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b',
      signed('POST', [], {}),
    ],
    [
      'get-vanilla-query-order-key-case',
      'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
      signed(
        'GET',
        [
          ['Param2', 'value2'],
          ['Param1', 'value1'],
        ],
        {},
      ),
    ],
    [
      'get-vanilla-utf8-query',
      '2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04',
      signed('GET', [['\u1234', 'bar']], {}),
    ],
    [
      'get-header-value-trim',
      'acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736',
      signed('GET', [], { 'my-header1': ' value1', 'my-header2': ' "a   b   c"' }),
    ],
  ]
  for (const [name, expected, got] of cases) assert.is(got, expected, name)
})

test('is of what is sent, however odd a key is', () => {
  assert.is(pathOf("a b/ü(1)*'!~.png"), '/a%20b/%C3%BC%281%29%2A%27%21~.png')
  assert.is(
    queryText([
      ['b', '1 2'],
      ['a-b', ''],
      ['a', '/'],
      ['a', ''],
    ]),
    'a=&a=%2F&a-b=&b=1%202',
  )
})

test.run()
