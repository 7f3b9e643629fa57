/** The journal's commands: `npm run journal -- --help` lists them. */
import { loadDataDirectory } from '../config.ts'
import { archive } from './archive.ts'
import { helpText, readCommandLine } from './command-line.ts'
import { type ExitCode, exitCodes, Unusable } from './exit-codes.ts'
import { exportEvents } from './export.ts'
import { history } from './history.ts'
import { openJournalFiles } from './journal-files.ts'
import { replay } from './replay.ts'
import { stats } from './stats.ts'
import { stock } from './stock.ts'
import { tail } from './tail.ts'
import { processTerminal, type Terminal } from './terminal.ts'
import { verify } from './verify.ts'

const commands = [verify, replay, stats, tail, stock, history, exportEvents, archive]
const terminal = processTerminal()

try {
  process.exitCode = await run(process.argv.slice(2), terminal)
} catch (error) {
  const reason = reasonOf(error)
  if (reason === undefined) throw error
  terminal.remark(`journal: ${reason}`)
  process.exitCode = exitCodes.unusable
}

async function run(args: readonly string[], out: Terminal): Promise<ExitCode> {
  const asked = readCommandLine(args, commands)
  if (asked.type === 'help') {
    out.line(helpText(asked.command, commands).trimEnd())
    return exitCodes.good
  }
  const directory = asked.data ?? loadDataDirectory()
  if (directory === undefined) return exitCodes.unusable
  return asked.command.run(openJournalFiles(directory), asked.options, out)
}

/** Why the command could not do its work, where that is not a bug of its own. */
function reasonOf(error: unknown): string | undefined {
  if (error instanceof Unusable) return error.message
  const isOfSystem = error instanceof Error && 'syscall' in error
  return isOfSystem ? error.message : undefined
}
