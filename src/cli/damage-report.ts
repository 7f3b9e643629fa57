/** How a command ends that met damage on its way. */
import { InvariantBroken } from '../domain/assert.ts'
import { BytesDamaged } from '../persistence/journal/bytes.ts'
import { JournalLost } from '../persistence/journal/redis/mirror.ts'
import { JournalDamaged } from '../persistence/journal/streams.ts'
import { exitCodes } from './exit-codes.ts'
import { type JournalFiles, shownPath } from './journal-files.ts'
import type { Terminal } from './terminal.ts'

export type Damage = JournalDamaged | JournalLost | BytesDamaged | InvariantBroken

/** Whether an error says that the journal is damaged, or in a format that this version does not know. */
export function isDamage(error: unknown): error is Damage {
  return (
    error instanceof JournalDamaged ||
    error instanceof JournalLost ||
    error instanceof BytesDamaged ||
    error instanceof InvariantBroken
  )
}

/** Says what is damaged, and returns what to end with. */
export function reportDamage(
  files: JournalFiles,
  error: Damage,
  out: { readonly command: string; readonly json: boolean; readonly terminal: Terminal },
): typeof exitCodes.damaged {
  const place =
    error instanceof JournalDamaged ? { file: shownPath(files, error.file), offset: error.offset } : {}
  const exitCode = exitCodes.damaged
  if (out.json)
    out.terminal.line(JSON.stringify({ command: out.command, exitCode, ...place, reason: error.message }))
  else {
    const damaged = out.terminal.paint('red', 'Damaged:')
    out.terminal.line(`${damaged} ${error.message}. "journal verify" tells what else is.`)
  }
  return exitCode
}
