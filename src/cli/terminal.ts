/** Where a command writes: results to standard output, everything else to standard error. */
import { styleText } from 'node:util'
import { type Clock, realClock } from '../seams.ts'

export type Terminal = {
  /** Writes a line of the result. Does nothing once nobody reads it. */
  line(text: string): void
  /** Writes text of the result; resolves when whoever reads it can take more, or nobody does. */
  write(text: string): Promise<void>
  /** Writes a line about the result. */
  remark(text: string): void
  progress(totalBytes: number): Progress
  /** Whether whoever read the result has gone, or somebody asked the command to end. */
  readonly hasEnded: boolean
  /** Calls once, when that comes about. */
  onEnd(call: () => void): void
  /** Colours text where the result goes to a terminal. */
  paint(colour: 'red' | 'yellow' | 'green' | 'dim' | 'bold', text: string): string
}

/** A bar on standard error, or nothing where that is no terminal. */
export type Progress = {
  advance(bytes: number): void
  /** Takes the bar away. */
  done(): void
}

const BAR_CELLS = 30
const REDRAW_MS = 100
/** Characters that a terminal would obey, or that make text read otherwise than it stands. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** The process's own. Ctrl-C, SIGTERM and a closed pipe end what the command does, in order. */
export function processTerminal(): Terminal {
  const { stdout, stderr } = process
  const endings: (() => void)[] = []
  let hasEnded = false
  const end = () => {
    hasEnded = true
    for (const call of endings.splice(0)) call()
  }
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    end()
  })
  return {
    line(text) {
      if (!hasEnded) stdout.write(`${text}\n`)
    },
    write: (text) =>
      new Promise((resolve) => {
        if (hasEnded) return resolve()
        stdout.write(text, (error) => {
          if (error) end()
          resolve()
        })
      }),
    remark: (text) => void stderr.write(`${text}\n`),
    progress: (totalBytes) => (stderr.isTTY ? progressBar(totalBytes, stderr, realClock) : noProgress),
    get hasEnded() {
      return hasEnded
    },
    onEnd(call) {
      // Only a command that waits asks for this; any other is better ended by the signal itself.
      if (endings.length === 0)
        for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end)
      endings.push(call)
    },
    paint: (colour, text) => styleText(colour, text, { stream: stdout }),
  }
}

export const noProgress: Progress = { advance() {}, done() {} }

/** Draws with carriage returns, at most ten times a second. */
export function progressBar(
  totalBytes: number,
  out: { write(text: string): unknown },
  clock: Clock,
): Progress {
  let readBytes = 0
  let drawnAtMs = Number.NEGATIVE_INFINITY
  const draw = (nowMs: number) => {
    drawnAtMs = nowMs
    const share = totalBytes === 0 ? 1 : Math.min(1, readBytes / totalBytes)
    const filled = Math.round(share * BAR_CELLS)
    const bar = '█'.repeat(filled) + '░'.repeat(BAR_CELLS - filled)
    const percent = String(Math.floor(share * 100)).padStart(3)
    out.write(`\r${bar} ${percent} %  ${bytesText(readBytes)} of ${bytesText(totalBytes)}\u001b[K`)
  }
  return {
    advance(bytes) {
      readBytes += bytes
      const nowMs = clock.monotonicMs()
      if (nowMs - drawnAtMs >= REDRAW_MS) draw(nowMs)
    },
    done: () => void out.write('\r\u001b[K'),
  }
}

/** 1234567 as `1,234,567`. */
export function countText(count: number): string {
  return Math.round(count).toLocaleString('en-US')
}

/** `1 frame`, `2 frames`. */
export function countOf(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** Bytes in the unit a person would take. */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}

/** Text of unknown origin, in quotes, without a character that a terminal would obey. */
export function quoted(text: string): string {
  return JSON.stringify(text).replace(UNSAFE, (character) => {
    return `\\u${(character.codePointAt(0) as number).toString(16).padStart(4, '0')}`
  })
}

/** Columns as wide as their widest cell, numbers to the right. The first row is the heading. */
export function table(rows: readonly (readonly (string | number)[])[]): string[] {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? countText(cell) : cell)))
  const widths = (cells[0] ?? []).map((_, i) => Math.max(...cells.map((row) => row[i]?.length ?? 0)))
  return cells.map((row, at) => {
    const line = row.map((cell, i) => {
      const isNumber = typeof (rows[at === 0 ? 1 : at]?.[i] ?? '') === 'number'
      return isNumber ? cell.padStart(widths[i] as number) : cell.padEnd(widths[i] as number)
    })
    return line.join('  ').trimEnd()
  })
}
