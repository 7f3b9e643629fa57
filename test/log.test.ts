import { spawnSync } from 'node:child_process'
import * as assert from 'uvu/assert'
import { openLog } from '../src/log.ts'
import { suite } from './support/suite.ts'

const ESC = String.fromCharCode(27)
const KEY = 'hf_Zk3v9QpX7sTbN2mLr8WcY5dJhG4fEaU6oKiR1tSy'

/** What the calls write, as lines. */
function written(level: string, call: (logger: ReturnType<typeof openLog>['logger']) => void): string[] {
  const chunks: string[] = []
  const { logger } = openLog({ level, destination: { write: (line) => void chunks.push(line) } })
  call(logger)
  const text = chunks.join('')
  assert.ok(text === '' || text.endsWith('\n'))
  return text === '' ? [] : text.slice(0, -1).split('\n')
}

function lineOf(call: (logger: ReturnType<typeof openLog>['logger']) => void): string {
  const lines = written('trace', call)
  assert.is(lines.length, 1, 'one call writes one line')
  return lines[0] ?? ''
}

const shape = suite('a log line')

shape('is one JSON object with time, level name and message', () => {
  const line = JSON.parse(lineOf((logger) => logger.warn({ route: '/v1/stock', durationMs: 1.5 }, 'slow')))
  assert.match(line.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  assert.equal(
    { ...line, time: '' },
    { level: 'warn', time: '', route: '/v1/stock', durationMs: 1.5, msg: 'slow' },
  )
})

shape('below the level is not written', () => {
  assert.is(written('info', (logger) => logger.debug('quiet')).length, 0)
  assert.is(written('silent', (logger) => logger.fatal('quiet')).length, 0)
})

shape('tells an error with its stack and cause', () => {
  const error = new Error('outer', { cause: new Error('inner') })
  const { err } = JSON.parse(lineOf((logger) => logger.error(error, 'failed')))
  assert.is(err.type, 'Error')
  assert.match(err.message, 'outer')
  assert.match(err.stack, 'inner')
})

shape.run()

const injection = suite('what a caller put into a log line')

injection('cannot begin another line', () => {
  const evil = 'x\r\n{"level":"info","msg":"forged"}\n'
  const line = lineOf((logger) => logger.child({ requestId: evil }).info({ path: evil, [evil]: 1 }, evil))
  assert.is(JSON.parse(line).path, evil)
  assert.not.match(line, '\r')
})

injection('cannot reach a terminal as a control sequence', () => {
  const evil = `${ESC}[2J${ESC}]0;title\u0007 \u009b31m \u007f \u2028 \u202e \u2066`
  const line = lineOf((logger) => logger.info({ path: evil }, evil))
  assert.not.match(line, /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u)
  assert.is(JSON.parse(line).msg, evil)
})

injection('costs little time', () => {
  const texts = [
    'a'.repeat(65_536),
    `${'a.'.repeat(30_000)}@`,
    `bearer${' '.repeat(60_000)}`,
    'hf_'.repeat(20_000),
  ]
  const { logger } = openLog({ level: 'info', destination: { write() {} } })
  for (const text of texts) {
    // The thread's own time: others are at work on this machine.
    const { user } = process.threadCpuUsage()
    logger.info(text)
    const ms = (process.threadCpuUsage().user - user) / 1_000
    assert.ok(ms < 50, `${text.slice(0, 20)}… took ${ms} ms`)
  }
})

injection.run()

const secrets = suite('a secret')

secrets('is not logged under a telling name, at any depth and in any spelling', () => {
  const line = lineOf((logger) =>
    logger.child({ cookie: 'sesame' }).info({
      authorization: 'Bearer sesame',
      headers: { Authorization: 'sesame', 'Set-Cookie': ['sesame'], 'x-api-key': 'sesame', host: 'shop' },
      more: [{ deep: { api_key: 'sesame', adminKey: 'sesame', password: 'sesame' } }],
      map: new Map([['email', 'sesame']]),
      web: new Headers({ authorization: 'sesame' }),
      card: { number: 'sesame' },
      json: { toJSON: () => ({ token: 'sesame' }) },
    }),
  )
  assert.not.match(line, 'sesame')
  assert.is(JSON.parse(line).headers.host, 'shop')
})

secrets('is taken out of any text', () => {
  const error = Object.assign(new Error(`no such key ${KEY}`), { config: { authorization: 'sesame' } })
  for (const line of [
    lineOf((logger) => logger.info(`key ${KEY} of eve@shop.example`)),
    lineOf((logger) => logger.info({ path: `/v1/x?key=${KEY}&mail=eve@shop.example` })),
    lineOf((logger) => logger.info({ note: `Authorization: Bearer ${KEY.slice(3)}` })),
    lineOf((logger) => logger.error(error, 'eve@shop.example')),
    lineOf((logger) => logger.error({ cause: error })),
    lineOf((logger) => logger.child({ key: KEY, who: 'eve@shop.example' }).info('hello')),
    lineOf((logger) => logger.info(KEY.replace('hf_', 'hf_admin_'))),
  ]) {
    assert.not.match(line, KEY.slice(3))
    assert.not.match(line, 'eve@')
    assert.not.match(line, 'sesame')
    JSON.parse(line)
  }
})

secrets('44: of payments, webhooks, mail and sessions is logged neither by name nor within a text', () => {
  const jwt = `eyJhbGciOiJFUzI1NiJ9.${'eyJzdWIiOiJ1c3JfMSJ9'.repeat(3)}.${'c2lnbmF0dXJl'.repeat(4)}`
  const texts = [
    'sk_live_51HoldfastHoldfastHoldfast',
    'rk_test_51HoldfastHoldfastHoldfast',
    'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=',
    jwt,
    'shop:hunter22!',
  ]
  const said = [
    ...texts.slice(0, 4).map((text) => `it said ${text}, and ended`),
    'connect to smtps://shop:hunter22!@mail.example.com:465 failed',
  ]
  for (const [index, message] of said.entries()) {
    const line = lineOf((logger) => logger.error({ err: new Error(message), detail: message }, message))
    assert.not.ok(line.includes(texts[index] ?? ''), line)
    assert.match(line, '[redacted]')
  }
  const named = { paymentToken: 'tok_1', cardDetails: { number: '4242424242424242', cvc: '123' } }
  const more = {
    refresh_token: 'r1',
    accessToken: 'a1',
    smtpUrl: 'smtp://x',
    webhookSecret: 'w1',
    secretKey: 's1',
  }
  const line = JSON.parse(lineOf((logger) => logger.info({ body: { ...named, ...more } }, 'x')))
  assert.equal(Object.values(line.body), Array(7).fill('[redacted]'))
})

secrets('that is absent stays absent, and what only looks like one stays readable', () => {
  const line = lineOf((logger) => logger.info({ email: undefined, id: 'key_admin' }, 'node@26.10.0 at hf'))
  assert.equal(Object.keys(JSON.parse(line)), ['level', 'time', 'id', 'msg'])
  assert.is(JSON.parse(line).msg, 'node@26.10.0 at hf')
})

secrets.run()

const output = suite('standard output')
const LOG = `'${new URL('../src/log.ts', import.meta.url).href}'`

function run(script: string) {
  return spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    maxBuffer: 64 * 1_024 * 1_024,
  })
}

output('has every line at the end, though lines are written in the background', () => {
  const { stdout, status } = run(`
    const { openLog } = await import(${LOG})
    const { logger } = openLog({ level: 'info' })
    for (let i = 0; i < 1000; i++) logger.info({ i }, 'line')
    process.exit(3)`)
  assert.is(status, 3)
  assert.equal(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).i),
    Array.from({ length: 1_000 }, (_, i) => i),
  )
})

output('says how many lines it dropped where the reader is too far behind', () => {
  const { stdout } = run(`
    const { openLog } = await import(${LOG})
    const { logger, flush } = openLog({ level: 'info' })
    for (let i = 0; i < 3000; i++) logger.info({ i, padding: 'x'.repeat(1000) }, 'line')
    await new Promise((resolve) => setTimeout(resolve, 300))
    flush()`)
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  const dropped = lines.reduce((sum, line) => sum + (line.dropped ?? 0), 0)
  assert.ok(dropped > 0)
  assert.is(lines.filter(({ msg }) => msg === 'line').length + dropped, 3_000)
})

output('is shared by threads without mixing their lines', () => {
  const { stdout } = run(`
    import { isMainThread, Worker } from 'node:worker_threads'
    const body = \`
      const { openLog } = await import(${LOG})
      const { logger, flush } = openLog({ level: 'info' })
      for (let i = 0; i < 500; i++) logger.info({ i, padding: 'x'.repeat(i) }, 'line')
      await new Promise((resolve) => setTimeout(resolve, 300))
      flush()\`
    const url = new URL('data:text/javascript,' + encodeURIComponent(body))
    for (let i = 0; i < 2; i++) new Worker(url)`)
  const lines = stdout.trimEnd().split('\n')
  assert.is(lines.length, 1_000)
  for (const line of lines) assert.is(JSON.parse(line).msg, 'line')
})

output('that nobody reads any more ends nothing', () => {
  const { stdout, stderr, status } = spawnSync(
    'sh',
    [
      '-c',
      `"$0" --input-type=module -e "$1" | head -n 1`,
      process.execPath,
      `
      const { openLog } = await import(${LOG})
      const { logger, flush } = openLog({ level: 'info' })
      for (let i = 0; i < 50; i++) {
        logger.info({ padding: 'x'.repeat(1000) }, 'line')
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      flush()
      console.error('survived')`,
    ],
    { encoding: 'utf8' },
  )
  assert.is(status, 0)
  assert.is(stdout.trimEnd().split('\n').length, 1)
  assert.is(stderr, 'survived\n')
})

output.run()
