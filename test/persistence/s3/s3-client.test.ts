import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { type S3Bounds, S3Client } from '../../../src/persistence/s3/s3-client.ts'
import { S3Error } from '../../../src/persistence/s3/s3-error.ts'
import { listPageOf } from '../../../src/persistence/s3/s3-reply.ts'
import { heldTimers, realClock, realRandom } from '../../../src/seams.ts'
import { FakeS3, type Fault } from '../../support/fake-s3.ts'
import { suite } from '../../support/suite.ts'

const seams = { clock: realClock, timers: heldTimers, random: realRandom() }
const quick: Partial<S3Bounds> = { patienceMs: 3_000, idleMs: 100, retryMs: 5 }
const KEY = 'images/x.png'

async function opened(bounds: Partial<S3Bounds> = quick) {
  const s3 = await FakeS3.start()
  const client = new S3Client(s3.access(), seams, bounds)
  return {
    s3,
    client,
    put: (bytes: Buffer, more: { readonly onlyIfAbsent?: boolean } = {}) =>
      client.put(KEY, bytes, { sha256: sha256Of(bytes), type: 'image/png', ...more }),
    [Symbol.asyncDispose]: async () => {
      client.close()
      await s3.stop()
    },
  }
}

function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

async function whyNot(answer: Promise<unknown>): Promise<S3Error> {
  try {
    await answer
  } catch (error) {
    assert.instance(error, S3Error)
    return error as S3Error
  }
  throw new Error('it went well')
}

const test = suite('a client of an S3-compatible store')

test('puts, gets, looks, lists page by page and removes', async () => {
  await using world = await opened()
  const { s3, client } = world
  const keys = ['images/a & b', "images/it's", 'images/c(1)*', 'images/ü', 'images/z']
  for (const key of keys) {
    const bytes = Buffer.from(key)
    await client.put(key, bytes, { sha256: sha256Of(bytes), type: 'text/plain' })
  }
  await client.put('other/x', Buffer.alloc(0), { sha256: sha256Of(Buffer.alloc(0)), type: 'text/plain' })
  assert.ok(s3.objects.has('eu/images/z'))
  for (const key of keys) assert.is(String(await client.get(key, 100)), key)
  const listed = await Array.fromAsync(client.list('images/'))
  assert.equal(listed.map(({ key }) => key).sort(), [...keys].sort())
  assert.is(listed.find(({ key }) => key === 'images/z')?.bytes, 8)
  assert.is((await client.head('images/z'))?.bytes, 8)
  await client.remove('images/z')
  await client.remove('images/z')
  assert.is(await client.head('images/z'), undefined)
  assert.is(await client.get('images/z', 1_000), undefined)
  await client.check()
})

test('takes no list that is not one, breaks off, or never ends', async () => {
  await using world = await opened()
  for (const key of ['a', 'b', 'c'])
    await world.client.put(key, Buffer.alloc(0), { sha256: sha256Of(Buffer.alloc(0)), type: '' })
  world.s3.repeatsPages = true
  assert.match((await whyNot(Array.fromAsync(world.client.list('')))).message, /goes round in a circle/)
  const entry =
    '<Contents><Key>a</Key><LastModified>2026-11-29T00:00:00Z</LastModified><Size>1</Size></Contents>'
  const listed = (inside: string) => listPageOf(`<ListBucketResult xmlns="x">${inside}</ListBucketResult>`)
  assert.is(listed(entry).objects.length, 1)
  for (const [xml, why] of [
    ['<html></html>', /no list/],
    [`<ListBucketResult>${entry}`, /no list/],
    [`<ListBucketResult>${entry.replace('<Size>1', '<Size>x')}</ListBucketResult>`, /cannot be read/],
    [`<ListBucketResult>${entry.replace('<Key>a</Key>', '')}</ListBucketResult>`, /cannot be read/],
    ['<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>', /without its end/],
  ] as const)
    assert.throws(() => listPageOf(xml), why)
})

test('puts where nothing is, if it is asked to', async () => {
  await using world = await opened()
  assert.is(await world.put(Buffer.from('1'), { onlyIfAbsent: true }), 'put')
  assert.is(await world.put(Buffer.from('2'), { onlyIfAbsent: true }), 'exists')
  assert.is(String(await world.client.get(KEY, 10)), '1')
})

test('tries again what another try may mend', async () => {
  const faults: readonly Fault[] = [
    { type: 'answer', status: 503, code: 'SlowDown' },
    { type: 'answer', status: 500, code: 'InternalError' },
    { type: 'answer', status: 429, code: 'TooManyRequests', retryAfter: '0' },
    { type: 'answer', status: 400, code: 'RequestTimeout' },
    { type: 'answer', status: 400, code: 'BadDigest' },
    { type: 'answer', status: 409, code: 'ConditionalRequestConflict' },
    { type: 'cut', afterBytes: 0 },
    { type: 'cut', afterBytes: 100_000 },
    { type: 'cutAnswer' },
    { type: 'silence' },
  ]
  const bytes = Buffer.alloc(1_000_000, 3)
  for (const fault of faults) {
    await using world = await opened()
    world.s3.faults.push(fault, fault)
    await world.put(bytes)
    assert.ok(world.s3.objects.get(`eu/${KEY}`)?.bytes.equals(bytes), JSON.stringify(fault))
    world.s3.faults.push(fault, { type: 'cutReply' })
    assert.ok((await world.client.get(KEY, bytes.length))?.equals(bytes), JSON.stringify(fault))
    world.s3.faults.push(fault)
    await world.client.remove(KEY)
    assert.is(world.s3.objects.size, 0)
  }
})

test('gives up after four tries, and says why', async () => {
  await using world = await opened()
  world.s3.fault = { type: 'answer', status: 503, code: 'SlowDown' }
  const error = await whyNot(world.put(Buffer.from('x')))
  assert.is(error.code, 'unreachable')
  assert.match(error.message, /^PUT s3:\/\/shop-images\/eu\/images\/x\.png: the store answered 503 SlowDown/)
  assert.is(world.s3.asked.length, 4)
  world.s3.fault = { type: 'cut', afterBytes: 1_000 }
  const broken = await whyNot(world.put(Buffer.alloc(1_000_000)))
  assert.is(broken.code, 'unreachable')
  assert.is(world.s3.objects.size, 0, 'half of it is nothing')
})

test('waits for a store no longer than it was told to', async () => {
  await using world = await opened({ patienceMs: 250, idleMs: 100, retryMs: 5 })
  for (const fault of [{ type: 'silence' }, { type: 'trickle', everyMs: 20 }] as const) {
    world.s3.fault = fault
    const beganMs = performance.now()
    assert.is((await whyNot(world.client.get(KEY, 1_000_000))).code, 'unreachable')
    const tookMs = performance.now() - beganMs
    assert.ok(tookMs >= 200 && tookMs < 2_000, `${fault.type}: ${tookMs} ms`)
  }
  await world.s3.stop()
  assert.match((await whyNot(world.client.check())).message, /ECONNRE/)
  world.s3.stop = () => Promise.resolve()
})

test('tells nothing to a store whose certificate nobody vouches for', async () => {
  const pem = (name: string) => readFileSync(join(import.meta.dirname, '../../support/fixtures/tls', name))
  const told: string[] = []
  const server = createServer({ key: pem('server.key'), cert: pem('server.pem') }, (request, reply) => {
    told.push(request.url ?? '')
    reply.end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const place = { tls: true, host: '127.0.0.1', port: (server.address() as AddressInfo).port } as const
  const target = { ...place, bucket: 'shop', prefix: '', region: 'x', style: 'path' } as const
  const client = new S3Client({ target, accessKey: 'a', secretKey: 'b' }, seams, quick)
  const error = await whyNot(client.check())
  assert.is(error.code, 'unreachable')
  assert.match(error.message, /UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED/)
  assert.equal(told, [])
  client.close()
  server.close()
})

test('tries nothing again that would only fail again', async () => {
  await using world = await opened()
  const { secretKey: _, ...access } = world.s3.access()
  const wrong = new S3Client({ ...access, secretKey: 'wrong' }, seams, quick)
  const unknown = new S3Client({ ...world.s3.access(), accessKey: 'AKIDNOBODY' }, seams, quick)
  const nowhere = new S3Client(world.s3.access({ bucket: 'no-such-bucket' }), seams, quick)
  for (const [client, code, said] of [
    [wrong, 'denied', /403 SignatureDoesNotMatch/],
    [unknown, 'denied', /403 InvalidAccessKeyId/],
    [nowhere, 'no-bucket', /404 NoSuchBucket/],
  ] as const) {
    world.s3.asked.length = 0
    for (const answer of [client.check(), client.get(KEY, 10)]) {
      const error = await whyNot(answer)
      assert.is(error.code, code)
      assert.match(error.message, said)
      assert.not.match(error.message, /secret-of|wrong/)
    }
    assert.is(world.s3.asked.length, 2)
    client.close()
  }
})

test('goes by the store’s clock where that is another', async () => {
  await using world = await opened()
  for (const clockMs of [3_600_000, -86_400_000, 0]) {
    world.s3.clockMs = clockMs
    world.s3.asked.length = 0
    await world.put(Buffer.from('x'))
    await world.put(Buffer.from('y'))
    assert.is(world.s3.asked.length, 3, 'it learns once')
  }
})

test('takes no part for the whole, and no more than it asked for', async () => {
  await using world = await opened()
  await world.put(Buffer.alloc(1_000))
  world.s3.fault = { type: 'cutReply' }
  assert.is((await whyNot(world.client.get(KEY, 1_000))).code, 'unreachable')
  world.s3.fault = undefined
  assert.is((await whyNot(world.client.get(KEY, 999))).code, 'damaged')
  const lie = world.client.put(KEY, Buffer.from('x'), {
    sha256: sha256Of(Buffer.from('y')),
    type: 'image/png',
  })
  assert.match((await whyNot(lie)).message, /XAmzContentSHA256Mismatch/)
})

test('asks a bucket before the host’s name as it asks one in the path', async () => {
  await using world = await opened()
  const { target, ...keys } = world.s3.access()
  const asked = (style: 'path' | 'virtual', port: number | undefined) => {
    const client = new S3Client({ ...keys, target: { ...target, host: 'store.example', port, style } }, seams)
    const url = client.signedUrl(KEY, { atMs: 0, seconds: 1 })
    client.close()
    return url.slice(0, url.indexOf('?'))
  }
  assert.is(asked('path', 9_000), 'http://store.example:9000/shop-images/eu/images/x.png')
  assert.is(asked('virtual', undefined), 'http://shop-images.store.example/eu/images/x.png')
})

test.run()
