import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { DirectoryImages, prepareImages } from '../../../src/persistence/images/directory-images.ts'
import { type ImageName, ImageStoreError, isImageName } from '../../../src/persistence/images/image-store.ts'
import { realClock, realRandom } from '../../../src/seams.ts'
import { imageStoreContract } from '../../contract/image-stores.ts'
import { MemoryImages } from '../../support/memory-images.ts'
import { suite } from '../../support/suite.ts'

function opened() {
  const directory = join(mkdtempSync(join(tmpdir(), 'holdfast-images-')), 'images')
  prepareImages(directory)
  return {
    directory,
    store: new DirectoryImages(directory, { clock: realClock, random: realRandom() }),
    overwrite: (name: ImageName, bytes: Buffer) => writeFileSync(join(directory, name), bytes),
    [Symbol.dispose]: () => rmSync(join(directory, '..'), { recursive: true }),
  }
}

imageStoreContract('in a directory', opened)
imageStoreContract('in memory, by the tests', () => ({
  store: new MemoryImages(),
  [Symbol.dispose]: () => {},
}))

const files = suite('images in a directory')

files('are whole or absent, and a start removes what never came to its end', async () => {
  using world = opened()
  const { directory, store } = world
  const name = await store.keep(Buffer.from('x'), 'png')
  assert.equal(readdirSync(directory), [name])
  const unfinished = `${'0'.repeat(64)}.png.k3x9`
  writeFileSync(join(directory, unfinished), 'half')
  writeFileSync(join(directory, 'notes.txt'), 'somebody else’s')
  assert.not(isImageName(unfinished))
  assert.is(await store.find(`${'0'.repeat(64)}.png` as ImageName), undefined)
  prepareImages(directory)
  assert.equal(readdirSync(directory).sort(), [name, 'notes.txt'].sort())
})

files('are on the disk before they have their name, and the name before anybody hears of it', async () => {
  using world = opened()
  const { directory, store } = world
  const probe = await open(directory, 'r')
  const handles: { sync(): Promise<void> } = Object.getPrototypeOf(probe)
  await probe.close()
  const { sync } = handles
  const synced: string[] = []
  handles.sync = function (this: unknown) {
    synced.push(readdirSync(directory).some(isImageName) ? 'named' : 'beside')
    return sync.call(this)
  }
  try {
    await store.keep(Buffer.from('x'), 'png')
  } finally {
    handles.sync = sync
  }
  assert.equal(synced, ['beside', 'named'])
})

files('that cannot be written leave nothing behind, and say why', async () => {
  using world = opened()
  const { directory, store } = world
  rmSync(directory, { recursive: true })
  const thrown = await store.keep(Buffer.from('x'), 'png').then(
    () => undefined,
    (error: unknown) => error,
  )
  assert.instance(thrown, ImageStoreError)
  assert.is((thrown as ImageStoreError).code, 'unavailable')
  prepareImages(directory)
  chmodSync(directory, 0o700)
  assert.ok(await store.keep(Buffer.from('x'), 'png'), 'the next one is kept')
})

files('have names that lead nowhere else', () => {
  for (const name of [
    '../x.png',
    `${'0'.repeat(64)}.svg`,
    `${'0'.repeat(63)}/.png`,
    `${'G'.repeat(64)}.png`,
    '',
  ])
    assert.not(isImageName(name), name)
})

files.run()
