/** The journal's commands: `npm run journal -- --help` lists them. */
import { loadDataDirectory, loadRedisAccess } from '../config.ts'
import { listSegments } from '../persistence/journal/segments.ts'
import { S3Error } from '../persistence/s3/s3-error.ts'
import { archive } from './archive.ts'
import { helpText, readCommandLine } from './command-line.ts'
import { isDamage } from './damage-report.ts'
import { type ExitCode, exitCodes, Unusable } from './exit-codes.ts'
import { exportEvents } from './export.ts'
import { fetchArchive } from './fetch.ts'
import { history } from './history.ts'
import { openJournalFiles } from './journal-files.ts'
import { repair } from './repair.ts'
import { replay } from './replay.ts'
import { stats } from './stats.ts'
import { stock } from './stock.ts'
import { tail } from './tail.ts'
import { processTerminal, type Terminal } from './terminal.ts'
import { verify } from './verify.ts'

const commands = [verify, replay, stats, tail, stock, history, exportEvents, archive, fetchArchive, repair]
const terminal = processTerminal()

try {
  process.exitCode = await run(process.argv.slice(2), terminal)
} catch (error) {
  const reason = reasonOf(error)
  if (reason === undefined) throw error
  terminal.remark(`journal: ${reason}`)
  process.exitCode = isDamage(error) ? exitCodes.damaged : exitCodes.unusable
}

async function run(args: readonly string[], out: Terminal): Promise<ExitCode> {
  const asked = readCommandLine(args, commands)
  if (asked.type === 'help') {
    out.line(helpText(asked.command, commands).trimEnd())
    return exitCodes.good
  }
  const directory = asked.data ?? loadDataDirectory()
  if (directory === undefined) return exitCodes.unusable
  const redis = loadRedisAccess()
  if (redis?.type === 'invalid') throw new Unusable(`REDIS_URL is not ${redis.expected}.`)
  const access = redis?.access
  if (access !== undefined) {
    const { copyFromRedis } = await import('./copy-from-redis.ts')
    await copyFromRedis(directory, access, out)
  }
  const files = openJournalFiles(directory, access)
  if (listSegments(files.disk, files.journal).length === 0)
    out.remark(`The journal in ${files.root} is empty: nothing has happened yet.`)
  return asked.command.run(files, asked.options, out)
}

/** Why the command could not do its work, where that is not a bug of its own. */
function reasonOf(error: unknown): string | undefined {
  if (error instanceof Unusable || error instanceof S3Error) return error.message
  if (isDamage(error)) return `damaged: ${error.message}. "journal verify" tells what else is.`
  const isOfSystem = error instanceof Error && 'syscall' in error
  return isOfSystem ? error.message : undefined
}
