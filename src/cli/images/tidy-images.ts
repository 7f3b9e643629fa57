/** What can be done about a store of images as a whole: compare it, clear it up, and fill another one from it. */
import type { ImageName, ImageStore } from '../../persistence/images/image-store.ts'
import { formatOf, ImageStoreError } from '../../persistence/images/image-store.ts'
import type { Clock } from '../../seams.ts'
import { Unusable } from '../exit-codes.ts'
import type { NamedImages } from './named-images.ts'

export type Verified = {
  readonly images: number
  readonly damaged: readonly ImageName[]
  /** Named by a product, and not there. */
  readonly missing: readonly { readonly name: ImageName; readonly productId: string }[]
}

/** Reads every image. `named` is read before, so that what comes meanwhile is not missed. */
export async function verifyImages(store: ImageStore, named: NamedImages): Promise<Verified> {
  const there = new Set<ImageName>()
  const damaged: ImageName[] = []
  for await (const { name } of store.list()) {
    there.add(name)
    if ((await bytesOf(store, name)) === undefined) damaged.push(name)
  }
  const missing = [...named].flatMap(([name, productId]) => (there.has(name) ? [] : { name, productId }))
  return { images: there.size, damaged, missing }
}

export type Pruned = {
  readonly images: number
  readonly orphans: readonly ImageName[]
  /** Removed just when a product came to name them: they must be uploaded again. */
  readonly missed: readonly { readonly name: ImageName; readonly productId: string }[]
}

export type PruneOptions = {
  readonly readNamed: () => Promise<NamedImages>
  readonly clock: Clock
  /** What was kept later than so long ago may be of an upload whose product is still being changed. */
  readonly olderThanMs: number
  readonly isDry: boolean
}

/**
 * Removes what no product names. An upload keeps its image before its product names it, and keeping it anew counts: so what
 * is young stays, and the products are read after the store was.
 */
export async function pruneImages(store: ImageStore, options: PruneOptions): Promise<Pruned> {
  const { readNamed, clock, olderThanMs, isDry } = options
  const old: ImageName[] = []
  let images = 0
  for await (const { name, keptAtMs } of store.list()) {
    images += 1
    if (keptAtMs <= clock.wallMs() - olderThanMs) old.push(name)
  }
  const named = await readNamed()
  if (named.size === 0 && images > 0)
    throw new Unusable('No product names any image. Are these the right tables? Nothing was removed.')
  const orphans = old.filter((name) => !named.has(name))
  if (isDry || orphans.length === 0) return { images, orphans, missed: [] }
  for (const name of orphans) await store.remove(name)
  const after = await readNamed()
  const missed = orphans.flatMap((name) => {
    const productId = after.get(name)
    return productId === undefined ? [] : { name, productId }
  })
  return { images, orphans, missed }
}

export type Copied = {
  readonly images: number
  readonly copied: number
  readonly damaged: readonly ImageName[]
}

/** What the other has already is not sent again. */
export async function copyImages(from: ImageStore, to: ImageStore): Promise<Copied> {
  const there = new Set<ImageName>()
  for await (const { name } of to.list()) there.add(name)
  const damaged: ImageName[] = []
  let images = 0
  let copied = 0
  for await (const { name } of from.list()) {
    images += 1
    if (there.has(name)) continue
    const bytes = await bytesOf(from, name)
    if (bytes === undefined) damaged.push(name)
    else {
      await to.keep(bytes, formatOf(name))
      copied += 1
    }
  }
  return { images, copied, damaged }
}

/** Undefined where it is damaged; empty where it has gone meanwhile. */
async function bytesOf(store: ImageStore, name: ImageName): Promise<Buffer | undefined> {
  const parts: Uint8Array[] = []
  try {
    for await (const part of (await store.find(name))?.bytes() ?? []) parts.push(part)
  } catch (error) {
    if (error instanceof ImageStoreError && error.code === 'damaged') return undefined
    throw error
  }
  return Buffer.concat(parts)
}
