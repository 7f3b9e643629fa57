/** `journal tail`: the last events, one a line, and with `-f` each further one as it becomes durable. */
import { type JournalEvent, JournalFollower } from '../persistence/journal/journal-follower.ts'
import { realTimers } from '../seams.ts'
import type { Command } from './command-line.ts'
import { eventJson, eventText } from './event-words.ts'
import { exitCodes } from './exit-codes.ts'
import { type JournalFiles, shownPath } from './journal-files.ts'
import { countOf, type Terminal } from './terminal.ts'

const linesDefault = 10
const pollMs = 200
/** A write in progress is whole at the next look; what is no frame after so many will not become one. */
const stuckPolls = 10

export const tail: Command = {
  name: 'tail',
  summary: 'Shows the last events, oldest first, one a line.',
  help: `
  -n, --lines N   so many; default ${linesDefault}
  -f, --follow    then shows each further event, until Ctrl-C

A line is time, s<shard>.<sequence>, type, product and version where it is a product's, and what the type adds; with --json
one object a line, with the fields that docs/journal-export.md describes.

Shown are durable events only: those of which a later frame, the stream's mark, or a newer stream says so. An engine
proves its last frame with a seal 0.1 s after the last event, so that -f is behind by a third of a second at most. What a
crashed engine wrote and did not prove is held back until the next start has written it anew.`,
  example: 'tail -n 20 -f',
  options: ['lines', 'follow'],
  async run(files, { json, lines, follow }, terminal) {
    const follower = new JournalFollower(files)
    const show = json ? jsonLine : eventText
    for (const event of follower.begin(lines ?? linesDefault)) terminal.line(show(event))
    if (follow) await followOn(files, follower, { terminal, show })
    else if (follower.heldBack > 0) {
      terminal.remark(`${countOf(follower.heldBack, 'event')} written, not proven durable, not shown`)
    }
    follower.close()
    return exitCodes.good
  },
}

async function followOn(
  files: JournalFiles,
  follower: JournalFollower,
  { terminal, show }: { readonly terminal: Terminal; readonly show: (event: JournalEvent) => string },
): Promise<void> {
  const remarked = new Set<string>()
  // The timers of the seams do not keep a process alive; an open port does.
  const { port1: alive } = new MessageChannel()
  alive.ref()
  try {
    let wake = () => {}
    terminal.onEnd(() => wake())
    while (!terminal.hasEnded) {
      for (const event of follower.poll()) terminal.line(show(event))
      for (const { path, offset, why, polls } of follower.stuck) {
        const place = `${shownPath(files, path)}, byte ${offset}`
        if (polls < stuckPolls || remarked.has(place)) continue
        remarked.add(place)
        terminal.remark(
          `${place}: ${why}. Waiting for a newer stream; "journal verify" says what that means.`,
        )
      }
      if (terminal.hasEnded) break
      await new Promise<void>((resolve) => {
        const timer = realTimers.after(pollMs, resolve)
        wake = () => {
          timer.cancel()
          resolve()
        }
      })
    }
  } finally {
    alive.close()
  }
}

function jsonLine(event: JournalEvent): string {
  return JSON.stringify(eventJson(event))
}
