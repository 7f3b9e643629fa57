import * as assert from 'uvu/assert'
import type { HttpParts } from '../../src/http/parts.ts'
import { imageBytesMax } from '../../src/limits/catalog.ts'
import { ImageStoreError } from '../../src/persistence/images/image-store.ts'
import { formOf, jpegOf, pngOf } from '../support/images.ts'
import { MemoryImages } from '../support/memory-images.ts'
import { suite } from '../support/suite.ts'
import { type Shop, shop } from './shop-parts.ts'

const PRODUCT = '/v1/products/pixel-11'
const PATH = `${PRODUCT}/images`

async function stocked(parts: Partial<HttpParts> = {}): Promise<Shop> {
  const world = shop(parts)
  const body = { productId: 'pixel-11', title: 'Pixel 11', price: 5, currency: 'USD' }
  await world.call('POST', '/v1/products', { as: 'staff', body })
  return world
}

type Said = {
  readonly url: string
  readonly code?: string
  readonly errors?: readonly { readonly path: string }[]
}

async function upload(
  { app }: Shop,
  { type, body }: { readonly type: string; readonly body: Buffer },
  {
    path = PATH,
    as = 'staff',
    headers = {},
  }: { path?: string; as?: string; headers?: Record<string, string> } = {},
) {
  const all = { authorization: `Bearer ${as}`, 'content-type': type, ...headers }
  const response = await app.request(path, { method: 'POST', headers: all, body: new Uint8Array(body) })
  const said: Said = JSON.parse(await response.text())
  return { status: response.status, headers: response.headers, body: said }
}

const images = suite('images of products')

images('are added to the product, and served to be kept for ever', async () => {
  using world = await stocked()
  const made = await upload(world, formOf(pngOf(640, 480)))
  assert.is(made.status, 201)
  const { url } = made.body
  assert.match(url, /^\/images\/[0-9a-f]{64}\.png$/)
  assert.is(made.headers.get('location'), url)
  assert.is(made.headers.get('etag'), '"2"')
  assert.match(made.headers.get('holdfast-position') ?? '', /^t\d+$/)
  assert.equal((await world.call('GET', PRODUCT)).body.images, [url])
  const seen = await world.app.request(url)
  assert.is(seen.status, 200)
  assert.is(seen.headers.get('content-type'), 'image/png')
  assert.is(seen.headers.get('content-length'), String(pngOf(640, 480).length))
  assert.is(seen.headers.get('cache-control'), 'public, max-age=31536000, immutable')
  assert.is(seen.headers.get('x-content-type-options'), 'nosniff')
  assert.match(seen.headers.get('content-security-policy') ?? '', /default-src 'none'/)
  assert.ok(Buffer.from(await seen.arrayBuffer()).equals(pngOf(640, 480)))
  const etag = seen.headers.get('etag') ?? ''
  assert.is((await world.call('GET', url, { headers: { 'if-none-match': etag } })).status, 304)
  const head = await world.app.request(url, { method: 'HEAD' })
  assert.is(head.headers.get('content-length'), String(pngOf(640, 480).length))
})

images('sent again are the same image, once; under a key the same reply', async () => {
  using world = await stocked()
  const headers = { 'idempotency-key': 'k-1' }
  const first = await upload(world, formOf(jpegOf(9, 9), { filename: 'any.svg' }), { headers })
  const second = await upload(world, formOf(jpegOf(9, 9)), { headers })
  const third = await upload(world, formOf(jpegOf(9, 9)))
  assert.match(first.body.url, /\.jpg$/)
  assert.equal(
    [second.status, second.body, second.headers.get('idempotency-replayed')],
    [201, first.body, 'true'],
  )
  assert.equal([third.status, third.body], [201, first.body])
  assert.is((await upload(world, formOf(pngOf(1, 1)), { headers })).status, 422)
  assert.equal((await world.call('GET', PRODUCT)).body.images, [first.body.url])
})

images('are what their bytes say, and nothing that could run', async () => {
  using world = await stocked()
  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')
  assert.is((await upload(world, formOf(svg, { filename: 'a.png' }))).body.code, 'unsupported-media-type')
  assert.is((await upload(world, formOf(Buffer.alloc(0)))).status, 415)
  const large = await upload(world, formOf(Buffer.concat([pngOf(1, 1), Buffer.alloc(imageBytesMax)])))
  assert.is(large.status, 413)
  const bomb = await upload(world, formOf(pngOf(100_000, 100_000)))
  assert.is(bomb.status, 400)
  assert.is(bomb.body.errors?.[0]?.path, 'file')
})

images('come as one file in a form, and not otherwise', async () => {
  using world = await stocked()
  const good = formOf(pngOf(1, 1))
  const text = good.body.toString('latin1')
  const changed = (from: string, to: string) => ({
    type: good.type,
    body: Buffer.from(text.replace(from, to), 'latin1'),
  })
  const part = text.slice(0, text.lastIndexOf('\r\n--'))
  for (const [form, status] of [
    [{ type: 'image/png', body: pngOf(1, 1) }, 415],
    [{ type: 'multipart/form-data', body: good.body }, 415],
    [{ type: 'multipart/form-data; boundary=other', body: good.body }, 400],
    [changed('; filename="a.png"', ''), 400],
    [{ type: good.type, body: Buffer.from(`${part}\r\n${text}`, 'latin1') }, 400],
    [{ type: good.type, body: good.body.subarray(0, -10) }, 400],
    [{ type: good.type, body: Buffer.concat([good.body, Buffer.from('more')]) }, 400],
    [{ type: good.type, body: Buffer.alloc(0) }, 400],
    [{ type: good.type, body: Buffer.alloc(100_000, 'x') }, 400],
  ] as const) {
    const reply = await upload(world, form)
    assert.is(reply.status, status, form.body.toString('latin1').slice(0, 200))
  }
  assert.is((await upload(world, good, { headers: { 'content-length': '99999999' } })).status, 413)
  assert.is((await upload(world, good, { headers: { 'content-encoding': 'gzip' } })).status, 415)
  assert.equal((await world.call('GET', PRODUCT)).body.images, [])
})

images('are for staff to add, to products that there are and that are sold', async () => {
  using world = await stocked()
  const form = formOf(pngOf(1, 1))
  assert.is((await upload(world, form, { as: 'ann' })).status, 403)
  assert.is((await upload(world, form, { path: '/v1/products/nobody/images' })).status, 404)
  for (let n = 1; n <= 20; n++) assert.is((await upload(world, formOf(pngOf(1, n)))).status, 201)
  assert.is((await upload(world, form)).status, 201, 'it is one of them')
  assert.is((await upload(world, formOf(pngOf(2, 1)))).body.code, 'too-many-images')
  await world.call('DELETE', PRODUCT, { as: 'staff' })
  assert.is((await upload(world, form)).body.code, 'product-retired')
})

images('have names that lead to nothing else', async () => {
  using world = await stocked()
  for (const path of [
    '/images/../tables.sqlite',
    '/images/..%2ftables.sqlite',
    '/images/%2e%2e/admin.key',
    `/images/${'0'.repeat(64)}.png`,
    `/images/${'0'.repeat(64)}.svg`,
    `/images/${'0'.repeat(64)}.png%00`,
    '/images/',
    '/images',
  ]) {
    const reply = await world.call('GET', path)
    assert.is(reply.status, 404, path)
    assert.is(reply.headers.get('cache-control'), 'no-store')
  }
})

images('that are read elsewhere are not looked for here', async () => {
  const url = 'https://cdn.example/images/x'
  const store = Object.assign(new MemoryImages(), { addressOf: () => ({ url, seconds: 60 }) })
  store.find = () => Promise.reject(new Error('nobody asked for it'))
  using world = await stocked({ images: store })
  for (const method of ['GET', 'HEAD']) {
    const sent = await world.app.request(`/images/${'0'.repeat(64)}.png`, { method })
    assert.is(sent.status, 302)
    assert.is(sent.headers.get('location'), url)
    assert.is(sent.headers.get('cache-control'), 'public, max-age=60')
  }
  assert.is((await world.app.request('/images/x.png')).status, 404)
})

images('that cannot be read say so, and where one is damaged, that', async () => {
  for (const [code, status, problem] of [
    ['unavailable', 503, 'images-unavailable'],
    ['overloaded', 503, 'images-unavailable'],
    ['damaged', 500, 'image-damaged'],
  ] as const) {
    const store = new MemoryImages()
    store.find = () => Promise.reject(new ImageStoreError(code, 'planted'))
    using world = await stocked({ images: store })
    const reply = await world.call('GET', `/images/${'0'.repeat(64)}.png`)
    assert.equal([reply.status, reply.body.code], [status, problem])
    assert.is(reply.headers.get('cache-control'), 'no-store')
    assert.is(reply.headers.get('retry-after') !== null, status === 503)
  }
})

images('that cannot be kept say so, and change nothing', async () => {
  for (const [code, problem] of [
    ['storage-full', 'storage-full'],
    ['unavailable', 'images-unavailable'],
  ] as const) {
    const store = new MemoryImages()
    store.keep = () => Promise.reject(new ImageStoreError(code, 'planted'))
    using world = await stocked({ images: store })
    const reply = await upload(world, formOf(pngOf(1, 1)))
    assert.equal([reply.status, reply.body.code], [503, problem])
    assert.match(reply.headers.get('retry-after') ?? '', /^\d+$/)
    assert.equal((await world.call('GET', PRODUCT)).body.images, [])
  }
})

images.run()
