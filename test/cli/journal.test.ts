import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { journal } from './command.ts'
import { fingerprint, framesOf, segmentsOf, writeAt } from './files.ts'
import { makeEventful, Workshop } from './workshop.ts'

const COMMANDS = ['verify', 'replay', 'stats', 'tail', 'stock', 'history', 'export', 'archive', 'repair']
const usage = suite('the journal command line')

const REFUSED: Readonly<Record<string, readonly [args: string[], message: RegExp]>> = {
  'no command': [[], /A command is missing: verify, replay, stats, tail/],
  'an unknown command': [
    ['explode'],
    /There is no command "explode"\. There are verify, replay, stats, tail/,
  ],
  'a misspelt command': [['verfy'], /There is no command "verfy"\. Did you mean verify\?/],
  'a command with two letters swapped': [['sotck', 'phone'], /no command "sotck"\. Did you mean stock\?/],
  'a value like an option': [['tail', '-n', '-1'], /^journal: Option '-n' argument is ambiguous\.\n$/],
  'an unknown option': [['verify', '--fix'], /There is no option --fix\./],
  'a misspelt option': [['tail', '--folow'], /There is no option --folow\. Did you mean --follow\?/],
  'an unknown letter': [['tail', '-x'], /There is no option -x/],
  "another command's option": [
    ['verify', '--limit', '3'],
    /--limit is an option of replay, history, not of verify/,
  ],
  'a missing value': [['tail', '-n'], /'-n, --lines <value>' argument missing/],
  'a value too much': [['verify', '--json=3'], /'--json' does not take an argument/],
  'a number that is none': [
    ['tail', '-n', '1e3'],
    /-n takes a whole number from 0 to 1000000, and was given "1e3"/,
  ],
  'a word too much': [['verify', 'data'], /"data" is too much: verify takes options only/],
  'a directory that is not there': [
    ['verify', '--data', '/nowhere/data'],
    /There is no data directory \/nowhere\/data/,
  ],
  'a file for a directory': [['stats', '--data', import.meta.filename], /is no directory/],
  'a directory without a journal': [
    ['tail', '--data', import.meta.dirname],
    /has no journal: no engine has started/,
  ],
}

for (const [name, [args, message]] of Object.entries(REFUSED)) {
  usage(`${name} ends with 3 and says what is wrong`, async () => {
    const { code, out, err } = await journal(args)
    assert.is(code, 3)
    assert.is(out, '')
    assert.match(err, message)
    assert.not.match(err, /at .*\.ts:\d/, 'no stack')
  })
}

usage('help is asked for in any way, of all and of one', async () => {
  for (const args of [['--help'], ['-h'], ['help']]) {
    const { code, out } = await journal(args)
    assert.is(code, 0)
    for (const line of [...COMMANDS, 'Exit codes', '  2   torn']) assert.match(out, line)
  }
  for (const args of [
    ['tail', '--help'],
    ['help', 'tail'],
  ]) {
    const { code, out } = await journal(args)
    assert.is(code, 0)
    assert.match(out, '  -n, --lines N')
    assert.match(out, 'durable events only')
  }
})

usage('help of each has an example, which is one', async () => {
  for (const command of COMMANDS) {
    const { code, out } = await journal([command, '--help'])
    assert.is(code, 0)
    const [, example = ''] = /^Example\n {2}npm run journal -- (.+)$/m.exec(out) ?? []
    assert.ok(example.startsWith(command), `${command}: ${example}`)
    // Read by the same reader as any other line, up to the directory that is not there.
    const tried = await journal([...example.split(' '), '--data', '/nowhere/data'])
    assert.is(tried.code, 3)
    assert.match(tried.err, 'There is no data directory /nowhere/data')
  }
})

usage('a directory in which nothing has happened is said to be such', async () => {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-empty-'))
  const empty = await journal(['stats', '--data', root])
  assert.is(empty.code, 3)
  assert.match(empty.err, `${root} is empty: no engine has started there`)
  writeFileSync(join(root, 'something'), '')
  assert.match(
    (await journal(['stats', '--data', root])).err,
    `${root} has no journal: no engine has started there`,
  )
  rmSync(root, { recursive: true })
  const shop = new Workshop()
  for (const args of [
    ['verify'],
    ['replay'],
    ['stats'],
    ['tail'],
    ['export'],
    ['archive', '--dry-run'],
    ['repair'],
  ]) {
    const { code, err } = await journal([...args, '--data', shop.root])
    assert.is(code, 0, err)
    assert.match(err, `The journal in ${shop.root} is empty: nothing has happened yet.`)
  }
  await shop.remove()
})

usage.run()

const codes = suite('the journal commands')

codes('end with 0 where all is good, in text and in JSON, wherever the directory is named', async () => {
  const shop = await makeEventful({ segmentBytes: 16 * 1_024 })
  const named = await journal(['verify', '--data', shop.root])
  assert.is(named.code, 0, named.out)
  assert.match(named.out, 'Good.')
  assert.is(named.err, '', 'no progress bar where there is no terminal')
  for (const command of ['verify', 'replay', 'stats']) {
    const { code, out } = await journal([command, '--json'], { DATA_DIR: shop.root })
    assert.is(code, 0)
    const [line, ...more] = out.trimEnd().split('\n')
    assert.equal(more, [], 'one object')
    const result = JSON.parse(line as string)
    assert.is(result.command, command)
    assert.is(result.exitCode, 0)
  }
  await shop.remove()
})

codes('end with 1 where something durable is damaged', async () => {
  const shop = await makeEventful({ segmentBytes: 16 * 1_024 })
  const [path] = segmentsOf(shop)
  writeAt(path as string, 900, Buffer.of(1, 2, 3))
  const verified = await journal(['verify', '--data', shop.root])
  assert.is(verified.code, 1)
  assert.match(
    verified.out,
    /damaged {2}journal\/00000001-w000-000001\.segment, byte \d+, at s\d\.\d+ .*: frame \d+ was durable/,
  )
  assert.match(verified.out, 'Damaged: ')
  const json = JSON.parse((await journal(['verify', '--json', '--data', shop.root])).out)
  assert.is(json.verdict, 'damaged')
  assert.is(json.findings[0].kind, 'damaged')

  const replayed = await journal(['replay', '--data', shop.root])
  assert.is(replayed.code, 1)
  assert.match(replayed.out, /Damaged: .*was durable and cannot be read/)
  assert.is(JSON.parse((await journal(['replay', '--json', '--data', shop.root])).out).exitCode, 1)
  assert.is((await journal(['stats', '--data', shop.root])).code, 1)
  await shop.remove()
})

codes('end with 2 where a crash left a torn tail', async () => {
  const shop = await makeEventful({ segmentBytes: 16 * 1_024, end: 'crashed' })
  const path = segmentsOf(shop).at(-2) as string
  const last = framesOf(path).at(-1)
  writeAt(path, (last?.offset ?? 0) + 70, Buffer.of(9, 9, 9))
  const { code, out } = await journal(['verify', '--data', shop.root])
  assert.is(code, 2, out)
  assert.match(out, /torn {5}journal\/\S+, byte \d+, .*the next start cuts it/)
  assert.match(out, 'Nothing acknowledged is lost.')
  assert.is((await journal(['replay', '--data', shop.root])).code, 0)
  await shop.remove()
})

codes('end with 3 where the record is needed and gone, and 1 where that is what is checked', async () => {
  const shop = new Workshop()
  await shop.start(1)
  await shop.trade(2)
  await shop.close()
  rmSync(join(shop.root, 'holdfast.json'))
  const replayed = await journal(['replay', '--data', shop.root])
  assert.is(replayed.code, 3)
  assert.match(replayed.err, /no .*holdfast\.json/)
  assert.is((await journal(['verify', '--data', shop.root])).code, 1)
  writeFileSync(join(shop.root, 'holdfast.json'), '{"product":"holdfast","format":7,"shards":4}')
  const newer = await journal(['verify', '--data', shop.root])
  assert.is(newer.code, 3)
  assert.match(newer.err, 'has format 7 and this version knows 1 at most')
  await shop.remove()
})

codes('change nothing', async () => {
  const shop = await makeEventful({ segmentBytes: 16 * 1_024, end: 'crashed' })
  const before = fingerprint(shop.root)
  for (const args of [
    ['verify'],
    ['replay', '--stock'],
    ['stats'],
    ['tail', '-n', '3'],
    ['stock', 'product-1'],
    ['history', 'ann'],
    ['export'],
    ['archive', '--dry-run'],
    ['repair'],
  ]) {
    await journal([...args, '--data', shop.root])
  }
  assert.equal(fingerprint(shop.root), before)
  await shop.remove()
})

codes.run()
