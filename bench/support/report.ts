/** Numbers for people: percentiles, tables, and the machine they were taken on. */
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'

/** Milliseconds. */
export type Latency = {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

/** The smallest sample that at least this share of all samples does not exceed ("nearest rank"). Sorts in place. */
export function latencyOf(samplesMs: Float64Array): Latency {
  samplesMs.sort()
  const at = (share: number) => samplesMs[Math.max(0, Math.ceil(samplesMs.length * share) - 1)] ?? 0
  return { count: samplesMs.length, p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? 0
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2
}

export function thousands(value: number): string {
  return Math.round(value).toLocaleString('en')
}

/** Two digits after the point below ten, one above. */
export function ms(value: number): string {
  return value.toFixed(value < 10 ? 2 : 1)
}

/** Columns as wide as their widest cell; the first is text, all others are numbers. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => {
          const width = widths[column] ?? 0
          return column === 0 ? cell.padEnd(width) : cell.padStart(width)
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** What a reader needs to know of the machine. Load above the number of cores says that others were at work. */
export function machineLine(): string {
  const [cpu] = cpus()
  const load = loadavg()[0]?.toFixed(2)
  return `Node ${process.version}, ${availableParallelism()} cores of ${cpu?.model.trim() ?? 'an unknown make'}, load ${load} before the run`
}

/** Time a process and all its threads have spent on a core, in ms; to 10 ms, which is the kernel's tick. */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name in parentheses may hold anything, so fields are counted from the last one: utime and stime are 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** Memory of a process that is not in files alone, in bytes; Linux only. */
export function residentBytesOf(pid: number): number {
  const [, kib] = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kib ?? Number.NaN) * 1_024
}
