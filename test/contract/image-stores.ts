/** What every store of images promises. */
import { createHash } from 'node:crypto'
import * as assert from 'uvu/assert'
import {
  type ImageName,
  type ImageStore,
  ImageStoreError,
  isImageName,
} from '../../src/persistence/images/image-store.ts'
import type { TestOptions } from '../support/recorder.ts'
import { suite } from '../support/suite.ts'

export type OpenedStore = {
  readonly store: ImageStore
  /** As a bad disk or a stranger would. Absent where nothing can. */
  readonly overwrite?: (name: ImageName, bytes: Buffer) => void | Promise<void>
} & (Disposable | AsyncDisposable)

export type OpenStore = () => OpenedStore | Promise<OpenedStore>

export function imageStoreContract(
  name: string,
  open: OpenStore,
  options: TestOptions & { readonly close?: () => Promise<void> } = {},
): void {
  const images = suite(`images kept ${name}`, options)

  images('are named after what is in them, and read as they were kept', async () => {
    await using opened = await open()
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
    await using opened = await open()
    const { store } = opened
    const bytes = Buffer.from('the same')
    const names = await Promise.all(Array.from({ length: 20 }, () => store.keep(bytes, 'gif')))
    assert.is(new Set(names).size, 1)
    assert.is(await new Response((await store.find(names[0] as ImageName))?.bytes()).text(), 'the same')
    assert.equal((await listed(store)).length, 1)
  })

  images('that are not there are not found, and a reader may stop anywhere', async () => {
    await using opened = await open()
    const { store } = opened
    assert.is(await store.find(`${'0'.repeat(64)}.png` as ImageName), undefined)
    const found = await store.find(await store.keep(Buffer.alloc(300_000), 'webp'))
    const reader = found?.bytes().getReader()
    await reader?.read()
    await reader?.cancel()
    // Never read at all.
    await found?.bytes().cancel()
  })

  images('are listed with when they were kept last, and gone once they are removed', async () => {
    await using opened = await open()
    const { store } = opened
    assert.equal(await listed(store), [])
    const names = await Promise.all(['a', 'b', 'c'].map((text) => store.keep(Buffer.from(text), 'avif')))
    assert.equal((await listed(store)).map(([kept]) => kept).sort(), [...names].sort())
    const [first] = names as [ImageName, ...ImageName[]]
    await store.remove(first)
    await store.remove(first)
    assert.is(await store.find(first), undefined)
    assert.equal((await listed(store)).map(([kept]) => kept).sort(), names.slice(1).sort())
  })

  images('that were changed behind its back are never given out whole', async () => {
    await using opened = await open()
    const { store, overwrite } = opened
    if (overwrite === undefined) return
    for (const [size, change] of [
      [8, (bytes: Buffer) => bytes.fill(7, 3, 4)],
      [200_000, (bytes: Buffer) => bytes.fill(7, 199_999)],
      [100_000, (bytes: Buffer) => bytes.subarray(0, 99_999)],
      [70_000, (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('more')])],
      [60_000, () => Buffer.alloc(0)],
    ] as const) {
      const bytes = Buffer.alloc(size, size)
      const kept = await store.keep(bytes, 'jpg')
      await overwrite(kept, change(Buffer.from(bytes)))
      const thrown = await read(store, kept).then(
        () => undefined,
        (error: unknown) => error,
      )
      assert.instance(thrown, ImageStoreError, `${size} bytes`)
      assert.is((thrown as ImageStoreError).code, 'damaged')
      // Whoever uploads it again puts it right, at once where its size tells.
      if (change(Buffer.from(bytes)).length === size) await store.remove(kept)
      await store.keep(bytes, 'jpg')
      assert.ok((await read(store, kept)).equals(bytes))
    }
  })

  if (options.close !== undefined) images.after(options.close)
  images.run()
}

async function read(store: ImageStore, name: ImageName): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of (await store.find(name))?.bytes() ?? []) parts.push(part)
  return Buffer.concat(parts)
}

async function listed(store: ImageStore): Promise<(readonly [name: ImageName, keptAtMs: number])[]> {
  const all: (readonly [ImageName, number])[] = []
  for await (const { name, keptAtMs } of store.list()) all.push([name, keptAtMs])
  return all
}
