/** What every store of images promises. */
import { createHash } from 'node:crypto'
import * as assert from 'uvu/assert'
import { type ImageName, type ImageStore, isImageName } from '../../src/persistence/images/image-store.ts'
import { suite } from '../support/suite.ts'

export type OpenStore = () => { readonly store: ImageStore } & Disposable

export function imageStoreContract(name: string, open: OpenStore): void {
  const images = suite(`images kept ${name}`)

  images('are named after what is in them, and read as they were kept', async () => {
    using opened = open()
    const { store } = opened
    for (const size of [1, 65_536, 200_000]) {
      const bytes = Buffer.alloc(size, size)
      const kept = await store.keep(bytes, 'png')
      assert.is(kept, `${createHash('sha256').update(bytes).digest('hex')}.png`)
      assert.ok(isImageName(kept))
      const found = await store.find(kept)
      assert.is(found?.size, size)
      assert.ok(Buffer.from(await new Response(found?.bytes()).arrayBuffer()).equals(bytes))
    }
  })

  images('are one, however often and by how many at once they are kept', async () => {
    using opened = open()
    const { store } = opened
    const bytes = Buffer.from('the same')
    const names = await Promise.all(Array.from({ length: 20 }, () => store.keep(bytes, 'gif')))
    assert.is(new Set(names).size, 1)
    assert.is(await new Response((await store.find(names[0] as ImageName))?.bytes()).text(), 'the same')
  })

  images('that are not there are not found, and a reader may stop anywhere', async () => {
    using opened = open()
    const { store } = opened
    assert.is(await store.find(`${'0'.repeat(64)}.png` as ImageName), undefined)
    const found = await store.find(await store.keep(Buffer.alloc(300_000), 'webp'))
    const reader = found?.bytes().getReader()
    await reader?.read()
    await reader?.cancel()
    // Never read at all.
    await found?.bytes().cancel()
  })

  images.run()
}
