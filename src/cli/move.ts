/** `npm run move`: from one machine to many and back, with everything, and found to be the same at the end. */
import { parseArgs } from 'node:util'
import { type Config, loadConfig } from '../config.ts'
import { armCrashPoint } from '../crash-points.ts'
import { DirectoryError } from '../persistence/directory.ts'
import { RedisBootError, RedisUnavailable } from '../persistence/redis/redis-error.ts'
import { TablesBootError, TablesError } from '../persistence/tables/tables-error.ts'
import { isDamage } from './damage-report.ts'
import { type ExitCode, exitCodes, Unusable } from './exit-codes.ts'
import { processTerminal, type Terminal } from './terminal.ts'
import { usableArguments } from './usable-arguments.ts'

const HELP = `npm run move -- --to redis|files [--data DIR] [--archive DIR]
npm run move -- --tables postgres|sqlite [--data DIR]
npm run move -- --reopen redis|files|tables [--data DIR] [--yes]

--to redis brings the journal of a data directory into an empty Redis, so that nodes can start on it: of one machine, or of a
node whose Redis has lost everything. --to files brings it back into a data directory: a new one, or a node's own. Stock,
reservations, idempotency keys and history come along; sequences, times and events are what they were.

All servers must be stopped, and the environment must be that of the nodes: REDIS_URL, REDIS_ACK, CLUSTER_SECRET. Every frame is
compared with what arrived, and the state of each shard with what it was. Nothing of the source is deleted; no server starts on
it any more, nor on a target that is not whole. Interrupted, the same command goes on where it was.

--tables does the same with the tables: from the file of the data directory to the PostgreSQL of DATABASE_URL, which must be
empty, or from there to a data directory that has none. Orders, accounts, keys, outbox and all else are counted and compared by
a hash of every row.

--reopen takes that back, for whoever wants to start on the source all the same; without --yes it says what is lost by it.

  --data DIR     the data directory; without it DATA_DIR, else ./data
  --archive DIR  read what was archived to DIR too; may be given more than once
  --yes          do it
  -h, --help     this text

Exit codes
  0   moved, and the same
  1   the source is damaged: "npm run journal -- verify" tells what is
  3   the command line or the environment is wrong, or it cannot be moved from there, or to there`

/** What the clients of Redis and PostgreSQL say when the other end went away, or takes nothing more. */
const LOST = /Connection is closed|Command timed out|Connection terminated|Query read timeout|ReplyError/

const terminal = processTerminal()
try {
  process.exitCode = await run(process.argv.slice(2), terminal)
} catch (error) {
  const reason = reasonOf(error)
  if (reason === undefined) throw error
  terminal.remark(`move: ${reason}`)
  process.exitCode = isDamage(error) || error instanceof TablesError ? exitCodes.damaged : exitCodes.unusable
}

async function run(args: readonly string[], out: Terminal): Promise<ExitCode> {
  const { help, to, tables, reopen, data, archive = [], yes } = readArguments(args)
  if (help) {
    out.line(HELP)
    return exitCodes.good
  }
  if ([to, tables, reopen].filter((given) => given !== undefined).length !== 1)
    throw new Unusable('It takes --to, --tables or --reopen, one of them. --help says more.')
  expectOneOf(to, ['redis', 'files'])
  expectOneOf(tables, ['postgres', 'sqlite'])
  expectOneOf(reopen, ['redis', 'files', 'tables'])
  const config = loadConfig()
  if (config === undefined) return exitCodes.unusable
  armCrashPoint(config.crashPoint)
  const directory = data ?? config.dataDirectory
  if (tables !== undefined || reopen === 'tables') {
    const { runTables, reopenTables } = await import('./move/tables/run-tables.ts')
    if (reopen === 'tables') await reopenTables({ directory, config, out, yes })
    else await runTables(tables === 'postgres' ? tables : 'sqlite', { directory, config, out })
  } else if (reopen === 'files') {
    const { reopenFiles } = await import('./move/reopen.ts')
    reopenFiles({ directory, out, yes })
  } else
    await withRedis(config, {
      isReopening: reopen !== undefined,
      place: (to ?? reopen) === 'redis' ? 'redis' : 'files',
      directory,
      archives: archive,
      yes,
      out,
    })
  return exitCodes.good
}

function expectOneOf(given: string | undefined, known: readonly string[]): void {
  if (given === undefined || known.includes(given)) return
  throw new Unusable(`There are ${known.join(', ')}, and ${JSON.stringify(given)} was given.`)
}

type Asked = {
  readonly isReopening: boolean
  readonly place: 'redis' | 'files'
  readonly directory: string
  readonly archives: readonly string[]
  readonly yes: boolean
  readonly out: Terminal
}

async function withRedis(config: Config, asked: Asked): Promise<void> {
  const { ClosedRedis } = await import('./move/closed-redis.ts')
  const redis = await ClosedRedis.open(config, asked.out)
  try {
    const move = { ...asked, config, redis }
    if (asked.isReopening) {
      const { reopenRedis } = await import('./move/reopen.ts')
      await reopenRedis(move)
    } else if (asked.place === 'redis') {
      const { moveToRedis } = await import('./move/to-redis.ts')
      await moveToRedis(move)
    } else {
      const { moveToFiles } = await import('./move/to-files.ts')
      await moveToFiles(move)
    }
  } finally {
    redis.disconnect()
  }
}

function readArguments(args: readonly string[]) {
  const options = {
    to: { type: 'string' },
    tables: { type: 'string' },
    reopen: { type: 'string' },
    data: { type: 'string' },
    archive: { type: 'string', multiple: true },
    yes: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  } as const
  return usableArguments(() => parseArgs({ args: [...args], options }).values)
}

/** Why it could not be done, where that is not a bug of its own. */
function reasonOf(error: unknown): string | undefined {
  if (error instanceof Unusable || error instanceof DirectoryError) return error.message
  if (error instanceof TablesBootError) return `the tables cannot be used: ${error.message}`
  if (error instanceof TablesError)
    return `damaged: ${error.message} "npm run tables -- verify" lists all such rows.`
  if (isDamage(error)) return `damaged: ${error.message}. "npm run journal -- verify" tells what else is.`
  if (error instanceof RedisUnavailable || error instanceof RedisBootError)
    return `Redis cannot be used: ${error.message}`
  const isOfSystem = error instanceof Error && 'syscall' in error
  if (isOfSystem || (error instanceof Error && LOST.test(`${error.name} ${error.message}`)))
    return `${error.message}. Run it again, and it goes on.`
  return undefined
}
