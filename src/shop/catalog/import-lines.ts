/** The lines of a file as it comes in, in bounded memory: a line that is too long is passed over, a file ends where it must. */
import { importBytesMax, importLineBytesMax, importLinesMax } from '../../limits/catalog.ts'

export type ImportLine = {
  /** From 1. */
  readonly number: number
  /** Without the line break; undefined where there are more of them than a line may have. */
  readonly bytes: Buffer | undefined
}

export type ImportBounds = { readonly bytesMax: number; readonly linesMax: number }

const LINE_FEED = 10
const CARRIAGE_RETURN = 13
const BYTE_ORDER_MARK = Buffer.from('\ufeff')
const NO_BYTES = Buffer.alloc(0)

export class ImportLines {
  readonly #bounds: ImportBounds
  #count = 0
  #size = 0
  /** Of the line that has not ended yet; undefined once it is too long. */
  #begun: Buffer | undefined = NO_BYTES
  #stoppedBy: 'bytes' | 'lines' | undefined

  constructor(bounds: ImportBounds = { bytesMax: importBytesMax, linesMax: importLinesMax }) {
    this.#bounds = bounds
  }

  /** Which bound the file went beyond; what lies beyond was not read. */
  get stoppedBy(): 'bytes' | 'lines' | undefined {
    return this.#stoppedBy
  }

  async *of(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<ImportLine> {
    for await (const chunk of chunks) {
      this.#size += chunk.length
      if (this.#size > this.#bounds.bytesMax) {
        this.#stoppedBy = 'bytes'
        return
      }
      for (const line of this.#endingIn(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))) {
        if (line.number > this.#bounds.linesMax) {
          this.#stoppedBy = 'lines'
          return
        }
        yield line
      }
    }
    if (this.#begun === undefined || this.#begun.length > 0) yield this.#end(NO_BYTES)
  }

  *#endingIn(chunk: Buffer): Generator<ImportLine> {
    let from = 0
    for (let to = chunk.indexOf(LINE_FEED); to !== -1; to = chunk.indexOf(LINE_FEED, from)) {
      yield this.#end(chunk.subarray(from, to))
      from = to + 1
    }
    this.#begun = this.#with(chunk.subarray(from))
  }

  #end(rest: Buffer): ImportLine {
    const whole = this.#with(rest)
    this.#begun = NO_BYTES
    this.#count += 1
    if (whole === undefined) return { number: this.#count, bytes: undefined }
    const from = this.#count === 1 && whole.indexOf(BYTE_ORDER_MARK) === 0 ? BYTE_ORDER_MARK.length : 0
    const to = whole.at(-1) === CARRIAGE_RETURN ? whole.length - 1 : whole.length
    return { number: this.#count, bytes: whole.subarray(from, to) }
  }

  #with(more: Buffer): Buffer | undefined {
    if (this.#begun === undefined || this.#begun.length + more.length > importLineBytesMax) return undefined
    return this.#begun.length === 0 ? more : Buffer.concat([this.#begun, more])
  }
}
