/** Files of a journal directory that are no stream's: what they are, if anything. */
import { join } from 'node:path'
import type { Archive } from '../../persistence/journal/archived.ts'
import { isBlank } from '../../persistence/journal/frame.ts'
import { markNamed, readWhole } from '../../persistence/journal/segments.ts'
import { type JournalFiles, shownPath } from '../journal-files.ts'
import { rangesText, readRepairs, repairsName, untoldText } from '../repairs-record.ts'
import type { Findings } from './findings.ts'

const EXPLAINED: readonly (readonly [name: RegExp, what: string])[] = [
  [/\.segment\.cut-\d+$/, 'a torn tail that an earlier start cut off and kept'],
  [/\.damaged-[0-9TZ.-]+$/, 'an original that a repair kept'],
  [/\.(?:writing|repairing)$/, 'left by a command that was ended; nothing rests on it'],
]

/** Marks whose segments are gone, and files that are not the journal's. */
export function checkOtherNames(
  files: JournalFiles,
  findings: Findings,
  listed: {
    readonly names: readonly string[]
    readonly known: ReadonlySet<string>
    readonly archive: Archive
  },
): void {
  for (const name of listed.names) {
    if (listed.known.has(name) || name === repairsName) continue
    const path = join(files.journal, name)
    const file = shownPath(files, path)
    const note = (what: string) => findings.add('note', { file }, what)
    const explained = EXPLAINED.find(([pattern]) => pattern.test(name))
    if (explained !== undefined) note(explained[1])
    else if (markNamed(name) === undefined) note("not a file of the journal's")
    else if (listed.archive.files.has(name)) note('the mark of a stream that is archived; it is about to go')
    else if (isBlank(readWhole(files.disk, path), 0)) note('the mark of no stream, never written')
    else
      findings.add(
        'damaged',
        { file, what: 'streamGone' },
        'all segments of the stream with this mark are missing',
      )
  }
  noteRepairs(files, findings)
}

/** For ever after: whoever looks must see what is not there any more, and why that is no damage. */
function noteRepairs(files: JournalFiles, findings: Findings): void {
  const { repairs, unread } = readRepairs(files.disk, files.journal)
  const place = { file: shownPath(files, join(files.journal, repairsName)) }
  for (const { at, loss } of repairs) {
    const parts = [rangesText(loss.events), untoldText(loss)].filter((text) => text !== '')
    const lost = parts.length === 0 ? 'no event was lost' : `lost were ${parts.join(', and ')}`
    const given = loss.history.length === 0 ? '' : `; only snapshots know of ${rangesText(loss.history)}`
    findings.add('note', place, `repaired at ${at}: ${lost}${given}`)
  }
  if (unread > 0) findings.add('note', place, `${unread} of its lines cannot be read`)
}
