/** The whole with its images in an S3-compatible store, which is away now and then. */
import * as assert from 'uvu/assert'
import { FakeS3 } from '../support/fake-s3.ts'
import { formOf, pngOf } from '../support/images.ts'
import { adminKey, type ServerProcess, Site } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const test = suite('a shop whose images are in a store of their own', { limitMs: 120_000 })

async function upload(server: ServerProcess, height: number) {
  const { type, body } = formOf(pngOf(640, height))
  const response = await fetch(`http://127.0.0.1:${server.port}/v1/products/lamp/images`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': type },
    body: new Uint8Array(body),
  })
  const said = (await response.json()) as { readonly url?: string; readonly code?: string }
  return { status: response.status, ...said }
}

async function codeOf(response: Response): Promise<string | undefined> {
  return ((await response.json()) as { readonly code?: string }).code
}

test('sells on while that is away, says so of images alone, and shows them again when it is back', async () => {
  const s3 = await FakeS3.start()
  await using site = new Site()
  s3.fault = { type: 'answer', status: 503, code: 'ServiceUnavailable' }
  const server = await site.start({ environment: { ...s3.settings, LISTENERS: '1' } })
  await server.until(() => server.logged('images.unavailable').length === 1, 'the start says that it is away')
  const product = { productId: 'lamp', title: 'Lamp', price: 5, currency: 'USD' }
  assert.is((await server.request('POST', '/v1/products', product)).status, 201)
  const stock = { set: 2, reason: 'delivery' }
  assert.is((await server.request('POST', '/v1/products/lamp/stock/adjustments', stock)).status, 200)
  const refused = await upload(server, 480)
  assert.equal([refused.status, refused.code], [503, 'images-unavailable'])
  const order = { items: [{ productId: 'lamp', quantity: 1 }], customerId: 'ann' }
  assert.is((await server.request('POST', '/v1/reservations', order)).status, 201)

  s3.fault = undefined
  const { status, url = '' } = await upload(server, 480)
  assert.is(status, 201)
  assert.equal((await server.request('GET', '/v1/products/lamp')).body.images, [url])
  const seen = await fetch(`http://127.0.0.1:${server.port}${url}`)
  assert.ok(Buffer.from(await seen.arrayBuffer()).equals(pngOf(640, 480)))
  assert.is(seen.headers.get('cache-control'), 'public, max-age=31536000, immutable')
  assert.is(s3.objects.get(`eu${url}`)?.type, 'image/png')

  const object = s3.objects.get(`eu${url}`)
  object?.bytes.fill(1, 44)
  const damaged = await fetch(`http://127.0.0.1:${server.port}${url}`)
  assert.equal([damaged.status, await codeOf(damaged)], [500, 'image-damaged'])
  assert.is((await upload(server, 480)).status, 201, 'which puts it right')
  assert.is((await fetch(`http://127.0.0.1:${server.port}${url}`)).status, 200)

  await s3.stop()
  const away = await fetch(`http://127.0.0.1:${server.port}${url}`)
  assert.equal([away.status, await codeOf(away)], [503, 'images-unavailable'])
  assert.is((await server.request('POST', '/v1/reservations', order)).status, 201)
  assert.equal(
    server.logged('images.failed').map(({ code }) => code),
    ['unavailable', 'damaged'],
    'once in a while for each kind',
  )
  const metrics = await fetch(`http://127.0.0.1:${server.port}/metrics`, {
    headers: { authorization: `Bearer ${adminKey}` },
  })
  assert.match(await metrics.text(), /^holdfast_image_failures_total\{code="damaged"\} 1$/m)
  const { S3_ACCESS_KEY: accessKey = '', S3_SECRET_KEY: secretKey = '' } = s3.settings
  assert.not.match(server.output, secretKey)
  assert.not.match(server.output, accessKey)
  assert.is((await server.stop()).code, 0)
})

test.run()
