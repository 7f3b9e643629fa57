/** `journal fetch`: brings archived files back out of a bucket, into a directory that other commands can read. */
import { hash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { type ArchivedFile, readArchive } from '../persistence/journal/archived.ts'
import { readWhole } from '../persistence/journal/segments.ts'
import { isS3, openS3Place, type S3Place } from './archive/s3-place.ts'
import { recordAt } from './archive/upload.ts'
import type { Command } from './command-line.ts'
import { type ExitCode, exitCodes, Unusable } from './exit-codes.ts'
import { expectDirectory, type JournalFiles } from './journal-files.ts'
import { bytesText, countOf, type Terminal } from './terminal.ts'

const ASIDE = '.copying'

export const fetchArchive: Command = {
  name: 'fetch',
  summary: 'Copies archived files out of a bucket into a directory.',
  help: `
  --from s3      out of which place of the bucket: s3, or s3:NAME, as archive --to was given it
  --to DIR       where to; it is made if its parent is there

Each file is compared with the record of what was archived, which is in the bucket too. What the directory has already is
not fetched again, so an interrupted run is finished by the next. Nothing in the bucket or the journal changes.

verify, replay, stock, history and export then read it with --archive DIR.

Exit code 0: all of it is there. 1: something in the bucket is missing, or not what was archived. 3: it cannot be done.`,
  example: 'fetch --from s3 --to /archive',
  options: ['from', 'to'],
  async run(files, options, terminal) {
    const { from, to, json } = options
    if (from === undefined || !isS3(from)) throw new Unusable('fetch needs --from s3, or --from s3:NAME.')
    if (to === undefined || isS3(to)) throw new Unusable('fetch needs --to DIR.')
    const place = await openS3Place('--from', from)
    try {
      return await fetchFrom(place, files, { to: targetOf(files, to), json, terminal })
    } finally {
      place.client.close()
    }
  },
}

function targetOf({ disk, root, journal, snapshots }: JournalFiles, to: string): string {
  const path = resolve(to)
  if ([root, journal, snapshots].includes(path)) throw new Unusable(`--to ${path} is where the journal is.`)
  if (existsSync(path)) expectDirectory(path, '', '--to names a directory.')
  else {
    expectDirectory(dirname(path), `There is no directory ${dirname(path)}`, '--to names one in it.')
    disk.makeDirectory(path)
    disk.syncDirectory(dirname(path))
  }
  return path
}

async function fetchFrom(
  place: S3Place,
  files: JournalFiles,
  of: { readonly to: string; readonly json: boolean; readonly terminal: Terminal },
): Promise<ExitCode> {
  const { to, json, terminal } = of
  const wanted = await wantedFiles(place, files, terminal)
  if (wanted.length === 0) throw new Unusable(`Nothing was archived to ${place.url}.`)
  const progress = terminal.progress(wanted.reduce((sum, { bytes }) => sum + bytes, 0))
  const damaged: string[] = []
  let fetched = 0
  try {
    for (const file of wanted) {
      if (terminal.hasEnded) throw new Unusable('Interrupted; run it again.')
      const outcome = await fetchOne(place, files, { file, to })
      if (outcome === 'fetched') fetched += 1
      else if (outcome !== 'there') damaged.push(`${place.url}${file.file} ${outcome}`)
      progress.advance(file.bytes)
    }
  } finally {
    progress.done()
  }
  files.disk.syncDirectory(to)
  const exitCode = damaged.length > 0 ? exitCodes.damaged : exitCodes.good
  const bytes = wanted.reduce((sum, { bytes: each }) => sum + each, 0)
  if (json) {
    const counts = { files: wanted.length, fetched, bytes }
    terminal.line(JSON.stringify({ command: 'fetch', exitCode, from: place.url, to, ...counts, damaged }))
    return exitCode
  }
  for (const line of damaged) terminal.line(`${terminal.paint('red', 'Damaged:')} ${line}`)
  const what = `${countOf(wanted.length - damaged.length, 'file')} of ${wanted.length}, ${bytesText(bytes)}`
  terminal.line(`${what}, are in ${to}, ${fetched} of them fetched now; --archive ${to} reads them.`)
  return exitCode
}

/** By this journal's record and by the archive's own, so that the loss of either loses nothing. */
async function wantedFiles(
  place: S3Place,
  { disk, journal }: JournalFiles,
  terminal: Terminal,
): Promise<readonly ArchivedFile[]> {
  const there = await recordAt(place)
  if (there === 'damaged')
    terminal.remark(`The record in ${place.url} is damaged; the journal’s own says what was archived.`)
  const wanted = new Map<string, ArchivedFile>()
  for (const record of [there === 'damaged' ? undefined : there, readArchive(disk, journal)]) {
    for (const file of record?.files.values() ?? []) if (file.to === place.url) wanted.set(file.file, file)
  }
  return [...wanted.values()]
}

async function fetchOne(
  { client, folder }: S3Place,
  { disk }: JournalFiles,
  { file: { file, bytes, sha256 }, to }: { readonly file: ArchivedFile; readonly to: string },
): Promise<'there' | 'fetched' | 'is missing' | 'is not what was archived'> {
  const target = join(to, file)
  if (disk.exists(target)) {
    if (hash('sha256', readWhole(disk, target)) === sha256) return 'there'
    throw new Unusable(
      `${target} is there already, and is not what was archived. Fetch to an empty directory.`,
    )
  }
  const content = await client.get(folder + file, Math.max(bytes, 1) * 2)
  if (content === undefined) return 'is missing'
  if (content.length !== bytes || hash('sha256', content) !== sha256) return 'is not what was archived'
  if (disk.exists(target + ASIDE)) disk.remove(target + ASIDE)
  const copy = disk.create(target + ASIDE)
  try {
    copy.write(content, 0)
    copy.syncNow()
  } finally {
    copy.close()
  }
  disk.rename(target + ASIDE, target)
  return 'fetched'
}
