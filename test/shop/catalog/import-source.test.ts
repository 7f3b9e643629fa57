import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { type ImportBounds, ImportLines } from '../../../src/shop/catalog/import-lines.ts'
import { csvRecords, jsonRecords, type SourceRecord } from '../../../src/shop/catalog/import-source.ts'
import { suite } from '../../support/suite.ts'

async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function read(
  format: typeof jsonRecords,
  content: string | Buffer,
  { size = 7, bounds }: { readonly size?: number; readonly bounds?: ImportBounds } = {},
): Promise<{ readonly records: readonly SourceRecord[]; readonly stoppedBy: string | undefined }> {
  const file = new ImportLines(bounds)
  const records: SourceRecord[] = []
  for await (const record of format(file.of(chunked(Buffer.from(content as string), size))))
    records.push(record)
  return { records, stoppedBy: file.stoppedBy }
}

/** What was read, by line: its values, or what is wrong with it. */
async function readShort(format: typeof jsonRecords, content: string | Buffer, size?: number) {
  const { records } = await read(format, content, size === undefined ? {} : { size })
  return records.map((each) => [
    each.line,
    each.type === 'record' ? Object.fromEntries(each.values) : each.message,
  ])
}

const json = suite('JSON Lines')

json('are read one by one, whatever ends them, and blank ones are none', async () => {
  const text = '\ufeff{"a":1}\r\n\n  \n{"a":"é漢💥"}\n{"a":3}'
  for (const size of [1, 2, 3, 1_000]) {
    assert.equal(await readShort(jsonRecords, text, size), [
      [1, { a: 1 }],
      [4, { a: 'é漢💥' }],
      [5, { a: 3 }],
    ])
  }
  assert.equal(await readShort(jsonRecords, ''), [])
})

json('that are wrong say why, and leave the others alone', async () => {
  const content = Buffer.concat([
    Buffer.from('{"a":1}\n{"a":\n[1]\nnull\n"x"\n'),
    Buffer.from([0x7b, 0xff, 0xfe, 0x7d, 10]),
    Buffer.from(`{"a":"${'x'.repeat(70_000)}"}\n`),
    Buffer.from(`${'['.repeat(60_000)}\n`),
    Buffer.from('{"a":2}\n'),
  ])
  const records = await readShort(jsonRecords, content, 1_000)
  assert.equal(records[0], [1, { a: 1 }])
  assert.match(String(records[1]?.[1]), /^is not JSON/)
  assert.equal(records.slice(2, 7), [
    [3, 'must be a JSON object'],
    [4, 'must be a JSON object'],
    [5, 'must be a JSON object'],
    [6, 'is not UTF-8'],
    [7, 'must have at most 65536 bytes'],
  ])
  assert.match(String(records[7]?.[1]), /^is (?:not JSON|nested too deeply)/)
  assert.equal(records[8], [9, { a: 2 }])
})

json('have names that are names, whatever they mean to JavaScript', async () => {
  const { records } = await read(jsonRecords, '{"__proto__":{"x":1},"constructor":2}')
  const [first] = records
  assert.ok(first?.type === 'record')
  assert.equal([...first.values.keys()], ['__proto__', 'constructor'])
  assert.is(({} as Record<string, unknown>).x, undefined)
})

json('are read up to a bound of bytes and of lines', async () => {
  const text = '{"a":1}\n{"a":2}\n{"a":3}\n'
  const few = await read(jsonRecords, text, { bounds: { bytesMax: 1_000, linesMax: 2 } })
  assert.equal([few.records.length, few.stoppedBy], [2, 'lines'])
  const short = await read(jsonRecords, text, { bounds: { bytesMax: 17, linesMax: 9 }, size: 8 })
  assert.equal([short.records.length, short.stoppedBy], [2, 'bytes'])
  const all = await read(jsonRecords, text, { bounds: { bytesMax: 24, linesMax: 3 } })
  assert.equal([all.records.length, all.stoppedBy], [3, undefined])
})

json.run()

const csv = suite('CSV')

csv('has quotes, line breaks within them, and quotes within those', async () => {
  const text = '\ufefftitle,note\r\n"a ""b"" c","one\ntwo, three"\r\n\r\n5" disk,plain\n"",x\n'
  for (const size of [1, 5, 1_000]) {
    assert.equal(await readShort(csvRecords, text, size), [
      [2, { title: 'a "b" c', note: 'one\ntwo, three' }],
      [5, { title: '5" disk', note: 'plain' }],
      [6, { title: '', note: 'x' }],
    ])
  }
})

csv('may be delimited by semicolons or tabs', async () => {
  assert.equal(await readShort(csvRecords, 'a;b,c;d\n1;"2;3";\n'), [[2, { a: '1', 'b,c': '2;3', d: '' }]])
  assert.equal(await readShort(csvRecords, 'a\tb\n1\t2\n'), [[2, { a: '1', b: '2' }]])
})

csv('that is wrong in one place is right in the others', async () => {
  const content = Buffer.concat([
    Buffer.from('a,b\n1,2,3\n1\n'),
    Buffer.from([0xff, 0x2c, 0xfe, 10]),
    Buffer.from(`1,${'x'.repeat(70_000)}\n`),
    Buffer.from('3,4\n'),
  ])
  assert.equal(await readShort(csvRecords, content, 1_000), [
    [2, 'has 3 fields, and the header 2'],
    [3, 'has 1 fields, and the header 2'],
    [4, 'is not UTF-8'],
    [5, 'must have at most 65536 bytes'],
    [6, { a: '3', b: '4' }],
  ])
})

csv('with a quote that nothing closes loses that line alone', async () => {
  const rest = Array.from({ length: 1_200 }, (_, i) => `${i},x`)
  const text = ['a,b', '0,"open', ...rest].join('\n')
  const records = await readShort(csvRecords, text, 4_096)
  assert.equal(records[0], [2, 'opens a quote that is not closed'])
  assert.is(records.length, 1_201)
  assert.equal(records.at(-1), [1_202, { a: '1199', b: 'x' }])
  assert.equal(await readShort(csvRecords, 'a,b\n1,"x\n2,y'), [
    [2, 'opens a quote that is not closed'],
    [3, { a: '2', b: 'y' }],
  ])
})

csv('50: made to leave each quote open costs no more than its lines', async () => {
  // Each line closes what is open and opens anew, so that every one of them is given up for itself.
  const text = `a,b\n${'x"y,"\n'.repeat(20_000)}`
  const startedMs = performance.now()
  const { records } = await read(csvRecords, text, { size: 65_536 })
  const tookMs = performance.now() - startedMs
  assert.is(records.length, 20_000)
  assert.ok(tookMs < 10_000, `${tookMs} ms`)
})

csv('is read as it was written, whatever the fields hold', async () => {
  const field = fc.string({ unit: fc.constantFrom(...'ab ",\n\r;é💥'), maxLength: 12 })
  const rows = fc.array(fc.tuple(field, field), { minLength: 1, maxLength: 8 })
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`
  await fc.assert(
    fc.asyncProperty(rows, fc.integer({ min: 1, max: 40 }), async (written, size) => {
      const text = ['a,b', ...written.map((row) => row.map(quoted).join())].join('\n')
      const { records } = await read(csvRecords, text, { size })
      const got = records.map((each) => (each.type === 'record' ? [...each.values.values()] : each.message))
      // A carriage return at the end of a line within quotes goes with the line break.
      const plain = (value: string) => value.replaceAll('\r\n', '\n')
      assert.equal(
        got,
        written.map((row) => row.map(plain)),
      )
    }),
    { numRuns: 200 },
  )
})

csv.run()
