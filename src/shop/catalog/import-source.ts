/** What a file says, record by record, before anybody looks at what it means. */
import { isUtf8 } from 'node:buffer'
import { parse } from 'csv-parse/sync'
import { importLineBytesMax, importRecordLinesMax } from '../../limits/catalog.ts'
import type { ImportLine } from './import-lines.ts'

export type SourceRecord =
  /** By name, as the file has them: a `Map`, since names are anybody's. `line` is its first. */
  | { readonly type: 'record'; readonly line: number; readonly values: ReadonlyMap<string, unknown> }
  | { readonly type: 'mistake'; readonly line: number; readonly message: string }

const TOO_LONG = `must have at most ${importLineBytesMax} bytes`
const NOT_UTF8 = 'is not UTF-8'
const DELIMITERS = [',', ';', '\t'] as const
const QUOTE = 34
const LINE_BREAK = Buffer.from('\n')

/** Of JSON Lines: one object a line. */
export async function* jsonRecords(lines: AsyncIterable<ImportLine>): AsyncGenerator<SourceRecord> {
  for await (const { number, bytes } of lines) {
    if (bytes === undefined) yield mistake(number, TOO_LONG)
    else if (!isUtf8(bytes)) yield mistake(number, NOT_UTF8)
    else if (bytes.toString('utf8').trim() !== '') yield jsonRecord(number, bytes.toString('utf8'))
  }
}

function jsonRecord(line: number, text: string): SourceRecord {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return mistake(line, `is not JSON: ${error.message.slice(0, 120)}`)
    // Nesting deeper than the stack.
    if (error instanceof RangeError) return mistake(line, 'is nested too deeply')
    throw error
  }
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject
    ? { type: 'record', line, values: new Map(Object.entries(value as object)) }
    : mistake(line, 'must be a JSON object')
}

/**
 * Of CSV, whose first record names the columns, and whose delimiter is the one that it has most of. A quote that is opened
 * and not closed within what one record may have costs the line it stands in, and no other.
 */
export async function* csvRecords(lines: AsyncIterable<ImportLine>): AsyncGenerator<SourceRecord> {
  const reader = new CsvReader()
  for await (const line of lines) yield* reader.take(line)
  yield* reader.end()
}

/** A line, and whether it leaves a quote open: asked more than once where a record is given up. */
class CsvLine {
  readonly number: number
  readonly bytes: Buffer
  readonly #delimiter: number
  readonly #leaves = new Map<boolean, boolean>()

  constructor(number: number, bytes: Buffer, delimiter: string) {
    this.number = number
    this.bytes = bytes
    this.#delimiter = delimiter.charCodeAt(0)
  }

  /** Whether a quote is open behind it, where one was, or was not, before it. */
  isOpenAfter(wasOpen: boolean): boolean {
    let isOpen = this.#leaves.get(wasOpen)
    if (isOpen === undefined) {
      isOpen = isOpenAfter(this.bytes, wasOpen, this.#delimiter)
      this.#leaves.set(wasOpen, isOpen)
    }
    return isOpen
  }
}

class CsvReader {
  #columns: readonly string[] | undefined
  #delimiter = ','
  /** Of a record that has not ended. */
  #lines: CsvLine[] = []
  #bytes = 0
  #isOpen = false

  #reset(): readonly CsvLine[] {
    const lines = this.#lines
    this.#lines = []
    this.#bytes = 0
    this.#isOpen = false
    return lines
  }

  *take({ number, bytes }: ImportLine): Generator<SourceRecord> {
    if (bytes === undefined) {
      yield* this.end()
      yield mistake(number, TOO_LONG)
      return
    }
    const isHeader = this.#columns === undefined && this.#lines.length === 0
    if (isHeader) this.#delimiter = delimiterOf(bytes)
    yield* this.#takeAll([new CsvLine(number, bytes, this.#delimiter)])
  }

  /** Nothing more comes that could close a quote. */
  *end(): Generator<SourceRecord> {
    while (this.#lines.length > 0) yield* this.#takeAll(yield* this.#giveUp())
  }

  *#takeAll(given: readonly CsvLine[]): Generator<SourceRecord> {
    // Taken from its end.
    const waiting = given.toReversed()
    for (let line = waiting.pop(); line !== undefined; line = waiting.pop()) {
      if (this.#lines.length === 0 && line.bytes.length === 0) continue
      this.#lines.push(line)
      this.#bytes += line.bytes.length + 1
      this.#isOpen = line.isOpenAfter(this.#isOpen)
      if (!this.#isOpen) yield* this.#record(this.#reset())
      else if (this.#bytes > importLineBytesMax || this.#lines.length >= importRecordLinesMax) {
        waiting.push(...(yield* this.#giveUp()).toReversed())
      }
    }
  }

  /** The first of the lines opens a quote that nothing closes. Answers the others, which are to be read anew. */
  *#giveUp(): Generator<SourceRecord, readonly CsvLine[]> {
    const [first, ...others] = this.#reset()
    if (first !== undefined) yield mistake(first.number, 'opens a quote that is not closed')
    return others
  }

  *#record(lines: readonly CsvLine[]): Generator<SourceRecord> {
    const line = lines[0]?.number ?? 0
    const bytes = Buffer.concat(lines.flatMap((each) => [each.bytes, LINE_BREAK]))
    if (!isUtf8(bytes)) {
      yield mistake(line, NOT_UTF8)
      return
    }
    const fields = fieldsOf(bytes.toString('utf8'), this.#delimiter)
    if (this.#columns === undefined) this.#columns = fields.map((name) => name.trim())
    else if (fields.length !== this.#columns.length) {
      yield mistake(line, `has ${fields.length} fields, and the header ${this.#columns.length}`)
    } else yield { type: 'record', line, values: new Map(zip(this.#columns, fields)) }
  }
}

function fieldsOf(text: string, delimiter: string): readonly string[] {
  const options = { delimiter, relax_quotes: true, relax_column_count: true }
  const [fields = []]: readonly (readonly string[])[] = parse(text, options)
  return fields
}

function delimiterOf(header: Buffer): string {
  const text = header.toString('latin1')
  const counted = DELIMITERS.map((delimiter) => [delimiter, text.split(delimiter).length] as const)
  const [most] = counted.toSorted(([, a], [, b]) => b - a)
  return most?.[0] ?? ','
}

/** A quote opens where a field begins, and closes unless another one follows it. */
function isOpenAfter(bytes: Buffer, wasOpen: boolean, delimiter: number): boolean {
  let isOpen = wasOpen
  let isAtStart = !wasOpen
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]
    if (isOpen) {
      if (byte !== QUOTE) continue
      if (bytes[at + 1] === QUOTE) at += 1
      else isOpen = false
    } else {
      isOpen = byte === QUOTE && isAtStart
      isAtStart = byte === delimiter
    }
  }
  return isOpen
}

function zip(names: readonly string[], values: readonly string[]): (readonly [string, string])[] {
  return names.map((name, i) => [name, values[i] ?? ''] as const)
}

function mistake(line: number, message: string): SourceRecord {
  return { type: 'mistake', line, message }
}
