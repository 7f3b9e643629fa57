/**
 * `npm run restore`: makes a data directory of a backup, and leaves the mark that keeps what comes of it from selling until it
 * is reconciled with the payment provider's list.
 *
 * R1  The mark is durable before the directory is one that a server takes: whatever interrupts this, no server sells from a
 *     copy without it.
 */
import { parseArgs } from 'node:util'
import { type Config, loadConfig } from '../config.ts'
import { type DataPaths, dataPaths, directoryFormat, writeFileAtomically } from '../persistence/directory.ts'
import { timeText } from '../persistence/journal/event-fields.ts'
import type { Restoration } from '../persistence/tables/restoration/restoration-operations.ts'
import type { TablesPlace } from '../persistence/tables/tables-place.ts'
import { realClock } from '../seams.ts'
import { readCommandLine } from './command-line.ts'
import { isDamage } from './damage-report.ts'
import { type ExitCode, exitCodes, Unusable } from './exit-codes.ts'
import { openJournalFiles } from './journal-files.ts'
import { isLossless } from './repair/choice.ts'
import { planRepair } from './repair/plan.ts'
import { repair } from './repair.ts'
import { type Backup, copyBackup, expectEmpty, openBackup } from './restore/copy-backup.ts'
import { markTables } from './restore/mark-tables.ts'
import { countJournal } from './stats.ts'
import { countOf, processTerminal, type Terminal } from './terminal.ts'
import { usableArguments } from './usable-arguments.ts'
import { auditJournal } from './verify/audit.ts'

const HELP = `npm run restore -- --from BACKUP --to DATA_DIR [--since TIME]
npm run restore -- --mark [--since TIME]

The first makes a data directory of a backup: of a copy of a DATA_DIR, or of the copy that a node among several keeps. It
copies, mends the journal where nothing is lost by it, and verifies it. The directory must be new or empty, and no server may
run on the backup. The environment must be the server's: with DATABASE_URL the tables are there, and restored by PostgreSQL's
own means, before this.

--mark is for tables at DATABASE_URL that were restored alone, or beside a Redis that was.

Either leaves a mark in the tables. As long as it is there nothing new is sold, at any node; what is held or ordered is
settled as ever. A server that starts compares the payment provider's list with its orders, and sells again once nothing is
unknown: "npm run reconcile -- status" says what is left to do.

  --from DIR    the backup
  --to DIR      the data directory to be made
  --mark        mark only
  --since TIME  nothing later than this is certain, though the backup knows of some (RFC 3339)
  -h, --help    this text

Exit codes
  0   restored, or marked
  1   restored and marked, but the journal is damaged: "npm run journal -- repair" says what each way out loses
  3   the command line or the environment is wrong, or there is nothing to restore`

const terminal = processTerminal()
try {
  process.exitCode = await run(process.argv.slice(2), terminal)
} catch (error) {
  const isOfSystem = error instanceof Error && 'syscall' in error
  if (!(error instanceof Unusable) && !isOfSystem && !isDamage(error)) throw error
  terminal.remark(`restore: ${error.message}`)
  process.exitCode = isDamage(error) ? exitCodes.damaged : exitCodes.unusable
}

async function run(args: readonly string[], out: Terminal): Promise<ExitCode> {
  const values = readArguments(args)
  if (values.help) {
    out.line(HELP)
    return exitCodes.good
  }
  const { from, to, mark } = values
  const sinceMs = values.since === undefined ? undefined : timeIn(values.since)
  const config = loadConfig()
  if (config === undefined) return exitCodes.unusable
  if (mark && from === undefined && to === undefined) return await markOnly(config, { sinceMs, out })
  if (from === undefined || to === undefined || mark)
    throw new Unusable('It takes --from and --to, or --mark alone. --help says more.')
  return await restore({ from, to, sinceMs, config, out })
}

function readArguments(args: readonly string[]) {
  return usableArguments(
    () =>
      parseArgs({
        args: [...args],
        options: {
          from: { type: 'string' },
          to: { type: 'string' },
          since: { type: 'string' },
          mark: { type: 'boolean', default: false },
          help: { type: 'boolean', short: 'h', default: false },
        },
      }).values,
  )
}

function timeIn(text: string): number {
  const timeMs = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN
  if (timeMs >= 0) return timeMs
  throw new Unusable(
    `--since takes a time such as 2026-11-27T08:00:00Z, and was given ${JSON.stringify(text)}.`,
  )
}

type Marking = { readonly sinceMs: number | undefined; readonly out: Terminal }

async function markOnly({ database }: Config, { sinceMs, out }: Marking): Promise<ExitCode> {
  if (database.type === 'sqlite')
    throw new Unusable(
      '--mark is for tables at DATABASE_URL; a data directory is restored with --from and --to.',
    )
  tellMarked(await markTables(database, { journalAtMs: undefined, sinceMs }), out)
  return exitCodes.good
}

type Restore = Marking & { readonly from: string; readonly to: string; readonly config: Config }

async function restore({ from, to, sinceMs, config, out }: Restore): Promise<ExitCode> {
  const backup = openBackup(from)
  expectEmpty(to)
  const paths = dataPaths(to)
  const hasOwnTables = config.database.type === 'sqlite'
  const copied = copyBackup(backup, paths, { withTables: hasOwnTables })
  out.line(`copied     ${countOf(copied, 'file')} of ${backup.paths.root}`)
  if (hasOwnTables && !backup.hasTables)
    out.remark(
      'The backup has no tables, and DATABASE_URL is not set: accounts, catalog and orders begin anew.',
    )
  const { lastTimeMs = 0 } = countJournal(openJournalFiles(to))
  const place: TablesPlace =
    config.database.type === 'sqlite' ? { type: 'sqlite', path: paths.tables } : config.database
  const restoration = await markTables(place, { journalAtMs: lastTimeMs, sinceMs })
  writeRecord(paths, backup)
  const exitCode = await mend(to, out)
  tellMarked(restoration, out)
  if (config.shards !== backup.shards)
    out.remark(`This data is divided into ${backup.shards} shards: start with SHARDS=${backup.shards}.`)
  return exitCode
}

/** From here on a server takes it (R1). */
function writeRecord(paths: DataPaths, { shards }: Backup): void {
  const record = { product: 'holdfast', format: directoryFormat, shards }
  writeFileAtomically(paths.record, `${JSON.stringify(record, undefined, 2)}\n`)
}

/** Does by itself what loses nothing; anything else is for somebody to decide. */
async function mend(directory: string, out: Terminal): Promise<ExitCode> {
  const files = openJournalFiles(directory)
  const plan = planRepair(files, {
    sources: [],
    prefer: undefined,
    at: timeText(realClock.wallMs()),
    progress: out.progress,
  })
  const isHarmless = plan.stuck === undefined && plan.steps.every(({ chosen }) => isLossless(chosen.name))
  if (isHarmless && plan.steps.length > 0) {
    const asked = readCommandLine(['repair', '--yes', '--data', directory], [repair])
    if (asked.type === 'run') await repair.run(files, asked.options, out)
  }
  const { verdict } = auditJournal(openJournalFiles(directory))
  out.line(
    `journal    ${verdict === 'damaged' ? out.paint('red', 'damaged') : 'good, every byte and every frame'}`,
  )
  if (verdict !== 'damaged') return exitCodes.good
  out.remark(
    `"npm run journal -- repair --data ${directory}" says what each way out loses, and does it with --yes.`,
  )
  return exitCodes.damaged
}

function tellMarked({ tablesAtMs, markedAtMs }: Restoration, out: Terminal): void {
  const newest = tablesAtMs === 0 ? 'no order' : `orders to ${timeText(tablesAtMs)}`
  out.line(`marked     at ${timeText(markedAtMs)}; the tables know ${newest}`)
  out.line('Nothing is sold until it is reconciled: start the server, then "npm run reconcile -- status".')
}
