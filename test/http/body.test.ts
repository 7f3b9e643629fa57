import * as assert from 'uvu/assert'
import { bodyBytesMax } from '../../src/limits.ts'
import { suite } from '../support/suite.ts'
import { fakes } from './fake-parts.ts'

const GOOD = '{"items":[{"productId":"pixel-11","quantity":2}]}'
const PATH = '/v1/reservations'

const json = suite('JSON bodies')

json('what is not one JSON value in UTF-8 is 400 malformed-json', async () => {
  const bodies: Readonly<Record<string, string | Uint8Array>> = {
    empty: '',
    blank: ' \n',
    'cut off': GOOD.slice(0, -1),
    'trailing data': `${GOOD}x`,
    'two values': `${GOOD}${GOOD}`,
    'byte order mark': `\ufeff${GOOD}`,
    'single quotes': GOOD.replaceAll('"', "'"),
    'NaN as a number': GOOD.replace('2', 'NaN'),
    hexadecimal: GOOD.replace('2', '0x2'),
    'leading zero': GOOD.replace('2', '02'),
    'a raw control character': GOOD.replace('pixel', 'pi\u0000xel'),
    'not UTF-8': Buffer.concat([
      Buffer.from(GOOD.slice(0, 30)),
      Buffer.from([0xc3, 0x28]),
      Buffer.from('"}]}'),
    ]),
    'UTF-16': Buffer.from(GOOD, 'utf16le'),
  }
  for (const [what, body] of Object.entries(bodies)) {
    const { app, engine } = fakes()
    const reply = await app.request(PATH, post(body))
    assert.is(reply.status, 400, what)
    assert.is(await codeOf(reply), 'malformed-json', what)
    assert.is(engine.requests.length, 0)
  }
})

json('a value that is no object is 400 validation-failed', async () => {
  for (const body of ['null', '7', '"x"', 'true', '[]', `[${GOOD}]`]) {
    const { app } = fakes()
    const reply = await app.request(PATH, post(body))
    assert.is(reply.status, 400, body)
    assert.is(await codeOf(reply), 'validation-failed', body)
  }
})

json('a field named twice is refused: a proxy may have read the other one', async () => {
  const bodies = [
    '{"items":[{"productId":"pixel-11","quantity":2,"quantity":1}]}',
    '{"items":[{"productId":"pixel-11","quantity":2}],"items":[{"productId":"pixel-11","quantity":1}]}',
    '{"items":[{"productId":"pixel-11","quantity":2,"quan\\u0074ity":1}]}',
    '{"items":[{"productId":"pixel-11","quantity":2}],"reference":"a","reference":"b"}',
  ]
  for (const body of bodies) {
    const { app, engine } = fakes()
    const reply = await app.request(PATH, post(body))
    assert.is(reply.status, 400, body)
    assert.is(await codeOf(reply), 'malformed-json', body)
    assert.is(engine.requests.length, 0)
  }
})

json('colons, quotes and backslashes within strings are not members', async () => {
  for (const reference of ['a:b', 'a":"b', '\\', '\\":', '{"a":1}', ':::"""\\\\\\', '\\u003a:']) {
    const { call } = fakes()
    const body = { items: [{ productId: 'pixel-11', quantity: 2 }], reference }
    const reply = await call('POST', PATH, { as: 'service', body })
    assert.is(reply.status, 201, reference)
    assert.is(reply.body.reference, reference)
  }
})

json('nesting of any depth is refused and breaks nothing', async () => {
  const depth = 30_000
  const bodies = [
    '['.repeat(depth),
    `${'['.repeat(depth)}${']'.repeat(depth)}`,
    `{"items":${'['.repeat(depth)}${']'.repeat(depth)}}`,
    `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
    `{"items":[{"productId":"pixel-11","quantity":2}],"x":${'['.repeat(depth)}${']'.repeat(depth)}}`,
  ]
  for (const body of bodies) {
    const { app } = fakes()
    assert.is((await app.request(PATH, post(body))).status, 400)
  }
  const { app } = fakes()
  assert.is(
    (await app.request(PATH, post('['.repeat(100_000)))).status,
    413,
    'deeper is larger than a body may be',
  )
})

json('a body is refused past its limit, whether its length was declared or not', async () => {
  const padded = (bytes: number) => GOOD + ' '.repeat(bytes - GOOD.length)
  const { app, engine } = fakes()
  const fits = await app.request(PATH, post(padded(bodyBytesMax)))
  assert.is(fits.status, 201)
  const large = await app.request(PATH, post(padded(bodyBytesMax + 1)))
  assert.is(large.status, 413)
  assert.is(await codeOf(large), 'body-too-large')
  const declared = await app.request(PATH, post(GOOD, { 'content-length': String(bodyBytesMax + 1) }))
  assert.is(declared.status, 413)
  assert.is(engine.requests.length, 1)
})

json('an endless stream is read no further than its limit', async () => {
  let pulled = 0
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled += 1
      controller.enqueue(new Uint8Array(1_024).fill(0x20))
    },
  })
  const { app } = fakes()
  const init: RequestInit = { ...post(''), body: stream, duplex: 'half' }
  assert.is((await app.request(PATH, init)).status, 413)
  assert.ok(pulled <= bodyBytesMax / 1_024 + 4, `${pulled} KiB were pulled`)
})

json('only JSON in UTF-8 without an encoding is taken', async () => {
  const { app } = fakes()
  const status = async (headers: Readonly<Record<string, string>>) =>
    (await app.request(PATH, post(GOOD, headers))).status
  for (const type of [
    'application/json',
    'Application/JSON',
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
  ]) {
    assert.is(await status({ 'content-type': type }), 201, type)
  }
  for (const type of [
    '',
    'text/plain',
    'text/json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json; charset=utf-16',
    'application/json, text/plain',
    'application/jsonx',
    'application/problem+json',
  ]) {
    assert.is(await status({ 'content-type': type }), 415, type)
  }
  for (const encoding of ['gzip', 'br', 'deflate', 'identity, gzip']) {
    assert.is(await status({ 'content-encoding': encoding }), 415, encoding)
  }
  assert.is(await status({ 'content-encoding': 'identity' }), 201)
})

json('at most twenty mistakes are named, and no path is longer than a line', async () => {
  const { call } = fakes()
  const names = Array.from({ length: 500 }, (_, i) => [`${'x'.repeat(80)}${i}`, 1] as const)
  const reply = await call('POST', PATH, { as: 'service', body: Object.fromEntries(names) })
  assert.is(reply.status, 400)
  const { errors } = reply.body
  assert.ok(Array.isArray(errors) && errors.length > 0 && errors.length <= 20)
  assert.ok(reply.text.length < 4_000)
})

json.run()

function post(body: string | Uint8Array, headers: Readonly<Record<string, string>> = {}): RequestInit {
  return {
    method: 'POST',
    headers: { authorization: 'Bearer service', 'content-type': 'application/json', ...headers },
    body,
  }
}

async function codeOf(reply: Response): Promise<unknown> {
  const body: unknown = await reply.json()
  return typeof body === 'object' && body !== null && 'code' in body ? body.code : undefined
}
