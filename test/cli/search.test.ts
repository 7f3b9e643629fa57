/** `npm run search` as a person runs it, beside a server. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { compiled } from '../support/compiled.ts'
import { adminKey, Site } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const ENTRY = join(import.meta.dirname, '../../src/cli/search.ts')

async function search(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [ENTRY, ...args], {
    env: { ...compiled, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, err] = [child.stdout, child.stderr].map((stream) => Array.fromAsync(stream.setEncoding('utf8')))
  await once(child, 'close')
  return { code: child.exitCode, out: (await out)?.join('') ?? '', err: (await err)?.join('') ?? '' }
}

const command = suite('npm run search', { limitMs: 60_000 })

command('tells how the search is, compares it with catalog and stock, and makes it anew', async () => {
  await using site = new Site()
  const server = await site.start()
  for (let i = 1; i <= 3; i++) {
    const body = { productId: `lamp-${i}`, title: `Lamp ${i}`, price: i, currency: 'USD' }
    assert.is((await server.request('POST', '/v1/products', body)).status, 201)
  }
  const { status } = await server.request('GET', '/v1/products/search?term=lamp&minPosition=t3')
  assert.is(status, 200)
  const url = `http://127.0.0.1:${server.port}`
  const env = { ADMIN_KEY: adminKey }
  const told = await search(['status', '--url', url], env)
  assert.equal([told.code, told.out, told.err], [0, '3 products, up to date\n', ''])
  const verified = await search(['verify', '--url', url], env)
  assert.equal([verified.code, verified.out], [0, '3 products, embedded: 0 differences\n'])
  const rebuilt = await search(['rebuild', '--json'], { ...env, HOLDFAST_URL: url })
  assert.is(rebuilt.code, 0, rebuilt.err)
  assert.is(JSON.parse(rebuilt.out).products, 3)
})

for (const [args, env, why] of [
  [['mend'], {}, /status, verify and rebuild/],
  [['status', 'x'], {}, /status, verify and rebuild/],
  [['status', '--no'], {}, /--no/],
  [['status', '--url', 'x'], { ADMIN_KEY: 'hf_0123456789abcdef' }, /no URL/],
  [['status', '--url', 'http://127.0.0.1:9'], { ADMIN_KEY: 'hf_0123456789abcdef' }, /does not answer/],
  [['status', '--data', '/nowhere'], {}, /ADMIN_KEY/],
] as const) {
  command(`refuses ${args.join(' ')}, and says why`, async () => {
    const { code, out, err } = await search(args, env)
    assert.equal([code, out], [3, ''])
    assert.match(err, why)
  })
}

command('explains itself', async () => {
  const { code, out } = await search(['--help'])
  assert.is(code, 0)
  assert.match(out, /rebuild makes the indexes anew/)
})

command.run()
