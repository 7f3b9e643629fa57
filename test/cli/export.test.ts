import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { eventJson } from '../../src/cli/event-words.ts'
import { anyEvent } from '../persistence/journal/values.ts'
import { suite } from '../support/suite.ts'
import { journal } from './command.ts'
import { allEventsOf, framesOf, segmentsOf, writeAt } from './files.ts'
import { makeEventful, Workshop } from './workshop.ts'

const SMALL = { segmentBytes: 16 * 1_024 }
const ENTRY = join(import.meta.dirname, '../../src/cli/journal.ts')
const PAGE = readFileSync(new URL('../../docs/journal-export.md', import.meta.url), 'utf8')
const test = suite('export', { limitMs: 60_000 })

const parsed = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
const expected = (shop: Workshop) =>
  allEventsOf(shop).map((event) => JSON.parse(JSON.stringify(eventJson(event))))

test('writes every event once, in order, to standard output and to a file', async () => {
  const shop = await makeEventful(SMALL)
  const all = expected(shop)
  const piped = await journal(['export', '--data', shop.root])
  assert.is(piped.code, 0)
  assert.is(piped.err, '')
  assert.equal(parsed(piped.out), all)
  const out = join(shop.root, 'events.jsonl')
  writeFileSync(out, 'what was there before')
  const filed = await journal(['export', '--out', out, '--json', '--data', shop.root])
  assert.is(filed.code, 0, filed.err)
  assert.equal(JSON.parse(filed.out), { command: 'export', exitCode: 0, events: all.length, file: out })
  assert.is(readFileSync(out, 'utf8'), piped.out)
  const told = await journal(['export', '--out', out, '--data', shop.root])
  assert.match(told.out, `${all.length.toLocaleString('en-US')} events in ${out}`)
  assert.not(existsSync(`${out}.writing`))
  await shop.remove()
})

test('takes a part: by time, by sequence, by shard', async () => {
  const shop = await makeEventful(SMALL)
  const all = expected(shop)
  const run = async (...args: string[]) => {
    const { code, out, err } = await journal(['export', ...args, '--data', shop.root])
    assert.is(code, 0, err)
    return parsed(out)
  }
  const [early, late] = [all[Math.floor(all.length / 3)], all[Math.floor((all.length * 2) / 3)]]
  assert.equal(
    await run('--from', early.time, '--to', late.time),
    all.filter(({ time }) => time >= early.time && time <= late.time),
  )
  const own = all.filter(({ shard }) => shard === 2)
  assert.equal(await run('--shard', '2'), own)
  const part = own.filter(({ sequence }) => sequence >= 10 && sequence <= 30)
  assert.is(part.length, 21)
  assert.equal(await run('--shard', '2', '--from', '10', '--to', '30'), part)
  assert.equal(await run('--from', 's2.10', '--to', '30'), part)
  assert.equal(
    await run('--from', 's2.10', '--to', late.time),
    own.filter(({ sequence, time }) => sequence >= 10 && time <= late.time),
  )
  assert.equal(await run('--from', '2999-01-01T00:00:00Z'), [])
  await shop.remove()
})

test('refuses a part that nobody can tell, and a place where a file cannot be', async () => {
  const shop = await makeEventful({ ...SMALL, frames: 3 })
  const refused: readonly (readonly [args: string[], why: RegExp])[] = [
    [['--from', '10'], /--from 10: of which shard\? Name it: s3\.10, or --shard 3/],
    [['--from', 's1.10', '--to', 's2.20'], /--from, --to and --shard name several shards: 1, 2/],
    [['--from', 's1.10', '--shard', '3'], /name several shards: 3, 1/],
    [['--shard', '4'], /There is no shard 4: the data has 4, from 0 to 3/],
    [['--shard', 'x'], /--shard takes a whole number/],
    [['--from', 'noon'], /--from takes a time/],
    [['--to', '2026-13-01T00:00:00Z'], /--to takes a time/],
    [['--out', '/nowhere/at/all/x'], /There is no directory \/nowhere\/at\/all/],
    [['--out', shop.root], /--out takes a file, and .* is a directory/],
    [['--out', join(shop.journal, 'events.jsonl')], /would be among the journal's own files/],
  ]
  for (const [args, why] of refused) {
    const { code, out, err } = await journal(['export', ...args, '--data', shop.root])
    assert.is(code, 3, `${args.join(' ')}: ${err}`)
    assert.is(out, '')
    assert.match(err, why)
  }
  await shop.remove()
})

test('ends quietly where whoever reads it has gone', async () => {
  const shop = await makeEventful({ segmentBytes: 64 * 1_024, frames: 60 })
  const size = (await journal(['export', '--data', shop.root])).out.length
  assert.ok(size > 4 * 64 * 1_024, `${size} characters are more than a pipe holds`)
  const child = spawn(process.execPath, [ENTRY, 'export', '--data', shop.root], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let err = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
  })
  const ended = once(child, 'close')
  await once(child.stdout, 'data')
  child.stdout.destroy()
  await ended
  assert.is(child.exitCode, 0)
  assert.is(err, '')
  await shop.remove()
})

test('leaves no file behind where the journal is damaged, and says so', async () => {
  const shop = await makeEventful(SMALL)
  const path = segmentsOf(shop).at(-2) as string
  writeAt(path, (framesOf(path)[2]?.offset ?? 0) + 70, Buffer.of(1, 2, 3))
  const out = join(shop.root, 'events.jsonl')
  const filed = await journal(['export', '--out', out, '--data', shop.root])
  assert.is(filed.code, 1)
  assert.match(filed.out, /^Damaged: /)
  assert.not(readdirSync(shop.root).some((name) => name.startsWith('events')))
  const piped = await journal(['export', '--data', shop.root])
  assert.is(piped.code, 1)
  assert.match(piped.err, /^Damaged: /)
  assert.ok(parsed(piped.out).length > 100, 'what came before the damage was written, each line whole')
  await shop.remove()
})

test('holds back what nothing proves', async () => {
  const shop = new Workshop({ shards: 2 })
  await shop.start(1)
  await shop.trade(6)
  await shop.crash()
  const { out, err } = await journal(['export', '--data', shop.root])
  const held = allEventsOf(shop).length - parsed(out).length
  assert.ok(held > 0)
  assert.match(err, `${held} events written, not proven durable, not exported`)
  await shop.remove()
})

test('has fields that its page and its help describe, all of them', async () => {
  const { out: help } = await journal(['export', '--help'])
  const types = new Set<string>()
  fc.assert(
    fc.property(anyEvent, (event) => {
      const json = eventJson({ atMs: 0, shard: 0 as never, sequence: 1, event })
      types.add(json.type)
      const section = PAGE.split('\n### ').find((part) => part.startsWith(`${json.type}\n`))
      assert.ok(section, `${json.type} has a section`)
      const own = section as string
      const line = help.split('\n').find((text) => text.trim().split(' ')[0] === json.type)
      assert.ok(line, `${json.type} has a line in the help`)
      const { time, shard, sequence, type, productId, version, ...rest } = json
      assert.ok(!('productId' in event) || productId === event.productId)
      assert.equal([time, shard, sequence], ['1970-01-01T00:00:00.000Z', 0, 1], 'no field hides another')
      const { sale = {}, lines = [], ...fields } = rest as { sale?: object; lines?: readonly object[] }
      const inner = [sale, ...lines].flatMap((part) => Object.keys(part))
      for (const field of [...Object.keys(fields), ...inner]) {
        assert.ok(own.includes(`\`${field}\``), `${type}.${field} is on the page`)
        assert.ok(line?.includes(field), `${type}.${field} is in the help`)
      }
    }),
    { numRuns: 1_000 },
  )
  assert.is(types.size, PAGE.split('\n### ').length - 1, 'the page describes what there is')
})

test.run()
