/**
 * Ends what is left over when whoever started it is gone, be it by `kill -9`: programs of a local cluster are in process
 * groups of their own, so that Ctrl-C reaches only the one that ends them in order.
 *
 * Reads lines from standard input: `+<pid> <signal>` for a program that runs, `-<pid>` for one that has ended, and
 * `~<directory>` for what is to be removed. Does its work at the end of input.
 */
import { rmSync } from 'node:fs'
import { createInterface } from 'node:readline'

const running = new Map<number, NodeJS.Signals>()
const directories: string[] = []

for await (const line of createInterface({ input: process.stdin })) {
  const [word = '', signal = ''] = line.slice(1).split(' ')
  if (line.startsWith('+')) running.set(Number(word), signal as NodeJS.Signals)
  else if (line.startsWith('-')) running.delete(Number(word))
  else directories.push(line.slice(1))
}
for (const [pid, signal] of running) {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended by itself in the meantime.
  }
}
for (const directory of directories)
  rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
