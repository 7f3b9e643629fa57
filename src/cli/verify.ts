/** `journal verify`: every byte, every frame, every sequence, and the stock after every event. */
import { readArchive } from '../persistence/journal/archived.ts'
import { BytesDamaged } from '../persistence/journal/bytes.ts'
import { realClock } from '../seams.ts'
import { archiveHelp, withArchives } from './archive-view.ts'
import type { Command } from './command-line.ts'
import { exitCodes } from './exit-codes.ts'
import { type JournalFiles, namesIn } from './journal-files.ts'
import { bytesText, countOf, countText, quoted, type Terminal } from './terminal.ts'
import { type Audit, auditJournal } from './verify/audit.ts'
import type { Finding } from './verify/findings.ts'

export const verify: Command = {
  name: 'verify',
  summary:
    'Checks every byte of the journal, and the stock after every event, with no code of the engine that wrote it.',
  help: `
Checked are
  segments    every frame's checksum, its place in the chain, and nothing but zeros behind the last
  streams     where each stream takes a shard over, copies of frames written anew, marks, missing files
  sequences   no gap in any shard's sequence or any product's version
  stock       after every event: held <= on hand, nothing negative, on hand + sold = all that was put in, counts and
              limits per customer, each reservation ends at most once, returned <= confirmed, what replies said
  several     of reservations of several products: settlements without gaps, each hold settled in their order and once
              sold at most; at the end, that shards and homes agree, but for what is under way
  waitlists   served in order, nobody who did not wait, nobody before who came later
  keys        one claim or answer each, and only the oldest forgotten
  snapshots   their checksum, and their counters against those of the events up to the same sequence

A finding names file, byte, the events concerned as s<shard>.<sequence>, and the reason. While an engine runs on the
directory, the end of its newest segments may be half written; that alone is read again and let pass. Whether shards
agree about the last minute is not judged then.

Where older segments are archived, stock is judged from the oldest snapshot behind them on; with their archive named, from
the first event, and every archived byte is checked too.

${archiveHelp}

Exit code 0: good. 1: damaged. 2: torn, which the next start cuts off; nobody was told of what was in it.
Not noticed can be: one flipped bit in the last frames of a crashed engine looks like a torn tail (exit code 2), and a
whole last stream, or its last unsealed frames, removed without a trace.`,
  example: 'verify --json',
  options: ['archive'],
  run(journal, { json, archive }, terminal) {
    const startedAtMs = realClock.monotonicMs()
    const files = withArchives(journal, archive)
    const audit = auditWhole(files, terminal)
    const elapsedMs = realClock.monotonicMs() - startedAtMs
    const exitCode = exitCodes[audit.verdict]
    if (json)
      terminal.line(
        JSON.stringify({ command: 'verify', exitCode, elapsedMs: Math.round(elapsedMs), ...audit }),
      )
    else
      for (const line of describe(audit, { directory: files.root, elapsedMs, terminal })) terminal.line(line)
    return exitCode
  },
}

/** Audits, and anew where files went into an archive meanwhile. */
function auditWhole(files: JournalFiles, terminal: Terminal): Audit {
  for (;;) {
    const before = namesIn(files.disk, files.journal)
    let progress: ReturnType<Terminal['progress']> | undefined
    const audit = auditJournal(files, {
      onInventory: (bytes) => {
        progress = terminal.progress(bytes)
      },
      onBytes: (bytes) => progress?.advance(bytes),
    })
    progress?.done()
    if (audit.verdict !== 'damaged' || !wentAway(files, before)) return audit
  }
}

function wentAway({ disk, journal }: JournalFiles, before: readonly string[]): boolean {
  const now = new Set(namesIn(disk, journal))
  try {
    const { files } = readArchive(disk, journal)
    return before.some((name) => files.has(name) && !now.has(name))
  } catch (error) {
    if (error instanceof BytesDamaged) return false
    throw error
  }
}

function describe(
  audit: Audit,
  about: { readonly directory: string; readonly elapsedMs: number; readonly terminal: Terminal },
): string[] {
  const { counts, stock } = audit
  const { terminal } = about
  const colours = { damaged: 'red', torn: 'yellow', note: 'dim' } as const
  const lines = audit.findings.map((finding) => {
    return `${terminal.paint(colours[finding.kind], finding.kind.padEnd(8))} ${findingText(finding)}`
  })
  for (const kind of ['damaged', 'torn'] as const) {
    const unsaid = counts[kind] - audit.findings.filter((finding) => finding.kind === kind).length
    if (unsaid > 0) lines.push(`${kind.padEnd(8)} … and ${countText(unsaid)} more`)
  }
  if (lines.length > 0) lines.push('')
  const rate = bytesText(counts.bytes / Math.max(1e-3, about.elapsedMs / 1_000))
  lines.push(
    `journal    ${about.directory}`,
    `read       ${countOf(counts.streams, 'stream')}, ${countOf(counts.segments, 'segment')}, ${countOf(counts.frames, 'frame')}, ${countOf(counts.events, 'event')}, ${bytesText(counts.bytes)} in ${(about.elapsedMs / 1_000).toFixed(2)} s, ${rate}/s`,
    `checked    ${countOf(counts.marks, 'mark')}, ${countText(counts.snapshotsCompared)} of ${countOf(counts.snapshots, 'snapshot')} compared, ${countOf(counts.carriedFrames, 'carried frame')}, ${countOf(counts.supersededEvents, 'superseded event')}`,
    `stock      ${countOf(stock.products, 'product')}: ${countText(stock.onHand)} on hand (${countText(stock.held)} held) + ${countText(stock.sold)} sold = ${countText(stock.adjusted)} put in; ${countOf(stock.reservations, 'reservation')} known`,
  )
  const behind = audit.shards.filter(({ from }) => from > 1).map(({ shard, from }) => `s${shard}.${from}`)
  if (audit.counts.archivedFiles > 0 || behind.length > 0) {
    const where = audit.archives.length === 0 ? '' : `, in ${audit.archives.join(', ')}`
    const judged = behind.join(' ') || 'the first event'
    lines.push(
      `archived   ${countOf(audit.counts.archivedFiles, 'file')}${where}; stock is judged from ${judged} on`,
    )
  }
  if (audit.isLive) {
    lines.push('live       an engine has the directory: what it writes after this began is not judged')
  } else if (counts.unprovenFrames > 0) {
    lines.push(
      `unsealed   ${countOf(counts.unprovenFrames, 'frame')} not proven durable; the next start writes them anew`,
    )
  }
  lines.push('', verdictText(audit, terminal))
  return lines
}

function findingText({ file, offset, positions, reason }: Finding): string {
  const shown = (positions ?? []).slice(0, 8).map(({ shard, sequence }) => `s${shard}.${sequence}`)
  const more = (positions?.length ?? 0) - shown.length
  if (more > 0) shown.push(`and ${more} more`)
  const where = [`${quoted(file).slice(1, -1)}`]
  if (offset !== undefined) where.push(`byte ${offset}`)
  if (shown.length > 0) where.push(`at ${shown.join(' ')}`)
  return `${where.join(', ')}: ${quoted(reason).slice(1, -1).replaceAll('\\"', '"')}`
}

function verdictText({ verdict, counts, findings, isLive }: Audit, terminal: Terminal): string {
  switch (verdict) {
    case 'good':
      return `${terminal.paint('green', 'Good.')} Every byte is accounted for, every invariant held after every event.`
    case 'torn': {
      const starting = isLive ? ' An engine has the directory: it may be starting just now.' : ''
      return `${terminal.paint('yellow', 'Torn.')} The next start cuts off and keeps aside what a crash left half written. Nothing acknowledged is lost.${starting}`
    }
    case 'damaged': {
      const isServed = findings.every(({ kind, what }) => kind !== 'damaged' || what === 'between')
      if (isServed)
        return `${terminal.paint('red', 'Damaged:')} ${countOf(counts.damaged, 'reservation')} of several products, of which shards say different things. Every file is whole, and the engine serves them: see to these orders by hand.`
      return `${terminal.paint('red', 'Damaged:')} ${countOf(counts.damaged, 'finding')}. The engine does not serve these shards. Restore the files named above from a backup, or see what "journal repair" offers.`
    }
  }
}
