/** Images in a real S3-compatible server, which is killed again and again. It takes minutes to build, so no CI has it. */
import { writeFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { type ImageName, ImageStoreError } from '../../../src/persistence/images/image-store.ts'
import { S3Images } from '../../../src/persistence/images/s3-images.ts'
import { S3Client } from '../../../src/persistence/s3/s3-client.ts'
import { heldTimers, realClock, realRandom } from '../../../src/seams.ts'
import { imageStoreContract } from '../../contract/image-stores.ts'
import { LongFigure } from '../../support/long-figure.ts'
import { note, suite } from '../../support/suite.ts'
import { VersityServerProcess } from '../../support/versity-server.ts'

const KILLS = 10
const CALLERS = 8
const BETWEEN_MS = 700
const DOWN_MS = 300
const BUCKETS = ['images-1', 'images-2', 'images-3', 'images-4', 'images-5']
const seams = { clock: realClock, timers: heldTimers, random: realRandom() }

let server: VersityServerProcess | undefined
let used = 0

imageStoreContract(
  'in a bucket of a real server',
  async () => {
    server ??= await VersityServerProcess.start(BUCKETS)
    const started = server
    const bucket = BUCKETS[used++] as string
    const client = new S3Client(started.access(bucket, 'eu/'), seams)
    return {
      store: new S3Images(client, { reads: { type: 'through' }, clock: realClock }),
      overwrite: (name, bytes) => writeFileSync(started.pathOf(bucket, `eu/images/${name}`), bytes),
      [Symbol.dispose]: () => client.close(),
    }
  },
  { needs: ['versitygw'], limitMs: 60_000, close: async () => await server?.stop() },
)

const test = suite('a real server of images that is killed', { needs: ['versitygw'], limitMs: 300_000 })

test('has every image of which somebody was told, and each is whole', async () => {
  const figure = new LongFigure('s3-images')
  const versity = await VersityServerProcess.start(['shop-images'])
  const client = new S3Client(versity.access('shop-images', 'eu/'), seams, { patienceMs: 2_000, idleMs: 500 })
  const store = new S3Images(client, { reads: { type: 'signed' }, clock: realClock })
  using _ = { [Symbol.dispose]: () => client.close() }
  const kept: ImageName[] = []
  let refused = 0
  let isOver = false
  const upload = async (caller: number) => {
    for (let i = 0; !isOver; i++) {
      const bytes = Buffer.alloc(20_000 + ((i * 7_919) % 400_000), `${caller} ${i} `)
      try {
        kept.push(await store.keep(bytes, 'png'))
      } catch (error) {
        assert.instance(error, ImageStoreError)
        refused += 1
      }
    }
  }
  const callers = Array.from({ length: CALLERS }, (_, caller) => upload(caller))
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
  for (let kills = 1; kills <= KILLS; kills++) {
    await pause(BETWEEN_MS)
    await versity.kill()
    await pause(kills % 3 === 0 ? 3_000 : DOWN_MS)
    await versity.resume()
    figure.say(`${kills} of ${KILLS} kills, ${kept.length} images kept, ${refused} refused`)
  }
  isOver = true
  await Promise.all(callers)
  for (const name of kept) assert.ok((await store.find(name)) !== undefined, name)
  const listed = new Set((await Array.fromAsync(store.list())).map(({ name }) => name))
  for (const name of kept) assert.ok(listed.has(name), `${name} is not listed`)
  for (const name of kept.slice(0, 20)) {
    const response = await fetch(store.addressOf(name)?.url ?? '')
    assert.is(response.status, 200)
    assert.match(response.headers.get('cache-control') ?? '', 'immutable')
  }
  const images = kept.length
  figure.end({
    command: 'npm run test:long -- test/persistence/images/s3-images.long.ts',
    kills: KILLS,
    images,
    refused,
    lost: 0,
  })
  note(`${KILLS} kills, ${images} images, ${refused} refused, none lost`)
  assert.ok(images > 50)
  await versity.stop()
})

test.run()
