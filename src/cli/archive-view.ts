/** A journal together with what was archived from it: read as if nothing had ever been moved. */
import { basename, join, resolve } from 'node:path'
import { type Archive, readArchive } from '../persistence/journal/archived.ts'
import { BytesDamaged } from '../persistence/journal/bytes.ts'
import type { Disk } from '../persistence/journal/disk.ts'
import { Unusable } from './exit-codes.ts'
import { expectDirectory, hasCode, type JournalFiles } from './journal-files.ts'
import { countOf } from './terminal.ts'

/** What `--help` says of the option wherever it is taken. */
export const archiveHelp = `  --archive DIR   read what was archived to DIR too; may be given more than once`

/** The same journal with archives beside it. Throws `Unusable` where a directory is none of its archives. */
export function withArchives(files: JournalFiles, directories: readonly string[]): JournalFiles {
  if (directories.length === 0) return files
  const paths = directories.map((given) => resolve(given))
  for (const path of paths) expectDirectory(path, `There is no directory ${path}`, '--archive names it.')
  return viewOf(files, paths)
}

/** The same, of directories that exist. */
export function viewOf(files: JournalFiles, directories: readonly string[]): JournalFiles {
  const { disk, journal } = files
  const names = recordedNames(files)
  const elsewhere = new Map<string, string>()
  for (const directory of directories) {
    const found = names.filter((name) => disk.exists(join(directory, name)))
    if (found.length === 0 && names.length > 0) {
      const went = readArchive(disk, journal).directories.join(', ')
      const why = `holds none of the ${countOf(names.length, 'file')} that were archived; they went to ${went}`
      throw new Unusable(`--archive ${directory} ${why}.`)
    }
    for (const name of found) elsewhere.set(join(journal, name), join(directory, name))
  }
  return { ...files, disk: overlay(disk, journal, elsewhere), elsewhere }
}

/** What is archived and not here, in a sentence; undefined where nothing is. */
export function archivedElsewhere({ disk, journal }: JournalFiles): string | undefined {
  let archive: Archive
  try {
    archive = readArchive(disk, journal)
  } catch (error) {
    if (error instanceof BytesDamaged) return undefined
    throw error
  }
  const missing = [...archive.files.values()].filter(
    ({ file, to }) => to !== null && !disk.exists(join(journal, file)),
  )
  if (missing.length === 0) return undefined
  const places = [...new Set(missing.map(({ to }) => to))].join(', ')
  const isInBucket = missing.some(({ to }) => to?.startsWith('s3://'))
  const how = isInBucket ? '"journal fetch" brings them back, and then --archive' : '--archive'
  return `${countOf(missing.length, 'older file')} of the journal went to ${places}; ${how} reads them too`
}

/** Of a record that cannot be read, `verify` tells more than an error here could. */
function recordedNames({ disk, journal }: JournalFiles): string[] {
  try {
    return [...readArchive(disk, journal).files.values()].flatMap(({ file, to }) => (to === null ? [] : file))
  } catch (error) {
    if (error instanceof BytesDamaged) return []
    throw error
  }
}

/** What is here comes first, and a file may be moved while it is looked for. */
function overlay(disk: Disk, journal: string, elsewhere: ReadonlyMap<string, string>): Disk {
  return {
    ...disk,
    open(path, mode) {
      try {
        return disk.open(path, mode)
      } catch (error) {
        const there = elsewhere.get(path)
        if (there === undefined || !hasCode(error, 'ENOENT')) throw error
        return disk.open(there, mode)
      }
    },
    exists: (path) => disk.exists(path) || elsewhere.has(path),
    list(path) {
      const names = disk.list(path)
      if (path !== journal) return names
      return [...new Set([...names, ...[...elsewhere.keys()].map((at) => basename(at))])].sort()
    },
  }
}
