/** `kill -9` in the middle of an import, over and over: what was answered is there, and the file sent again completes it. */
import { request } from 'node:http'
import * as assert from 'uvu/assert'
import { adminKey, type ServerProcess, Site } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const RECORDS = 1_200
const ROUNDS = 2
const STEP = 400
const PIECE = 100
const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/x-ndjson' }
const lines = Array.from({ length: RECORDS }, (_, i) => {
  return `${JSON.stringify({ sku: `p${i}`, name: `Product ${i}`, price: 5, quantity: i % 7 })}\n`
})
const test = suite('an import that is killed', { limitMs: 60_000 })

/** Sends the file and answers what came back, whole or not; `atLine` is where the server is killed. */
function sent(server: ServerProcess, atLine?: number): Promise<string> {
  return new Promise((resolve) => {
    let told = ''
    let isKilled = false
    const end = () => resolve(told)
    const path = '/v1/products/import?currency=USD'
    const upload = request({ port: server.port, method: 'POST', path, headers }, (reply) => {
      reply.setEncoding('utf8')
      reply.on('data', (text: string) => {
        told += text
        if (isKilled || atLine === undefined || !told.includes(`"line":${atLine},`)) return
        isKilled = true
        void server.kill()
      })
      reply.on('end', end).on('error', end)
    })
    upload.on('error', end)
    for (let from = 0; from < RECORDS; from += PIECE) upload.write(lines.slice(from, from + PIECE).join(''))
    upload.end()
  })
}

function linesTold(
  told: string,
): readonly { readonly line: number; readonly productId: string; readonly status: string }[] {
  return told
    .split('\n')
    .filter((text) => text.startsWith('{"line"') && text.endsWith('}'))
    .map((text) => JSON.parse(text))
}

test('keeps what it answered, and is completed by the same file again', async () => {
  await using site = new Site()
  let server = await site.start()
  for (let round = 1; round <= ROUNDS; round++) {
    const answered = linesTold(await sent(server, round * STEP))
    assert.ok(answered.length >= round * STEP, `${answered.length} answered`)
    server = await site.start()
    for (const { line, productId } of answered.filter((_, i) => i % 100 === 0)) {
      const reply = await fetch(`http://127.0.0.1:${server.port}/v1/products/${productId}`, { headers })
      const page = (await reply.json()) as { readonly title: string; readonly availableQty: number }
      assert.equal([page.title, page.availableQty], [`Product ${line - 1}`, (line - 1) % 7])
    }
  }
  const whole = await sent(server)
  const summary = JSON.parse(whole.trim().split('\n').at(-1) ?? '').summary
  assert.equal(
    [summary.records, summary.failed, summary.stockFailed, summary.complete],
    [RECORDS, 0, 0, true],
  )
  assert.is(summary.created + summary.unchanged, RECORDS)
  assert.ok(summary.unchanged >= ROUNDS * STEP)
})

test.run()
