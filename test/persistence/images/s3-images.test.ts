import * as assert from 'uvu/assert'
import type { ImageReads } from '../../../src/config/s3-settings.ts'
import { type ImageName, ImageStoreError } from '../../../src/persistence/images/image-store.ts'
import { S3Images } from '../../../src/persistence/images/s3-images.ts'
import { type S3Bounds, S3Client } from '../../../src/persistence/s3/s3-client.ts'
import { heldTimers, realClock, realRandom } from '../../../src/seams.ts'
import { imageStoreContract } from '../../contract/image-stores.ts'
import { FakeS3 } from '../../support/fake-s3.ts'
import { MotoServerProcess } from '../../support/moto-server.ts'
import { suite } from '../../support/suite.ts'

const seams = { clock: realClock, timers: heldTimers, random: realRandom() }
const quick: Partial<S3Bounds> = { patienceMs: 2_000, idleMs: 300, retryMs: 5 }
const through: ImageReads = { type: 'through' }

async function opened(reads: ImageReads = through, wallMs = realClock.wallMs) {
  const s3 = await FakeS3.start()
  const clock = { ...realClock, wallMs }
  const client = new S3Client(s3.access(), { ...seams, clock }, quick)
  return {
    s3,
    client,
    store: new S3Images(client, { reads, clock }),
    overwrite: (name: ImageName, bytes: Buffer) => {
      const object = s3.objects.get(`eu/images/${name}`)
      if (object !== undefined) object.bytes = bytes
    },
    [Symbol.asyncDispose]: async () => {
      client.close()
      await s3.stop()
    },
  }
}

imageStoreContract('in a bucket', () => opened())

const BUCKETS = ['images-1', 'images-2', 'images-3', 'images-4', 'images-5']
let moto: MotoServerProcess | undefined
let used = 0
imageStoreContract(
  'in a bucket of a server that checks signatures with Amazon’s own code',
  async () => {
    moto ??= await MotoServerProcess.start(BUCKETS)
    const server = moto
    const client = new S3Client(server.access(BUCKETS[used++] as string, 'eu/'), seams)
    const store = new S3Images(client, { reads: through, clock: realClock })
    const put = async (name: ImageName, bytes: Buffer) => {
      const sha256 = Buffer.from(await crypto.subtle.digest('SHA-256', new Uint8Array(bytes))).toString('hex')
      await client.put(`images/${name}`, bytes, { sha256, type: 'image/jpeg' })
    }
    // It takes a prefix with a slash in it, which comes encoded, for another one than was signed.
    const list = () => server.unguarded(() => Array.fromAsync(S3Images.prototype.list.call(store)))
    return {
      store: Object.assign(store, {
        list: async function* () {
          yield* await list()
        },
      }),
      overwrite: put,
      [Symbol.dispose]: () => client.close(),
    }
  },
  { needs: ['moto_server'], limitMs: 60_000, close: async () => await moto?.stop() },
)

const bucket = suite('images in a bucket')

bucket('tell caches that they may keep them, and what they are', async () => {
  await using world = await opened()
  const name = await world.store.keep(Buffer.from('x'), 'webp')
  const { type, cacheControl } = world.s3.objects.get(`eu/images/${name}`) ?? {}
  assert.equal([type, cacheControl], ['image/webp', 'public, max-age=31536000, immutable'])
})

bucket('are read once for all who ask at the same time, and again for who comes later', async () => {
  await using world = await opened()
  const name = await world.store.keep(Buffer.from('x'), 'png')
  world.s3.asked.length = 0
  await Promise.all(Array.from({ length: 20 }, () => world.store.find(name)))
  assert.is(world.s3.asked.length, 1)
  await world.store.find(name)
  assert.is(world.s3.asked.length, 2)
})

bucket('of readers who take their time are in memory up to a bound', async () => {
  await using world = await opened()
  const size = 5 * 1_024 * 1_024
  const name = await world.store.keep(Buffer.alloc(size), 'png')
  const slow: (ReadableStreamDefaultReader | undefined)[] = []
  for (;;) {
    const found = await world.store.find(name).catch((error: unknown) => error as ImageStoreError)
    if (found instanceof ImageStoreError) {
      assert.is(found.code, 'overloaded')
      break
    }
    const reader = found?.bytes().getReader()
    await reader?.read()
    slow.push(reader)
  }
  assert.is(slow.length, 13)
  await slow[0]?.cancel()
  assert.is((await world.store.find(name))?.size, size, 'one has gone')
})

bucket('that a store keeps everybody waiting for turn most away at once', async () => {
  await using world = await opened()
  const names = await Promise.all(['a', 'b', 'c'].map((text) => world.store.keep(Buffer.from(text), 'png')))
  world.s3.fault = { type: 'silence' }
  const beganMs = performance.now()
  const readers = Array.from({ length: 1_000 }, async (_, i) => {
    const error = await world.store.find(names[i % 3] as ImageName).catch((thrown: unknown) => thrown)
    return [(error as ImageStoreError).code, performance.now() - beganMs] as const
  })
  const answers = await Promise.all(readers)
  const turnedAway = answers.filter(([code]) => code === 'overloaded')
  assert.is(turnedAway.length, 744)
  assert.ok(turnedAway.every(([, ms]) => ms < 250))
  assert.ok(answers.every(([code]) => code === 'overloaded' || code === 'unavailable'))
  world.s3.fault = undefined
  assert.is((await world.store.find(names[0] as ImageName))?.size, 1)
})

bucket('are read elsewhere where the settings say so', async () => {
  await using world = await opened({ type: 'public', url: 'https://cdn.example/images' })
  const name = await world.store.keep(Buffer.from('x'), 'png')
  assert.equal(world.store.addressOf(name), { url: `https://cdn.example/images/${name}`, seconds: 86_400 })
})

bucket('are read by a URL that is the same for a while, good for longer, and then no more', async () => {
  let ms = Date.UTC(2026, 10, 29, 10, 7)
  await using world = await opened({ type: 'signed' }, () => ms)
  world.s3.clockMs = ms - Date.now()
  const name = await world.store.keep(Buffer.from('signed for'), 'png')
  const first = world.store.addressOf(name)
  assert.is(first?.seconds, 480, 'until a quarter past')
  const url = first?.url ?? ''
  const response = await fetch(url)
  assert.is(await response.text(), 'signed for')
  assert.is(response.headers.get('cache-control'), 'public, max-age=31536000, immutable')
  ms += 479_000
  assert.is(world.store.addressOf(name)?.url, url)
  ms += 1_000
  assert.is.not(world.store.addressOf(name)?.url, url)
  world.s3.clockMs += 52 * 60_000
  assert.is((await fetch(url)).status, 200)
  world.s3.clockMs += 2 * 60_000
  assert.is((await fetch(url)).status, 403)
  assert.is((await fetch(url.replace(name, name.replace('png', 'gif')))).status, 403, 'for this one alone')
})

bucket('uploaded at two nodes at once are one, and whole', async () => {
  await using world = await opened()
  const other = new S3Client(world.s3.access(), seams, quick)
  const bytes = Buffer.alloc(300_000, 5)
  const stores = [world.store, new S3Images(other, { reads: through, clock: realClock })]
  const names = await Promise.all([...stores, ...stores].map((store) => store.keep(bytes, 'png')))
  assert.is(new Set(names).size, 1)
  assert.is(world.s3.objects.size, 1)
  for (const store of stores) assert.is((await store.find(names[0] as ImageName))?.size, 300_000)
  other.close()
})

bucket('say what is wrong with their store', async () => {
  await using world = await opened()
  const name = await world.store.keep(Buffer.from('x'), 'png')
  const codeOf = (answer: Promise<unknown>) =>
    answer.then(
      () => 'nothing',
      (error: unknown) => (error instanceof ImageStoreError ? error.code : error),
    )
  for (const [status, s3Code, code] of [
    [403, 'AccessDenied', 'unavailable'],
    [404, 'NoSuchBucket', 'unavailable'],
    [503, 'SlowDown', 'unavailable'],
    [507, 'XMinioStorageFull', 'storage-full'],
    [301, 'PermanentRedirect', 'unavailable'],
  ] as const) {
    world.s3.fault = { type: 'answer', status, code: s3Code }
    assert.is(await codeOf(world.store.find(name)), code, s3Code)
    assert.is(await codeOf(world.store.keep(Buffer.from('y'), 'png')), code, s3Code)
    assert.is(await codeOf(world.store.remove(name)), code, s3Code)
    assert.is(await codeOf(Array.fromAsync(world.store.list())), code, s3Code)
  }
  world.s3.fault = undefined
  assert.is((await world.store.find(name))?.size, 1)
})

bucket.run()
