/** `npm run images`: what no product names goes, and nothing that one does. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { NamedImages } from '../../src/cli/images/named-images.ts'
import { copyImages, pruneImages, verifyImages } from '../../src/cli/images/tidy-images.ts'
import { DirectoryImages, prepareImages } from '../../src/persistence/images/directory-images.ts'
import type { ImageName, ImageStore } from '../../src/persistence/images/image-store.ts'
import { S3Images } from '../../src/persistence/images/s3-images.ts'
import { S3Client } from '../../src/persistence/s3/s3-client.ts'
import { heldTimers, realClock, realRandom } from '../../src/seams.ts'
import { fields, PIXEL } from '../persistence/tables/catalog/products.ts'
import { compiled } from '../support/compiled.ts'
import { FakeS3 } from '../support/fake-s3.ts'
import { InProcessTables } from '../support/in-process-tables.ts'
import { suite } from '../support/suite.ts'

const ENTRY = join(import.meta.dirname, '../../src/cli/images.ts')
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const random = realRandom()

/** Two stores, and a clock that is a test's. */
class World implements AsyncDisposable {
  readonly root = mkdtempSync(join(tmpdir(), 'holdfast-images-'))
  readonly s3: FakeS3
  readonly bucket: S3Images
  readonly directory: DirectoryImages
  readonly clock = { ...realClock, wallMs: () => Date.now() + this.aheadMs }
  aheadMs = 0
  readonly #client: S3Client

  private constructor(s3: FakeS3) {
    this.s3 = s3
    const seams = { clock: realClock, timers: heldTimers, random }
    this.#client = new S3Client(s3.access(), seams, { patienceMs: 2_000, idleMs: 500, retryMs: 5 })
    this.bucket = new S3Images(this.#client, { reads: { type: 'through' }, clock: realClock })
    prepareImages(this.path)
    this.directory = new DirectoryImages(this.path, { clock: this.clock, random })
  }

  static async open(): Promise<World> {
    return new World(await FakeS3.start())
  }

  get path(): string {
    return join(this.root, 'images')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close()
    await this.s3.stop()
    rmSync(this.root, { recursive: true })
  }
}

async function namesIn(store: ImageStore): Promise<readonly ImageName[]> {
  return (await Array.fromAsync(store.list())).map(({ name }) => name).sort()
}

async function keep(store: ImageStore, ...texts: readonly string[]): Promise<readonly ImageName[]> {
  return await Promise.all(texts.map((text) => store.keep(Buffer.from(text), 'png')))
}

function naming(...names: readonly ImageName[]): NamedImages {
  return new Map(names.map((name) => [name, 'lamp']))
}

const test = suite('images that no product names', { limitMs: 60_000 })

test('go from either store once they are old, and nothing else does', async () => {
  await using world = await World.open()
  for (const store of [world.directory, world.bucket]) {
    const [named, orphan] = (await keep(store, 'named', 'orphan')) as [ImageName, ImageName]
    const options = { clock: world.clock, olderThanMs: DAY_MS, readNamed: async () => naming(named) }
    world.aheadMs = DAY_MS - 60_000
    const young = await pruneImages(store, { ...options, isDry: false })
    assert.equal(young, { images: 2, orphans: [], missed: [] })
    world.aheadMs = DAY_MS + 60_000
    const dry = await pruneImages(store, { ...options, isDry: true })
    assert.equal(dry, { images: 2, orphans: [orphan], missed: [] })
    assert.equal(await namesIn(store), [named, orphan].sort())
    assert.equal(await pruneImages(store, { ...options, isDry: false }), dry)
    assert.equal(await namesIn(store), [named])
  }
})

test('count as young again once they are uploaded again', async () => {
  await using world = await World.open()
  const [named, orphan] = (await keep(world.directory, 'named', 'orphan')) as [ImageName, ImageName]
  world.aheadMs = 2 * DAY_MS
  await keep(world.directory, 'orphan')
  const options = { clock: world.clock, olderThanMs: DAY_MS, isDry: false }
  await pruneImages(world.directory, { ...options, readNamed: async () => naming(named) })
  assert.equal(await namesIn(world.directory), [named, orphan].sort())
  const [object] = await keep(world.bucket, 'orphan')
  const kept = world.s3.objects.get(`eu/images/${object}`)
  if (kept !== undefined) kept.modifiedMs = 0
  await keep(world.bucket, 'orphan')
  assert.ok((kept?.modifiedMs ?? 0) === 0 && (await Array.fromAsync(world.bucket.list()))[0]?.keptAtMs !== 0)
})

test('stay where a product comes to name one meanwhile, or it is told', async () => {
  await using world = await World.open()
  const { directory, clock } = world
  const [named, one, other] = (await keep(directory, 'named', 'one', 'other')) as [
    ImageName,
    ImageName,
    ImageName,
  ]
  world.aheadMs = 2 * DAY_MS
  let reads = 0
  const readNamed = async () => {
    reads += 1
    return reads === 1 ? naming(named, one) : naming(named, one, other)
  }
  const pruned = await pruneImages(directory, { clock, olderThanMs: DAY_MS, isDry: false, readNamed })
  assert.equal(pruned, { images: 3, orphans: [other], missed: [{ name: other, productId: 'lamp' }] })
  assert.equal(await namesIn(directory), [named, one].sort())
})

test('are not all of them: tables that name none are other tables', async () => {
  await using world = await World.open()
  await keep(world.directory, 'a', 'b')
  world.aheadMs = 2 * DAY_MS
  const options = { clock: world.clock, olderThanMs: DAY_MS, isDry: false, readNamed: async () => naming() }
  const thrown = await pruneImages(world.directory, options).catch((error: unknown) => error)
  assert.match(String(thrown), /No product names any image\. Are these the right tables\?/)
  assert.is((await namesIn(world.directory)).length, 2)
})

test.run()

const whole = suite('a store of images as a whole', { limitMs: 60_000 })

whole('is compared with its names and with what products name', async () => {
  await using world = await World.open()
  const [good, bad] = (await keep(world.directory, 'good', 'bad')) as [ImageName, ImageName]
  writeFileSync(join(world.path, bad), 'bat')
  const gone = `${'0'.repeat(64)}.png` as ImageName
  assert.equal(await verifyImages(world.directory, naming(good, gone)), {
    images: 2,
    damaged: [bad],
    missing: [{ name: gone, productId: 'lamp' }],
  })
})

whole('fills another one, again and again until they are the same', async () => {
  await using world = await World.open()
  const { directory, bucket } = world
  await keep(bucket, 'there')
  const names = await keep(directory, 'there', 'a', 'b', 'bad')
  const bad = names[3] as ImageName
  writeFileSync(join(world.path, bad), 'bat')
  assert.equal(await copyImages(directory, bucket), { images: 4, copied: 2, damaged: [bad] })
  assert.equal(await namesIn(bucket), [...names].filter((name) => name !== bad).sort())
  assert.equal(await copyImages(directory, bucket), { images: 4, copied: 0, damaged: [bad] })
  rmSync(join(world.path, bad))
  const [late] = await keep(bucket, 'late')
  assert.equal(await copyImages(bucket, directory), { images: 4, copied: 1, damaged: [] })
  assert.equal(await namesIn(directory), await namesIn(bucket))
  assert.is((await directory.find(late as ImageName))?.size, 4)
})

whole('is seen to by one command, which says first what it would do', async () => {
  await using world = await World.open()
  const [named, orphan] = (await keep(world.directory, 'named', 'orphan')) as [ImageName, ImageName]
  const old = new Date(Date.now() - 2 * DAY_MS)
  for (const name of [named, orphan]) utimesSync(join(world.path, name), old, old)
  const tables = new InProcessTables(realClock)
  const images = [`https://shop.example/images/${named}`]
  await tables.write('catalog.create', { productId: PIXEL, fields: fields({ images }) })
  tables.database.prepare('VACUUM INTO ?').run(join(world.root, 'tables.sqlite'))
  tables.close()
  const run = async (...args: readonly string[]) => {
    const env = { DATA_DIR: world.root, ...(args[0] === 'copy' ? world.s3.settings : {}) }
    const child = spawn(process.execPath, [ENTRY, ...args], {
      env: { ...compiled, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [out, err] = [child.stdout, child.stderr].map((stream) =>
      Array.fromAsync(stream.setEncoding('utf8')),
    )
    await once(child, 'close')
    return { code: child.exitCode, out: (await out)?.join('') ?? '', err: (await err)?.join('') ?? '' }
  }
  const dry = await run('prune')
  assert.is(dry.code, 0, dry.err)
  assert.is(dry.out, `${orphan}\nWould remove 1 image of 2 that no product names; --yes does.\n`)
  assert.is(readdirSync(world.path).length, 2)
  const pruned = await run('prune', '--yes', '--json')
  assert.equal([pruned.code, JSON.parse(pruned.out).orphans], [0, [orphan]])
  assert.equal(readdirSync(world.path), [named])
  const copied = await run('copy', '--to', 'bucket')
  assert.is(copied.out, 'Copied 1 image of 1; 0 were there already.\n', copied.err)
  assert.ok(world.s3.objects.has(`eu/images/${named}`))
})

whole.run()
